// SPDX-License-Identifier: GPL-2.0
/*
 * All vCPUs' TSCs are written at once, each by the thread of its vCPU, as by a VMM that restores
 * its vCPUs side by side. Which of them begins the new generation of TSCs is a matter of chance.
 */
#include "workload/carry.h"
#include "workload/jobs.h"
#include "workload/phase.h"
#include "workload/step.h"

struct race {
	pthread_barrier_t start;
	uint64_t tsc; /* what all of them write */
};

/* Far enough from what it is for KVM not to take it for an attempt to keep that: over a second. */
#define AHEAD_CYCLES (1ULL << 36)

static int read_tsc(struct wl_vcpu *vcpu, void *arg)
{
	struct kvm_msr_entry msr = {.index = WL_MSR_IA32_TSC};
	int status = wl_vcpu_get_msrs(vcpu, &msr, 1);

	((struct race *)arg)->tsc = msr.data + AHEAD_CYCLES;
	return status;
}

static int write_tsc(struct wl_vcpu *vcpu, void *arg)
{
	struct race *race = arg;
	struct kvm_msr_entry msr = {.index = WL_MSR_IA32_TSC, .data = race->tsc};

	pthread_barrier_wait(&race->start);
	return wl_vcpu_set_msrs(vcpu, &msr, 1);
}

static int write_all(struct wl_vm *vm, struct race *race)
{
	int status = wl_vcpu_call(vm->vcpus[0], read_tsc, race);
	json_t *step;

	if (status)
		return status;
	step = wl_step_begin(vm->steps, "write-tsc");
	wl_set_u64(step, "tsc", race->tsc);
	status = wl_vm_all(vm, write_tsc, race);
	wl_step_end(step);
	return status ? status : wl_phase_run(vm, NULL, NULL);
}

static int tsc_race(struct wl *wl, unsigned int index, void *context)
{
	struct wl_vm *vm = wl->vms[index];
	struct race race;
	int status = wl_phase_create(vm, WL_OPTION(wl, VCPUS), WL_LOOP_ROUNDS, true);

	(void)context;
	status = status ? status : wl_phase_run(vm, NULL, NULL);
	pthread_barrier_init(&race.start, NULL, vm->nr_vcpus);
	for (uint64_t i = 0; !status && i < WL_OPTION(wl, COUNT); i++)
		status = write_all(vm, &race);
	pthread_barrier_destroy(&race.start);
	return status;
}

int wl_tsc_race(struct wl *wl)
{
	static const char *const roles[] = {"tsc-race"};

	wl_make_vms(wl, roles, 1, 1, WL_OPTION(wl, VCPUS));
	return wl_jobs(wl, 1, tsc_race, NULL);
}
