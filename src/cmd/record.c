// SPDX-License-Identifier: GPL-2.0
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
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
	FILE *file;
	bool json, verbose;
};

enum { OPTION_IOCTLS = 0x300 };

static const struct argp_option options[] = {
	{"ioctls", OPTION_IOCTLS, "PID", OPTION_ARG_OPTIONAL,
	 "Where no function can be hooked, also hook every system call's return to see what this "
	 "process (or else COMMAND) reads of TSCs and clocks; what that costs is measured and told",
	 0},
	{"output", 'o', "FILE", 0, "The recording (kvmclock-trace.jsonl); - is standard output", 0},
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
		state->child_inputs[0] = &record->live;
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
	struct record *record = live->context;

	/* Only now is it sure that there will be a new recording in the old one's place. */
	if (record->file != stdout && ftruncate(fileno(record->file), 0) && errno != EINVAL)
		kct_error("%s: %s", record->path, strerror(errno));
	kct_write_header(record->file, &live->header);
}

static void on_event(struct kct_live *live, const union kct_any_event *event,
		     const struct kct_vm_name *name)
{
	struct record *record = live->context;

	kct_write_event(record->file, event, name);
}

/* What is written can be read even if we are killed in a moment. */
static void on_batch(struct kct_live *live)
{
	struct record *record = live->context;

	if (!fflush(record->file) || live->failure)
		return;
	kct_error("%s: %s", record->path, strerror(errno));
	live->failure = KCT_EXIT_INCOMPLETE;
}

static int close_file(struct record *record)
{
	bool failed = ferror(record->file) || fflush(record->file);

	if (record->file != stdout)
		failed |= fclose(record->file) != 0;
	if (!failed)
		return KCT_EXIT_OK;
	kct_error("%s: could not be written whole", record->path);
	return KCT_EXIT_INCOMPLETE;
}

static int summarize(struct record *record)
{
	struct kct_live *live = &record->live;
	FILE *out = record->file == stdout ? stderr : stdout;
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

/* For writing, with what is in it still in it. */
static FILE *open_output(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	return fd < 0 ? NULL : fdopen(fd, "w");
}

static int run(struct record *record)
{
	struct kct_live *live = &record->live;
	int status, written;

	record->file = strcmp(record->path, "-") ? open_output(record->path) : stdout;
	if (!record->file) {
		kct_error("%s: %s", record->path, strerror(errno));
		return KCT_EXIT_USAGE;
	}
	status = kct_live_run(live);
	if (status && !live->trailer.ended.boot_ns) {
		close_file(record);
		return status; /* it never began */
	}
	if (!status)
		kct_write_trailer(record->file, &live->trailer);
	written = close_file(record);
	if (!status)
		status = summarize(record);
	if (!status && live->trailer.status > 0) {
		kct_error("%s: exit status %d", live->command[0], live->trailer.status);
		status = KCT_EXIT_FAILED;
	}
	return status ? status : written;
}

int cmd_record(int argc, char **argv)
{
	static const struct argp_child children[] = {{&kct_live_argp, 0, NULL, 0}, {0}};
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
	record.live.context = &record;
	record.live.on_start = on_start;
	record.live.on_event = on_event;
	record.live.on_batch = on_batch;
	status = run(&record);
	kct_live_close(&record.live);
	return status;
}
