// SPDX-License-Identifier: GPL-2.0
/* What the counters add up to. */
#include "model/model.h"

uint64_t kct_updates(const struct kct_vm_counters *counters, int cause, int effect)
{
	uint64_t sum = 0;

	for (int c = 0; c < KCT_NR_CAUSES; c++)
		for (int e = 0; e < KCT_NR_EFFECTS; e++)
			if ((cause == KCT_ANY || cause == c) && (effect == KCT_ANY || effect == e))
				sum += counters->updates[c][e];
	return sum;
}

uint64_t kct_vcpu_updates(const struct kct_vcpu_counters *counters)
{
	uint64_t sum = 0;

	for (int e = 0; e < KCT_NR_EFFECTS; e++)
		sum += counters->updates[e];
	return sum;
}

uint64_t kct_requests(const struct kct_vcpu_counters *counters)
{
	uint64_t sum = 0;

	for (int o = 0; o < KCT_NR_ORIGINS; o++)
		sum += counters->requests[o];
	return sum;
}

uint64_t kct_unnecessary(const struct kct_vm_counters *counters)
{
	return counters->updates[KCT_CAUSE_VCPU_REQUEST][KCT_EFFECT_RESNAPSHOT];
}

uint64_t kct_lost(const struct kct_model *model)
{
	uint64_t sum = 0;

	for (int i = 0; i < KCT_NR_LOSSES; i++)
		if (__builtin_add_overflow(sum, model->losses[i], &sum))
			return UINT64_MAX; /* made up; but not to be taken for none */
	return sum;
}

void kct_drift_add(struct kct_drift *sum, const struct kct_drift *drift)
{
	sum->total = (int64_t)((uint64_t)sum->total + (uint64_t)drift->total);
	sum->set_clock = (int64_t)((uint64_t)sum->set_clock + (uint64_t)drift->set_clock);
	if (drift->max_forward > sum->max_forward)
		sum->max_forward = drift->max_forward;
	if (drift->max_backward < sum->max_backward)
		sum->max_backward = drift->max_backward;
}

int64_t kct_drift_unasked(const struct kct_drift *drift)
{
	return (int64_t)((uint64_t)drift->total - (uint64_t)drift->set_clock);
}

static void add_vcpu(const struct kct_vcpu *vcpu, void *context)
{
	struct kct_vcpu_counters *sum = context;
	const struct kct_vcpu_counters *c = &vcpu->counters;

	for (int i = 0; i < KCT_NR_ORIGINS; i++)
		sum->requests[i] += c->requests[i];
	for (int i = 0; i < KCT_NR_EFFECTS; i++)
		sum->updates[i] += c->updates[i];
	sum->requests_derived += c->requests_derived;
	sum->requests_cleared += c->requests_cleared;
	sum->pvti_updates += c->pvti_updates;
	sum->pvti_changed += c->pvti_changed;
	sum->pvti_rebased += c->pvti_rebased;
	sum->negative_deltas += c->negative_deltas;
	sum->tsc_writes += c->tsc_writes;
	kct_drift_add(&sum->drift, &c->drift);
}

struct kct_vcpu_counters kct_vm_vcpu_sum(const struct kct_vm *vm)
{
	struct kct_vcpu_counters sum = {0};

	kct_vm_each_vcpu(vm, add_vcpu, &sum);
	return sum;
}
