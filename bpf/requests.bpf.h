/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hooks on the functions that make masterclock requests, and on the very places where they do:
 * kvm_make_request() itself is inlined, or where it is not, not everywhere.
 */
#ifndef KCT_REQUESTS_BPF_H
#define KCT_REQUESTS_BPF_H

#include "calls.bpf.h"

/* ---- __kvm_synchronize_tsc(vcpu, ...): the request bit before and after ---- */

static __always_inline int before_requests(struct kvm_vcpu *vcpu)
{
	struct kct_vcpu_state *state = vcpu_of(READ(vcpu, kvm), vcpu);

	if (state)
		find_request_bit(state, vcpu);
	return 0;
}

static __always_inline int after_requests(struct kvm_vcpu *vcpu, enum kct_origin origin)
{
	struct kct_vcpu_state *state;

	if (!vcpu)
		return 0;
	state = vcpu_of(READ(vcpu, kvm), vcpu);
	if (state)
		observe_request_bit(state, vcpu, origin);
	return 0;
}

static __always_inline enum kct_origin running_origin(void)
{
	struct who who;

	who_is_running(&who);
	return origin_of(&who);
}

SEC("fentry/__kvm_synchronize_tsc")
int BPF_PROG(fentry_synchronize, struct kvm_vcpu *vcpu)
{
	return before_requests(vcpu);
}

SEC("fexit/__kvm_synchronize_tsc")
int BPF_PROG(fexit_synchronize, struct kvm_vcpu *vcpu)
{
	return after_requests(vcpu, running_origin());
}

SEC("kprobe/__kvm_synchronize_tsc")
int BPF_KPROBE(kprobe_synchronize, struct kvm_vcpu *vcpu)
{
	called(IN_SYNCHRONIZE, vcpu);
	return before_requests(vcpu);
}

SEC("kretprobe/__kvm_synchronize_tsc")
int BPF_KRETPROBE(kretprobe_synchronize)
{
	return after_requests(returned(IN_SYNCHRONIZE), running_origin());
}

/* ---- kvm_write_system_time(vcpu, ...): the guest changes the flavour of its clock ---- */

SEC("fentry/kvm_write_system_time")
int BPF_PROG(fentry_system_time, struct kvm_vcpu *vcpu)
{
	return before_requests(vcpu);
}

SEC("fexit/kvm_write_system_time")
int BPF_PROG(fexit_system_time, struct kvm_vcpu *vcpu)
{
	return after_requests(vcpu, KCT_ORIGIN_SYSTEM_TIME);
}

SEC("kprobe/kvm_write_system_time")
int BPF_KPROBE(kprobe_system_time, struct kvm_vcpu *vcpu)
{
	called(IN_SYSTEM_TIME, vcpu);
	return before_requests(vcpu);
}

SEC("kretprobe/kvm_write_system_time")
int BPF_KRETPROBE(kretprobe_system_time)
{
	return after_requests(returned(IN_SYSTEM_TIME), KCT_ORIGIN_SYSTEM_TIME);
}

/* ---- pvclock_gtod_update_fn(): the host's clocksource left the TSC; every vCPU of all VMs ---- */

SEC("fexit/pvclock_gtod_update_fn")
int BPF_PROG(fexit_clocksource)
{
	observe_all_request_bits(NULL, KCT_ORIGIN_CLOCKSOURCE);
	return 0;
}

SEC("kretprobe/pvclock_gtod_update_fn")
int BPF_KRETPROBE(kretprobe_clocksource)
{
	observe_all_request_bits(NULL, KCT_ORIGIN_CLOCKSOURCE);
	return 0;
}

/* ---- kvm_arch_enable_virtualization_cpu(): the TSC went backwards over a suspend ---- */

SEC("fexit/kvm_arch_enable_virtualization_cpu")
int BPF_PROG(fexit_resume)
{
	observe_all_request_bits(NULL, KCT_ORIGIN_RESUME);
	return 0;
}

SEC("kretprobe/kvm_arch_enable_virtualization_cpu")
int BPF_KRETPROBE(kretprobe_resume)
{
	observe_all_request_bits(NULL, KCT_ORIGIN_RESUME);
	return 0;
}

/* ---- kvm_xen_shared_info_init(kvm): a request for all vCPUs of a VM, up to 7.2 ---- */

static __always_inline int after_shared_info(struct kvm *kvm)
{
	if (kvm)
		observe_all_request_bits(kvm, KCT_ORIGIN_XEN);
	return 0;
}

SEC("fexit/kvm_xen_shared_info_init")
int BPF_PROG(fexit_xen, struct kvm *kvm)
{
	return after_shared_info(kvm);
}

SEC("kprobe/kvm_xen_shared_info_init")
int BPF_KPROBE(kprobe_xen, struct kvm *kvm)
{
	called(IN_XEN, kvm);
	return 0;
}

SEC("kretprobe/kvm_xen_shared_info_init")
int BPF_KRETPROBE(kretprobe_xen)
{
	return after_shared_info(returned(IN_XEN));
}

/* ---- the places where kvm_make_request() was inlined, from the kernel's debug information ---- */

/*
 * A general register by its DWARF number (x86-64 psABI, figure 3.36). The barrier keeps each load
 * apart: the verifier takes no computed offset into the registers.
 */
#define REGISTER(number, name)                                                                     \
	case number:                                                                               \
		value = regs->name;                                                                \
		barrier_var(value);                                                                \
		break

static __always_inline __u64 dwarf_register(const struct pt_regs *regs, __u32 number)
{
	__u64 value = 0;

	switch (number) {
		REGISTER(0, ax);
		REGISTER(1, dx);
		REGISTER(2, cx);
		REGISTER(3, bx);
		REGISTER(4, si);
		REGISTER(5, di);
		REGISTER(6, bp);
		REGISTER(7, sp);
		REGISTER(8, r8);
		REGISTER(9, r9);
		REGISTER(10, r10);
		REGISTER(11, r11);
		REGISTER(12, r12);
		REGISTER(13, r13);
		REGISTER(14, r14);
		REGISTER(15, r15);
	}
	return value;
}

/* `origin` is unknown where the place does not tell: the ioctl in progress does. */
static __always_inline void request_is_made(struct kvm_vcpu *vcpu, enum kct_origin origin)
{
	struct who who;
	bool own;

	who_is_running(&who);
	own = who.vcpu == vcpu || who.ioctl == IOCTL_CREATE_VCPU;
	observe_request_made(vcpu, origin == KCT_ORIGIN_UNKNOWN ? origin_of(&who) : origin,
			     own ? OWN_THREAD : OTHERS_THREAD);
}

/* The attach cookie says where the vCPU is: KCT_SITE_* of state.h. */
SEC("kprobe")
int BPF_KPROBE(kprobe_inlined)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	__u64 vcpu = dwarf_register(ctx, KCT_SITE_REGISTER(cookie)) + KCT_SITE_OFFSET(cookie);

	if (KCT_SITE_IN_MEMORY(cookie) && bpf_probe_read_kernel(&vcpu, sizeof(vcpu), (void *)vcpu))
		return 0;
	request_is_made((struct kvm_vcpu *)vcpu, KCT_SITE_ORIGIN(cookie));
	return 0;
}

#endif
