// SPDX-License-Identifier: GPL-2.0
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/span.h"
#include "monitor/pairs.h"
#include "monitor/store.h"
#include "show/migrations.h"

struct options {
	bool json;
	struct kct_span span;
	const char *vm;
	char **paths;
	int nr_paths;
};

struct run {
	const struct options *options;
	struct kct_pairs pairs;
	uint64_t shown, incomplete, unreadable;
};

static const struct argp_option options[] = {
	{"json", 'j', NULL, 0, "One JSON object for each", 0},
	{"vm", 'V', "NAME", 0, "Only the VMs of this name, UUID, id, or NAMESPACE/NAME", 0},
	{0},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->span;
		return 0;
	case 'j':
		o->json = true;
		return 0;
	case 'V':
		o->vm = text;
		return 0;
	case ARGP_KEY_ARGS:
		o->paths = state->argv + state->next;
		o->nr_paths = state->argc - state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "whose? the directories of `monitor --record`");
		return EINVAL;
	case ARGP_KEY_END:
		if (o->span.since.kind == KCT_TIME_BEHIND || o->span.until.kind == KCT_TIME_BEHIND)
			argp_error(state, "a time on the wall clock: journals have no beginning");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* ---- one of them ---- */

static struct kct_end end_of(const char *path, const struct kct_entry_read *read)
{
	const struct kct_recording *recording = &read->recording;

	return (struct kct_end){
		.path = path,
		.recording = recording,
		.vm = read->vm,
		.side = {.history = kct_history_of(&read->histories, read->vm->number),
			 .clocks = {recording->header.started, recording->trailer.ended, true},
			 .shown = kct_figures_shown(&recording->header)},
	};
}

static bool same_boot(const struct kct_recording *a, const struct kct_recording *b)
{
	return *a->header.boot_id && !strcmp(a->header.boot_id, b->header.boot_id);
}

static const char *doubt(const struct kct_entry_read *source, const struct kct_entry_read *target)
{
	if (*source->recording.incomplete)
		return source->recording.incomplete;
	if (*target->recording.incomplete)
		return target->recording.incomplete;
	if (source->vm->passed.events || source->vm->passed.words || target->vm->passed.events ||
	    target->vm->passed.words)
		return "something that only another release knows was passed over";
	return NULL;
}

static void put(const struct run *run, const struct kct_migrations_row *row)
{
	if (run->options->json)
		kct_show_migrations_json(stdout, row);
	else
		kct_show_migrations_row(stdout, row);
}

/* With what the two tell together. False: they do not fit, which was to be; nothing is shown. */
static bool show_pair(struct run *run, const struct kct_migrations_row *ends,
		      const struct kct_entry_read *source, const struct kct_entry_read *target,
		      bool has_to_fit)
{
	char why[200] = "out of memory";
	struct kct_migration migration = {0};
	struct kct_migrations_row row = *ends;
	struct kct_migration_view view = {.source = *ends->source,
					  .target = *ends->target,
					  .migration = &migration,
					  .incomplete = doubt(source, target)};

	row.resumed = same_boot(&source->recording, &target->recording) &&
		      source->vm->number == target->vm->number &&
		      source->vm->info.token == target->vm->info.token;
	if (kct_migrate(&migration, &view.source.side, &view.target.side,
			same_boot(&source->recording, &target->recording), why, sizeof(why))) {
		if (has_to_fit)
			return false;
		row.why = why;
		put(run, &row);
		return true;
	}
	if (view.incomplete)
		kct_migration_doubt(&migration);
	run->incomplete += view.incomplete != NULL;
	row.view = &view;
	row.why = view.incomplete;
	put(run, &row);
	kct_migration_clear(&migration);
	return true;
}

/* The row of a target, with this source. False if nothing was shown. */
static bool show_from(struct run *run, const struct kct_migrations_row *ends,
		      const struct kct_place *place, const struct kct_entry_read *target,
		      bool has_to_fit)
{
	struct kct_migrations_row row = *ends;
	struct kct_entry_read source = {0};
	struct kct_end from;
	bool shown = false;

	if (place && kct_pairs_read(&run->pairs, place, &source)) {
		from = end_of(run->pairs.files[place->file], &source);
		row.source = &from;
		shown = show_pair(run, &row, &source, target, has_to_fit);
	}
	kct_entry_clear(&source);
	return shown;
}

/*
 * Where what was pinned of it is: in the journal's directory, if it could be written, and is still
 * there. Who wrote the journal does not say where else to look.
 */
static const char *pinned_of(const char *journal, const char *name, char *path, size_t size)
{
	const char *slash = strrchr(journal, '/'), *start = KCT_PINNED "/";
	int length = slash ? (int)(slash - journal) : 1;

	if (strncmp(name, start, strlen(start)) != 0 || strchr(name + strlen(start), '/'))
		return "";
	if (snprintf(path, size, "%.*s/%s", length, slash ? journal : ".", name) >= (int)size ||
	    access(path, F_OK))
		return "";
	return path;
}

static void show_one(struct run *run, const struct kct_sources *sources,
		     const struct kct_place *place, const struct kct_entry_read *target)
{
	const char *path = run->pairs.files[place->file];
	struct kct_end to = end_of(path, target);
	struct kct_migrations_row row = {
		.realtime_ns = place->realtime_ns, .target = &to, .verdict = target->verdict};
	char pinned[4096];

	row.pinned = pinned_of(path, target->pinned, pinned, sizeof(pinned));
	if (!show_from(run, &row, sources->later, target, true) &&
	    !show_from(run, &row, sources->earlier, target, false)) {
		row.why = "no source of it is in these journals";
		put(run, &row);
	}
	run->shown++;
}

static bool visit(void *context, const struct kct_sources *sources, const struct kct_place *target)
{
	struct run *run = context;
	const struct options *o = run->options;
	struct kct_entry_read read;

	if (target->realtime_ns < o->span.since.ns ||
	    (o->span.until.kind && target->realtime_ns >= o->span.until.ns))
		return true;
	if (!kct_pairs_read(&run->pairs, target, &read))
		run->unreadable++;
	else if (!o->vm || kct_vm_name_is(&read.vm->name, o->vm))
		show_one(run, sources, target, &read);
	kct_entry_clear(&read);
	return true;
}

/* ---- all of them ---- */

static int read_journals(struct run *run)
{
	const struct options *o = run->options;
	int error;

	for (int i = 0; i < o->nr_paths; i++) {
		error = kct_pairs_add(&run->pairs, o->paths[i]);
		if (!error)
			continue;
		kct_error("%s: %s", o->paths[i],
			  error == -ENOENT ? "there is no journal of migrations"
					   : strerror(-error));
		return error == -ENOMEM ? KCT_EXIT_HOST : KCT_EXIT_USAGE;
	}
	return 0;
}

static int show_all(struct run *run)
{
	bool json = run->options->json;

	kct_pairs_sort(&run->pairs);
	if (!json)
		kct_show_migrations_head(stdout);
	if (kct_pairs_each(&run->pairs, visit, run)) {
		kct_error("out of memory");
		return KCT_EXIT_HOST;
	}
	if (!json)
		kct_show_migrations_legend(stdout);
	run->unreadable += run->pairs.unreadable;
	if (run->unreadable)
		kct_error("%" PRIu64 " lines of the journals could not be read", run->unreadable);
	return run->unreadable || run->incomplete ? KCT_EXIT_INCOMPLETE : KCT_EXIT_OK;
}

int cmd_migrations(int argc, char **argv)
{
	static const struct argp_child children[] = {{&kct_span_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "DIR...",
		.doc = "Each migration, restore and resume that the journals of `monitor --record` "
		       "tell of, from the directories of any number of hosts: from where, to "
		       "where, for how long, and what it did to the guest's clock.",
		.children = children,
	};
	struct options o = {0};
	struct run run = {.options = &o};
	int status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &o))
		return KCT_EXIT_USAGE;
	status = read_journals(&run);
	if (!status)
		status = show_all(&run);
	kct_pairs_clear(&run.pairs);
	return status;
}
