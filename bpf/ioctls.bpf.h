/* SPDX-License-Identifier: GPL-2.0 */
/* Hooks on what a VMM calls for its VM, of which KVM_RUN is none, and on the VM's end. */
#ifndef KCT_IOCTLS_BPF_H
#define KCT_IOCTLS_BPF_H

#include "calls.bpf.h"

/* ---- kvm_arch_vm_ioctl(): KVM_SET_CLOCK, when it is called; what the VMM did, or read ---- */

static __always_inline int on_vm_ioctl(void)
{
	struct who who;

	who_is_running(&who);
	if (who.ioctl == IOCTL_SET_CLOCK && who.kvm)
		set_clock_begins(who.kvm);
	return 0;
}

static __always_inline void set_clock_done(const struct who *who)
{
	struct clock_data data;

	observe_set_clock(running_vm(who->kvm), read_clock_data(who, &data) ? &data : NULL,
			  set_clock_began(), count_pending((__u64)who->kvm));
}

static __always_inline int on_vm_ioctl_done(int result)
{
	struct who who;

	who_is_running(&who);
	if (who.ioctl == IOCTL_SET_CLOCK && who.kvm && !result && !set_clock_at_update)
		set_clock_done(&who);
	else
		ioctl_done(&who, result);
	return 0;
}

SEC("fentry/kvm_arch_vm_ioctl")
int BPF_PROG(fentry_vm_ioctl)
{
	return on_vm_ioctl();
}

SEC("fexit/kvm_arch_vm_ioctl")
int BPF_PROG(fexit_vm_ioctl, void *file, unsigned int ioctl, unsigned long argument, int result)
{
	return on_vm_ioctl_done(result);
}

SEC("kprobe/kvm_arch_vm_ioctl")
int BPF_KPROBE(kprobe_vm_ioctl)
{
	return on_vm_ioctl();
}

SEC("kretprobe/kvm_arch_vm_ioctl")
int BPF_KRETPROBE(kretprobe_vm_ioctl, int result)
{
	return on_vm_ioctl_done(result);
}

/* ---- kvm_arch_vcpu_ioctl(): what the VMM reads ---- */

static __always_inline int on_vcpu_ioctl_done(long result)
{
	struct who who;

	who_is_running(&who);
	ioctl_done(&who, result);
	return 0;
}

SEC("fexit/kvm_arch_vcpu_ioctl")
int BPF_PROG(fexit_vcpu_ioctl, void *file, unsigned int ioctl, unsigned long argument, long result)
{
	return on_vcpu_ioctl_done(result);
}

SEC("kretprobe/kvm_arch_vcpu_ioctl")
int BPF_KRETPROBE(kretprobe_vcpu_ioctl, long result)
{
	return on_vcpu_ioctl_done(result);
}

/* ---- kvm_destroy_vm(kvm) ---- */

SEC("fentry/kvm_destroy_vm")
int BPF_PROG(fentry_vm_gone, struct kvm *kvm)
{
	observe_vm_gone(kvm);
	return 0;
}

SEC("kprobe/kvm_destroy_vm")
int BPF_KPROBE(kprobe_vm_gone, struct kvm *kvm)
{
	observe_vm_gone(kvm);
	return 0;
}

#endif
