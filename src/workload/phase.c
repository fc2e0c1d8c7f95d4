// SPDX-License-Identifier: GPL-2.0
#include "workload/phase.h"
#include "workload/step.h"

/*
 * A masterclock update in one vCPU asks all others to publish anew, without driving them out of
 * the guest once more: they do so when they enter it the next time, at the latest one round
 * after the round in progress.
 */
#define ROUNDS_TO_PUBLISH 2
#define ROUNDS_ON	  6

int wl_phase_create(struct wl_vm *vm, unsigned int vcpus, enum wl_loop loop, bool threaded)
{
	json_t *step = wl_step_begin(vm->steps, "create");
	int status = wl_vm_create(vm);

	status = status ? status : wl_vcpus_add(vm, vcpus, loop, threaded);
	wl_step_end(step);
	return status;
}

void wl_phase_read_pvti(struct wl_vm *vm)
{
	json_t *step = wl_step_begin(vm->steps, "read-pvti");
	json_t *array = wl_need(json_array());
	struct wl_vcpu *vcpu;

	kct_for_each_vcpu (vcpu, vm) {
		struct wl_pvti pvti = wl_pvti_read(vm->memory, vcpu->id);

		wl_append(array, wl_pvti_json(vcpu->id, &pvti));
	}
	wl_step_end(step);
	wl_set(step, "pvti", array);
}

void wl_phase_pass(struct wl_vm *vm, const char *name, uint64_t ns)
{
	json_t *step;

	if (!ns)
		return;
	step = wl_step_begin(vm->steps, name);
	wl_pass(ns);
	wl_step_end(step);
}

int wl_phase_settle(struct wl_vm *vm)
{
	/* After one round no vCPU has a request from before it ran. */
	int status = wl_vm_await(vm, 1);

	return status ? status : wl_vm_await(vm, ROUNDS_TO_PUBLISH + ROUNDS_ON);
}

json_t *wl_phase_run_begin(struct wl_vm *vm)
{
	json_t *step = wl_step_begin(vm->steps, "run");

	wl_vm_start(vm);
	return step;
}

int wl_phase_run_end(struct wl_vm *vm, json_t *step)
{
	int status = wl_vm_stop(vm);
	json_t *array = wl_need(json_array());
	struct wl_vcpu *vcpu;

	wl_step_end(step);
	kct_for_each_vcpu (vcpu, vm) {
		wl_watch_json(array, vcpu->id, &vcpu->watch);
		wl_watch_clear(&vcpu->watch);
	}
	wl_set(step, "pvti", array);
	return status;
}

int wl_phase_run(struct wl_vm *vm, wl_phase_body *body, void *context)
{
	json_t *step = wl_phase_run_begin(vm);
	int status = wl_phase_settle(vm);
	int ended;

	if (!status && body)
		status = body(vm, context);
	ended = wl_phase_run_end(vm, step);
	return status ? status : ended;
}
