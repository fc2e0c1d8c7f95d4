// SPDX-License-Identifier: GPL-2.0
/* A part of a recording, as a recording by itself. */
#include <argp.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/progress.h"
#include "cmd/cmd.h"
#include "cmd/filter.h"
#include "cmd/page.h"
#include "cmd/span.h"
#include "record/load.h"

struct options {
	struct kct_filter filter;
	struct kct_span span;
	const char *output, *path;
	/* ---- while it is written ---- */
	struct kct_recording recording;
	int status;
};

static const struct argp_option options[] = {
	{"output", 'o', "FILE", 0, "Into this file, and not to standard output", 0},
	{0},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->filter;
		state->child_inputs[1] = &o->span;
		return 0;
	case 'o':
		o->output = text;
		return 0;
	case ARGP_KEY_ARG:
		if (o->path)
			argp_error(state, "one recording at a time");
		o->path = text;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which recording? - is standard input");
		return EINVAL;
	}
	return ARGP_ERR_UNKNOWN;
}

static bool on_event(void *context, const union kct_any_event *event,
		     const struct kct_vm_name *name)
{
	struct options *o = context;

	if (!kct_filter_event(&o->filter, event, name))
		return false;
	kct_model_fold_gone(&o->recording.model, KCT_KEEP_FOR_LATE);
	return true;
}

static int write_part(FILE *out, void *context)
{
	struct options *o = context;
	const struct kct_wanted wanted = {&o->span, on_event, o, out, false};
	int status = kct_load(o->path, &wanted, &o->recording);

	kct_filter_clear(&o->filter);
	if (status == KCT_EXIT_USAGE)
		return status;
	kct_recording_clear(&o->recording);
	o->status = status;
	return 0;
}

int cmd_cut(int argc, char **argv)
{
	static const struct argp_child children[] = {
		{&kct_filter_argp, 0, NULL, 0}, {&kct_span_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "RECORDING",
		.doc = "A part of a recording, from one time to another, or of some of its VMs, as "
		       "a recording by itself. It begins with the VMs and vCPUs as they stood "
		       "then.",
		.children = children,
	};
	struct options o = {.output = "-"};
	int status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &o))
		return KCT_EXIT_USAGE;
	if (!strcmp(o.output, "-") && isatty(STDOUT_FILENO))
		kct_progress_forbid();
	if (strcmp(o.output, "-"))
		status = kct_write_file(o.output, write_part, &o);
	else
		status = write_part(stdout, &o);
	return status ? status : o.status;
}
