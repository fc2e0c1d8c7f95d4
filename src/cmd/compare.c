// SPDX-License-Identifier: GPL-2.0
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/command.h"
#include "cmd/compare.h"
#include "cmd/span.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "model/figures.h"
#include "record/writer.h"
#include "show/report.h"

#define COMPARE_SCHEMA	"kvmclock-trace/compare"
#define COMPARE_VERSION 1

static const struct argp_option options[] = {
	{"json", 'j', NULL, 0, "One JSON object", 0},
	{"force", 'f', NULL, 0, "Compare what cannot be compared, too", 0},
	{0},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct kct_compare *compare = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &compare->span;
		return 0;
	case 'j':
		compare->json = true;
		return 0;
	case 'f':
		compare->force = true;
		return 0;
	case ARGP_KEY_ARG:
		compare->sides[compare->nr_sides++].text = text;
		return 0;
	case ARGP_KEY_END:
		if (compare->nr_sides < 2)
			argp_error(state, "which two recordings?");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* ---- reading ---- */

static bool on_event(void *context, const union kct_any_event *event,
		     const struct kct_vm_name *name)
{
	struct kct_compared *side = context;

	(void)name;
	if (kct_judge_event(side->judge, event))
		side->failed = true;
	return true;
}

/* LABEL=PATH, unless there is a file of that whole name. 0 or -1, out of memory. */
static int find_label(struct kct_compared *side)
{
	size_t length = strcspn(side->text, "=/");
	char *label;

	side->path = side->text;
	if (!length || side->text[length] != '=' || !access(side->text, F_OK))
		return 0;
	side->path = side->text + length + 1;
	label = strndup(side->text, length);
	side->label = label ? kct_text_dup(label, KCT_TEXT_NAME) : NULL;
	free(label);
	return side->label ? 0 : -1;
}

static int read_side(struct kct_compared *side, const struct kct_span *span)
{
	const struct kct_wanted wanted = {span, on_event, side, NULL, false};
	struct kct_judgement all;
	int status, error = find_label(side);

	side->judge = kct_judge_new();
	side->shown_path = kct_text_dup(side->path, 0);
	if (error || !side->judge || !side->shown_path) {
		kct_error("out of memory");
		return KCT_EXIT_HOST;
	}
	status = kct_load(side->path, &wanted, &side->recording);
	if (status == KCT_EXIT_USAGE)
		return status;
	if (!side->recording.whole)
		kct_judge_doubt(side->judge, side->recording.incomplete);
	kct_judge_losses(side->judge, &side->recording.model);
	kct_judge_header(side->judge, &side->recording.header);
	if (side->failed)
		kct_judge_doubt(side->judge, "out of memory");
	all = kct_judge_all(side->judge);
	kct_measure(&side->measured, &all, &side->recording.model,
		    kct_figures_shown(&side->recording.header));
	return 0;
}

/* ---- may they be compared? ---- */

static bool same_evidence(const struct kct_header *a, const struct kct_header *b)
{
	if (a->nr_hooks != b->nr_hooks)
		return false;
	for (uint32_t i = 0; i < a->nr_hooks; i++)
		if (strcmp(a->hooks[i].evidence, b->hooks[i].evidence) ||
		    strcmp(a->hooks[i].way, b->hooks[i].way))
			return false;
	return true;
}

/* Why they cannot be compared; NULL if they can. */
static const char *difference(const struct kct_compared *a, const struct kct_compared *b)
{
	if (strcmp(kct_compared_scenario(a), kct_compared_scenario(b)))
		return "they are of different commands";
	if (a->measured.nr_vms != b->measured.nr_vms)
		return "they have not as many VMs";
	if (a->measured.nr_vcpus != b->measured.nr_vcpus)
		return "they have not as many vCPUs";
	if (!same_evidence(&a->recording.header, &b->recording.header))
		return "their evidence was had in different ways (see their headers' hooks)";
	return NULL;
}

/* ---- figures ---- */

static int64_t value_of(const struct kct_compared *side, enum kct_measure measure)
{
	return side->measured.value[measure];
}

static bool is_known(const struct kct_compared *side, enum kct_measure measure)
{
	return side->measured.known[measure];
}

static bool change_is_known(const struct kct_compare *compare, enum kct_measure measure)
{
	return is_known(&compare->sides[0], measure) && is_known(&compare->sides[1], measure);
}

static int64_t change_of(const struct kct_compare *compare, enum kct_measure measure)
{
	return (int64_t)((uint64_t)value_of(&compare->sides[1], measure) -
			 (uint64_t)value_of(&compare->sides[0], measure));
}

#define SIDE_COLUMNS 20

static const char *at_right(char column[KCT_COLUMN_ROOM(SIDE_COLUMNS)], const char *text)
{
	size_t width = kct_text_width(text),
	       before = width < SIDE_COLUMNS ? SIDE_COLUMNS - width : 0;

	memset(column, ' ', before);
	kct_text_column(column + before, text, SIDE_COLUMNS - before);
	return column;
}

static void show_figure(const struct kct_compare *compare, enum kct_measure measure)
{
	printf("%-24s", kct_measure_names[measure]);
	for (int i = 0; i < 2; i++)
		if (is_known(&compare->sides[i], measure))
			printf(" %20" PRId64, value_of(&compare->sides[i], measure));
		else
			printf(" %20s", "?");
	if (change_is_known(compare, measure))
		printf(" %+14" PRId64 "\n", change_of(compare, measure));
	else
		printf(" %14s\n", "?");
}

static void show(const struct kct_compare *compare)
{
	const struct kct_compared *a = &compare->sides[0], *b = &compare->sides[1];
	char c[2][KCT_COLUMN_ROOM(SIDE_COLUMNS)];

	printf("%-24s %20s %20s %14s\n", "", "BEFORE", "AFTER", "CHANGE");
	printf("%-24s %s %s\n", "kernel", at_right(c[0], a->recording.header.kernel),
	       at_right(c[1], b->recording.header.kernel));
	printf("%-24s %20s %20s\n", "verdict", kct_verdict_names[a->measured.all.verdict],
	       kct_verdict_names[b->measured.all.verdict]);
	for (int m = 0; m < KCT_NR_MEASURES; m++)
		show_figure(compare, m);
	for (int i = 0; i < 2; i++) {
		const struct kct_compared *side = &compare->sides[i];

		if (*side->measured.all.why)
			printf("%s: %s\n", side->shown_path, side->measured.all.why);
		kct_show_passed(stdout, &side->recording.model.passed);
	}
}

static json_t *known_json(bool known, int64_t value)
{
	return known ? json_integer((json_int_t)value) : json_null();
}

static json_t *figure_json(const struct kct_compare *compare, enum kct_measure measure)
{
	const struct kct_compared *a = &compare->sides[0], *b = &compare->sides[1];

	return json_pack(
		"{s:o, s:o, s:o}", "before", known_json(is_known(a, measure), value_of(a, measure)),
		"after", known_json(is_known(b, measure), value_of(b, measure)), "change",
		known_json(change_is_known(compare, measure), change_of(compare, measure)));
}

static void show_json(const struct kct_compare *compare)
{
	json_t *rows = json_object(), *object;

	for (int m = 0; m < KCT_NR_MEASURES; m++)
		json_object_set_new(rows, kct_measure_names[m], figure_json(compare, m));
	object = json_pack("{s:s, s:i, s:o, s:o, s:o}", "schema", COMPARE_SCHEMA, "version",
			   COMPARE_VERSION, "before", kct_compared_json(&compare->sides[0]),
			   "after", kct_compared_json(&compare->sides[1]), "figures", rows);
	kct_json_print(stdout, object);
}

static int show_both(const struct kct_compare *compare)
{
	if (compare->json)
		show_json(compare);
	else
		show(compare);
	for (int i = 0; i < 2; i++)
		if (compare->sides[i].measured.all.verdict == KCT_VERDICT_INCONCLUSIVE)
			return KCT_EXIT_INCOMPLETE;
	return KCT_EXIT_OK;
}

/* All of them with the first. */
static int check_comparable(const struct kct_compare *compare)
{
	const struct kct_compared *first = &compare->sides[0];

	for (size_t i = 1; i < compare->nr_sides && !compare->force; i++) {
		const char *why = difference(first, &compare->sides[i]);

		if (!why)
			continue;
		kct_error("%s and %s cannot be compared: %s; --force does it all the same",
			  first->path, compare->sides[i].path, why);
		return KCT_EXIT_USAGE;
	}
	return 0;
}

static int run(struct kct_compare *compare)
{
	bool kernels = compare->nr_sides > 2;
	int status = 0;

	for (size_t i = 0; i < compare->nr_sides && !status; i++) {
		status = read_side(&compare->sides[i], &compare->span);
		kernels |= compare->sides[i].label != NULL;
	}
	status = status ? status : check_comparable(compare);
	if (status)
		return status;
	return kernels ? kct_compare_kernels(compare) : show_both(compare);
}

/* What a shell takes to have the same once more. argv[0] is what argp calls us. */
static void keep_command(struct kct_compare *compare, int argc, char **argv)
{
	static char program[] = KCT_PROGRAM, command[] = "compare";
	char **words = calloc((size_t)argc + 2, sizeof(*words));

	if (!words)
		return;
	words[0] = program;
	words[1] = command;
	memcpy(words + 2, argv + 1, (size_t)(argc - 1) * sizeof(*words));
	kct_command_text(compare->command, sizeof(compare->command), words);
	free(words);
}

int cmd_compare(int argc, char **argv)
{
	static const struct argp_child children[] = {{&kct_span_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "BEFORE AFTER\n[LABEL=]PATH...",
		.doc = "Two recordings side by side, say of an unpatched and a patched kernel: "
		       "each figure before, after, and its change. Of three or more, or with "
		       "labels, kernels as columns: what has a label, or else the kernel's "
		       "release, in common are runs of one, and how far these lie apart is the "
		       "noise; with a conclusion in a line.",
		.children = children,
	};
	struct kct_compare compare = {.sides = calloc((size_t)argc, sizeof(*compare.sides))};
	int status;

	if (!compare.sides) {
		kct_error("out of memory");
		return KCT_EXIT_HOST;
	}
	keep_command(&compare, argc, argv);
	if (argp_parse(&argp, argc, argv, 0, NULL, &compare))
		return KCT_EXIT_USAGE;
	status = run(&compare);
	for (size_t i = 0; i < compare.nr_sides; i++) {
		kct_judge_free(compare.sides[i].judge);
		free(compare.sides[i].label);
		free(compare.sides[i].shown_path);
		kct_recording_clear(&compare.sides[i].recording);
	}
	free(compare.sides);
	return status;
}
