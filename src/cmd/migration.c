// SPDX-License-Identifier: GPL-2.0
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/page.h"
#include "cmd/savings.h"
#include "cmd/span.h"
#include "migration/pairing.h"
#include "picture/page.h"
#include "picture/timeline.h"
#include "base/error.h"
#include "base/text.h"
#include "record/load.h"
#include "show/line.h"
#include "show/migration.h"
#include "show/report.h"

/* A recording, and what the clocks of the VMs in it did. */
struct read {
	const char *given;
	char *path; /* the printable form of that; ours */
	struct kct_recording recording;
	struct kct_histories histories;
	bool failed;
};

struct options {
	const char *paths[2];
	int nr_paths;
	struct kct_span span;
	const char *pair, *html;
	bool json;
};

enum { KEY_HTML = 256 };

static const struct argp_option options[] = {
	{"json", 'j', NULL, 0, "One JSON object", 0},
	{"html", KEY_HTML, "FILE", 0, "Also a page with pictures of it into this file", 0},
	{"pair", 'P', "SRC=DST", 0,
	 "The VM on the source and on the target, each by name, UUID or number in its recording",
	 0},
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
	case KEY_HTML:
		o->html = text;
		return 0;
	case 'P':
		if (!strchr(text, '=') || *text == '=' || !strchr(text, '=')[1])
			argp_error(state, "--pair takes SRC=DST, not '%s'", text);
		o->pair = text;
		return 0;
	case ARGP_KEY_ARG:
		if (o->nr_paths == 2)
			argp_error(state, "a source and a target, not more");
		o->paths[o->nr_paths++] = text;
		return 0;
	case ARGP_KEY_END:
		if (!o->nr_paths)
			argp_error(state, "which recording?");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static bool on_event(void *context, const union kct_any_event *event,
		     const struct kct_vm_name *name)
{
	struct read *read = context;

	(void)name;
	if (kct_histories_event(&read->histories, event))
		read->failed = true;
	return true;
}

static int read_recording(struct read *read, const char *path, const struct kct_span *span)
{
	const struct kct_wanted wanted = {span, on_event, read, NULL, false};
	int status;

	read->given = path;
	read->path = kct_text_dup(path, 0);
	kct_histories_init(&read->histories);
	if (!read->path) {
		kct_error("out of memory");
		return KCT_EXIT_HOST;
	}
	status = kct_load(path, &wanted, &read->recording);
	if (status == KCT_EXIT_USAGE)
		return status;
	if (read->failed) {
		kct_error("out of memory");
		return KCT_EXIT_HOST;
	}
	return 0;
}

static void forget_recording(struct read *read)
{
	kct_histories_clear(&read->histories);
	kct_recording_clear(&read->recording);
	free(read->path);
}

static struct kct_vms vms_of(const struct read *read)
{
	return (struct kct_vms){read->path, read->recording.header.boot_id, &read->recording.model,
				&read->histories};
}

static struct kct_end end_of(const struct read *read, const struct kct_vm *vm)
{
	const struct kct_recording *recording = &read->recording;

	return (struct kct_end){
		.path = read->path,
		.recording = recording,
		.vm = vm,
		.side =
			{
				.history = kct_history_of(&read->histories, vm->number),
				.shown = kct_figures_shown(&recording->header),
				.clocks =
					{
						.start = recording->header.started,
						.end = recording->trailer.ended,
						.has_end = recording->trailer.ended.boot_ns != 0,
					},
			},
	};
}

/* Why the evidence is not whole, and on which side if there are two; NULL if it is. */
static const char *doubt(const struct read *source, const struct read *target, char *text,
			 size_t size)
{
	const struct read *bad = *source->recording.incomplete ? source : target;

	if (!*bad->recording.incomplete)
		return NULL;
	snprintf(text, size, "%s%s",
		 source == target ? ""
		 : bad == source  ? "source: "
				  : "target: ",
		 bad->recording.incomplete);
	return text;
}

/* An event, or a word of one, that only another release knows may be a step of the migration. */
static bool is_passed_over(const struct kct_vm *from, const struct kct_vm *to)
{
	return from->passed.events || from->passed.words || to->passed.events || to->passed.words;
}

/* What is missing may be why two VMs are no pair, or do not fit. */
static int refused(const struct kct_migration_view *view)
{
	return view->incomplete ? KCT_EXIT_INCOMPLETE : KCT_EXIT_USAGE;
}

/* ---- the page ---- */

struct page {
	const struct kct_migration_view *view;
	struct kct_timeline timeline;
	bool target; /* the events that come are the target's recording's */
	bool both;   /* and the source's as well */
};

static bool on_drawn(void *context, const union kct_any_event *event,
		     const struct kct_vm_name *name)
{
	struct page *page = context;

	(void)name;
	kct_timeline_event(&page->timeline, page->target, event);
	if (page->both)
		kct_timeline_event(&page->timeline, !page->target, event);
	return false;
}

static int write_page(FILE *out, void *context)
{
	const struct page *page = context;
	const struct kct_migration_view *view = page->view;
	char name[KCT_VM_LABEL_SIZE], title[sizeof(name) + 32];
	FILE *part;

	kct_show_name(name, sizeof(name), view->target.vm);
	snprintf(title, sizeof(title), "Migration of %s", name);
	kct_page_open(out, KCT_PAGE_MIGRATION, title);
	part = kct_page_text(out);
	if (part) {
		kct_show_migration(part, view);
		fclose(part);
	}
	part = kct_page_data(out, "answer");
	if (part) {
		kct_show_migration_json(part, view);
		fclose(part);
	}
	part = kct_page_data(out, "events");
	if (part) {
		kct_timeline_write(part, &page->timeline, kct_show_line);
		fclose(part);
	}
	kct_page_close(out, KCT_PAGE_MIGRATION);
	return 0;
}

/* The events are read once more, now that it is known which ones matter. */
static int draw(const struct options *o, const struct kct_migration_view *view,
		const struct read *source, const struct read *target)
{
	const struct kct_timeline_end ends[] = {{view->source.vm, &view->source.side},
						{view->target.vm, &view->target.side}};
	struct page page = {.view = view, .both = source == target};
	const struct kct_wanted wanted = {&o->span, on_drawn, &page, NULL, false};
	const struct read *reads[] = {source, target};
	int status = 0;

	if (kct_timeline_init(&page.timeline, view->migration, ends)) {
		kct_error("out of memory");
		status = KCT_EXIT_HOST;
	}
	for (int i = 0; !status && i < (page.both ? 1 : 2); i++) {
		page.target = i;
		if (kct_load_again(reads[i]->given, &wanted))
			continue;
		kct_error("%s: --html reads a recording twice, which this one cannot be",
			  reads[i]->path);
		status = KCT_EXIT_USAGE;
	}
	if (!status)
		status = kct_write_file(o->html, write_page, &page);
	kct_timeline_clear(&page.timeline);
	return status;
}

static int show(const struct options *o, const struct read *source, const struct read *target)
{
	const struct kct_vms from_vms = vms_of(source), to_vms = vms_of(target);
	const struct kct_vm *from, *to;
	char incomplete[340], why[200] = "out of memory";
	struct kct_migration_view view = {
		.incomplete = doubt(source, target, incomplete, sizeof(incomplete))};
	struct kct_migration migration = {0};
	struct kct_savings savings;
	int status = kct_choose_vms(&from_vms, &to_vms, o->pair, &from, &to), unread;

	if (status)
		return refused(&view);
	if (!view.incomplete && is_passed_over(from, to))
		view.incomplete = "something that only another release knows was passed over";
	view.source = end_of(source, from);
	view.target = end_of(target, to);
	view.migration = &migration;
	status = kct_migrate(&migration, &view.source.side, &view.target.side,
			     kct_same_boot(&from_vms, &to_vms), why, sizeof(why));
	if (status) {
		kct_error("%s", why);
		return status == -ENOMEM ? KCT_EXIT_HOST : refused(&view);
	}
	if (view.incomplete)
		kct_migration_doubt(&migration);
	unread = kct_find_savings(&savings, &migration, &view.source.side, &view.target.side,
				  target->given, &o->span);
	if (unread == -ENOMEM) {
		kct_migration_clear(&migration);
		kct_error("out of memory");
		return KCT_EXIT_HOST;
	}
	if (unread)
		kct_error("%s: it cannot be read again, so what remedies would have saved is not "
			  "known",
			  target->path);
	view.savings = &savings;
	if (o->json)
		kct_show_migration_json(stdout, &view);
	else
		kct_show_migration(stdout, &view);
	status = o->html ? draw(o, &view, source, target) : 0;
	kct_migration_clear(&migration);
	if (status)
		return status;
	return view.incomplete || unread ? KCT_EXIT_INCOMPLETE : KCT_EXIT_OK;
}

static int run(const struct options *o)
{
	struct read source = {0}, target = {0};
	int status = read_recording(&source, o->paths[0], &o->span);

	if (!status && o->nr_paths == 2)
		status = read_recording(&target, o->paths[1], &o->span);
	if (!status)
		status = show(o, &source, o->nr_paths == 2 ? &target : &source);
	forget_recording(&source);
	forget_recording(&target);
	return status;
}

int cmd_migration(int argc, char **argv)
{
	static const struct argp_child children[] = {{&kct_span_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "SOURCE [TARGET]",
		.doc = "What a migration, or a save and restore, did to a guest's kvm-clock: the "
		       "drift that its steps predict, the drift that was observed, and where the "
		       "difference comes from. SOURCE and TARGET are recordings of the two hosts; "
		       "one alone is of both.",
		.children = children,
	};
	struct options o = {0};

	if (argp_parse(&argp, argc, argv, 0, NULL, &o))
		return KCT_EXIT_USAGE;
	return run(&o);
}
