// SPDX-License-Identifier: GPL-2.0
/*
 * The TSC of the last vCPU is written apart from the others', or has a frequency of its own: KVM
 * then turns the masterclock off.
 */
#include "base/error.h"
#include "workload/carry.h"
#include "workload/clock.h"
#include "workload/jobs.h"
#include "workload/phase.h"
#include "workload/step.h"

struct apart {
	uint64_t cycles; /* by which the TSC is put ahead */
	uint64_t khz;	 /* its frequency; 0 keeps it */
	bool one_reg;	 /* by KVM_[GS]ET_ONE_REG */
};

static int set_khz(struct wl_vcpu *vcpu, uint64_t khz)
{
	int ret = wl_ioctl(&vcpu->counts, vcpu->fd, WL_SET_TSC_KHZ, khz);

	return ret < 0 ? wl_vcpu_fail(vcpu, WL_SET_TSC_KHZ, ret) : 0;
}

static int get_tsc(struct wl_vcpu *vcpu, const struct apart *apart, uint64_t *tsc)
{
	struct kvm_msr_entry msr = {.index = WL_MSR_IA32_TSC};
	int status;

	if (apart->one_reg)
		return wl_tsc_get_one_reg(vcpu, tsc);
	status = wl_vcpu_get_msrs(vcpu, &msr, 1);
	*tsc = msr.data;
	return status;
}

static int set_tsc(struct wl_vcpu *vcpu, const struct apart *apart, uint64_t tsc)
{
	struct kvm_msr_entry msr = {.index = WL_MSR_IA32_TSC, .data = tsc};

	return apart->one_reg ? wl_tsc_set_one_reg(vcpu, tsc) : wl_vcpu_set_msrs(vcpu, &msr, 1);
}

/* KVM takes a TSC that is less than a second from the others' for one that is to match them. */
static int put_apart(struct wl_vcpu *vcpu, void *arg)
{
	const struct apart *apart = arg;
	uint64_t tsc;
	int status = get_tsc(vcpu, apart, &tsc);

	if (!status && apart->khz)
		status = set_khz(vcpu, apart->khz);
	return status ? status : set_tsc(vcpu, apart, tsc + apart->cycles);
}

static int odd_tsc(struct wl *wl, unsigned int index, void *context)
{
	struct apart apart = {WL_OPTION(wl, TSC_SPREAD), WL_OPTION(wl, TSC_KHZ),
			      WL_OPTION(wl, ONE_REG)};
	struct wl_vm *vm = wl->vms[index];
	int status = wl_phase_create(vm, WL_OPTION(wl, VCPUS), WL_LOOP_ROUNDS, true);
	json_t *step;

	(void)context;
	status = status ? status : wl_phase_run(vm, NULL, NULL);
	if (status)
		return status;
	step = wl_step_begin(vm->steps, "put-apart");
	wl_set_u64(step, "vcpu", vm->nr_vcpus - 1);
	status = wl_vcpu_call(vm->vcpus[vm->nr_vcpus - 1], put_apart, &apart);
	wl_step_end(step);
	return status ? status : wl_phase_run(vm, NULL, NULL);
}

int wl_odd_tsc(struct wl *wl)
{
	static const char *const roles[] = {"odd-tsc"};

	wl_make_vms(wl, roles, 1, 1, WL_OPTION(wl, VCPUS));
	return wl_jobs(wl, 1, odd_tsc, NULL);
}
