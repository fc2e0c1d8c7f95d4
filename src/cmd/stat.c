// SPDX-License-Identifier: GPL-2.0
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/live.h"
#include "base/number.h"
#include "base/duration.h"
#include "host/host.h"
#include "base/error.h"
#include "show/report.h"

struct stat_run {
	struct kct_live live;
	struct kct_output out;
	bool json, verbose;
	uint64_t count; /* tables to print; 0: no limit */
	uint64_t shown;
	int status;
};

static const struct argp_option options[] = {
	{"json", 'j', NULL, 0, "One JSON object for each table", 0},
	{"verbose", 'v', NULL, 0, "A line for each vCPU", 0},
	{0},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct stat_run *run = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &run->live;
		return 0;
	case 'j':
		run->json = true;
		return 0;
	case 'v':
		run->verbose = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num == 0 && kct_parse_interval(text, &run->live.interval_ns))
			argp_error(state, "'%s' is not an interval such as 1, 250ms or 2m", text);
		else if (state->arg_num == 1 && kct_parse_number(text, 1, UINT64_MAX, &run->count))
			argp_error(state, "'%s' is not a count", text);
		else if (state->arg_num > 1)
			argp_error(state, "too many arguments");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* ---- VMs to forget ---- */

struct numbers {
	uint32_t *list;
	size_t count;
	const struct kct_filter *filter; /* those that it did not accept; NULL: those gone */
};

static void note_number(const struct kct_vm *vm, void *context)
{
	struct numbers *n = context;

	/* One that is gone was accepted; the filter does not know it any more. */
	if (n->filter ? !vm->gone && !kct_filter_accepted(n->filter, vm->number) : vm->gone)
		n->list[n->count++] = vm->number;
}

static void drop(struct kct_model *model, const struct kct_filter *filter)
{
	struct numbers n = {calloc(model->nr_vms + 1, sizeof(*n.list)), 0, filter};

	if (!n.list)
		return;
	kct_model_each_vm(model, note_number, &n);
	for (size_t i = 0; i < n.count; i++)
		kct_model_drop_vm(model, n.list[i]);
	free(n.list);
}

/* ---- tables ---- */

static void show(struct stat_run *run)
{
	struct kct_live *live = &run->live;
	char why[160];
	struct kct_report report = {
		.header = &live->header,
		.model = &live->model,
		.ended_ns = kct_clock_ns(CLOCK_BOOTTIME),
		.incomplete = kct_incomplete(&live->model, why, sizeof(why)),
	};

	if (report.incomplete)
		run->status = KCT_EXIT_INCOMPLETE;
	if (run->json)
		kct_show_report_json(run->out.stream, &report);
	else
		kct_show_table(run->out.stream, &live->header, &live->model, run->verbose);
	if (kct_output_flush(&run->out))
		kct_loop_end(&live->loop, "error");
}

static void update(struct stat_run *run)
{
	struct kct_live *live = &run->live;

	if (kct_session_counters(live->session, &live->model)) {
		kct_error("out of memory");
		live->failure = KCT_EXIT_HOST;
	}
	live->model.events = 0;
	live->model.lost.losses[KCT_LOSS_UNWRITTEN] = live->unwritten;
	if (!kct_filter_is_set(&live->filter))
		return;
	drop(&live->model, &live->filter);
	memset(&live->model.unattributed, 0, sizeof(live->model.unattributed));
}

/* A VM that is gone is shown once more, with its last numbers; or what many add up to. */
static bool on_tick(struct kct_live *live)
{
	struct stat_run *run = live->context;

	if (kct_session_reap(live->session))
		live->failure = KCT_EXIT_HOST;
	update(run);
	show(run);
	drop(&live->model, NULL);
	memset(&live->model.folded, 0, sizeof(live->model.folded));
	return !run->count || ++run->shown < run->count;
}

static int trace(struct stat_run *run)
{
	struct kct_live *live = &run->live;
	int status, written;

	kct_output_to_standard(&run->out, STDOUT_FILENO);
	status = kct_output_open(&run->out, &live->loop, KCT_PATIENCE_FOR_EVENTS_NS);
	if (!status)
		status = kct_live_run(live);
	/* With an interval, Ctrl-C still shows what came since the last table. */
	if (!status && !(run->count && run->shown >= run->count)) {
		update(run);
		show(run);
	}
	written = kct_output_close(&run->out);
	return status ? status : run->status ? run->status : written;
}

int cmd_stat(int argc, char **argv)
{
	static const struct argp_child children[] = {{&kct_live_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[INTERVAL [COUNT]]",
		.doc = "What has been counted per VM since the start: every INTERVAL (seconds, or "
		       "with a unit), or once at the end, at Ctrl-C.",
		.children = children,
	};
	struct stat_run run = {0};
	int status;

	kct_live_init(&run.live);
	if (argp_parse(&argp, argc, argv, 0, NULL, &run))
		return KCT_EXIT_USAGE;
	/* The counters are in the maps: only VMs that come are worth waking up for. */
	run.live.session_options.emitted_kinds = 1U << KCT_EVENT_VM;
	run.live.session_options.last_counters = &run.live.model;
	run.live.context = &run;
	if (run.live.interval_ns)
		run.live.on_tick = on_tick;
	status = trace(&run);
	kct_live_close(&run.live);
	return status;
}
