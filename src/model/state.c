// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/tree.h"
#include "kvmclock/account.h"
#include "model/state.h"

static void free_vm(void *data)
{
	struct kct_state_vm *vm = data;

	tdestroy(vm->vcpus, free);
	free(vm);
}

void kct_state_clear(struct kct_state *state)
{
	tdestroy(state->vms, free_vm);
	memset(state, 0, sizeof(*state));
}

const struct kct_state_vm *kct_state_vm(const struct kct_state *state, uint32_t number)
{
	return kct_tree_find(&state->vms, number);
}

const struct kct_state_vcpu *kct_state_vcpu(const struct kct_state_vm *vm, uint32_t id)
{
	return vm ? kct_tree_find(&vm->vcpus, id) : NULL;
}

static void drop_vm(struct kct_state *state, struct kct_state_vm *vm)
{
	kct_tree_remove(&state->vms, vm);
	state->nr_vms--;
	state->nr_vcpus -= vm->nr_vcpus;
	free_vm(vm);
}

/* ---- events ---- */

/* In the middle of things it ran already. */
static int on_vm(struct kct_state *state, const struct kct_vm_event *e,
		 const struct kct_vm_name *name)
{
	struct kct_state_vm key = {.number = e->event.vm, .vm = *e};
	bool added;

	key.vm.event.tid = 0;
	key.vm.created = 0;
	key.vm.create_effect = KCT_EFFECT_UNKNOWN;
	if (name)
		key.name = *name;
	if (!kct_tree_find_or_add(&state->vms, &key, sizeof(key), &added))
		return -ENOMEM;
	state->nr_vms += added;
	return 0;
}

static struct kct_state_vcpu *vcpu_of(struct kct_state *state, struct kct_state_vm *vm,
				      const struct kct_event *event)
{
	struct kct_state_vcpu key = {.id = event->vcpu}, *vcpu;
	bool added;

	memset(&key.vcpu, 0, sizeof(key.vcpu));
	key.vcpu.event = *event;
	key.vcpu.event.kind = KCT_EVENT_VCPU;
	vcpu = kct_tree_find_or_add(&vm->vcpus, &key, sizeof(key), &added);
	vm->nr_vcpus += added;
	state->nr_vcpus += added;
	return vcpu;
}

/* kvmclock_offset is changed after the update that sets the clock: a PVTI shows it. */
static void learn_offset(struct kct_masterclock *clock, const struct kct_pvti *pvti)
{
	if (clock->active == KCT_YES && pvti->flags & KCT_PVTI_TSC_STABLE)
		clock->clock_offset = (int64_t)(pvti->system_time - clock->kernel_ns);
}

static void on_update(struct kct_state_vm *vm, const struct kct_update_event *e)
{
	vm->vm.masterclock = e->after;
	vm->vm.conditions = e->conditions;
	if (kct_is_setting(e->cause))
		vm->unnecessary = 0;
	vm->unnecessary += (unsigned int)kct_is_unnecessary(e);
}

static void on_vcpu_event(struct kct_state_vm *vm, struct kct_state_vcpu *known,
			  const union kct_any_event *event)
{
	struct kct_vcpu_event *vcpu = &known->vcpu;

	switch (event->event.kind) {
	case KCT_EVENT_VCPU:
		*vcpu = event->vcpu;
		known->introduced = true;
		break;
	case KCT_EVENT_UPDATE:
		vcpu->pending = 0;
		break;
	case KCT_EVENT_REQUEST:
		vcpu->pending = event->request.op == KCT_REQUEST_MADE;
		break;
	case KCT_EVENT_PVTI:
		vcpu->pvti = event->pvti.new_pvti;
		vcpu->has_pvti = 1;
		learn_offset(&vm->vm.masterclock, &vcpu->pvti);
		break;
	case KCT_EVENT_TSC_WRITE:
		vcpu->tsc_offset = event->tsc_write.new_offset;
		break;
	case KCT_EVENT_TSC_TRACK:
		vcpu->tsc_generation = event->tsc_track.generation;
		if (event->tsc_track.tsc_khz)
			vcpu->tsc_khz = event->tsc_track.tsc_khz;
		break;
	}
	vcpu->event.ns = event->event.ns;
	vcpu->event.tid = 0;
}

int kct_state_event(struct kct_state *state, const union kct_any_event *event,
		    const struct kct_vm_name *name)
{
	struct kct_state_vcpu *vcpu;
	struct kct_state_vm *vm;

	if (event->event.vm == KCT_NO_VM)
		return 0;
	if (event->event.kind == KCT_EVENT_VM)
		return on_vm(state, &event->vm, name);
	vm = kct_tree_find(&state->vms, event->event.vm);
	if (!vm)
		return 0;
	if (event->event.kind == KCT_EVENT_VM_GONE) {
		drop_vm(state, vm);
		return 0;
	}
	if (event->event.kind == KCT_EVENT_UPDATE)
		on_update(vm, &event->update);
	if (event->event.vcpu == KCT_NO_VCPU || event->event.kind == KCT_EVENT_IOCTL)
		return 0;
	vcpu = vcpu_of(state, vm, &event->event);
	if (!vcpu)
		return -ENOMEM;
	on_vcpu_event(vm, vcpu, event);
	return 0;
}

/* ---- what it tells ---- */

struct telling {
	kct_state_visit visit;
	void *context;
};

static void tell_vcpu(void *item, void *data)
{
	const struct kct_state_vcpu *vcpu = item;
	const struct telling *telling = data;
	union kct_any_event event;

	if (!vcpu->introduced)
		return;
	memset(&event, 0, sizeof(event));
	event.vcpu = vcpu->vcpu;
	telling->visit(telling->context, &event, NULL);
}

void kct_state_tell_vm(const struct kct_state_vm *vm, kct_state_visit visit, void *context)
{
	struct telling telling = {visit, context};
	union kct_any_event event;

	memset(&event, 0, sizeof(event));
	event.vm = vm->vm;
	visit(context, &event, &vm->name);
	kct_tree_each(&vm->vcpus, tell_vcpu, &telling);
}

static void tell_vm(void *vm, void *data)
{
	const struct telling *telling = data;

	kct_state_tell_vm(vm, telling->visit, telling->context);
}

void kct_state_tell(const struct kct_state *state, kct_state_visit visit, void *context)
{
	struct telling telling = {visit, context};

	kct_tree_each(&state->vms, tell_vm, &telling);
}
