// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "verdict/measures.h"

#define TEXT(measure, name) name,
const char *const kct_measure_names[KCT_NR_MEASURES] = {KCT_MEASURES(TEXT)};

/* ---- one run ---- */

static void add_vm(const struct kct_vm *vm, void *context)
{
	kct_folded_add(context, vm);
}

/* Which figure of the run's hooks each rests on; the others rest on what is always there. */
static void find_known(struct kct_measured *measured, kct_figures shown)
{
	static const struct {
		enum kct_measure measure;
		enum kct_figure figure;
	} needs[] = {
		{KCT_MEASURE_REQUESTS, KCT_FIGURE_REQUESTS},
		{KCT_MEASURE_PENDING_AT_SET, KCT_FIGURE_PENDING_AT_SET},
		{KCT_MEASURE_JUDGED, KCT_FIGURE_JUDGED},
		{KCT_MEASURE_SERVED, KCT_FIGURE_SERVED},
		{KCT_MEASURE_CLEARED, KCT_FIGURE_CLEARED},
		{KCT_MEASURE_NEW_SNAPSHOTS, KCT_FIGURE_NEW_SNAPSHOTS},
		{KCT_MEASURE_KEPT_SNAPSHOTS, KCT_FIGURE_KEPT_SNAPSHOTS},
		{KCT_MEASURE_TSC_WRITES, KCT_FIGURE_TSC_WRITES},
	};

	for (size_t i = 0; i < KCT_NR_MEASURES; i++)
		measured->known[i] = true;
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		measured->known[needs[i].measure] = kct_figure_is_shown(shown, needs[i].figure);
}

void kct_measure(struct kct_measured *measured, const struct kct_judgement *all,
		 const struct kct_model *model, kct_figures shown)
{
	const struct kct_findings *f = &all->findings;
	struct kct_folded sums = {0};

	kct_model_each_vm(model, add_vm, &sums);
	*measured = (struct kct_measured){
		.all = *all,
		.nr_vms = model->nr_vms,
		.nr_vcpus = sums.nr_vcpus,
		.value =
			{
				[KCT_MEASURE_REQUESTS] = (int64_t)kct_requests(&sums.vcpu),
				[KCT_MEASURE_PENDING_AT_SET] = (int64_t)f->pending_at_set,
				[KCT_MEASURE_JUDGED] = (int64_t)f->judged,
				[KCT_MEASURE_SERVED] = (int64_t)f->served,
				[KCT_MEASURE_CLEARED] = (int64_t)f->cleared,
				[KCT_MEASURE_NEW_SNAPSHOTS] = (int64_t)f->snapshots,
				[KCT_MEASURE_KEPT_SNAPSHOTS] = (int64_t)f->kept,
				[KCT_MEASURE_UPDATES] =
					(int64_t)kct_updates(&sums.vm, KCT_ANY, KCT_ANY),
				[KCT_MEASURE_UPDATES_RESNAPSHOT] = (int64_t)kct_updates(
					&sums.vm, KCT_ANY, KCT_EFFECT_RESNAPSHOT),
				[KCT_MEASURE_UPDATES_SUPPRESSED] = (int64_t)kct_updates(
					&sums.vm, KCT_ANY, KCT_EFFECT_SUPPRESSED),
				[KCT_MEASURE_SET_CLOCKS] = (int64_t)f->clock_sets,
				[KCT_MEASURE_TSC_WRITES] = (int64_t)sums.vcpu.tsc_writes,
				[KCT_MEASURE_PVTI_UPDATES] = (int64_t)sums.vcpu.pvti_updates,
				[KCT_MEASURE_PVTI_MOVED] = (int64_t)f->pvti_moved,
				[KCT_MEASURE_NEGATIVE_DELTAS] = (int64_t)f->negative_deltas,
				[KCT_MEASURE_DRIFT_TOTAL] = (int64_t)f->drift.total,
				[KCT_MEASURE_DRIFT_MAX_FORWARD] = (int64_t)f->drift.max_forward,
				[KCT_MEASURE_DRIFT_MAX_BACKWARD] = (int64_t)f->drift.max_backward,
			},
	};
	find_known(measured, shown);
}

/* ---- several ---- */

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int kct_spread(struct kct_spread *spread, const struct kct_measured *runs, size_t nr_runs,
	       enum kct_measure measure)
{
	int64_t *values = calloc(nr_runs + 1, sizeof(*values));
	size_t count = 0;

	*spread = (struct kct_spread){0};
	if (!values)
		return -ENOMEM;
	for (size_t i = 0; i < nr_runs; i++) {
		if (runs[i].all.verdict == KCT_VERDICT_INCONCLUSIVE)
			continue;
		if (!runs[i].known[measure]) {
			count = 0;
			break;
		}
		values[count++] = runs[i].value[measure];
	}
	if (count) {
		qsort(values, count, sizeof(*values), by_size);
		*spread = (struct kct_spread){
			.known = count,
			.min = values[0],
			.median = values[(count - 1) / 2],
			.max = values[count - 1],
		};
	}
	free(values);
	return 0;
}
