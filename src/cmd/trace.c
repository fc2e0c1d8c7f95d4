// SPDX-License-Identifier: GPL-2.0
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/live.h"
#include "base/duration.h"
#include "base/error.h"
#include "base/wall.h"
#include "monitor/ends.h"
#include "record/writer.h"
#include "show/line.h"
#include "show/report.h"

struct trace {
	struct kct_live live;
	struct kct_output out;
	bool json, utc, colour;
};

static const struct argp_option options[] = {
	{"json", 'j', NULL, 0, "One JSON object a line: the lines of a recording", 0},
	{"utc", 'u', NULL, 0, "Times of day, in UTC, instead of seconds since the start", 0},
	{"duration", 'd', "DURATION", 0, "End after this time (250ms, 10s, 2m)", 0},
	{0},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct trace *trace = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = state->child_inputs[1] = &trace->live;
		return 0;
	case 'j':
		trace->json = true;
		return 0;
	case 'u':
		trace->utc = true;
		return 0;
	case 'd':
		if (kct_parse_duration(text, &trace->live.duration_ns) || !trace->live.duration_ns)
			argp_error(state, "'%s' is not a duration such as 250ms, 10s or 2m", text);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static void on_start(struct kct_live *live)
{
	struct trace *trace = live->context;

	if (trace->json)
		kct_write_header(trace->out.stream, &live->header);
	else
		fprintf(trace->out.stream, "%*s %7s %-24s %-9s %s\n", trace->utc ? -30 : 14,
			trace->utc ? "UTC" : "SECONDS", "TID", "VM/vCPU", "EVENT", "DETAILS");
}

/* ---- colours ---- */

#define RED    "\033[31m"
#define YELLOW "\033[33m"
#define CYAN   "\033[36m"
#define NONE   "\033[0m"

/* As https://no-color.org has it, and as terminals say that they have none. */
static bool has_colours(int fd)
{
	const char *no = getenv("NO_COLOR"), *terminal = getenv("TERM");

	return isatty(fd) && !(no && *no) && terminal && strcmp(terminal, "dumb") != 0;
}

/* What moves a guest's clock stands out, and what was asked for among it; NULL: nothing does. */
static const char *colour_of(const union kct_any_event *event)
{
	switch (event->event.kind) {
	case KCT_EVENT_SET_CLOCK:
		return CYAN;
	case KCT_EVENT_UPDATE:
		if (event->update.effect == KCT_EFFECT_DISABLED)
			return RED;
		return kct_is_unnecessary(&event->update) ? YELLOW : NULL;
	case KCT_EVENT_PVTI:
		return event->pvti.has_drift && event->pvti.drift_ns && !event->pvti.clock_set
			       ? YELLOW
			       : NULL;
	default:
		return NULL;
	}
}

/* ---- events ---- */

/* By the wall clock as it is now: the event was a moment ago. */
static void show_line(const struct trace *trace, const union kct_any_event *event,
		      const struct kct_vm *vm)
{
	FILE *out = trace->out.stream;
	char text[KCT_WALL_SIZE];
	struct kct_anchor anchor;

	if (!trace->utc) {
		kct_show_line(out, event, vm, trace->live.header.started.boot_ns);
		return;
	}
	kct_anchor_at(&anchor, event->event.ns);
	kct_show_line_at(out, kct_wall_text(text, anchor.realtime_ns), event, vm);
}

static void on_event(struct kct_live *live, const union kct_any_event *event,
		     const struct kct_vm_name *name)
{
	struct trace *trace = live->context;
	const char *colour = trace->colour ? colour_of(event) : NULL;

	if (trace->json) {
		kct_write_event(trace->out.stream, event, name);
		return;
	}
	if (colour)
		fputs(colour, trace->out.stream);
	show_line(trace, event, kct_model_find_vm(&live->model, event->event.vm));
	if (colour)
		fputs(NONE, trace->out.stream);
}

static int finish(struct trace *trace)
{
	struct kct_live *live = &trace->live;
	char why[160];
	int status;

	if (trace->json && !kct_output_settle(&trace->out))
		kct_write_trailer(trace->out.stream, &live->trailer);
	status = kct_output_close(&trace->out);
	if (status || !kct_incomplete(&live->model, why, sizeof(why)))
		return status;
	kct_error("%s", why);
	return KCT_EXIT_INCOMPLETE;
}

static int run(struct trace *trace)
{
	int status;

	trace->colour = has_colours(STDOUT_FILENO);
	kct_output_to_standard(&trace->out, STDOUT_FILENO);
	status = kct_live_run(&trace->live);
	if (!status)
		status = finish(trace);
	kct_output_close(&trace->out);
	return status;
}

int cmd_trace(int argc, char **argv)
{
	static const struct argp_child children[] = {
		{&kct_live_argp, 0, NULL, 0}, {&kct_stack_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "A line for each event of the masterclock, as it happens.",
		.children = children,
	};
	struct trace trace = {0};
	int status;

	kct_live_init(&trace.live);
	if (argp_parse(&argp, argc, argv, 0, NULL, &trace))
		return KCT_EXIT_USAGE;
	trace.live.session_options.emitted_kinds = ~0U;
	trace.live.context = &trace;
	trace.live.on_start = on_start;
	trace.live.on_event = on_event;
	trace.live.output = &trace.out;
	trace.live.keep_gone = KCT_KEEP_NONE;
	status = run(&trace);
	kct_live_close(&trace.live);
	return status;
}
