// SPDX-License-Identifier: GPL-2.0
/*
 * A same-host live migration, in the order in which QEMU does it: on the source the TSC of each
 * vCPU is read and then the clock; on the target the TSCs are written, then the clock, and the
 * vCPUs run with a masterclock request still pending from the writing of their TSC.
 */
#include <stdlib.h>
#include <x86intrin.h>

#include "base/error.h"
#include "workload/carry.h"
#include "workload/clock.h"
#include "workload/jobs.h"
#include "workload/phase.h"
#include "workload/step.h"
#include "workload/vm.h"

/* The TSC of a vCPU, as it goes over to the target. */
struct saved {
	uint64_t tsc;
	uint64_t tsc_offset;	/* of the source */
	uint64_t target_offset; /* what the target's offset is set to */
	uint64_t begin_ns;	/* boot time before and after the ioctl that took or set the TSC */
	uint64_t end_ns;
};

struct migration {
	struct wl *wl;
	struct wl_vm *source;
	struct wl_vm *target;
	struct saved *saved; /* one a vCPU */
	struct wl_carry carry;
	bool source_ends; /* before the target is made */
	struct kvm_clock_data clock;
	struct wl_pvti clock_guest; /* of --clock-guest: the line of the source's first vCPU */
	uint64_t target_host_tsc;
};

/* KVM_GET_MSRS as QEMU's kvmclock does it on a stop. */
static int get_tsc(struct wl_vcpu *vcpu, uint64_t *tsc)
{
	struct kvm_msr_entry msr = {.index = WL_MSR_IA32_TSC};
	int status = wl_vcpu_get_msrs(vcpu, &msr, 1);

	*tsc = msr.data;
	return status;
}

/* For wl_vm_each() on the source. */
static int save_tsc(struct wl_vcpu *vcpu, void *arg)
{
	struct migration *m = arg;
	struct saved *saved = &m->saved[vcpu->id];
	int status;

	saved->begin_ns = wl_now();
	status = WL_OPTION(m->wl, ONE_REG) ? wl_tsc_get_one_reg(vcpu, &saved->tsc)
					   : get_tsc(vcpu, &saved->tsc);
	saved->end_ns = wl_now();
	return status;
}

static int save_tsc_offset(struct wl_vcpu *vcpu, void *arg)
{
	return wl_tsc_offset_get(vcpu, &((struct migration *)arg)->saved[vcpu->id].tsc_offset);
}

/* What --tsc-spread puts on a vCPU's TSC, so that no two are equal. */
static uint64_t spread(const struct migration *m, const struct wl_vcpu *vcpu)
{
	return (uint64_t)vcpu->id * WL_OPTION(m->wl, TSC_SPREAD);
}

/* One KVM_SET_MSRS, in the order of QEMU's buffer. */
static int set_tsc(struct wl_vcpu *vcpu, void *arg)
{
	struct migration *m = arg;
	const struct wl_carried *carried = &m->carry.vcpus[vcpu->id];
	struct saved *saved = &m->saved[vcpu->id];
	struct kvm_msr_entry msrs[] = {
		{.index = WL_MSR_TSC_ADJUST, .data = carried->tsc_adjust},
		{.index = WL_MSR_IA32_TSC, .data = saved->tsc + spread(m, vcpu)},
		{.index = WL_MSR_SYSTEM_TIME, .data = carried->system_time},
	};
	int status;

	saved->begin_ns = wl_now();
	status = wl_vcpu_set_msrs(vcpu, msrs, 3);
	saved->end_ns = wl_now();
	return status;
}

/*
 * The same with an offset in the TSC's place. Without --realtime kvm-clock goes on from where it
 * was saved, and so does the TSC: the cycles since then are taken off the offset. With it both go
 * on as if they had never stopped: same host, same host TSC, same offset.
 */
static int set_tsc_offset(struct wl_vcpu *vcpu, void *arg)
{
	struct migration *m = arg;
	struct saved *saved = &m->saved[vcpu->id];
	int status = wl_carry_set_msrs(&m->carry, vcpu);

	if (status)
		return status;
	saved->target_offset = saved->tsc_offset + spread(m, vcpu);
	if (!WL_OPTION(m->wl, REALTIME))
		saved->target_offset -= m->target_host_tsc - m->clock.host_tsc;
	saved->begin_ns = wl_now();
	status = wl_tsc_offset_set(vcpu, saved->target_offset);
	saved->end_ns = wl_now();
	return status;
}

/* The same by KVM_SET_ONE_REG, which takes one MSR at a time. */
static int set_tsc_one_reg(struct wl_vcpu *vcpu, void *arg)
{
	struct migration *m = arg;
	struct saved *saved = &m->saved[vcpu->id];
	int status = wl_carry_set_msrs(&m->carry, vcpu);

	if (status)
		return status;
	saved->begin_ns = wl_now();
	status = wl_tsc_set_one_reg(vcpu, saved->tsc + spread(m, vcpu));
	saved->end_ns = wl_now();
	return status;
}

static int kvmclock_ctrl(struct wl_vcpu *vcpu, void *arg)
{
	(void)arg;
	return wl_vcpu_ioctl(vcpu, WL_KVMCLOCK_CTRL, NULL);
}

/* Add to a step, for each vCPU, what of struct saved the step is about. */
static void tell_tscs(json_t *step, const struct migration *m, bool offsets, bool target)
{
	json_t *array = wl_need(json_array());

	for (unsigned int i = 0; i < m->source->nr_vcpus; i++) {
		const struct saved *saved = &m->saved[i];
		json_t *json = wl_need(json_object());

		wl_set_u64(json, "vcpu", i);
		if (offsets)
			wl_set_u64(json, "tsc_offset",
				   target ? saved->target_offset : saved->tsc_offset);
		else
			wl_set_u64(json, "tsc", saved->tsc);
		if (target) {
			wl_set_u64(json, "tsc_adjust", m->carry.vcpus[i].tsc_adjust);
			wl_set_u64(json, "system_time_msr", m->carry.vcpus[i].system_time);
		}
		if (target || !offsets) {
			wl_set_u64(json, "begin_ns", saved->begin_ns);
			wl_set_u64(json, "end_ns", saved->end_ns);
		}
		wl_append(array, json);
	}
	wl_set(step, "vcpus", array);
}

/* KVM_GET_CLOCK gives the host's side of the pair only while the masterclock is in use. */
static int check_clock(const struct migration *m)
{
	if (WL_OPTION(m->wl, REALTIME) && !(m->clock.flags & KVM_CLOCK_REALTIME))
		return wl_fail(KCT_EXIT_HOST, "--realtime: KVM_GET_CLOCK gave no real time: "
					      "the masterclock is off");
	if (WL_OPTION(m->wl, TSC_OFFSET) && !(m->clock.flags & KVM_CLOCK_HOST_TSC))
		return wl_fail(KCT_EXIT_HOST, "--tsc-offset: KVM_GET_CLOCK gave no host TSC: "
					      "the masterclock is off");
	return WL_OPTION(m->wl, CLOCK_GUEST) ? wl_clock_guest_check(&m->clock) : 0;
}

static int run_source(struct migration *m)
{
	struct wl_vm *vm = m->source;
	unsigned int vcpus = WL_OPTION(m->wl, VCPUS);
	int status = wl_phase_create(vm, vcpus, WL_LOOP_ROUNDS, true);

	if (!status && WL_OPTION(m->wl, TSC_OFFSET))
		status = wl_tsc_offset_check(vm->vcpus[0], "--tsc-offset");
	status = status ? status : wl_phase_run(vm, NULL, NULL);
	wl_phase_pass(vm, "age", WL_OPTION(m->wl, DURATION));
	return status;
}

/* Stop the clocks: at P1, one TSC after another, and at P2. */
static int save_source(struct migration *m)
{
	struct wl_vm *vm = m->source;
	json_t *step = wl_step_begin(vm->steps, "save-tsc");
	int status = wl_vm_each(vm, save_tsc, m);

	wl_step_end(step);
	tell_tscs(step, m, false, false);
	wl_phase_pass(vm, "skew-save", WL_OPTION(m->wl, SKEW_SAVE));
	if (status)
		return status;

	step = wl_step_begin(vm->steps, "get-clock");
	status = wl_vm_ioctl(vm, WL_GET_CLOCK, &m->clock);
	wl_step_end(step);
	wl_clock_tell(step, &m->clock);
	return status ? status : check_clock(m);
}

/* Jobs of the first vCPU: its line is the clock of the VM. */
static int get_clock_guest(struct wl_vcpu *vcpu, void *arg)
{
	return wl_clock_guest_get(vcpu, &((struct migration *)arg)->clock_guest);
}

static int set_clock_guest(struct wl_vcpu *vcpu, void *arg)
{
	return wl_clock_guest_set(vcpu, &((struct migration *)arg)->clock_guest);
}

static int clock_guest_step(struct migration *m, struct wl_vm *vm, const char *name, wl_job job)
{
	json_t *step = wl_step_begin(vm->steps, name);
	json_t *array = wl_need(json_array());
	int status = wl_vcpu_call(vm->vcpus[0], job, m);

	wl_step_end(step);
	wl_append(array, wl_pvti_json(0, &m->clock_guest));
	wl_set(step, "pvti", array);
	return status;
}

static int save_rest(struct migration *m)
{
	struct wl_vm *vm = m->source;
	int status = 0;
	json_t *step;

	if (WL_OPTION(m->wl, CLOCK_GUEST))
		status = clock_guest_step(m, vm, "get-clock-guest", get_clock_guest);
	if (status)
		return status;
	if (WL_OPTION(m->wl, TSC_OFFSET)) {
		step = wl_step_begin(vm->steps, "get-tsc-offset");
		status = wl_vm_each(vm, save_tsc_offset, m);
		wl_step_end(step);
		tell_tscs(step, m, true, false);
	}
	return status ? status : wl_carry_save(&m->carry, vm);
}

/* P3, one TSC after another. */
static int set_tscs(struct migration *m)
{
	bool offsets = WL_OPTION(m->wl, TSC_OFFSET);
	wl_job set = WL_OPTION(m->wl, ONE_REG) ? set_tsc_one_reg : set_tsc;
	json_t *step = wl_step_begin(m->target->steps, "set-tsc");
	int status;

	/* One reading for all vCPUs: their offsets must stay equal. */
	m->target_host_tsc = __rdtsc();
	status = wl_vm_each(m->target, offsets ? set_tsc_offset : set, m);
	wl_step_end(step);
	tell_tscs(step, m, offsets, true);
	if (offsets)
		wl_set_u64(step, "host_tsc", m->target_host_tsc);
	return status;
}

static int set_clock_once(struct migration *m)
{
	struct kvm_clock_data clock = {.clock = m->clock.clock};
	json_t *step = wl_step_begin(m->target->steps, "set-clock");
	int status;

	if (WL_OPTION(m->wl, REALTIME)) {
		clock.flags = KVM_CLOCK_REALTIME;
		clock.realtime = m->clock.realtime;
	}
	status = wl_vm_ioctl(m->target, WL_SET_CLOCK, &clock);
	wl_step_end(step);
	wl_clock_tell(step, &clock);
	return status;
}

static int set_clock_data(struct migration *m)
{
	int status = 0;

	for (uint64_t i = 0; !status && i < WL_OPTION(m->wl, BURST); i++)
		status = set_clock_once(m);
	return status;
}

/* P4, with --clock-guest that of the last ioctl */
static int set_clock(struct migration *m)
{
	bool by_guest = WL_OPTION(m->wl, CLOCK_GUEST);
	int status = 0;

	if (!by_guest || WL_OPTION(m->wl, REALTIME))
		status = set_clock_data(m);
	if (status || !by_guest)
		return status;
	return clock_guest_step(m, m->target, "set-clock-guest", set_clock_guest);
}

/* Start the clocks: the TSCs and then kvm-clock, as QEMU does, or the other way round. */
static int restore_clocks(struct migration *m)
{
	bool clock_first = WL_OPTION(m->wl, CLOCK_FIRST);
	int status = clock_first ? set_clock(m) : set_tscs(m);

	wl_phase_pass(m->target, "skew-restore", WL_OPTION(m->wl, SKEW_RESTORE));
	if (status)
		return status;
	return clock_first ? set_tscs(m) : set_clock(m);
}

/* --add: vCPUs that the source did not have, while the others' requests are pending. */
static int add_vcpus(struct migration *m)
{
	int status = 0;

	for (uint64_t i = 0; !status && i < WL_OPTION(m->wl, ADD); i++) {
		json_t *step = wl_step_begin(m->target->steps, "add-vcpu");

		wl_set_u64(step, "vcpu", m->target->nr_vcpus);
		status = wl_vcpu_add(m->target, WL_LOOP_ROUNDS, true);
		wl_step_end(step);
	}
	return status;
}

/* A save and restore: the VM is gone before there is another. */
static void end_source(struct migration *m)
{
	json_t *step = wl_step_begin(m->source->steps, "close");

	wl_vm_close(m->source);
	wl_step_end(step);
}

static int resume_target(struct migration *m)
{
	struct wl_vm *vm = m->target;
	json_t *step = wl_step_begin(vm->steps, "kvmclock-ctrl");
	int status = wl_vm_each(vm, kvmclock_ctrl, m);

	wl_step_end(step);
	status = status ? status : add_vcpus(m);
	if (status)
		return status;
	wl_phase_read_pvti(vm);
	return wl_phase_run(vm, NULL, NULL);
}

static int migrate(struct migration *m)
{
	int status = run_source(m);

	status = status ? status : save_source(m);
	status = status ? status : save_rest(m);
	if (status)
		return status;
	if (m->source_ends)
		end_source(m);
	wl_phase_pass(m->source, "downtime", WL_OPTION(m->wl, DOWNTIME));
	status = wl_carry_restore(&m->carry, m->target);
	status = status ? status : restore_clocks(m);
	return status ? status : resume_target(m);
}

static int migrate_one(struct wl *wl, unsigned int index, void *context)
{
	struct migration m = {
		.wl = wl,
		.source = wl->vms[2 * index],
		.target = wl->vms[2 * index + 1],
		.saved = wl_need(calloc(WL_OPTION(wl, VCPUS), sizeof(*m.saved))),
		.source_ends = *(const bool *)context,
	};
	int status = migrate(&m);

	wl_carry_free(&m.carry);
	free(m.saved);
	return status;
}

static int migrate_all(struct wl *wl, bool source_ends)
{
	static const char *const roles[] = {"source", "target"};
	unsigned int vms = WL_OPTION(wl, VMS);

	if (WL_OPTION(wl, REALTIME) && !(wl->kvm.clock_flags & KVM_CLOCK_REALTIME))
		return wl_fail(KCT_EXIT_HOST,
			       "--realtime: this kernel has no KVM_CLOCK_REALTIME (Linux 5.16)");
	if (WL_OPTION(wl, TSC_OFFSET) && !(wl->kvm.clock_flags & KVM_CLOCK_HOST_TSC))
		return wl_fail(KCT_EXIT_HOST,
			       "--tsc-offset: this kernel has no KVM_CLOCK_HOST_TSC (Linux 5.16)");
	wl_make_vms(wl, roles, 2, 2 * vms, WL_OPTION(wl, VCPUS) + WL_OPTION(wl, ADD));
	return wl_jobs(wl, vms, migrate_one, &source_ends);
}

int wl_migrate(struct wl *wl)
{
	return migrate_all(wl, false);
}

int wl_save_restore(struct wl *wl)
{
	return migrate_all(wl, true);
}
