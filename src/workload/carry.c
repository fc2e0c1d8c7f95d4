// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "workload/carry.h"
#include "workload/phase.h"
#include "workload/step.h"

/* All that QEMU reads of a vCPU and that our guest has any of. */
static int save_cpu(struct wl_vcpu *vcpu, void *arg)
{
	struct wl_carried *carried = &((struct wl_carry *)arg)->vcpus[vcpu->id];
	struct kvm_msr_entry msrs[] = {
		{.index = WL_MSR_TSC_ADJUST},
		{.index = WL_MSR_SYSTEM_TIME},
	};
	int status = wl_vcpu_ioctl(vcpu, WL_GET_REGS, &carried->regs);

	status = status ? status : wl_vcpu_ioctl(vcpu, WL_GET_SREGS, &carried->sregs);
	status = status ? status : wl_vcpu_get_msrs(vcpu, msrs, 2);
	carried->tsc_adjust = msrs[0].data;
	carried->system_time = msrs[1].data;
	return status;
}

/* wl_vm_each() takes no pointer to const. */
struct restoring {
	const struct wl_carry *carry;
};

static int restore_cpu(struct wl_vcpu *vcpu, void *arg)
{
	const struct restoring *restoring = arg;
	struct wl_carried carried = restoring->carry->vcpus[vcpu->id];
	int status = wl_vcpu_ioctl(vcpu, WL_SET_SREGS, &carried.sregs);

	return status ? status : wl_vcpu_ioctl(vcpu, WL_SET_REGS, &carried.regs);
}

int wl_carry_save(struct wl_carry *carry, struct wl_vm *source)
{
	json_t *step = wl_step_begin(source->steps, "save-cpu");
	int status;

	carry->nr_vcpus = source->nr_vcpus;
	carry->vcpus = wl_need(calloc(source->nr_vcpus, sizeof(*carry->vcpus)));
	carry->memory = wl_need(malloc(WL_MEMORY_SIZE));
	status = wl_vm_each(source, save_cpu, carry);
	memcpy(carry->memory, source->memory, WL_MEMORY_SIZE);
	wl_step_end(step);
	wl_phase_read_pvti(source);
	return status;
}

int wl_carry_restore(const struct wl_carry *carry, struct wl_vm *target)
{
	struct restoring restoring = {carry};
	int status = wl_phase_create(target, carry->nr_vcpus, WL_LOOP_ROUNDS, true);

	if (status)
		return status;
	memcpy(target->memory, carry->memory, WL_MEMORY_SIZE);
	/* The page came along: only what differs from now on was published to the target. */
	for (unsigned int i = 0; i < carry->nr_vcpus; i++)
		target->vcpus[i]->watch.last = wl_pvti_read(target->memory, i);
	return wl_vm_each(target, restore_cpu, &restoring);
}

int wl_carry_set_msrs(const struct wl_carry *carry, struct wl_vcpu *vcpu)
{
	const struct wl_carried *carried = &carry->vcpus[vcpu->id];
	struct kvm_msr_entry msrs[] = {
		{.index = WL_MSR_TSC_ADJUST, .data = carried->tsc_adjust},
		{.index = WL_MSR_SYSTEM_TIME, .data = carried->system_time},
	};

	return wl_vcpu_set_msrs(vcpu, msrs, 2);
}

void wl_carry_free(struct wl_carry *carry)
{
	free(carry->memory);
	free(carry->vcpus);
	*carry = (struct wl_carry){0};
}
