// SPDX-License-Identifier: GPL-2.0
/* vCPUs that join a VM while its others run. */
#include "workload/jobs.h"
#include "workload/phase.h"
#include "workload/step.h"

static int add_one(struct wl_vm *vm)
{
	json_t *step = wl_step_begin(vm->steps, "add-vcpu");
	int status;

	wl_set_u64(step, "vcpu", vm->nr_vcpus);
	status = wl_vcpu_add(vm, WL_LOOP_ROUNDS, true);
	if (!status) {
		wl_vcpu_start(vm->vcpus[vm->nr_vcpus - 1]);
		status = wl_phase_settle(vm);
	}
	wl_step_end(step);
	return status;
}

static int add_all(struct wl_vm *vm, void *context)
{
	struct wl *wl = context;
	int status = 0;

	for (uint64_t i = 0; !status && i < WL_OPTION(wl, ADD); i++)
		status = add_one(vm);
	return status;
}

static int hotplug(struct wl *wl, unsigned int index, void *context)
{
	struct wl_vm *vm = wl->vms[index];
	int status = wl_phase_create(vm, WL_OPTION(wl, VCPUS), WL_LOOP_ROUNDS, true);

	(void)context;
	return status ? status : wl_phase_run(vm, add_all, wl);
}

int wl_hotplug(struct wl *wl)
{
	static const char *const roles[] = {"hotplug"};

	wl_make_vms(wl, roles, 1, 1, WL_OPTION(wl, VCPUS) + WL_OPTION(wl, ADD));
	return wl_jobs(wl, 1, hotplug, NULL);
}
