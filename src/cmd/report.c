// SPDX-License-Identifier: GPL-2.0
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/filter.h"
#include "cmd/page.h"
#include "cmd/span.h"
#include "picture/overview.h"
#include "picture/page.h"
#include "base/error.h"
#include "record/load.h"
#include "show/report.h"

struct options {
	struct kct_filter filter;
	struct kct_span span;
	bool json, verbose;
	const char *html;
	char **files;
	int nr_files;
};

enum { KEY_HTML = 256 };

static const struct argp_option options[] = {
	{"json", 'j', NULL, 0, "One JSON object for each recording", 0},
	{"verbose", 'v', NULL, 0, "A line for each vCPU", 0},
	{"html", KEY_HTML, "FILE", 0, "Also a page with a picture of it into this file", 0},
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
	case 'j':
		o->json = true;
		return 0;
	case KEY_HTML:
		o->html = text;
		return 0;
	case 'v':
		o->verbose = true;
		return 0;
	case ARGP_KEY_ARGS:
		o->files = state->argv + state->next;
		o->nr_files = state->argc - state->next;
		if (o->html && o->nr_files > 1)
			argp_error(state, "--html takes one recording");
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which recording? - is standard input");
		return EINVAL;
	}
	return ARGP_ERR_UNKNOWN;
}

/* One recording that is being read. */
struct reading {
	struct options *options;
	struct kct_recording recording;
	struct kct_overview overview; /* with --html */
	struct kct_report report;
};

static bool on_event(void *context, const union kct_any_event *event,
		     const struct kct_vm_name *name)
{
	struct reading *reading = context;

	if (!kct_filter_event(&reading->options->filter, event, name))
		return false;
	if (reading->options->html)
		kct_overview_event(&reading->overview, &reading->recording.header, event);
	return true;
}

static int write_page(FILE *out, void *context)
{
	const struct reading *reading = context;
	const struct kct_header *header = &reading->recording.header;
	char title[sizeof(header->host) + 32];
	FILE *part;

	snprintf(title, sizeof(title), "Masterclock updates on %s",
		 *header->host ? header->host : "?");
	kct_page_open(out, KCT_PAGE_REPORT, title);
	part = kct_page_text(out);
	if (part) {
		kct_show_report(part, &reading->report, true);
		fclose(part);
	}
	part = kct_page_data(out, "answer");
	if (part) {
		kct_show_report_json(part, &reading->report);
		fclose(part);
	}
	part = kct_page_data(out, "events");
	if (part) {
		kct_overview_write(part, &reading->overview, reading->report.ended_ns);
		fclose(part);
	}
	kct_page_close(out, KCT_PAGE_REPORT);
	return 0;
}

static int show(struct reading *reading, int status)
{
	const struct kct_recording *recording = &reading->recording;
	const struct options *o = reading->options;
	int failed;

	reading->report = (struct kct_report){
		.header = &recording->header,
		.model = &recording->model,
		.ended_ns = kct_ended(&recording->header, &recording->trailer),
		.part = kct_is_part(&recording->header, &recording->trailer),
		.incomplete = *recording->incomplete ? recording->incomplete : NULL,
	};
	if (o->json)
		kct_show_report_json(stdout, &reading->report);
	else
		kct_show_report(stdout, &reading->report, o->verbose);
	failed = o->html ? kct_write_file(o->html, write_page, reading) : 0;
	return failed ? failed : status;
}

static int report_file(const char *path, struct options *o)
{
	struct reading reading = {.options = o};
	const struct kct_wanted wanted = {&o->span, on_event, &reading, NULL, false};
	int status = 0;

	if (o->html && kct_overview_init(&reading.overview)) {
		kct_error("out of memory");
		return KCT_EXIT_HOST;
	}
	status = kct_load(path, &wanted, &reading.recording);
	kct_filter_clear(&o->filter);
	if (status != KCT_EXIT_USAGE) {
		status = show(&reading, status);
		kct_recording_clear(&reading.recording);
	}
	kct_overview_clear(&reading.overview);
	return status;
}

int cmd_report(int argc, char **argv)
{
	static const struct argp_child children[] = {
		{&kct_filter_argp, 0, NULL, 0}, {&kct_span_argp, 0, NULL, 0}, {0}};
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
