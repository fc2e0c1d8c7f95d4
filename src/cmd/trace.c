// SPDX-License-Identifier: GPL-2.0
#include <argp.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/live.h"
#include "base/duration.h"
#include "base/error.h"
#include "record/writer.h"
#include "show/line.h"
#include "show/report.h"

struct trace {
	struct kct_live live;
	struct kct_output out;
	bool json;
};

static const struct argp_option options[] = {
	{"json", 'j', NULL, 0, "One JSON object a line: the lines of a recording", 0},
	{"duration", 'd', "DURATION", 0, "End after this time (250ms, 10s, 2m)", 0},
	{0},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct trace *trace = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &trace->live;
		return 0;
	case 'j':
		trace->json = true;
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
		fprintf(trace->out.stream, "%14s %7s %-24s %-9s %s\n", "SECONDS", "TID", "VM/vCPU",
			"EVENT", "DETAILS");
}

static void on_event(struct kct_live *live, const union kct_any_event *event,
		     const struct kct_vm_name *name)
{
	struct trace *trace = live->context;

	if (trace->json)
		kct_write_event(trace->out.stream, event, name);
	else
		kct_show_line(trace->out.stream, event,
			      kct_model_find_vm(&live->model, event->event.vm),
			      live->header.started.boot_ns);
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

	kct_output_to_standard(&trace->out, STDOUT_FILENO);
	status = kct_live_run(&trace->live);
	if (!status)
		status = finish(trace);
	kct_output_close(&trace->out);
	return status;
}

int cmd_trace(int argc, char **argv)
{
	static const struct argp_child children[] = {{&kct_live_argp, 0, NULL, 0}, {0}};
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
