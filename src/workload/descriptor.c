// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU's descriptor is taken away while its KVM_RUN goes on: its number first becomes another
 * VM's vCPU, and is then nothing. The vCPU keeps running, and publishes a new clock each time.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "workload/jobs.h"
#include "workload/phase.h"
#include "workload/step.h"

#define PATIENCE_NS 10000000000ULL

/* KVM_RUN of the first vCPU publishes a clock that was just set: it is in there then. */
static int await_publication(struct wl_vm *vm, uint32_t before)
{
	uint64_t end = wl_now() + PATIENCE_NS;

	while (wl_pvti_version(vm->memory, 0) == before) {
		if (wl_now() > end)
			return wl_fail(KCT_EXIT_FAILED, "vCPU 0 publishes no clock any more");
		sched_yield();
	}
	return 0;
}

static int publish(struct wl_vm *vm, const char *name)
{
	uint32_t before = wl_pvti_version(vm->memory, 0);
	struct kvm_clock_data clock = {0};
	json_t *step = wl_step_begin(vm->steps, name);
	int status = wl_vm_ioctl(vm, WL_GET_CLOCK, &clock);

	clock = (struct kvm_clock_data){.clock = clock.clock};
	status = status ? status : wl_vm_ioctl(vm, WL_SET_CLOCK, &clock);
	status = status ? status : await_publication(vm, before);
	wl_step_end(step);
	return status;
}

/* `kept` is the same file; the number is the vCPU's again in the end. */
static int take_away(struct wl_vm *vm, const struct wl_vm *other, int kept)
{
	int number = vm->vcpus[0]->fd, status;

	if (dup2(other->vcpus[0]->fd, number) < 0)
		return wl_fail(KCT_EXIT_FAILED, "dup2: %s", strerror(errno));
	status = publish(vm, "reused");
	close(number);
	status = status ? status : publish(vm, "closed");
	if (dup2(kept, number) < 0)
		return wl_fail(KCT_EXIT_FAILED, "dup2: %s", strerror(errno));
	return status;
}

/*
 * The guest tells of one round, and then spins without a further exit: who waits for that while it
 * runs may come too late.
 */
static int reach_spinning(struct wl_vcpu *vcpu, void *arg)
{
	enum wl_exit why = WL_EXIT_KICKED;
	int status = 0;

	(void)arg;
	while (!status && why != WL_EXIT_ROUND)
		status = wl_vcpu_enter(vcpu, &why);
	return status;
}

static int run_without(struct wl_vm *vm, const struct wl_vm *other)
{
	json_t *run = wl_phase_run_begin(vm);
	int kept = fcntl(vm->vcpus[0]->fd, F_DUPFD_CLOEXEC, 0);
	int status = 0, ended;

	if (kept < 0)
		status = wl_fail(KCT_EXIT_FAILED, "F_DUPFD_CLOEXEC: %s", strerror(errno));
	/* What is published from here on shows that it is in KVM_RUN, and it stays there. */
	status = status ? status : publish(vm, "own");
	status = status ? status : take_away(vm, other, kept);
	ended = wl_phase_run_end(vm, run);
	if (kept >= 0)
		close(kept);
	return status ? status : ended;
}

static int descriptor(struct wl *wl, unsigned int index, void *context)
{
	struct wl_vm *vm = wl->vms[0], *other = wl->vms[1];
	int status = wl_phase_create(vm, 1, WL_LOOP_SPIN, true);

	(void)index;
	(void)context;
	status = status ? status : wl_vm_each(vm, reach_spinning, NULL);
	status = status ? status : wl_phase_create(other, 1, WL_LOOP_EXITS, false);
	status = status ? status : wl_vm_run_round(other);
	return status ? status : run_without(vm, other);
}

int wl_descriptor(struct wl *wl)
{
	static const char *const roles[] = {"spinning", "other"};

	wl_make_vms(wl, roles, 2, 2, 1);
	return wl_jobs(wl, 1, descriptor, NULL);
}
