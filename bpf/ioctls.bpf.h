/* SPDX-License-Identifier: GPL-2.0 */
/* Hooks on what a VMM calls for its VM, of which KVM_RUN is none, and on the VM's end. */
#ifndef KCT_IOCTLS_BPF_H
#define KCT_IOCTLS_BPF_H

#include "calls.bpf.h"

/*
 * ---- kvm_arch_vm_ioctl(), kvm_arch_vcpu_ioctl(): what the VMM reads, and who still waits when it
 * has set the clock ----
 */

static __always_inline int on_ioctl_done(long result)
{
	struct who who;

	who_is_running(&who);
	ioctl_done(&who, result);
	return 0;
}

SEC("fexit/kvm_arch_vm_ioctl")
int BPF_PROG(fexit_vm_ioctl, void *file, unsigned int ioctl, unsigned long argument, int result)
{
	return on_ioctl_done(result);
}

SEC("kretprobe/kvm_arch_vm_ioctl")
int BPF_KRETPROBE(kretprobe_vm_ioctl, int result)
{
	return on_ioctl_done(result);
}

SEC("fexit/kvm_arch_vcpu_ioctl")
int BPF_PROG(fexit_vcpu_ioctl, void *file, unsigned int ioctl, unsigned long argument, long result)
{
	return on_ioctl_done(result);
}

SEC("kretprobe/kvm_arch_vcpu_ioctl")
int BPF_KRETPROBE(kretprobe_vcpu_ioctl, long result)
{
	return on_ioctl_done(result);
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
