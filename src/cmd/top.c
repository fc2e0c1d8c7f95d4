// SPDX-License-Identifier: GPL-2.0
#include <argp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/error.h"
#include "base/number.h"
#include "base/wall.h"
#include "cmd/cmd.h"
#include "cmd/live.h"
#include "cmd/top.h"
#include "host/host.h"
#include "show/report.h"

struct top_run {
	struct kct_live live;
	struct kct_top top;
	struct kct_top_options options;
	struct kct_output out; /* of tables */
	uint64_t shown;	       /* of these */
};

enum { KEY_AT = 0x400 };

static const struct argp_option options[] = {
	{"replay", 'r', "RECORDING", 0,
	 "Of a recording, or a directory of a flight recorder's, instead of this host", 0},
	{"at", KEY_AT, "DURATION", 0, "With -r: begin so far behind its start (0s)", 0},
	{"batch", 'b', NULL, 0, "Print tables, as `stat` does, instead of a screen", 0},
	{"verbose", 'v', NULL, 0, "With -b: a line for each vCPU", 0},
	{0},
};

static void take_argument(struct top_run *run, const char *text, struct argp_state *state)
{
	struct kct_top_options *o = &run->options;

	if (state->arg_num == 0 && kct_parse_interval(text, &o->interval_ns))
		argp_error(state, "'%s' is not an interval such as 1, 250ms or 2m", text);
	else if (state->arg_num == 1 && kct_parse_number(text, 1, UINT64_MAX, &o->count))
		argp_error(state, "'%s' is not a count", text);
	else if (state->arg_num > 1)
		argp_error(state, "too many arguments");
}

/* Nobody sees more, and it would be our own work that is watched. */
#define LEAST_INTERVAL_NS (KCT_NS_PER_S / 20)

static void check(const struct kct_top_options *o, struct argp_state *state)
{
	if (o->has_at && !o->recording)
		argp_error(state, "--at is of a recording: -r RECORDING");
	if (!o->batch && o->interval_ns && o->interval_ns < LEAST_INTERVAL_NS)
		argp_error(state, "a screen is drawn no more often than every 50ms");
	if (!o->batch && (o->verbose || o->count))
		argp_error(state, "%s is of tables: --batch",
			   o->verbose ? "--verbose" : "a number of them");
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct top_run *run = state->input;
	struct kct_top_options *o = &run->options;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &run->live;
		return 0;
	case 'r':
		o->recording = text;
		return 0;
	case 'b':
		o->batch = true;
		return 0;
	case 'v':
		o->verbose = true;
		return 0;
	case KEY_AT:
		o->has_at = true;
		if (kct_parse_duration(text, &o->at_ns))
			argp_error(state, "'%s' is not a duration such as 250ms, 10s or 2m", text);
		return 0;
	case ARGP_KEY_ARG:
		take_argument(run, text, state);
		return 0;
	case ARGP_KEY_END:
		check(o, state);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* ---- this host ---- */

/* Up to now, as far as that has been read. */
static void catch_up(struct top_run *run)
{
	struct kct_live *live = &run->live;
	struct kct_top *top = &run->top;

	if (kct_session_reap(live->session))
		live->failure = KCT_EXIT_HOST;
	kct_session_losses(live->session, &live->model.lost);
	live->model.lost.losses[KCT_LOSS_UNWRITTEN] = live->unwritten;
	kct_host_anchor(&top->clocks.end);
	top->clocks.has_end = true;
	top->now_ns = top->clocks.end.boot_ns;
}

static void show(struct top_run *run)
{
	const struct kct_view *view = &run->top.screen.view;
	char wall[KCT_WALL_SIZE];

	kct_wall_text(wall, run->top.clocks.end.realtime_ns);
	snprintf(run->top.mode, sizeof(run->top.mode), "%s %.8sZ, for %.0f s",
		 view->frozen ? "FROZEN, live at" : "live", wall + strlen("YYYY-MM-DDT"),
		 (double)(run->top.now_ns - run->live.header.started.boot_ns) / KCT_NS_PER_S);
	kct_top_show(&run->top, view->frozen);
}

static void on_key(struct kct_top *top, enum kct_action action)
{
	struct top_run *run = top->context;

	if (action != KCT_ACTION_FREEZE)
		return;
	top->screen.view.frozen = !top->screen.view.frozen;
	show(run);
}

static void print(struct top_run *run)
{
	char wall[KCT_WALL_SIZE];

	kct_top_show_batch(&run->top, run->out.stream,
			   kct_wall_text(wall, run->top.clocks.end.realtime_ns),
			   run->options.verbose);
	run->shown++;
	if (kct_output_flush(&run->out))
		kct_loop_end(&run->live.loop, "error");
}

static void on_start(struct kct_live *live)
{
	struct top_run *run = live->context;
	struct kct_top *top = &run->top;

	top->header = &live->header;
	top->clocks.start = live->header.started;
	top->watch.since_ns = live->header.started.boot_ns;
	if (run->options.batch)
		return;
	top->failure = kct_top_open_terminal(top);
	if (top->failure)
		kct_loop_end(&live->loop, "error");
	/* The VMs that run already are read next: the first screen has them. */
}

static void on_event(struct kct_live *live, const union kct_any_event *event,
		     const struct kct_vm_name *name)
{
	struct top_run *run = live->context;

	kct_top_event(&run->top, event, name);
}

static void on_drained(struct kct_live *live)
{
	struct top_run *run = live->context;

	if (run->options.batch || run->shown || live->loop.reason)
		return;
	catch_up(run);
	show(run);
	run->shown++;
}

static bool on_tick(struct kct_live *live)
{
	struct top_run *run = live->context;

	catch_up(run);
	if (!run->options.batch) {
		show(run);
		return true;
	}
	print(run);
	return !run->options.count || run->shown < run->options.count;
}

static void on_others(struct kct_live *live)
{
	struct top_run *run = live->context;

	kct_top_keys(&run->top);
}

static void set_up(struct top_run *run)
{
	struct kct_live *live = &run->live;

	live->session_options.emitted_kinds = ~0U;
	live->context = run;
	live->interval_ns = run->options.interval_ns ? run->options.interval_ns : KCT_NS_PER_S;
	live->on_start = on_start;
	live->on_event = on_event;
	live->on_drained = on_drained;
	live->on_tick = on_tick;
	live->on_others = on_others;
	run->top.context = run;
	run->top.act = on_key;
	run->top.model = &live->model;
	run->top.loop = &live->loop;
	run->top.header = &live->header;
	run->top.tables = run->options.batch;
}

/* What came since the last table, as `stat` has it. */
static int finish(struct top_run *run)
{
	char why[160];

	if (run->options.batch && !(run->options.count && run->shown >= run->options.count)) {
		run->top.clocks.end = run->live.trailer.ended;
		run->top.now_ns = run->live.trailer.ended.boot_ns;
		print(run);
	}
	if (!kct_incomplete(&run->live.model, why, sizeof(why)))
		return 0;
	kct_error("%s", why);
	return KCT_EXIT_INCOMPLETE;
}

static int trace(struct top_run *run)
{
	struct kct_live *live = &run->live;
	int status = 0, written;

	if (run->options.batch) {
		kct_output_to_standard(&run->out, STDOUT_FILENO);
		status = kct_output_open(&run->out, &live->loop, KCT_PATIENCE_FOR_EVENTS_NS);
	}
	if (!status)
		status = kct_live_run(live);
	kct_top_close(&run->top);
	if (!status)
		status = run->top.failure ? run->top.failure : finish(run);
	written = kct_output_close(&run->out);
	return status ? status : written;
}

static int run_live(struct top_run *run)
{
	/* Before anything is attached for nothing. */
	if (!run->options.batch && !isatty(STDOUT_FILENO)) {
		kct_error("standard output is not a terminal; --batch prints tables instead");
		return KCT_EXIT_USAGE;
	}
	set_up(run);
	if (kct_top_open(&run->top, 0)) {
		kct_top_close(&run->top);
		return KCT_EXIT_HOST;
	}
	return trace(run);
}

int cmd_top(int argc, char **argv)
{
	static const struct argp_child children[] = {{&kct_live_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[INTERVAL [COUNT]]",
		.doc = "A screen of all VMs and what happens to their clocks, every INTERVAL "
		       "(seconds, or with a unit; 1), live or of a recording. ? tells its keys.",
		.children = children,
	};
	struct top_run run = {0};
	int status;

	kct_live_init(&run.live);
	if (argp_parse(&argp, argc, argv, 0, NULL, &run))
		return KCT_EXIT_USAGE;
	if (run.options.recording)
		status = kct_top_replay(&run.options, &run.live.filter);
	else
		status = run_live(&run);
	kct_live_close(&run.live);
	return status;
}
