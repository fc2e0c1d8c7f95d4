// SPDX-License-Identifier: GPL-2.0
/* Masterclock updates as fast as they go: KVM_SET_CLOCK and a short run, again and again. */
#include <stdlib.h>

#include "workload/bench.h"
#include "workload/jobs.h"
#include "workload/phase.h"
#include "workload/step.h"

/* The PVTIs on the way are too many to keep. */
static void forget_pvtis(struct wl_vm *vm)
{
	struct wl_vcpu *vcpu;

	kct_for_each_vcpu (vcpu, vm)
		wl_watch_clear(&vcpu->watch);
}

static int storm(struct wl_vm *vm, uint64_t count)
{
	struct kvm_clock_data clock = {0};
	int status = wl_vm_ioctl(vm, WL_GET_CLOCK, &clock);

	/* Always the same value: no flag, nor what KVM_GET_CLOCK told of the host, goes back. */
	clock = (struct kvm_clock_data){.clock = clock.clock};
	while (!status && count--) {
		status = wl_vm_ioctl(vm, WL_SET_CLOCK, &clock);
		status = status ? status : wl_vm_run_round(vm);
		forget_pvtis(vm);
	}
	return status;
}

static int storm_one(struct wl *wl, unsigned int index, void *context)
{
	struct wl_span *span = (struct wl_span *)context + index;
	struct wl_vm *vm = wl->vms[index];
	int status = wl_phase_create(vm, WL_OPTION(wl, VCPUS), WL_LOOP_EXITS, false);
	json_t *step;

	/* What is pending after the creation is no part of the storm. */
	status = status ? status : wl_vm_run_round(vm);
	if (status)
		return status;
	step = wl_step_begin(vm->steps, "storm");
	span->begin_ns = wl_now();
	status = storm(vm, WL_OPTION(wl, COUNT));
	span->end_ns = wl_now();
	wl_step_end(step);
	wl_phase_read_pvti(vm);
	return status;
}

int wl_storm(struct wl *wl)
{
	static const char *const roles[] = {"storm"};
	unsigned int jobs = WL_OPTION(wl, JOBS);
	struct wl_span *spans = wl_need(calloc(jobs, sizeof(*spans)));
	int status;

	wl_make_vms(wl, roles, 1, jobs, WL_OPTION(wl, VCPUS));
	status = wl_jobs(wl, jobs, storm_one, spans);
	if (!status)
		wl_bench_result(wl, jobs * WL_OPTION(wl, COUNT), spans, jobs);
	free(spans);
	return status;
}
