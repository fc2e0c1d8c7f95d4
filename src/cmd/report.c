// SPDX-License-Identifier: GPL-2.0
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/filter.h"
#include "base/error.h"
#include "record/load.h"
#include "show/report.h"

struct options {
	struct kct_filter filter;
	bool json, verbose;
	char **files;
	int nr_files;
};

static const struct argp_option options[] = {
	{"json", 'j', NULL, 0, "One JSON object for each recording", 0},
	{"verbose", 'v', NULL, 0, "A line for each vCPU", 0},
	{0},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct options *o = state->input;

	(void)text;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->filter;
		return 0;
	case 'j':
		o->json = true;
		return 0;
	case 'v':
		o->verbose = true;
		return 0;
	case ARGP_KEY_ARGS:
		o->files = state->argv + state->next;
		o->nr_files = state->argc - state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which recording? - is standard input");
		return EINVAL;
	}
	return ARGP_ERR_UNKNOWN;
}

static bool wants(void *context, const union kct_any_event *event, const struct kct_vm_name *name)
{
	return kct_filter_event(context, event, name);
}

static int report_file(const char *path, struct options *o)
{
	struct kct_recording recording;
	struct kct_report report;
	int status = kct_load(path, &recording, wants, &o->filter);

	kct_filter_clear(&o->filter);
	if (status == KCT_EXIT_USAGE)
		return status;
	report = (struct kct_report){
		.header = &recording.header,
		.model = &recording.model,
		.ended_ns = recording.trailer.ended.boot_ns,
		.incomplete = *recording.incomplete ? recording.incomplete : NULL,
	};
	if (o->json)
		kct_show_report_json(stdout, &report);
	else
		kct_show_report(stdout, &report, o->verbose);
	kct_recording_clear(&recording);
	return status;
}

int cmd_report(int argc, char **argv)
{
	static const struct argp_child children[] = {{&kct_filter_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "FILE...",
		.doc = "The summary of each recording, as `record` printed it.",
		.children = children,
	};
	struct options o = {0};
	int status = KCT_EXIT_OK;

	if (argp_parse(&argp, argc, argv, 0, NULL, &o))
		return KCT_EXIT_USAGE;
	for (int i = 0; i < o.nr_files; i++) {
		int one = report_file(o.files[i], &o);

		/* A file that cannot be read at all outweighs one that is not whole. */
		if (status != KCT_EXIT_USAGE && one)
			status = one;
	}
	return status;
}
