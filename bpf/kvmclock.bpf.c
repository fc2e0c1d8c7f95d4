// SPDX-License-Identifier: GPL-2.0
/* The hooks: each finds out who it is about, and calls its observer. */
#include "census.bpf.h"
#include "observe.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* kvm_arch_init_vm(), kvm_vm_ioctl_set_clock(), vcpu_enter_guest(): each in its own ioctl. */
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
		who->vcpu = newest_vcpu(who->kvm, vcpu_id);
}

SEC("tp_btf/kvm_update_master_clock")
int BPF_PROG(tp_update, bool use_master_clock, unsigned int host_clock, bool offset_matched)
{
	struct kct_update_event e = {.host_clock = host_clock, .matched = offset_matched};
	struct who who;

	who_is_running(&who);
	e.cause = cause_of(&who);
	e.derived = who.kthread;
	if (e.cause == KCT_CAUSE_SET_CLOCK) {
		struct clock_data data;
		bool read = !bpf_probe_read_user(&data, sizeof(data), (void *)who.argument);

		if (read && data.flags & KVM_CLOCK_REALTIME)
			e.cause = KCT_CAUSE_SET_CLOCK_REALTIME;
		observe_set_clock(who.kvm, read ? &data : NULL);
	}
	observe_update(&e, who.kvm, who.vcpu, use_master_clock);
	return 0;
}

SEC("tp_btf/kvm_pvclock_update")
int BPF_PROG(tp_pvti, unsigned int vcpu_id, struct pvclock_vcpu_time_info *pvti)
{
	struct who who;

	who_is_running(&who);
	observe_pvti(who.kvm, who.vcpu, vcpu_id, pvti);
	return 0;
}

SEC("tp_btf/kvm_write_tsc_offset")
int BPF_PROG(tp_tsc_write, unsigned int vcpu_id, __u64 previous, __u64 next)
{
	struct who who;

	who_with_vcpu(&who, vcpu_id);
	observe_tsc_write(who.kvm, who.vcpu, vcpu_id, previous, next);
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

SEC("iter/task_file")
int census(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct who who = {};
	struct kvm *kvm;

	if (!task || !file)
		return 0;
	who_of_file(&who, file);
	kvm = who.kvm;
	if (!kvm)
		return 0;
	count_in(ctx->meta->seq, task, kvm, who.vcpu);
	/* Somebody else who holds the file can do nothing with it: kvm_vm_ioctl() refuses him. */
	if (!census_seeds || BPF_CORE_READ(kvm, mm) != BPF_CORE_READ(task, mm))
		return 0;
	if (who.vcpu)
		seed_vcpu(kvm, who.vcpu, task);
	else
		seed_vm(kvm, task);
	return 0;
}
