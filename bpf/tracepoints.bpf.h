/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The hooks on KVM's tracepoints. Two of these come with the VM's lock held, so that nothing can
 * preempt them. The other two can be preempted since 7.0, and then the kernel skips the program for
 * whatever comes to it on that CPU: so it is there once more, for perf's trace event, which it runs
 * for with preemption off. Which of the two is loaded is decided in src/attach/.
 */
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

/*
 * A program on a trace event also says whether perf's own events get it: it is to be the same for
 * everybody as without us.
 */
#define FOR_PERF_TOO 1

static __always_inline void on_pvclock_update(__u32 vcpu_id,
					      const struct pvclock_vcpu_time_info *pvti)
{
	struct who who;

	who_is_running(&who);
	observe_pvti(who.kvm, who.vcpu, vcpu_id, pvti);
}

SEC("tp_btf/kvm_pvclock_update")
int BPF_PROG(tp_pvti, unsigned int vcpu_id, struct pvclock_vcpu_time_info *pvti)
{
	/* It never is: 6.12's verifier takes every argument of a tracepoint for one that may be. */
	if (pvti)
		on_pvclock_update(vcpu_id, pvti);
	return 0;
}

SEC("tp/kvm/kvm_pvclock_update")
int event_pvti(struct trace_event_raw_kvm_pvclock_update *record)
{
	struct pvclock_vcpu_time_info pvti = {
		.version = record->version,
		.tsc_timestamp = record->tsc_timestamp,
		.system_time = record->system_time,
		.tsc_to_system_mul = record->tsc_to_system_mul,
		.tsc_shift = record->tsc_shift,
		.flags = record->flags,
	};

	on_pvclock_update(record->vcpu_id, &pvti);
	return FOR_PERF_TOO;
}

static __always_inline void on_write_tsc_offset(__u32 vcpu_id, __u64 previous, __u64 next)
{
	struct kct_tsc_write_event e = {.old_offset = previous, .new_offset = next};
	struct who who;

	who_with_vcpu(&who, vcpu_id);
	tsc_writer(&e, &who);
	observe_tsc_write(&e, who.kvm, who.vcpu, vcpu_id);
}

SEC("tp_btf/kvm_write_tsc_offset")
int BPF_PROG(tp_tsc_write, unsigned int vcpu_id, __u64 previous, __u64 next)
{
	on_write_tsc_offset(vcpu_id, previous, next);
	return 0;
}

SEC("tp/kvm/kvm_write_tsc_offset")
int event_tsc_write(struct trace_event_raw_kvm_write_tsc_offset *record)
{
	on_write_tsc_offset(record->vcpu_id, record->previous_tsc_offset, record->next_tsc_offset);
	return FOR_PERF_TOO;
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
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	struct who who;

	if (own_pid_level)
		pid = process_number(bpf_get_current_task_btf()->group_leader);
	if (pid != ioctls_of)
		return 0;
	who_is_running(&who);
	ioctl_done(&who, result);
	return 0;
}

#endif
