// SPDX-License-Identifier: GPL-2.0
/* The guest writes its own TSC: one vCPU after another, while the others run. */
#include "workload/jobs.h"
#include "workload/phase.h"
#include "workload/step.h"

static int turn_to_writing(struct wl_vcpu *vcpu, void *arg)
{
	struct kvm_regs regs;
	int status = wl_vcpu_ioctl(vcpu, WL_GET_REGS, &regs);

	(void)arg;
	if (status)
		return status;
	wl_guest_write_tsc(&regs);
	return wl_vcpu_ioctl(vcpu, WL_SET_REGS, &regs);
}

static int write_one(struct wl_vm *vm, struct wl_vcpu *vcpu)
{
	json_t *step = wl_step_begin(vm->steps, "guest-writes-tsc");
	int status = wl_vcpu_interrupt(vcpu, turn_to_writing, NULL);

	status = status ? status : wl_phase_settle(vm);
	wl_step_end(step);
	wl_set_u64(step, "vcpu", vcpu->id);
	return status;
}

static int write_all(struct wl_vm *vm, void *context)
{
	const struct wl *wl = context;
	int status = 0;

	for (uint64_t i = 0; i < WL_OPTION(wl, COUNT); i++) {
		struct wl_vcpu *vcpu;

		kct_for_each_vcpu (vcpu, vm)
			status = status ? status : write_one(vm, vcpu);
	}
	return status;
}

static int guest_tsc(struct wl *wl, unsigned int index, void *context)
{
	struct wl_vm *vm = wl->vms[index];
	int status = wl_phase_create(vm, WL_OPTION(wl, VCPUS), WL_LOOP_ROUNDS, true);

	(void)context;
	return status ? status : wl_phase_run(vm, write_all, wl);
}

int wl_guest_tsc(struct wl *wl)
{
	static const char *const roles[] = {"guest-tsc"};

	wl_make_vms(wl, roles, 1, 1, WL_OPTION(wl, VCPUS));
	return wl_jobs(wl, 1, guest_tsc, NULL);
}
