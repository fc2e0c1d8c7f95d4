/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the hooks have in common, whether they are tracepoints or functions: from the ioctl in
 * progress to a cause or an origin, and from an update's entry to its end.
 */
#ifndef KCT_HOOKS_BPF_H
#define KCT_HOOKS_BPF_H

#include "observe.bpf.h"

/* kvm_arch_init_vm(), those that set the clock, vcpu_enter_guest(): each in its own ioctl. */
static __always_inline enum kct_cause cause_of(const struct who *who)
{
	switch (who->ioctl) {
	case IOCTL_CREATE_VM:
		return KCT_CAUSE_VM_CREATE;
	case IOCTL_SET_CLOCK:
		return KCT_CAUSE_SET_CLOCK;
	case IOCTL_SET_CLOCK_GUEST:
		return KCT_CAUSE_SET_CLOCK_GUEST;
	case IOCTL_RUN:
		return KCT_CAUSE_VCPU_REQUEST;
	}
	/* The one caller outside an ioctl is kvm_hyperv_tsc_notifier(), in a workqueue. */
	return who->kthread ? KCT_CAUSE_HYPERV : KCT_CAUSE_UNKNOWN;
}

static __always_inline enum kct_origin origin_of(const struct who *who)
{
	switch (who->ioctl) {
	case IOCTL_CREATE_VCPU:
		return KCT_ORIGIN_VCPU_CREATE;
	case IOCTL_SET_MSRS:
	case IOCTL_SET_ONE_REG:
		return KCT_ORIGIN_TSC_WRITE;
	case IOCTL_SET_DEVICE_ATTR:
		return KCT_ORIGIN_TSC_OFFSET;
	}
	return KCT_ORIGIN_UNKNOWN;
}

/* Who runs, with the vCPU of that id where the ioctl is about a new one. */
static __always_inline void who_with_vcpu(struct who *who, __u32 vcpu_id)
{
	who_is_running(who);
	if (!who->vcpu && who->kvm && who->ioctl == IOCTL_CREATE_VCPU)
		who->vcpu = (struct kvm_vcpu *)newest_vcpu((__u64)who->kvm, vcpu_id);
}

/* kvm_vcpu_write_tsc_offset(): who makes it do so, and for which TSC. */
static __always_inline void tsc_writer(struct kct_tsc_write_event *e, const struct who *who)
{
	switch (who->ioctl) {
	case IOCTL_CREATE_VCPU:
		e->ioctl = KCT_IOCTL_CREATE_VCPU;
		break;
	case IOCTL_SET_MSRS:
		e->ioctl = KCT_IOCTL_SET_TSC;
		e->has_tsc = written_tsc_msr(who, &e->tsc);
		break;
	case IOCTL_SET_ONE_REG:
		e->ioctl = KCT_IOCTL_SET_TSC;
		e->has_tsc = read_tsc_reg(who, &e->tsc);
		break;
	case IOCTL_SET_DEVICE_ATTR:
		e->ioctl = KCT_IOCTL_SET_TSC_OFFSET;
		break;
	case IOCTL_RUN:
		e->ioctl = KCT_IOCTL_RUN;
		break;
	}
}

static __always_inline bool clock_was_read(struct kct_ioctl_event *e, const struct who *who)
{
	struct clock_data data;

	e->ioctl = KCT_IOCTL_GET_CLOCK;
	e->has_clock = read_clock_data(who, &data);
	if (!e->has_clock)
		return true;
	e->clock = data.clock;
	e->flags = data.flags;
	if (data.flags & KCT_CLOCK_REALTIME)
		e->realtime = data.realtime;
	if (data.flags & KCT_CLOCK_HOST_TSC)
		e->host_tsc = data.host_tsc;
	return true;
}

/* Who still waits when the clock has been set. */
static __always_inline bool clock_was_set(struct kct_ioctl_event *e, const struct who *who,
					  enum kct_ioctl ioctl)
{
	e->ioctl = ioctl;
	e->nr_pending = count_pending((__u64)who->kvm);
	return true;
}

/*
 * Is the ioctl one that an `ioctl` event tells of? Then it is filled. `result` is what it returned:
 * of KVM_GET_MSRS how many of the MSRs it has read.
 */
static __always_inline bool about_clocks(struct kct_ioctl_event *e, const struct who *who,
					 long result)
{
	switch (who->ioctl) {
	case IOCTL_GET_CLOCK:
		return clock_was_read(e, who);
	case IOCTL_GET_CLOCK_GUEST:
		e->ioctl = KCT_IOCTL_GET_CLOCK_GUEST;
		e->has_pvti = read_clock_guest(who, &e->pvti);
		return true;
	case IOCTL_SET_CLOCK:
		return clock_was_set(e, who, KCT_IOCTL_SET_CLOCK);
	case IOCTL_SET_CLOCK_GUEST:
		return clock_was_set(e, who, KCT_IOCTL_SET_CLOCK_GUEST);
	case IOCTL_GET_MSRS:
		e->ioctl = KCT_IOCTL_GET_TSC;
		e->has_tsc = find_tsc_msr(who, result, &e->tsc);
		return e->has_tsc;
	case IOCTL_GET_ONE_REG:
		e->ioctl = KCT_IOCTL_GET_TSC;
		e->has_tsc = read_tsc_reg(who, &e->tsc);
		return e->has_tsc;
	case IOCTL_GET_DEVICE_ATTR:
		e->ioctl = KCT_IOCTL_GET_TSC_OFFSET;
		e->has_offset = read_tsc_offset(who, &e->tsc_offset);
		return e->has_offset;
	case IOCTL_KVMCLOCK_CTRL:
		e->ioctl = KCT_IOCTL_PAUSED;
		return true;
	}
	return false;
}

/* An ioctl of a VM or vCPU has been done. */
static __always_inline void ioctl_done(const struct who *who, long result)
{
	struct kct_ioctl_event e = {.nr_pending = KCT_NO_NUMBER};

	if (result >= 0 && who->kvm && about_clocks(&e, who, result))
		observe_ioctl(&e, who->kvm, who->vcpu);
}

/* pvclock_update_vm_gtod_copy() is entered. */
static __always_inline void update_begins(struct kvm *kvm)
{
	__u32 zero = 0;
	struct update_frame *frame = bpf_map_lookup_elem(&update_frames, &zero);

	if (!frame)
		return;
	read_masterclock(kvm, &frame->before);
	frame->kvm = (__u64)kvm;
}

/* The VM that is being updated on this CPU, by its entry's hook; NULL. */
static __always_inline struct kvm *updating(void)
{
	__u32 zero = 0;
	struct update_frame *frame = bpf_map_lookup_elem(&update_frames, &zero);

	return frame ? (struct kvm *)frame->kvm : NULL;
}

/* What KVM_SET_CLOCK asks for. */
static __always_inline void asked_of_vm(struct kct_set_clock_event *e, const struct who *who)
{
	struct clock_data data;

	e->ioctl = KCT_IOCTL_SET_CLOCK;
	e->has_data = read_clock_data(who, &data);
	if (!e->has_data)
		return;
	e->clock = data.clock;
	e->flags = data.flags;
	if (data.flags & KCT_CLOCK_REALTIME)
		e->realtime = data.realtime;
}

/*
 * It is an ioctl that sets the clock that updates. A function of its own: the stack has no room for
 * its event beside the update's and what finding a VM takes.
 */
static __noinline void setting_updates(struct kct_update_event *update, const struct who *who,
				       struct kct_vm_state *vm)
{
	struct kct_set_clock_event e = {};

	if (who->ioctl == IOCTL_SET_CLOCK) {
		asked_of_vm(&e, who);
		if (e.flags & KCT_CLOCK_REALTIME)
			update->cause = KCT_CAUSE_SET_CLOCK_REALTIME;
	} else {
		e.ioctl = KCT_IOCTL_SET_CLOCK_GUEST;
		e.has_pvti = read_clock_guest(who, &e.pvti);
	}
	observe_set_clock(&e, vm, who->vcpu);
}

/* It is done; e holds what the hook knows of it. */
static __always_inline void updated(struct kct_update_event *e, struct who *who, bool active)
{
	__u32 zero = 0;
	struct update_frame *frame = bpf_map_lookup_elem(&update_frames, &zero);
	const struct kct_masterclock *before = NULL;
	struct kct_vm_state *vm;

	if (frame && frame->kvm) {
		who->kvm = (struct kvm *)frame->kvm;
		before = &frame->before;
		frame->kvm = 0;
	}
	e->cause = cause_of(who);
	e->derived = who->kthread;
	if (e->cause == KCT_CAUSE_VM_CREATE) {
		observe_creation(e, active);
		return;
	}
	vm = running_vm(who->kvm);
	if (who->ioctl == IOCTL_SET_CLOCK || who->ioctl == IOCTL_SET_CLOCK_GUEST)
		setting_updates(e, who, vm);
	observe_update(e, vm, who->vcpu, before, active);
}

#endif
