// SPDX-License-Identifier: GPL-2.0
/* VMs that come and go. */
#include "workload/bench.h"
#include "workload/jobs.h"
#include "workload/report.h"
#include "workload/step.h"
#include "workload/vm.h"

static int live(struct wl_vm *vm, unsigned int vcpus)
{
	int status = wl_vm_create(vm);

	status = status ? status : wl_vcpus_add(vm, vcpus, WL_LOOP_ROUNDS, false);
	return status ? status : wl_vm_run_round(vm);
}

static int churn(struct wl *wl, unsigned int index, void *context)
{
	uint64_t vms = wl_share(WL_OPTION(wl, VMS), WL_OPTION(wl, JOBS), index);
	unsigned int vcpus = WL_OPTION(wl, VCPUS);
	struct wl_counts counts = {0};
	int status = 0;

	(void)context;
	for (uint64_t i = 0; !status && i < vms; i++) {
		struct wl_vm *vm = wl_vm_new(&wl->kvm, "churn", index, vcpus);

		status = live(vm, vcpus);
		wl_report_count(vm, &counts);
		wl_vm_free(vm);
	}
	pthread_mutex_lock(&wl->lock);
	wl_append(wl->summaries, wl_report_summary("churn", index, vms, vcpus, &counts));
	pthread_mutex_unlock(&wl->lock);
	return status;
}

int wl_churn(struct wl *wl)
{
	struct wl_span span = {.begin_ns = wl_now()};
	int status = wl_jobs(wl, WL_OPTION(wl, JOBS), churn, NULL);

	span.end_ns = wl_now();
	if (!status)
		wl_bench_result(wl, WL_OPTION(wl, VMS), &span, 1);
	return status;
}
