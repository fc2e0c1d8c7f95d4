// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/tree.h"
#include "screen/watch.h"

static void free_vm(void *data)
{
	struct kct_watch_vm *vm = data;

	tdestroy(vm->vcpus, free);
	free(vm);
}

void kct_watch_clear(struct kct_watch *watch)
{
	tdestroy(watch->vms, free_vm);
	memset(watch, 0, sizeof(*watch));
}

const struct kct_watch_vm *kct_watch_vm(const struct kct_watch *watch, uint32_t number)
{
	return kct_tree_find(&watch->vms, number);
}

const struct kct_watch_vcpu *kct_watch_vcpu(const struct kct_watch_vm *vm, uint32_t id)
{
	return vm ? kct_tree_find(&vm->vcpus, id) : NULL;
}

static struct kct_watch_vm *vm_of(struct kct_watch *watch, uint32_t number)
{
	struct kct_watch_vm key = {.number = number, .clock.active = KCT_NOT_KNOWN};
	bool added;

	return kct_tree_find_or_add(&watch->vms, &key, sizeof(key), &added);
}

static struct kct_watch_vcpu *vcpu_of(struct kct_watch_vm *vm, uint32_t id)
{
	struct kct_watch_vcpu key = {.id = id};
	bool added;

	return kct_tree_find_or_add(&vm->vcpus, &key, sizeof(key), &added);
}

/* ---- events ---- */

static int on_update(struct kct_watch_vm *vm, const struct kct_update_event *e)
{
	struct kct_watch_vcpu *vcpu;

	vm->clock = e->after;
	vm->update_ns = e->event.ns;
	vm->cause = e->cause;
	kct_spark_add(&vm->updates, e->event.ns);
	if (e->event.vcpu == KCT_NO_VCPU || e->cause != KCT_CAUSE_VCPU_REQUEST)
		return 0;
	vcpu = vcpu_of(vm, e->event.vcpu);
	if (!vcpu)
		return -ENOMEM;
	kct_spark_add(&vcpu->updates, e->event.ns);
	return 0;
}

static void note_jump(struct kct_jump *largest, struct kct_jump *last, const struct kct_jump *jump)
{
	*last = *jump;
	if (!jump->clock_set &&
	    (!largest->ns || kct_magnitude(jump->drift_ns) > kct_magnitude(largest->drift_ns)))
		*largest = *jump;
}

static int on_pvti(struct kct_watch_vm *vm, const struct kct_pvti_event *e)
{
	struct kct_watch_vcpu *vcpu = vcpu_of(vm, e->event.vcpu);
	struct kct_jump jump = {
		.ns = e->event.ns,
		.drift_ns = e->drift_ns,
		.vcpu = e->event.vcpu,
		.clock_set = e->clock_set,
		.cause = KCT_CAUSE_UNKNOWN,
	};

	if (!vcpu)
		return -ENOMEM;
	if (vm->update_ns && vm->update_ns >= vcpu->pvti_ns)
		jump.cause = vm->cause;
	vcpu->pvti_ns = e->event.ns;
	if (!e->has_drift || !e->drift_ns)
		return 0;
	note_jump(&vcpu->largest, &vcpu->last, &jump);
	note_jump(&vm->largest, &vm->last, &jump);
	return 0;
}

/* The update in KVM_CREATE_VM was nobody's when it happened. */
static void on_vm(struct kct_watch_vm *vm, const struct kct_vm_event *e)
{
	if (vm->clock.active == KCT_NOT_KNOWN)
		vm->clock = e->masterclock;
	if (e->created)
		kct_spark_add(&vm->updates, e->event.ns);
}

int kct_watch_event(struct kct_watch *watch, const union kct_any_event *event)
{
	struct kct_watch_vm *vm;

	if (event->event.kind == KCT_EVENT_UPDATE)
		kct_spark_add(&watch->updates, event->event.ns);
	if (event->event.vm == KCT_NO_VM)
		return 0;
	vm = vm_of(watch, event->event.vm);
	if (!vm)
		return -ENOMEM;
	switch (event->event.kind) {
	case KCT_EVENT_VM:
		on_vm(vm, &event->vm);
		return 0;
	case KCT_EVENT_UPDATE:
		return on_update(vm, &event->update);
	case KCT_EVENT_PVTI:
		return on_pvti(vm, &event->pvti);
	}
	return 0;
}

/* ---- VMs that the model has forgotten ---- */

struct pruning {
	const struct kct_model *model;
	struct kct_watch_vm **forgotten;
	size_t held, count;
};

static void count(void *item, void *context)
{
	struct pruning *pruning = context;

	(void)item;
	pruning->held++;
}

static void note_forgotten(void *item, void *context)
{
	struct pruning *pruning = context;
	struct kct_watch_vm *vm = item;

	if (!kct_model_find_vm(pruning->model, vm->number))
		pruning->forgotten[pruning->count++] = vm;
}

/* What they had counted at the zero mark is a part of what those that are folded add up to. */
void kct_watch_prune(struct kct_watch *watch, const struct kct_model *model)
{
	struct pruning pruning = {.model = model};

	kct_tree_each(&watch->vms, count, &pruning);
	if (pruning.held <= model->nr_vms)
		return;
	pruning.forgotten = calloc(pruning.held, sizeof(struct kct_watch_vm *));
	/* Without memory for that, another time. */
	if (!pruning.forgotten)
		return;
	kct_tree_each(&watch->vms, note_forgotten, &pruning);
	for (size_t i = 0; i < pruning.count; i++) {
		kct_vm_counters_add(&watch->zero_folded, &pruning.forgotten[i]->zero);
		kct_tree_remove(&watch->vms, pruning.forgotten[i]);
		free_vm(pruning.forgotten[i]);
	}
	free(pruning.forgotten);
}

/* ---- the zero mark ---- */

struct zeroing {
	struct kct_watch *watch;
	struct kct_watch_vm *vm;
	int error;
};

static void zero_vcpu(const struct kct_vcpu *vcpu, void *context)
{
	struct zeroing *zeroing = context;
	struct kct_watch_vcpu *watched = vcpu_of(zeroing->vm, vcpu->id);

	if (!watched) {
		zeroing->error = -ENOMEM;
		return;
	}
	watched->zero = vcpu->counters;
	watched->largest = watched->last = (struct kct_jump){0};
}

static void zero_vm(const struct kct_vm *vm, void *context)
{
	struct zeroing *zeroing = context;

	zeroing->vm = vm_of(zeroing->watch, vm->number);
	if (!zeroing->vm) {
		zeroing->error = -ENOMEM;
		return;
	}
	zeroing->vm->zero = vm->counters;
	zeroing->vm->largest = zeroing->vm->last = (struct kct_jump){0};
	kct_vm_each_vcpu(vm, zero_vcpu, zeroing);
}

int kct_watch_zero(struct kct_watch *watch, const struct kct_model *model, uint64_t now_ns)
{
	struct zeroing zeroing = {.watch = watch};

	kct_model_each_vm(model, zero_vm, &zeroing);
	watch->zero_ns = now_ns;
	watch->zero_nobody = model->unattributed.vm;
	watch->zero_folded = model->folded.vm;
	return zeroing.error;
}

struct kct_vm_counters kct_counters_less(const struct kct_vm_counters *now,
					 const struct kct_vm_counters *zero)
{
	struct kct_vm_counters less = *now;

	for (int c = 0; c < KCT_NR_CAUSES; c++)
		for (int e = 0; e < KCT_NR_EFFECTS; e++)
			less.updates[c][e] -= zero->updates[c][e];
	less.set_clocks -= zero->set_clocks;
	return less;
}

struct kct_vm_counters kct_since_zero(const struct kct_vm_counters *now,
				      const struct kct_watch_vm *vm)
{
	return vm ? kct_counters_less(now, &vm->zero) : *now;
}

struct kct_vcpu_counters kct_vcpu_since_zero(const struct kct_vcpu_counters *now,
					     const struct kct_watch_vcpu *vcpu)
{
	struct kct_vcpu_counters since = *now;
	const struct kct_vcpu_counters *zero;

	since.drift.max_forward = since.drift.max_backward = 0;
	if (!vcpu)
		return since;
	zero = &vcpu->zero;
	for (int i = 0; i < KCT_NR_ORIGINS; i++)
		since.requests[i] -= zero->requests[i];
	for (int i = 0; i < KCT_NR_EFFECTS; i++)
		since.updates[i] -= zero->updates[i];
	since.requests_derived -= zero->requests_derived;
	since.requests_cleared -= zero->requests_cleared;
	since.pvti_updates -= zero->pvti_updates;
	since.pvti_changed -= zero->pvti_changed;
	since.pvti_rebased -= zero->pvti_rebased;
	since.negative_deltas -= zero->negative_deltas;
	since.tsc_writes -= zero->tsc_writes;
	/* Sums of ns wrap, as a made-up recording may hold any number. */
	since.drift.total = (int64_t)((uint64_t)now->drift.total - (uint64_t)zero->drift.total);
	since.drift.set_clock =
		(int64_t)((uint64_t)now->drift.set_clock - (uint64_t)zero->drift.set_clock);
	return since;
}
