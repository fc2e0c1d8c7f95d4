// SPDX-License-Identifier: GPL-2.0
/*
 * The clock of a VM is set while its vCPUs run: they publish the new one as soon as KVM lets them,
 * which may be before the ioctl returns.
 */
#include "workload/clock.h"
#include "workload/jobs.h"
#include "workload/phase.h"
#include "workload/step.h"

struct setting {
	struct wl_vm *vm;
	uint64_t jump; /* ns, by which the clock is to be ahead of what it is */
	uint64_t count;
	uint64_t burst; /* so often in a row */
	bool by_guest;	/* KVM_SET_CLOCK_GUEST, on the first vCPU */
};

static int set_by_vm(struct setting *s)
{
	struct kvm_clock_data now, clock;
	int status = wl_vm_ioctl(s->vm, WL_GET_CLOCK, &now);

	if (status)
		return status;
	clock = (struct kvm_clock_data){.clock = now.clock + s->jump};
	return wl_vm_ioctl(s->vm, WL_SET_CLOCK, &clock);
}

/* The job of the first vCPU, while the others run. */
static int set_by_vcpu(struct wl_vcpu *vcpu, void *arg)
{
	const struct setting *s = arg;
	struct wl_pvti pvti;
	int status = wl_clock_guest_get(vcpu, &pvti);

	if (status)
		return status;
	pvti.system_time += s->jump;
	return wl_clock_guest_set(vcpu, &pvti);
}

static int set_once(struct setting *s)
{
	return s->by_guest ? wl_vcpu_interrupt(s->vm->vcpus[0], set_by_vcpu, s) : set_by_vm(s);
}

/* So often in a row, and then until every vCPU has published the last of them. */
static int set_often(struct setting *s, uint64_t times)
{
	json_t *step = wl_step_begin(s->vm->steps, s->by_guest ? "set-clock-guest" : "set-clock");
	int status = 0;

	wl_set_u64(step, "times", times);
	while (!status && times--)
		status = set_once(s);
	wl_step_end(step);
	return status ? status : wl_phase_settle(s->vm);
}

static int check(struct setting *s)
{
	struct kvm_clock_data clock;
	int status = wl_vm_ioctl(s->vm, WL_GET_CLOCK, &clock);

	return status || !s->by_guest ? status : wl_clock_guest_check(&clock);
}

static int set_all(struct wl_vm *vm, void *context)
{
	struct setting *s = context;
	int status = check(s);

	(void)vm;
	for (uint64_t i = 0; !status && i < s->count; i++)
		status = set_often(s, s->burst);
	return status;
}

static int set_clock(struct wl *wl, unsigned int index, void *context)
{
	struct wl_vm *vm = wl->vms[index];
	struct setting s = {vm, WL_OPTION(wl, JUMP), WL_OPTION(wl, COUNT), WL_OPTION(wl, BURST),
			    WL_OPTION(wl, CLOCK_GUEST)};
	int status = wl_phase_create(vm, WL_OPTION(wl, VCPUS), WL_LOOP_ROUNDS, true);

	(void)context;
	return status ? status : wl_phase_run(vm, set_all, &s);
}

int wl_set_clock(struct wl *wl)
{
	static const char *const roles[] = {"set-clock"};

	wl_make_vms(wl, roles, 1, 1, WL_OPTION(wl, VCPUS));
	return wl_jobs(wl, 1, set_clock, NULL);
}
