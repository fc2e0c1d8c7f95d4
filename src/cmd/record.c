// SPDX-License-Identifier: GPL-2.0
#include <argp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/live.h"
#include "base/number.h"
#include "base/duration.h"
#include "base/error.h"
#include "record/writer.h"
#include "show/report.h"

struct record {
	struct kct_live live;
	const char *path;
	struct kct_output recording, summary;
	bool json, verbose;
};

enum { OPTION_IOCTLS = 0x300 };

static const struct argp_option options[] = {
	{"ioctls", OPTION_IOCTLS, "PID", OPTION_ARG_OPTIONAL,
	 "Where no function can be hooked, also hook every system call's return to see what this "
	 "process (or else COMMAND) reads of TSCs and clocks; what that costs is measured and told",
	 0},
	{"output", 'o', "FILE", 0,
	 "The recording (kvmclock-trace.jsonl), compressed if its name ends in .gz; - is standard "
	 "output",
	 0},
	{"duration", 'd', "DURATION", 0, "End after this time (250ms, 10s, 2m)", 0},
	{"json", 'j', NULL, 0, "The summary as JSON", 0},
	{"verbose", 'v', NULL, 0, "The summary with a line for each vCPU", 0},
	{0},
};

static error_t parse_ioctls(struct record *record, const char *text, struct argp_state *state)
{
	uint64_t pid = 0;

	if (text && kct_parse_number(text, 1, INT32_MAX, &pid))
		argp_error(state, "'%s' is not a process id", text);
	record->live.session_options.plan.ioctls = true;
	record->live.ioctls_of = (uint32_t)pid;
	return 0;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct record *record = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = state->child_inputs[1] = &record->live;
		return 0;
	case 'o':
		record->path = text;
		return 0;
	case 'd':
		if (kct_parse_duration(text, &record->live.duration_ns) ||
		    !record->live.duration_ns)
			argp_error(state, "'%s' is not a duration such as 250ms, 10s or 2m", text);
		return 0;
	case 'j':
		record->json = true;
		return 0;
	case 'v':
		record->verbose = true;
		return 0;
	case OPTION_IOCTLS:
		return parse_ioctls(record, text, state);
	case ARGP_KEY_END:
		if (record->live.session_options.plan.ioctls && !record->live.ioctls_of &&
		    !record->live.command)
			argp_error(state, "--ioctls of which process? --ioctls=PID, or a COMMAND");
		return 0;
	case ARGP_KEY_ARG:
		record->live.command = &state->argv[state->next - 1];
		state->next = state->argc;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static void on_start(struct kct_live *live)
{
	kct_write_header(live->output->stream, &live->header);
}

static void on_event(struct kct_live *live, const union kct_any_event *event,
		     const struct kct_vm_name *name)
{
	kct_write_event(live->output->stream, event, name);
}

static int summarize(struct record *record)
{
	struct kct_live *live = &record->live;
	FILE *out = record->summary.stream;
	char why[160];
	struct kct_report report = {
		.header = &live->header,
		.model = &live->model,
		.ended_ns = live->trailer.ended.boot_ns,
		.incomplete = kct_incomplete(&live->model, why, sizeof(why)),
	};

	if (record->json)
		kct_show_report_json(out, &report);
	else
		kct_show_report(out, &report, record->verbose);
	return report.incomplete ? KCT_EXIT_INCOMPLETE : KCT_EXIT_OK;
}

static int choose_outputs(struct record *record)
{
	bool to_stdout = !strcmp(record->path, "-");

	kct_output_to_standard(&record->summary, to_stdout ? STDERR_FILENO : STDOUT_FILENO);
	if (!to_stdout)
		return kct_output_to_path(&record->recording, record->path,
					  record->live.duration_ns);
	kct_output_to_standard(&record->recording, STDOUT_FILENO);
	return 0;
}

/* What was traced is in the recording, if that could be written; now the summary. */
static int finish(struct record *record)
{
	struct kct_live *live = &record->live;
	int status, written;

	if (kct_output_settle(&record->recording))
		live->model.lost.losses[KCT_LOSS_UNWRITTEN] +=
			kct_output_missing(&record->recording);
	else
		kct_write_trailer(record->recording.stream, &live->trailer);
	written = kct_output_close(&record->recording);
	status = kct_output_open(&record->summary, &live->loop, KCT_PATIENCE_FOR_SUMMARY_NS);
	if (!status)
		status = summarize(record);
	written |= kct_output_close(&record->summary);
	if (!status && live->trailer.status > 0) {
		kct_error("%s: exit status %d", live->command[0], live->trailer.status);
		status = KCT_EXIT_FAILED;
	}
	return status ? status : written;
}

static int run(struct record *record)
{
	int status = choose_outputs(record);

	if (!status)
		status = kct_live_run(&record->live);
	if (!status)
		status = finish(record);
	kct_output_close(&record->recording);
	return status;
}

int cmd_record(int argc, char **argv)
{
	static const struct argp_child children[] = {
		{&kct_live_argp, 0, NULL, 0}, {&kct_stack_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[-- COMMAND [ARG...]]",
		.doc = "Record the events into a file until COMMAND ends, the time is up, or "
		       "Ctrl-C; "
		       "then print the summary.",
		.children = children,
	};
	struct record record = {.path = "kvmclock-trace.jsonl"};
	int status;

	kct_live_init(&record.live);
	if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &record))
		return KCT_EXIT_USAGE;
	record.live.session_options.emitted_kinds = ~0U;
	record.live.output = &record.recording;
	record.live.on_start = on_start;
	record.live.on_event = on_event;
	status = run(&record);
	kct_live_close(&record.live);
	return status;
}
