/* SPDX-License-Identifier: GPL-2.0 */
/* Hooks on the functions that update the clocks of a VM and its vCPUs. */
#ifndef KCT_CLOCK_BPF_H
#define KCT_CLOCK_BPF_H

#include "calls.bpf.h"

/* ---- pvclock_update_vm_gtod_copy(kvm): values before, and the update itself ---- */

SEC("fentry/pvclock_update_vm_gtod_copy")
int BPF_PROG(fentry_update, struct kvm *kvm)
{
	update_begins(kvm);
	return 0;
}

SEC("kprobe/pvclock_update_vm_gtod_copy")
int BPF_KPROBE(kprobe_update, struct kvm *kvm)
{
	update_begins(kvm);
	return 0;
}

/* Which VM it is about, its beginning told. */
static __always_inline int on_update(void)
{
	struct kct_update_event e = {.host_clock = KCT_NO_NUMBER, .matched = KCT_NOT_KNOWN};
	struct kvm *kvm = updating();
	struct who who;

	if (!kvm)
		return 0;
	who_is_running(&who);
	updated(&e, &who, READ(kvm, arch.use_master_clock));
	return 0;
}

SEC("fexit/pvclock_update_vm_gtod_copy")
int BPF_PROG(fexit_update)
{
	return on_update();
}

SEC("kretprobe/pvclock_update_vm_gtod_copy")
int BPF_KRETPROBE(kretprobe_update)
{
	return on_update();
}

/* ---- kvm_guest_time_update(vcpu): PVTI ---- */

static __always_inline int on_time_update(struct kvm_vcpu *vcpu)
{
	if (vcpu)
		observe_pvti_in_place(vcpu);
	return 0;
}

SEC("fexit/kvm_guest_time_update")
int BPF_PROG(fexit_pvti, struct kvm_vcpu *vcpu)
{
	return on_time_update(vcpu);
}

SEC("kprobe/kvm_guest_time_update")
int BPF_KPROBE(kprobe_pvti, struct kvm_vcpu *vcpu)
{
	called(IN_TIME_UPDATE, vcpu);
	return 0;
}

SEC("kretprobe/kvm_guest_time_update")
int BPF_KRETPROBE(kretprobe_pvti)
{
	return on_time_update(returned(IN_TIME_UPDATE));
}

/* ---- kvm_vcpu_write_tsc_offset(vcpu, offset) ---- */

static __always_inline int on_tsc_write(struct kvm_vcpu *vcpu, __u64 offset)
{
	struct kct_tsc_write_event e = {
		.old_offset = READ(vcpu, arch.l1_tsc_offset),
		.new_offset = offset,
	};
	struct who who;

	who_is_running(&who);
	tsc_writer(&e, &who);
	observe_tsc_write(&e, READ(vcpu, kvm), vcpu, READ(vcpu, vcpu_id));
	return 0;
}

SEC("fentry/kvm_vcpu_write_tsc_offset")
int BPF_PROG(fentry_tsc_write, struct kvm_vcpu *vcpu, __u64 offset)
{
	return on_tsc_write(vcpu, offset);
}

SEC("kprobe/kvm_vcpu_write_tsc_offset")
int BPF_KPROBE(kprobe_tsc_write, struct kvm_vcpu *vcpu, __u64 offset)
{
	return on_tsc_write(vcpu, offset);
}

#endif
