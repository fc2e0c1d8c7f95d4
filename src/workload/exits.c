// SPDX-License-Identifier: GPL-2.0
/* Exits from a guest as fast as they go: what a tracer costs where it has nothing to trace. */
#include "base/error.h"
#include "workload/bench.h"
#include "workload/jobs.h"
#include "workload/phase.h"
#include "workload/step.h"

/* No more than the ioctl and one look at its result: wl_vcpu_enter() would be measured too. */
static int exit_often(struct wl_vcpu *vcpu, uint64_t count)
{
	while (count--) {
		int status = wl_vcpu_ioctl(vcpu, WL_RUN, NULL);

		if (status)
			return status;
		if (vcpu->run->exit_reason != KVM_EXIT_IO)
			return wl_fail(KCT_EXIT_FAILED, "unexpected KVM exit reason %u",
				       vcpu->run->exit_reason);
	}
	return 0;
}

static int exits(struct wl *wl, unsigned int index, void *context)
{
	struct wl_vm *vm = wl->vms[index];
	struct wl_span *span = context;
	int status = wl_phase_create(vm, 1, WL_LOOP_EXITS, false);
	json_t *step;

	status = status ? status : wl_vm_run_round(vm);
	if (status)
		return status;
	step = wl_step_begin(vm->steps, "exits");
	span->begin_ns = wl_now();
	status = exit_often(vm->vcpus[0], WL_OPTION(wl, COUNT));
	span->end_ns = wl_now();
	wl_step_end(step);
	wl_phase_read_pvti(vm);
	return status;
}

int wl_exits(struct wl *wl)
{
	static const char *const roles[] = {"exits"};
	struct wl_span span = {0};
	int status;

	wl_make_vms(wl, roles, 1, 1, 1);
	status = wl_jobs(wl, 1, exits, &span);
	if (!status)
		wl_bench_result(wl, WL_OPTION(wl, COUNT), &span, 1);
	return status;
}
