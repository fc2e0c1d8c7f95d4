// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"
#include "base/tree.h"

static void free_vm(void *data)
{
	struct kct_vm *vm = data;

	tdestroy(vm->vcpus, free);
	kct_stack_counts_clear(&vm->stacks);
	free(vm);
}

void kct_model_init(struct kct_model *model)
{
	memset(model, 0, sizeof(*model));
	TAILQ_INIT(&model->gone);
}

void kct_model_clear(struct kct_model *model)
{
	tdestroy(model->vms, free_vm);
	kct_stack_counts_clear(&model->folded_stacks);
	kct_stack_counts_clear(&model->nobodys_stacks);
	kct_model_init(model);
}

struct kct_vm *kct_model_vm(struct kct_model *model, uint32_t number)
{
	struct kct_vm key = {.number = number,
			     .active = KCT_NOT_KNOWN,
			     .host_clock = KCT_NO_NUMBER,
			     .model = model};
	bool added;

	if (model->last && model->last->number == number)
		return model->last;
	model->last = kct_tree_find_or_add(&model->vms, &key, sizeof(key), &added);
	model->nr_vms += added;
	return model->last;
}

const struct kct_vm *kct_model_find_vm(const struct kct_model *model, uint32_t number)
{
	return kct_tree_find(&model->vms, number);
}

struct kct_vcpu *kct_vm_vcpu(struct kct_vm *vm, uint32_t id)
{
	struct kct_vcpu key = {.id = id, .tsc.vcpu = id}, *vcpu;
	bool added;

	vcpu = kct_tree_find_or_add(&vm->vcpus, &key, sizeof(key), &added);
	vm->nr_vcpus += added;
	vm->model->nr_vcpus += added;
	if (vm->gone)
		vm->model->nr_gone += added;
	return vcpu;
}

bool kct_model_is_repeated(const struct kct_model *model, const union kct_any_event *event)
{
	const struct kct_vcpu *vcpu;
	const struct kct_vm *vm;

	if (event->event.kind != KCT_EVENT_VM && event->event.kind != KCT_EVENT_VCPU)
		return false;
	vm = kct_model_find_vm(model, event->event.vm);
	if (!vm || event->event.kind == KCT_EVENT_VM)
		return vm && vm->introduced;
	vcpu = kct_tree_find(&vm->vcpus, event->event.vcpu);
	return vcpu && vcpu->introduced;
}

bool kct_vm_has_pid(const struct kct_vm *vm)
{
	return vm->introduced && vm->info.pid != KCT_NO_NUMBER;
}

void kct_vm_label(const struct kct_vm *vm, char *text, size_t size)
{
	if (*vm->name.name)
		kct_vm_name_label(&vm->name, text, size);
	else
		snprintf(text, size, "vm#%" PRIu32, vm->number);
}

void kct_model_drop_vm(struct kct_model *model, uint32_t number)
{
	struct kct_vm *vm = kct_tree_find(&model->vms, number);

	if (!vm)
		return;
	kct_tree_remove(&model->vms, vm);
	if (vm->gone) {
		TAILQ_REMOVE(&model->gone, vm, gone_next);
		model->nr_gone -= 1 + vm->nr_vcpus;
	}
	model->nr_vcpus -= vm->nr_vcpus;
	model->nr_stack_lines -= vm->stacks.nr_lines;
	free_vm(vm);
	model->nr_vms--;
	model->last = NULL;
}

/* ---- events ---- */

static void on_gone(struct kct_model *model, struct kct_vm *vm)
{
	if (vm->gone)
		return;
	vm->gone = true;
	TAILQ_INSERT_TAIL(&model->gone, vm, gone_next);
	model->nr_gone += 1 + vm->nr_vcpus;
}

static void on_vm(struct kct_model *model, struct kct_vm *vm, const struct kct_vm_event *e,
		  const struct kct_vm_name *name)
{
	struct kct_vm_counters none = {0}, *nobody = &model->unattributed.vm;

	/* A second introduction of the same number can only come from a made-up recording. */
	if (vm->introduced)
		return;
	vm->introduced = true;
	vm->info = *e;
	if (name)
		vm->name = *name;
	vm->active = e->masterclock.active;
	vm->conditions = e->conditions;
	vm->nr_online = e->masterclock.nr_vcpus;
	/* The update itself may have been lost or filtered out: then it is not nobody's either. */
	if (e->create_effect >= KCT_NR_EFFECTS ||
	    !nobody->updates[KCT_CAUSE_VM_CREATE][e->create_effect])
		nobody = &none;
	kct_account_created(&vm->counters, nobody, e);
}

static int on_update(struct kct_vm *vm, const struct kct_update_event *e)
{
	struct kct_vcpu *vcpu = NULL;

	if (e->event.vcpu != KCT_NO_VCPU) {
		vcpu = kct_vm_vcpu(vm, e->event.vcpu);
		if (!vcpu)
			return -ENOMEM;
		vcpu->pending = false;
	}
	vm->active = e->after.active;
	vm->conditions = e->conditions;
	vm->nr_online = e->after.nr_vcpus;
	vm->host_clock = e->host_clock;
	kct_account_update(&vm->counters, vcpu ? &vcpu->counters : NULL, e);
	return 0;
}

static void on_vcpu_event(struct kct_vcpu *vcpu, const union kct_any_event *event)
{
	switch (event->event.kind) {
	case KCT_EVENT_VCPU:
		vcpu->introduced = true;
		vcpu->pending = event->vcpu.pending;
		vcpu->tsc.has_offset = true;
		vcpu->tsc.offset = event->vcpu.tsc_offset;
		vcpu->tsc.khz = event->vcpu.tsc_khz;
		vcpu->tsc.generation = event->vcpu.tsc_generation;
		break;
	case KCT_EVENT_REQUEST:
		vcpu->pending = event->request.op == KCT_REQUEST_MADE;
		kct_account_request(&vcpu->counters, &event->request);
		break;
	case KCT_EVENT_PVTI:
		kct_account_pvti(&vcpu->counters, &event->pvti);
		break;
	case KCT_EVENT_TSC_WRITE:
		vcpu->counters.tsc_writes++;
		vcpu->tsc.has_offset = true;
		vcpu->tsc.offset = event->tsc_write.new_offset;
		break;
	case KCT_EVENT_TSC_TRACK:
		vcpu->tsc.generation = event->tsc_track.generation;
		if (event->tsc_track.tsc_khz)
			vcpu->tsc.khz = event->tsc_track.tsc_khz;
		break;
	}
}

static int on_unattributed(struct kct_model *model, const union kct_any_event *event)
{
	struct kct_unattributed *nobody = &model->unattributed;

	switch (event->event.kind) {
	case KCT_EVENT_UPDATE:
		kct_account_update(&nobody->vm, &nobody->vcpu, &event->update);
		kct_stack_count(&model->nobodys_stacks, event, &model->nr_stack_lines);
		break;
	case KCT_EVENT_PVTI:
		kct_account_pvti(&nobody->vcpu, &event->pvti);
		break;
	case KCT_EVENT_TSC_WRITE:
		nobody->vcpu.tsc_writes++;
		break;
	}
	return 0;
}

int kct_model_event(struct kct_model *model, const union kct_any_event *event,
		    const struct kct_vm_name *name)
{
	struct kct_vcpu *vcpu;
	struct kct_vm *vm;

	model->events++;
	if (event->event.vm == KCT_NO_VM)
		return on_unattributed(model, event);
	vm = kct_model_vm(model, event->event.vm);
	if (!vm)
		return -ENOMEM;
	switch (event->event.kind) {
	case KCT_EVENT_VM:
		on_vm(model, vm, &event->vm, name);
		return 0;
	case KCT_EVENT_UPDATE:
		kct_stack_count(&vm->stacks, event, &model->nr_stack_lines);
		return on_update(vm, &event->update);
	case KCT_EVENT_SET_CLOCK:
		vm->counters.set_clocks++;
		return 0;
	case KCT_EVENT_IOCTL:
		return 0;
	case KCT_EVENT_VM_GONE:
		on_gone(model, vm);
		return 0;
	}
	vcpu = kct_vm_vcpu(vm, event->event.vcpu);
	if (!vcpu)
		return -ENOMEM;
	on_vcpu_event(vcpu, event);
	if (event->event.kind == KCT_EVENT_REQUEST)
		kct_stack_count(&vm->stacks, event, &model->nr_stack_lines);
	return 0;
}

/* ---- what was passed over ---- */

void kct_model_passed(struct kct_model *model, uint32_t number, const struct kct_passed *passed)
{
	struct kct_vm *vm;

	kct_passed_add(&model->passed, passed);
	if (number == KCT_NO_VM) {
		model->passed_unlaid += passed->events;
		return;
	}
	vm = kct_tree_find(&model->vms, number);
	if (vm)
		kct_passed_add(&vm->passed, passed);
}

/* ---- walks ---- */

/* A tree's visitor takes any item: this holds the one that takes a VM, and its context. */
struct vm_walk {
	void (*visit)(const struct kct_vm *vm, void *context);
	void *context;
};

static void walk_vm(void *vm, void *data)
{
	const struct vm_walk *walk = data;

	walk->visit(vm, walk->context);
}

void kct_model_each_vm(const struct kct_model *model,
		       void (*visit)(const struct kct_vm *vm, void *context), void *context)
{
	struct vm_walk walk = {visit, context};

	kct_tree_each(&model->vms, walk_vm, &walk);
}

struct vcpu_walk {
	void (*visit)(const struct kct_vcpu *vcpu, void *context);
	void *context;
};

static void walk_vcpu(void *vcpu, void *data)
{
	const struct vcpu_walk *walk = data;

	walk->visit(vcpu, walk->context);
}

void kct_vm_each_vcpu(const struct kct_vm *vm,
		      void (*visit)(const struct kct_vcpu *vcpu, void *context), void *context)
{
	struct vcpu_walk walk = {visit, context};

	kct_tree_each(&vm->vcpus, walk_vcpu, &walk);
}
