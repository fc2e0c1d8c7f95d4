// SPDX-License-Identifier: GPL-2.0
/* From what was found to a verdict. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/tree.h"
#include "verdict/inside.h"

#define TEXT(name, text) text,
const char *const kct_verdict_names[KCT_NR_VERDICTS] = {KCT_VERDICTS(TEXT)};

static enum kct_verdict verdict_of(const struct kct_findings *f)
{
	if (!f->judged)
		return KCT_VERDICT_NOTHING;
	if (!f->snapshots)
		return KCT_VERDICT_SUPPRESSED;
	/* One snapshot for several is only told by those who did without one of their own. */
	return f->shared && !f->repeated ? KCT_VERDICT_COALESCED : KCT_VERDICT_PER_VCPU;
}

static struct kct_judgement judge_vm(const struct kct_judge *judge, const struct vm *vm)
{
	struct kct_judgement j = {.number = vm->number, .findings = vm->findings};
	struct kct_findings *f = &j.findings;

	kct_follow_end(vm, f);
	if (*judge->doubt)
		snprintf(j.why, sizeof(j.why), "%s", judge->doubt);
	else if (*vm->doubt)
		snprintf(j.why, sizeof(j.why), "%s", vm->doubt);
	else if (judge->begins_within && f->found)
		snprintf(j.why, sizeof(j.why),
			 "%" PRIu64 " requests were made before this part begins: what came of "
			 "them until then is not in it",
			 f->found);
	else if (vm->set_updates != f->clock_sets)
		snprintf(j.why, sizeof(j.why), "%s",
			 vm->set_updates > f->clock_sets
				 ? "a setting of the clock is missing that made an update"
				 : "the update that a setting of the clock made is missing");
	else if (f->unresolved)
		snprintf(j.why, sizeof(j.why), "%" PRIu64 " requests were still pending at the end",
			 f->unresolved);
	j.verdict = *j.why ? KCT_VERDICT_INCONCLUSIVE : verdict_of(f);
	return j;
}

struct each {
	const struct kct_judge *judge;
	void (*visit)(const struct kct_judgement *judgement, void *context);
	void *context;
};

static void visit_vm(void *vm, void *data)
{
	const struct each *each = data;
	const struct kct_judgement judgement = judge_vm(each->judge, vm);

	each->visit(&judgement, each->context);
}

void kct_judge_each(struct kct_judge *judge,
		    void (*visit)(const struct kct_judgement *judgement, void *context),
		    void *context)
{
	struct each each = {judge, visit, context};

	kct_tree_each(&judge->vms, visit_vm, &each);
}

/* The findings of all add up, and the worst verdict is that of all. */
static void add_judgement(const struct kct_judgement *one, void *context)
{
	struct kct_judgement *all = context;
	struct kct_findings *to = &all->findings;
	const struct kct_findings *from = &one->findings;

	to->made += from->made;
	to->pending_at_set += from->pending_at_set;
	to->pending_after_set += from->pending_after_set;
	/* Of all settings of the clock, or it is no sum. */
	if (from->clock_sets)
		to->after_set_known =
			from->after_set_known && (!to->clock_sets || to->after_set_known);
	to->judged += from->judged;
	to->found += from->found;
	to->served += from->served;
	to->cleared += from->cleared;
	to->unresolved += from->unresolved;
	to->snapshots += from->snapshots;
	to->kept += from->kept;
	to->shared += from->shared;
	to->repeated += from->repeated;
	to->updates += from->updates;
	to->clock_sets += from->clock_sets;
	to->negative_deltas += from->negative_deltas;
	to->negative_wrong += from->negative_wrong;
	to->pvti_unstable += from->pvti_unstable;
	to->tsc_offsets_differ |= from->tsc_offsets_differ;
	if (from->blackout_ns)
		to->blackout_ns = from->blackout_ns;
	if (one->verdict > all->verdict)
		all->verdict = one->verdict;
	if (*one->why && !*all->why)
		snprintf(all->why, sizeof(all->why), "%s", one->why);
}

/* Of PVTIs, those count that follow a setting, where there was one: a start moves them too. */
static void add_pvtis(const struct kct_judgement *one, void *context)
{
	struct kct_findings *to = &((struct kct_judgement *)context)->findings;
	const struct kct_findings *from = &one->findings;

	if (to->clock_sets && !from->clock_sets)
		return;
	to->pvti_updates += from->pvti_updates;
	to->pvti_moved += from->pvti_moved;
	kct_drift_add(&to->drift, &from->drift);
}

struct kct_judgement kct_judge_all(struct kct_judge *judge)
{
	struct kct_judgement all = {.number = KCT_NO_VM};

	if (!judge->vms)
		kct_judge_doubt(judge, "no VM was seen");
	kct_judge_each(judge, add_judgement, &all);
	kct_judge_each(judge, add_pvtis, &all);
	if (*judge->doubt) {
		all.verdict = KCT_VERDICT_INCONCLUSIVE;
		snprintf(all.why, sizeof(all.why), "%s", judge->doubt);
	}
	return all;
}
