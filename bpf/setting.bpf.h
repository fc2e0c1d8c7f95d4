/* SPDX-License-Identifier: GPL-2.0 */
/* Settings of a VM's clock, from KVM's structs (include/kvmclock/setting.h). */
#ifndef KCT_SETTING_BPF_H
#define KCT_SETTING_BPF_H

#include "state.bpf.h"

/*
 * The update of an ioctl that sets the clock has replaced `before` by `after`, whose
 * kvmclock_offset is still the one that went with the former: the ioctl changes it after its
 * update.
 */
static __always_inline void setting_begins(struct kct_vm_state *vm,
					   const struct kct_masterclock *before,
					   const struct kct_masterclock *after)
{
	struct kct_clock_now was = {.last_ns = before->kernel_ns,
				    .clock_offset = after->clock_offset};

	kct_setting_begins(&vm->settings, &was, after->kernel_ns);
}

/* Was the clock set between the vCPU's last PVTI and this one? */
static __always_inline bool shows_setting(struct kct_vcpu_state *state,
					  const struct kct_vm_state *vm, __u64 system_time)
{
	struct kct_clock_now now;
	struct kvm *kvm;
	__u32 shown;

	if (state->setting == *(volatile __u32 *)&vm->settings.count)
		return false;
	kvm = (struct kvm *)vm->kvm;
	now.last_ns = *(volatile __u64 *)&vm->masterclock.kernel_ns;
	now.clock_offset = READ(kvm, arch.kvmclock_offset);
	now.masterclock = vm->masterclock.active == KCT_YES;
	shown = kct_setting_shown(&vm->settings, &now, system_time, state->setting);
	if (shown == state->setting)
		return false;
	state->setting = shown;
	return true;
}

#endif
