// SPDX-License-Identifier: GPL-2.0
#include <argp.h>
#include <errno.h>

#include "cmd/cmd.h"
#include "cmd/filter.h"
#include "cmd/page.h"
#include "cmd/span.h"
#include "base/error.h"
#include "picture/perfetto.h"
#include "record/flat.h"
#include "record/load.h"

struct options {
	struct kct_filter filter;
	struct kct_span span;
	const char *perfetto, *flat;
	char **files;
	int nr_files;
	/* ---- while it is written ---- */
	struct kct_recording recording;
	struct kct_perfetto trace;
	struct kct_flat rows;
	int status;
};

enum { KEY_PERFETTO = 256, KEY_FLAT };

static const struct argp_option options[] = {
	{"perfetto", KEY_PERFETTO, "FILE", 0, "A trace for Perfetto into this file", 0},
	{"flat", KEY_FLAT, "FILE", 0, "Rows for a database (JSON lines) into this file", 0},
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
	case KEY_PERFETTO:
		o->perfetto = text;
		return 0;
	case KEY_FLAT:
		o->flat = text;
		return 0;
	case ARGP_KEY_ARGS:
		o->files = state->argv + state->next;
		o->nr_files = state->argc - state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which recording? - is standard input");
		return EINVAL;
	case ARGP_KEY_END:
		if (!o->perfetto == !o->flat)
			argp_error(state, "in which form? --perfetto=FILE or --flat=FILE");
		if (o->perfetto && o->nr_files > 2)
			argp_error(state, "one recording, or two of two hosts");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* ---- a trace ---- */

static bool trace_event(void *context, const union kct_any_event *event,
			const struct kct_vm_name *name)
{
	struct options *o = context;

	if (!kct_filter_event(&o->filter, event, name))
		return false;
	kct_perfetto_event(&o->trace, &o->recording.header, event, name);
	/* No model is needed. */
	return false;
}

static int write_trace(FILE *out, void *context)
{
	struct options *o = context;
	const struct kct_wanted wanted = {&o->span, trace_event, o, NULL, false};

	for (int i = 0; i < o->nr_files; i++) {
		int status;

		kct_perfetto_begin(&o->trace, out);
		status = kct_load(o->files[i], &wanted, &o->recording);
		kct_filter_clear(&o->filter);
		if (status == KCT_EXIT_USAGE)
			return status;
		if (status)
			o->status = KCT_EXIT_INCOMPLETE;
		kct_recording_clear(&o->recording);
		if (!kct_perfetto_end(&o->trace, &o->recording.header, &o->recording.trailer)) {
			kct_error("out of memory");
			return KCT_EXIT_HOST;
		}
	}
	return 0;
}

/* ---- rows ---- */

static bool row_event(void *context, const union kct_any_event *event,
		      const struct kct_vm_name *name)
{
	struct options *o = context;

	if (!kct_filter_event(&o->filter, event, name))
		return false;
	kct_flat_event(&o->rows, event, name);
	kct_model_fold_gone(&o->recording.model, KCT_KEEP_FOR_LATE);
	return true;
}

/* Of many, one that cannot be read does not keep the others from being written. */
static int write_rows(FILE *out, void *context)
{
	struct options *o = context;
	const struct kct_wanted wanted = {&o->span, row_event, o, NULL, false};
	int unreadable = 0;

	for (int i = 0; i < o->nr_files; i++) {
		int status;

		kct_flat_begin(&o->rows, out, o->files[i], &o->recording);
		status = kct_load(o->files[i], &wanted, &o->recording);
		kct_filter_clear(&o->filter);
		kct_flat_end(&o->rows, status == KCT_EXIT_USAGE);
		if (status == KCT_EXIT_USAGE)
			unreadable++;
		else
			kct_recording_clear(&o->recording);
		if (status && o->status != KCT_EXIT_USAGE)
			o->status = status;
	}
	return unreadable == o->nr_files ? KCT_EXIT_USAGE : 0;
}

int cmd_export(int argc, char **argv)
{
	static const struct argp_child children[] = {
		{&kct_filter_argp, 0, NULL, 0}, {&kct_span_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "RECORDING...",
		.doc = "Recordings in a form that other programs read: with --perfetto one, or "
		       "those "
		       "of two hosts; with --flat any number.",
		.children = children,
	};
	struct options o = {0};
	int status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &o))
		return KCT_EXIT_USAGE;
	if (o.flat)
		status = kct_write_file(o.flat, write_rows, &o);
	else
		status = kct_write_file(o.perfetto, write_trace, &o);
	return status ? status : o.status;
}
