// SPDX-License-Identifier: GPL-2.0
/*
 * A migration as the kernel's own documentation has it (Documentation/virt/kvm/devices/vcpu.rst,
 * the attribute KVM_VCPU_TSC_OFFSET): on the source the clock is read and the TSC offset of each
 * vCPU; on the target the clock is set with KVM_CLOCK_REALTIME and read again, and each offset is
 * then computed from both readings, so that a kvm-clock of 0 is at the same guest TSC as before.
 */
#include <stdlib.h>

#include "base/error.h"
#include "workload/carry.h"
#include "workload/clock.h"
#include "workload/jobs.h"
#include "workload/phase.h"
#include "workload/step.h"

#define SCENARIO  "migrate-documented"
#define NS_PER_MS 1000000 /* a kHz is a cycle in each */

/* Of a vCPU. */
struct offset {
	uint64_t source, target;
	uint64_t begin_ns, end_ns; /* boot time around the ioctl that read or wrote it last */
};

struct migration {
	struct wl *wl;
	struct wl_vm *source, *target;
	struct wl_carry carry;
	struct kvm_clock_data source_clock, target_clock;
	uint64_t tsc_khz;
	struct offset *offsets; /* one a vCPU */
};

/* ---- the source ---- */

static int run_source(struct migration *m)
{
	struct wl_vm *vm = m->source;
	int status = wl_phase_create(vm, WL_OPTION(m->wl, VCPUS), WL_LOOP_ROUNDS, true);

	status = status ? status : wl_tsc_offset_check(vm->vcpus[0], SCENARIO);
	status = status ? status : wl_phase_run(vm, NULL, NULL);
	wl_phase_pass(vm, "age", WL_OPTION(m->wl, DURATION));
	return status;
}

/* Both of the host's clocks go with it only while the masterclock is in use. */
static int get_clock(struct wl_vm *vm, struct kvm_clock_data *clock)
{
	const unsigned int both = KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC;
	json_t *step = wl_step_begin(vm->steps, "get-clock");
	int status = wl_vm_ioctl(vm, WL_GET_CLOCK, clock);

	wl_step_end(step);
	wl_clock_tell(step, clock);
	if (!status && (clock->flags & both) != both)
		return wl_fail(KCT_EXIT_HOST, SCENARIO ": KVM_GET_CLOCK gave no host TSC: "
						       "the masterclock is off");
	return status;
}

static int get_offset(struct wl_vcpu *vcpu, void *arg)
{
	struct offset *offset = &((struct migration *)arg)->offsets[vcpu->id];
	int status;

	offset->begin_ns = wl_now();
	status = wl_tsc_offset_get(vcpu, &offset->source);
	offset->end_ns = wl_now();
	return status;
}

static int get_khz(struct wl_vcpu *vcpu, void *arg)
{
	int khz = wl_ioctl(&vcpu->counts, vcpu->fd, WL_GET_TSC_KHZ, 0);

	if (khz < 0)
		return wl_vcpu_fail(vcpu, WL_GET_TSC_KHZ, khz);
	((struct migration *)arg)->tsc_khz = (uint64_t)khz;
	return 0;
}

/* A step of one ioctl for each vCPU, with what offset that read or wrote, and when. */
static int offsets_step(struct migration *m, struct wl_vm *vm, const char *name, wl_job job)
{
	json_t *step = wl_step_begin(vm->steps, name), *array = wl_need(json_array());
	int status = wl_vm_each(vm, job, m);

	wl_step_end(step);
	for (unsigned int i = 0; i < m->source->nr_vcpus; i++) {
		const struct offset *offset = &m->offsets[i];
		json_t *json = wl_need(json_object());

		wl_set_u64(json, "vcpu", i);
		wl_set_u64(json, "tsc_offset", vm == m->source ? offset->source : offset->target);
		wl_set_u64(json, "begin_ns", offset->begin_ns);
		wl_set_u64(json, "end_ns", offset->end_ns);
		wl_append(array, json);
	}
	wl_set(step, "vcpus", array);
	return status;
}

static int save_source(struct migration *m)
{
	struct wl_vm *vm = m->source;
	int status = get_clock(vm, &m->source_clock);
	json_t *step;

	status = status ? status : offsets_step(m, vm, "get-tsc-offset", get_offset);
	if (status)
		return status;
	step = wl_step_begin(vm->steps, "get-tsc-khz");
	status = wl_vcpu_call(vm->vcpus[0], get_khz, m);
	wl_step_end(step);
	wl_set_u64(step, "tsc_khz", m->tsc_khz);
	return status ? status : wl_carry_save(&m->carry, vm);
}

/* ---- the target ---- */

static int set_clock(struct migration *m)
{
	struct kvm_clock_data clock = {
		.clock = m->source_clock.clock,
		.flags = KVM_CLOCK_REALTIME,
		.realtime = m->source_clock.realtime,
	};
	json_t *step = wl_step_begin(m->target->steps, "set-clock");
	int status = wl_vm_ioctl(m->target, WL_SET_CLOCK, &clock);

	wl_step_end(step);
	wl_clock_tell(step, &clock);
	return status;
}

/* ofs_dst = ofs_src - (guest_src - guest_dest) * freq + (tsc_src - tsc_dest), modulo 2^64 */
static uint64_t offset_on_target(const struct migration *m, uint64_t on_source)
{
	int64_t ns = (int64_t)(m->source_clock.clock - m->target_clock.clock);
	__int128 cycles = (__int128)ns * (__int128)m->tsc_khz / NS_PER_MS;

	return on_source - (uint64_t)cycles + (m->source_clock.host_tsc - m->target_clock.host_tsc);
}

static int set_offset(struct wl_vcpu *vcpu, void *arg)
{
	struct migration *m = arg;
	struct offset *offset = &m->offsets[vcpu->id];
	int status = wl_carry_set_msrs(&m->carry, vcpu);

	if (status)
		return status;
	offset->target = offset_on_target(m, offset->source);
	offset->begin_ns = wl_now();
	status = wl_tsc_offset_set(vcpu, offset->target);
	offset->end_ns = wl_now();
	return status;
}

static int restore_target(struct migration *m)
{
	int status = wl_carry_restore(&m->carry, m->target);

	status = status ? status : set_clock(m);
	status = status ? status : get_clock(m->target, &m->target_clock);
	status = status ? status : offsets_step(m, m->target, "set-tsc", set_offset);
	if (status)
		return status;
	wl_phase_read_pvti(m->target);
	return wl_phase_run(m->target, NULL, NULL);
}

static int migrate_one(struct wl *wl, unsigned int index, void *context)
{
	struct migration m = {
		.wl = wl,
		.source = wl->vms[2 * index],
		.target = wl->vms[2 * index + 1],
		.offsets = wl_need(calloc(WL_OPTION(wl, VCPUS), sizeof(*m.offsets))),
	};
	int status = run_source(&m);

	(void)context;
	status = status ? status : save_source(&m);
	if (!status)
		wl_phase_pass(m.source, "downtime", WL_OPTION(wl, DOWNTIME));
	status = status ? status : restore_target(&m);
	wl_carry_free(&m.carry);
	free(m.offsets);
	return status;
}

int wl_migrate_documented(struct wl *wl)
{
	static const char *const roles[] = {"source", "target"};
	unsigned int vms = WL_OPTION(wl, VMS);

	if (!(wl->kvm.clock_flags & KVM_CLOCK_REALTIME))
		return wl_fail(KCT_EXIT_HOST,
			       SCENARIO ": this kernel has no KVM_CLOCK_REALTIME (Linux 5.16)");
	wl_make_vms(wl, roles, 2, 2 * vms, WL_OPTION(wl, VCPUS));
	return wl_jobs(wl, vms, migrate_one, NULL);
}
