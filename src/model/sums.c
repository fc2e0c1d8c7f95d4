// SPDX-License-Identifier: GPL-2.0
/* What the counters add up to. */
#include <inttypes.h>
#include <stdio.h>

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

/* Of these it is not events that are counted. */
static bool is_without_room(int loss)
{
	return loss == KCT_LOSS_VMS_FULL || loss == KCT_LOSS_VCPUS_FULL;
}

static uint64_t events_lost(const uint64_t losses[KCT_NR_LOSSES])
{
	uint64_t sum = 0;

	for (int i = 0; i < KCT_NR_LOSSES; i++)
		if (!is_without_room(i) && __builtin_add_overflow(sum, losses[i], &sum))
			return UINT64_MAX; /* made up; but not to be taken for none */
	return sum;
}

uint64_t kct_lost(const struct kct_model *model)
{
	return events_lost(model->lost.losses);
}

bool kct_losses_text(const uint64_t losses[KCT_NR_LOSSES], char *text, size_t size)
{
	uint64_t events = events_lost(losses);
	uint64_t vms = losses[KCT_LOSS_VMS_FULL], vcpus = losses[KCT_LOSS_VCPUS_FULL];
	size_t used = 0;

	*text = '\0';
	if (events)
		used = (size_t)snprintf(text, size, "%" PRIu64 " events were lost", events);
	if (vms && used < size)
		used += (size_t)snprintf(text + used, size - used,
					 "%s%" PRIu64 " VMs had no room (--max-vms)",
					 used ? ", " : "", vms);
	if (vcpus && used < size)
		snprintf(text + used, size - used, "%s%" PRIu64 " vCPUs had no room (--max-vms)",
			 used ? ", " : "", vcpus);
	return *text != '\0';
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

static void add_counters(struct kct_vcpu_counters *sum, const struct kct_vcpu_counters *c)
{
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

static void add_vcpu(const struct kct_vcpu *vcpu, void *context)
{
	add_counters(context, &vcpu->counters);
}

struct kct_vcpu_counters kct_vm_vcpu_sum(const struct kct_vm *vm)
{
	struct kct_vcpu_counters sum = {0};

	kct_vm_each_vcpu(vm, add_vcpu, &sum);
	return sum;
}

void kct_vm_counters_add(struct kct_vm_counters *sum, const struct kct_vm_counters *c)
{
	for (int cause = 0; cause < KCT_NR_CAUSES; cause++)
		for (int effect = 0; effect < KCT_NR_EFFECTS; effect++)
			sum->updates[cause][effect] += c->updates[cause][effect];
	sum->set_clocks += c->set_clocks;
}

void kct_folded_add(struct kct_folded *sum, const struct kct_vm *vm)
{
	struct kct_vcpu_counters vcpus = kct_vm_vcpu_sum(vm);

	sum->nr_vms++;
	sum->nr_vcpus += vm->nr_vcpus;
	kct_vm_counters_add(&sum->vm, &vm->counters);
	add_counters(&sum->vcpu, &vcpus);
}

bool kct_model_has_stacks(const struct kct_model *model)
{
	return model->nr_stack_lines;
}

void kct_model_fold_gone(struct kct_model *model, size_t keep)
{
	while (model->nr_gone > keep) {
		const struct kct_vm *vm = TAILQ_FIRST(&model->gone);

		kct_folded_add(&model->folded, vm);
		kct_stack_counts_add(&model->folded_stacks, &vm->stacks, &model->nr_stack_lines);
		kct_model_drop_vm(model, vm->number);
	}
}
