// SPDX-License-Identifier: GPL-2.0
/* Kernels as columns: recordings that have a label, or a kernel's release, in common. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cmd/compare.h"
#include "show/kernels.h"
#include "show/report.h"

struct group {
	struct kct_measured *done; /* ours */
	json_t *recordings;	   /* ours, until they are shown */
};

struct grouping {
	const struct kct_compare *compare;
	struct kct_kernel *kernels; /* room for as many as there are recordings; ours */
	struct group *groups;	    /* of each; ours */
	size_t count;
};

static const char *label_of(const struct kct_compared *side)
{
	const char *release = side->recording.header.kernel;

	if (side->label)
		return side->label;
	return *release ? release : "?";
}

/* Where recordings of that label are put; one that is new comes last. */
static size_t place_of(struct grouping *g, const struct kct_compared *side)
{
	const char *label = label_of(side);

	for (size_t i = 0; i < g->count; i++)
		if (!strcmp(g->kernels[i].label, label))
			return i;
	g->kernels[g->count] =
		(struct kct_kernel){.label = label, .release = side->recording.header.kernel};
	g->kernels[g->count].runs.what = label;
	return g->count++;
}

/* 0 or -1, out of memory. */
static int add(struct grouping *g, const struct kct_compared *side)
{
	size_t at = place_of(g, side);
	struct kct_kernel *kernel = &g->kernels[at];
	struct group *group = &g->groups[at];
	size_t count = kernel->runs.nr_done + 1;
	struct kct_measured *done = reallocarray(group->done, count, sizeof(*done));

	if (!done)
		return -1;
	group->done = done;
	done[count - 1] = side->measured;
	kernel->runs.done = done;
	kernel->runs.nr_done = kernel->runs.asked = count;
	if (kernel->release && strcmp(kernel->release, side->recording.header.kernel))
		kernel->release = NULL;
	if (!group->recordings)
		group->recordings = json_array();
	json_array_append_new(group->recordings, kct_compared_json(side));
	return 0;
}

static int group_all(struct grouping *g)
{
	const struct kct_compare *compare = g->compare;

	g->kernels = calloc(compare->nr_sides, sizeof(*g->kernels));
	g->groups = calloc(compare->nr_sides, sizeof(*g->groups));
	if (!g->kernels || !g->groups)
		return -1;
	for (size_t i = 0; i < compare->nr_sides; i++)
		if (add(g, &compare->sides[i]))
			return -1;
	for (size_t i = 0; i < g->count; i++)
		if (kct_kernel_measure(&g->kernels[i]))
			return -1;
	return 0;
}

static void show_json(struct grouping *g, const struct kct_kernels *kernels)
{
	json_t **recordings = calloc(g->count, sizeof(json_t *));

	if (!recordings) {
		kct_error("out of memory");
		return;
	}
	for (size_t i = 0; i < g->count; i++) {
		recordings[i] = g->groups[i].recordings;
		g->groups[i].recordings = NULL;
	}
	kct_show_kernels_json(stdout, kernels, recordings);
	free(recordings);
}

static void show_reservations(const struct kct_compare *compare)
{
	for (size_t i = 0; i < compare->nr_sides; i++) {
		const struct kct_compared *side = &compare->sides[i];

		if (*side->measured.all.why)
			printf("%s: %s\n", side->shown_path, side->measured.all.why);
		kct_show_passed(stdout, &side->recording.model.passed);
	}
}

static void show(struct grouping *g)
{
	const struct kct_kernels kernels = {
		.list = g->kernels,
		.count = g->count,
		.scenario = kct_compared_scenario(&g->compare->sides[0]),
		.command = g->compare->command,
	};

	if (g->compare->json) {
		show_json(g, &kernels);
		return;
	}
	show_reservations(g->compare);
	kct_show_kernels(stdout, &kernels);
}

static int compare_groups(struct grouping *g)
{
	int status = KCT_EXIT_OK;

	if (group_all(g)) {
		kct_error("out of memory");
		return KCT_EXIT_HOST;
	}
	if (g->count < 2) {
		kct_error("all of these are of %s: what tells them apart? LABEL=PATH",
			  g->kernels[0].label);
		return KCT_EXIT_USAGE;
	}
	show(g);
	for (size_t i = 0; i < g->count; i++)
		if (kct_runs_verdict(&g->kernels[i].runs) == KCT_VERDICT_INCONCLUSIVE)
			status = KCT_EXIT_INCOMPLETE;
	return status;
}

int kct_compare_kernels(const struct kct_compare *compare)
{
	struct grouping g = {.compare = compare};
	int status = compare_groups(&g);

	for (size_t i = 0; g.groups && i < g.count; i++) {
		free(g.groups[i].done);
		json_decref(g.groups[i].recordings);
	}
	free(g.groups);
	free(g.kernels);
	return status;
}
