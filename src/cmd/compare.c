// SPDX-License-Identifier: GPL-2.0
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "model/figures.h"
#include "model/names.h"
#include "verdict/verdict.h"
#include "record/load.h"
#include "record/writer.h"
#include "show/report.h"

#define COMPARE_SCHEMA	"kvmclock-trace/compare"
#define COMPARE_VERSION 1

/* One of the two recordings, with its judgement. */
struct side {
	const char *path;
	char *shown_path; /* its printable form; ours */
	struct kct_recording recording;
	struct kct_judge *judge;
	struct kct_judgement all;
	uint64_t nr_vcpus;
	struct kct_vm_counters vms;
	struct kct_vcpu_counters vcpus;
	bool failed;
};

struct compare {
	struct side sides[2];
	int nr_paths;
	bool json, force;
};

static const struct argp_option options[] = {
	{"json", 'j', NULL, 0, "One JSON object", 0},
	{"force", 'f', NULL, 0, "Compare what cannot be compared, too", 0},
	{0},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct compare *compare = state->input;

	switch (key) {
	case 'j':
		compare->json = true;
		return 0;
	case 'f':
		compare->force = true;
		return 0;
	case ARGP_KEY_ARG:
		if (compare->nr_paths == 2)
			argp_error(state, "two recordings, not more");
		compare->sides[compare->nr_paths++].path = text;
		return 0;
	case ARGP_KEY_END:
		if (compare->nr_paths < 2)
			argp_error(state, "which two recordings?");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* ---- reading ---- */

static bool on_event(void *context, const union kct_any_event *event,
		     const struct kct_vm_name *name)
{
	struct side *side = context;

	(void)name;
	if (kct_judge_event(side->judge, event))
		side->failed = true;
	return true;
}

static void add_vm(const struct kct_vm *vm, void *context)
{
	struct side *side = context;
	struct kct_vcpu_counters sum = kct_vm_vcpu_sum(vm);

	side->nr_vcpus += vm->nr_vcpus;
	for (int c = 0; c < KCT_NR_CAUSES; c++)
		for (int e = 0; e < KCT_NR_EFFECTS; e++)
			side->vms.updates[c][e] += vm->counters.updates[c][e];
	for (int o = 0; o < KCT_NR_ORIGINS; o++)
		side->vcpus.requests[o] += sum.requests[o];
	side->vcpus.pvti_updates += sum.pvti_updates;
	side->vcpus.tsc_writes += sum.tsc_writes;
}

static int read_side(struct side *side)
{
	int status;

	side->judge = kct_judge_new();
	side->shown_path = kct_text_dup(side->path, 0);
	if (!side->judge || !side->shown_path) {
		kct_error("out of memory");
		return KCT_EXIT_HOST;
	}
	status = kct_load(side->path, &side->recording, on_event, side);
	if (status == KCT_EXIT_USAGE)
		return status;
	if (!side->recording.whole)
		kct_judge_doubt(side->judge, side->recording.incomplete);
	kct_judge_losses(side->judge, &side->recording.model);
	kct_judge_hooks(side->judge, &side->recording.header);
	if (side->failed)
		kct_judge_doubt(side->judge, "out of memory");
	side->all = kct_judge_all(side->judge);
	kct_model_each_vm(&side->recording.model, add_vm, side);
	return 0;
}

/* ---- may they be compared? ---- */

/* What ran, without where the program lies. */
static const char *scenario_of(const struct side *side)
{
	const char *at = strstr(side->recording.header.command, "workload ");

	return at ? at : side->recording.header.command;
}

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
static const char *difference(const struct side *a, const struct side *b)
{
	if (strcmp(scenario_of(a), scenario_of(b)))
		return "they are of different commands";
	if (a->recording.model.nr_vms != b->recording.model.nr_vms)
		return "they have not as many VMs";
	if (a->nr_vcpus != b->nr_vcpus)
		return "they have not as many vCPUs";
	if (!same_evidence(&a->recording.header, &b->recording.header))
		return "their evidence was had in different ways (see their headers' hooks)";
	return NULL;
}

/* ---- figures ---- */

#define MAX_FIGURES 24

struct figure {
	const char *name;
	int64_t value[2];
	bool known[2];
};

/* Of a figure that can be unknown; and one that rests on nothing that can be missing. */
#define MAYBE(figure) kct_figure_names[KCT_FIGURE_##figure], KCT_FIGURE_##figure
#define ALWAYS	      (-1)

static void figures_of(const struct side *side, int at, struct figure *figures, size_t *count)
{
	kct_figures shown = kct_figures_shown(&side->recording.header);
	const struct kct_findings *f = &side->all.findings;
	const struct kct_vm_counters *vms = &side->vms;
	const struct {
		const char *name;
		int figure;
		uint64_t value;
	} all[] = {
		{MAYBE(REQUESTS), kct_requests(&side->vcpus)},
		{MAYBE(PENDING_AT_SET), f->pending_at_set},
		{MAYBE(JUDGED), f->judged},
		{MAYBE(SERVED), f->served},
		{MAYBE(CLEARED), f->cleared},
		{MAYBE(NEW_SNAPSHOTS), f->snapshots},
		{MAYBE(KEPT_SNAPSHOTS), f->kept},
		{"updates", ALWAYS, kct_updates(vms, KCT_ANY, KCT_ANY)},
		{"updates_resnapshot", ALWAYS, kct_updates(vms, KCT_ANY, KCT_EFFECT_RESNAPSHOT)},
		{"updates_suppressed", ALWAYS, kct_updates(vms, KCT_ANY, KCT_EFFECT_SUPPRESSED)},
		{"set_clocks", ALWAYS, f->clock_sets},
		{MAYBE(TSC_WRITES), side->vcpus.tsc_writes},
		{"pvti_updates", ALWAYS, side->vcpus.pvti_updates},
		{"pvti_moved", ALWAYS, f->pvti_moved},
		{"negative_deltas", ALWAYS, f->negative_deltas},
		{"drift_total_ns", ALWAYS, (uint64_t)f->drift.total},
		{"drift_max_forward_ns", ALWAYS, (uint64_t)f->drift.max_forward},
		{"drift_max_backward_ns", ALWAYS, (uint64_t)f->drift.max_backward},
	};

	_Static_assert(sizeof(all) / sizeof(all[0]) <= MAX_FIGURES, "room for every figure");
	*count = sizeof(all) / sizeof(all[0]);
	for (size_t i = 0; i < *count; i++) {
		figures[i].name = all[i].name;
		figures[i].value[at] = (int64_t)all[i].value;
		figures[i].known[at] =
			all[i].figure == ALWAYS || kct_figure_is_shown(shown, all[i].figure);
	}
}

static int64_t change_of(const struct figure *figure)
{
	return (int64_t)((uint64_t)figure->value[1] - (uint64_t)figure->value[0]);
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

static void show_figure(const struct figure *figure)
{
	printf("%-24s", figure->name);
	for (int i = 0; i < 2; i++)
		if (figure->known[i])
			printf(" %20" PRId64, figure->value[i]);
		else
			printf(" %20s", "?");
	if (figure->known[0] && figure->known[1])
		printf(" %+14" PRId64 "\n", change_of(figure));
	else
		printf(" %14s\n", "?");
}

static void show(const struct compare *compare, const struct figure *figures, size_t count)
{
	const struct side *a = &compare->sides[0], *b = &compare->sides[1];
	char c[2][KCT_COLUMN_ROOM(SIDE_COLUMNS)];

	printf("%-24s %20s %20s %14s\n", "", "BEFORE", "AFTER", "CHANGE");
	printf("%-24s %s %s\n", "kernel", at_right(c[0], a->recording.header.kernel),
	       at_right(c[1], b->recording.header.kernel));
	printf("%-24s %20s %20s\n", "verdict", kct_verdict_names[a->all.verdict],
	       kct_verdict_names[b->all.verdict]);
	for (size_t i = 0; i < count; i++)
		show_figure(&figures[i]);
	for (int i = 0; i < 2; i++) {
		if (*compare->sides[i].all.why)
			printf("%s: %s\n", compare->sides[i].shown_path, compare->sides[i].all.why);
		kct_show_passed(stdout, &compare->sides[i].recording.model.passed);
	}
}

static json_t *side_json(const struct side *side)
{
	return json_pack("{s:s, s:o, s:s, s:o, s:o}", "path", side->shown_path, "host",
			 kct_json_host(&side->recording.header), "verdict",
			 kct_verdict_names[side->all.verdict], "why", kct_json_text(side->all.why),
			 "passed_over", kct_json_passed(&side->recording.model.passed));
}

static json_t *known_json(bool known, int64_t value)
{
	return known ? json_integer((json_int_t)value) : json_null();
}

static json_t *figure_json(const struct figure *figure)
{
	return json_pack("{s:o, s:o, s:o}", "before",
			 known_json(figure->known[0], figure->value[0]), "after",
			 known_json(figure->known[1], figure->value[1]), "change",
			 known_json(figure->known[0] && figure->known[1], change_of(figure)));
}

static void show_json(const struct compare *compare, const struct figure *figures, size_t count)
{
	json_t *rows = json_object(), *object;

	for (size_t i = 0; i < count; i++)
		json_object_set_new(rows, figures[i].name, figure_json(&figures[i]));
	object = json_pack("{s:s, s:i, s:o, s:o, s:o}", "schema", COMPARE_SCHEMA, "version",
			   COMPARE_VERSION, "before", side_json(&compare->sides[0]), "after",
			   side_json(&compare->sides[1]), "figures", rows);
	kct_json_print(stdout, object);
}

static int run(struct compare *compare)
{
	struct figure figures[MAX_FIGURES];
	const char *why;
	size_t count = 0;
	int status;

	for (int i = 0; i < 2; i++) {
		status = read_side(&compare->sides[i]);
		if (status)
			return status;
		figures_of(&compare->sides[i], i, figures, &count);
	}
	why = difference(&compare->sides[0], &compare->sides[1]);
	if (why && !compare->force) {
		kct_error("%s and %s cannot be compared: %s; --force does it all the same",
			  compare->sides[0].path, compare->sides[1].path, why);
		return KCT_EXIT_USAGE;
	}
	if (compare->json)
		show_json(compare, figures, count);
	else
		show(compare, figures, count);
	for (int i = 0; i < 2; i++)
		if (compare->sides[i].all.verdict == KCT_VERDICT_INCONCLUSIVE)
			return KCT_EXIT_INCOMPLETE;
	return KCT_EXIT_OK;
}

int cmd_compare(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "BEFORE AFTER",
		.doc = "Two recordings side by side, say of an unpatched and a patched kernel: "
		       "each "
		       "figure before, after, and its change.",
	};
	struct compare compare = {0};
	int status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &compare))
		return KCT_EXIT_USAGE;
	status = run(&compare);
	for (int i = 0; i < 2; i++) {
		kct_judge_free(compare.sides[i].judge);
		free(compare.sides[i].shown_path);
		kct_recording_clear(&compare.sides[i].recording);
	}
	return status;
}
