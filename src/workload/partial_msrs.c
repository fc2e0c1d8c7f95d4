// SPDX-License-Identifier: GPL-2.0
/* KVM_GET_MSRS that stops at an MSR that there is not, before IA32_TSC or after it. */
#include "base/error.h"
#include "workload/carry.h"
#include "workload/jobs.h"
#include "workload/phase.h"
#include "workload/step.h"

#define MSR_NONE 0x1badc10cU /* of no vendor */

/* What is in the list before: not what a TSC reads. */
#define UNTOUCHED 0x5555555555555555ULL

static int get(struct wl_vcpu *vcpu, const char *name, uint32_t first, uint32_t second)
{
	union {
		struct kvm_msrs msrs;
		char room[sizeof(struct kvm_msrs) + 2 * sizeof(struct kvm_msr_entry)];
	} list = {.msrs.nmsrs = 2};
	const struct kvm_msr_entry *tsc = &list.msrs.entries[first == WL_MSR_IA32_TSC ? 0 : 1];
	json_t *step = wl_step_begin(vcpu->vm->steps, name);
	int done;

	list.msrs.entries[0] = (struct kvm_msr_entry){.index = first, .data = UNTOUCHED};
	list.msrs.entries[1] = (struct kvm_msr_entry){.index = second, .data = UNTOUCHED};
	done = wl_ioctl(&vcpu->counts, vcpu->fd, WL_GET_MSRS, (uintptr_t)&list);
	wl_step_end(step);
	if (done < 0)
		return wl_vcpu_fail(vcpu, WL_GET_MSRS, done);
	if (done == 2)
		return wl_fail(KCT_EXIT_HOST, "this kernel reads MSR 0x%x (kvm.ignore_msrs?)",
			       MSR_NONE);
	wl_set_u64(step, "done", (uint64_t)done);
	wl_set_u64(step, "tsc", tsc->data);
	return 0;
}

static int partial(struct wl *wl, unsigned int index, void *context)
{
	struct wl_vm *vm = wl->vms[index];
	int status = wl_phase_create(vm, 1, WL_LOOP_EXITS, false);

	(void)context;
	status = status ? status : wl_vm_run_round(vm);
	status = status ? status : get(vm->vcpus[0], "tsc-unread", MSR_NONE, WL_MSR_IA32_TSC);
	return status ? status : get(vm->vcpus[0], "tsc-read", WL_MSR_IA32_TSC, MSR_NONE);
}

int wl_partial_msrs(struct wl *wl)
{
	static const char *const roles[] = {"partial-msrs"};

	wl_make_vms(wl, roles, 1, 1, 1);
	return wl_jobs(wl, 1, partial, NULL);
}
