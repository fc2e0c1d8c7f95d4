/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Settings of the clock, and which of them a PVTI shows.
 *
 * A setting is counted at its update, under KVM's lock, before any vCPU can publish the new clock.
 * But a vCPU that was about to publish the old one may do so later, and the programs that trace it
 * run later still. So where the count says that the clock was set, the PVTI's own values tell
 * whether it shows that: system_time is master_kernel_ns plus kvmclock_offset of one snapshot.
 */
#ifndef KCT_SETTING_BPF_H
#define KCT_SETTING_BPF_H

#include "state.bpf.h"

/*
 * An update has replaced the snapshot that was in force `before`; kvmclock_offset `after` it is
 * still the one that went with that: an ioctl that sets the clock changes it after its update.
 */
static __always_inline void remember_snapshot(struct kct_vm_state *vm,
					      const struct kct_masterclock *before,
					      const struct kct_masterclock *after)
{
	__u32 at = vm->nr_past % KCT_PAST_SNAPSHOTS;

	vm->past[at].kernel_ns = before->kernel_ns;
	vm->past[at].clock_offset = after->clock_offset;
	vm->nr_past++;
	/* Whoever finds the new snapshot finds this one among the past. */
	barrier();
}

/*
 * The kvmclock_offset that a PVTI shows; *newest tells whether it is the one in force. What comes
 * from none of the snapshots that are known, as without a masterclock, is taken for that.
 */
static __always_inline __s64 shown_offset(const struct kct_vm_state *vm, __u64 system_time,
					  bool *newest)
{
	__u64 kernel_ns = *(volatile __u64 *)&vm->masterclock.kernel_ns;
	struct kvm *kvm = (struct kvm *)vm->kvm;
	__s64 offset = BPF_CORE_READ(kvm, arch.kvmclock_offset);
	__u32 i;

	*newest = true;
	if (system_time == kernel_ns + offset)
		return offset;
	for (i = 0; i < KCT_PAST_SNAPSHOTS; i++) {
		if (system_time != vm->past[i].kernel_ns + vm->past[i].clock_offset)
			continue;
		*newest = vm->past[i].clock_offset == offset;
		return vm->past[i].clock_offset;
	}
	return offset;
}

/* Was the clock set between the vCPU's last PVTI and this one? */
static __always_inline bool shows_setting(struct kct_vcpu_state *state,
					  const struct kct_vm_state *vm, __u64 system_time)
{
	__u32 clock_sets = *(volatile __u32 *)&vm->clock_sets;
	__s64 offset;
	bool newest, set;

	if (state->clock_sets == clock_sets)
		return false;
	offset = shown_offset(vm, system_time, &newest);
	set = offset != state->clock_offset;
	state->clock_offset = offset;
	if (newest)
		state->clock_sets = clock_sets;
	return set;
}

#endif
