/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The hooks on functions: each one twice, as fentry/fexit and as kprobe/kretprobe, with the same
 * body. They attach where the kernel has the function out of line and lets it be hooked; which
 * of them are loaded is decided in src/attach/. None of these functions is on the way of KVM_RUN.
 */
#ifndef KCT_FUNCTIONS_BPF_H
#define KCT_FUNCTIONS_BPF_H

#include "hooks.bpf.h"

/*
 * What a kretprobe is not told: the first argument of the call that returns. Kept by thread and
 * function; a call that never returns is pushed out.
 */
enum function { IN_UPDATE, IN_TIME_UPDATE, IN_SYNCHRONIZE, IN_SYSTEM_TIME, IN_REQUEST_ALL };

struct call {
	__u64 thread;
	__u64 function;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct call);
	__type(value, __u64);
} calls SEC(".maps");

static __always_inline void called(enum function function, void *argument)
{
	struct call call = {bpf_get_current_pid_tgid(), function};
	__u64 value = (__u64)argument;

	bpf_map_update_elem(&calls, &call, &value, BPF_ANY);
}

static __always_inline void *returned(enum function function)
{
	struct call call = {bpf_get_current_pid_tgid(), function};
	__u64 *value = bpf_map_lookup_elem(&calls, &call);
	void *argument;

	if (!value)
		return NULL;
	argument = (void *)*value;
	bpf_map_delete_elem(&calls, &call);
	return argument;
}

/* ---- pvclock_update_vm_gtod_copy(kvm): values before, and the update itself ---- */

SEC("fentry/pvclock_update_vm_gtod_copy")
int BPF_PROG(fentry_before, struct kvm *kvm)
{
	update_begins(kvm);
	return 0;
}

SEC("kprobe/pvclock_update_vm_gtod_copy")
int BPF_KPROBE(kprobe_before, struct kvm *kvm)
{
	update_begins(kvm);
	return 0;
}

static __always_inline int on_update(struct kvm *kvm)
{
	struct kct_update_event e = {.host_clock = KCT_NO_NUMBER, .matched = KCT_NOT_KNOWN};
	struct who who;

	if (!kvm)
		return 0;
	who_is_running(&who);
	who.kvm = kvm;
	updated(&e, &who, BPF_CORE_READ(kvm, arch.use_master_clock));
	return 0;
}

SEC("fexit/pvclock_update_vm_gtod_copy")
int BPF_PROG(fexit_update, struct kvm *kvm)
{
	return on_update(kvm);
}

SEC("kprobe/pvclock_update_vm_gtod_copy")
int BPF_KPROBE(kprobe_update, struct kvm *kvm)
{
	called(IN_UPDATE, kvm);
	return 0;
}

SEC("kretprobe/pvclock_update_vm_gtod_copy")
int BPF_KRETPROBE(kretprobe_update)
{
	return on_update(returned(IN_UPDATE));
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
		.old_offset = BPF_CORE_READ(vcpu, arch.l1_tsc_offset),
		.new_offset = offset,
	};
	struct who who;

	who_is_running(&who);
	tsc_writer(&e, &who);
	observe_tsc_write(&e, BPF_CORE_READ(vcpu, kvm), vcpu, BPF_CORE_READ(vcpu, vcpu_id));
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

/* ---- __kvm_synchronize_tsc(vcpu, ...): the request bit before and after ---- */

static __always_inline int before_requests(struct kvm_vcpu *vcpu)
{
	struct kct_vcpu_state *state = vcpu_of(BPF_CORE_READ(vcpu, kvm), vcpu);

	if (state)
		observe_request_bit(state, vcpu, KCT_ORIGIN_UNKNOWN);
	return 0;
}

static __always_inline int after_requests(struct kvm_vcpu *vcpu, enum kct_origin origin)
{
	struct kct_vcpu_state *state;

	if (!vcpu)
		return 0;
	state = vcpu_of(BPF_CORE_READ(vcpu, kvm), vcpu);
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

/* ---- kvm_make_all_cpus_request(kvm, req): of x86, kvm_xen_shared_info_init() asks by it ---- */

#define REQUEST_NUMBER_MASK 0xff /* KVM_REQUEST_MASK: the rest are flags */

SEC("fexit/kvm_make_all_cpus_request")
int BPF_PROG(fexit_request_all, struct kvm *kvm, unsigned int request)
{
	if ((request & REQUEST_NUMBER_MASK) == KVM_REQ_MASTERCLOCK_UPDATE)
		observe_all_request_bits(kvm, KCT_ORIGIN_XEN);
	return 0;
}

SEC("kprobe/kvm_make_all_cpus_request")
int BPF_KPROBE(kprobe_request_all, struct kvm *kvm, unsigned int request)
{
	if ((request & REQUEST_NUMBER_MASK) == KVM_REQ_MASTERCLOCK_UPDATE)
		called(IN_REQUEST_ALL, kvm);
	return 0;
}

SEC("kretprobe/kvm_make_all_cpus_request")
int BPF_KRETPROBE(kretprobe_request_all)
{
	struct kvm *kvm = returned(IN_REQUEST_ALL);

	if (kvm)
		observe_all_request_bits(kvm, KCT_ORIGIN_XEN);
	return 0;
}

/* ---- kvm_arch_vm_ioctl(): KVM_SET_CLOCK, when it is called and when it returns ---- */

static __always_inline int on_vm_ioctl(void)
{
	struct who who;

	who_is_running(&who);
	if (who.ioctl == IOCTL_SET_CLOCK && who.kvm)
		set_clock_begins(who.kvm);
	return 0;
}

static __always_inline int on_vm_ioctl_done(int error)
{
	struct clock_data data;
	struct who who;

	who_is_running(&who);
	if (who.ioctl == IOCTL_SET_CLOCK && who.kvm && !error)
		observe_set_clock(running_vm(who.kvm), read_clock_data(&who, &data) ? &data : NULL,
				  set_clock_began(), count_pending((__u64)who.kvm));
	return 0;
}

SEC("fentry/kvm_arch_vm_ioctl")
int BPF_PROG(fentry_set_clock)
{
	return on_vm_ioctl();
}

SEC("fexit/kvm_arch_vm_ioctl")
int BPF_PROG(fexit_set_clock, void *file, unsigned int ioctl, unsigned long argument, int error)
{
	return on_vm_ioctl_done(error);
}

SEC("kprobe/kvm_arch_vm_ioctl")
int BPF_KPROBE(kprobe_set_clock)
{
	return on_vm_ioctl();
}

SEC("kretprobe/kvm_arch_vm_ioctl")
int BPF_KRETPROBE(kretprobe_set_clock, int error)
{
	return on_vm_ioctl_done(error);
}

/* ---- kvm_arch_vm_ioctl(), kvm_arch_vcpu_ioctl(): what the VMM reads; KVM_RUN is not there ---- */

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

/* ---- kvm_make_request(request, vcpu) itself, where a kernel has it out of line ---- */

static __always_inline int on_make_request(int request, struct kvm_vcpu *vcpu)
{
	if ((request & REQUEST_NUMBER_MASK) == KVM_REQ_MASTERCLOCK_UPDATE)
		observe_request_made(vcpu, running_origin());
	return 0;
}

SEC("fentry/kvm_make_request")
int BPF_PROG(fentry_make_request, int request, struct kvm_vcpu *vcpu)
{
	return on_make_request(request, vcpu);
}

SEC("kprobe/kvm_make_request")
int BPF_KPROBE(kprobe_make_request, int request, struct kvm_vcpu *vcpu)
{
	return on_make_request(request, vcpu);
}

/* ---- the places where it was inlined, from the kernel's debug information ---- */

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

/* The attach cookie says where the vCPU is: KCT_SITE_* of state.h. */
SEC("kprobe")
int BPF_KPROBE(kprobe_inlined)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	__u64 vcpu = dwarf_register(ctx, KCT_SITE_REGISTER(cookie)) + KCT_SITE_OFFSET(cookie);
	enum kct_origin origin = KCT_SITE_ORIGIN(cookie);

	if (KCT_SITE_IN_MEMORY(cookie) && bpf_probe_read_kernel(&vcpu, sizeof(vcpu), (void *)vcpu))
		return 0;
	/* Of kvm_track_tsc_matching(): the ioctl in progress tells. */
	if (origin == KCT_ORIGIN_UNKNOWN)
		origin = running_origin();
	observe_request_made((struct kvm_vcpu *)vcpu, origin);
	return 0;
}

#endif
