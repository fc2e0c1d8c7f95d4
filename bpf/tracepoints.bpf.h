/* SPDX-License-Identifier: GPL-2.0 */
/* The hooks on BTF tracepoints: they attach wherever KVM has its tracepoints. */
#ifndef KCT_TRACEPOINTS_BPF_H
#define KCT_TRACEPOINTS_BPF_H

#include "hooks.bpf.h"

SEC("tp_btf/kvm_update_master_clock")
int BPF_PROG(tp_update, bool use_master_clock, unsigned int host_clock, bool offset_matched)
{
	struct kct_update_event e = {.host_clock = host_clock, .matched = offset_matched};
	struct who who;

	who_is_running(&who);
	updated(&e, &who, use_master_clock);
	return 0;
}

SEC("tp_btf/kvm_pvclock_update")
int BPF_PROG(tp_pvti, unsigned int vcpu_id, struct pvclock_vcpu_time_info *pvti)
{
	struct who who;

	/* It never is: 6.12's verifier takes every argument of a tracepoint for one that may be. */
	if (!pvti)
		return 0;
	who_is_running(&who);
	observe_pvti(who.kvm, who.vcpu, vcpu_id, pvti);
	return 0;
}

SEC("tp_btf/kvm_write_tsc_offset")
int BPF_PROG(tp_tsc_write, unsigned int vcpu_id, __u64 previous, __u64 next)
{
	struct kct_tsc_write_event e = {.old_offset = previous, .new_offset = next};
	struct who who;

	who_with_vcpu(&who, vcpu_id);
	tsc_writer(&e, &who);
	observe_tsc_write(&e, who.kvm, who.vcpu, vcpu_id);
	return 0;
}

SEC("tp_btf/kvm_track_tsc")
int BPF_PROG(tp_tsc_track, unsigned int vcpu_id, unsigned int nr_matched, unsigned int online_vcpus,
	     bool use_master_clock, unsigned int host_clock)
{
	struct kct_tsc_track_event e = {
		.nr_matched = nr_matched,
		.nr_vcpus = online_vcpus,
		.masterclock = use_master_clock,
		.host_clock = host_clock,
	};
	struct who who;

	who_with_vcpu(&who, vcpu_id);
	observe_tsc_track(&e, who.kvm, who.vcpu, vcpu_id, origin_of(&who));
	return 0;
}

/*
 * The return of every system call on the host: only on request, for the one process whose ioctls
 * are wanted, where what they read cannot be had from a function hook.
 */
SEC("tp_btf/sys_exit")
int BPF_PROG(tp_ioctl, struct pt_regs *regs, long result)
{
	struct who who;

	if (bpf_get_current_pid_tgid() >> 32 != ioctls_of)
		return 0;
	who_is_running(&who);
	ioctl_done(&who, result);
	return 0;
}

#endif
