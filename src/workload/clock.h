/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Clocks of a vCPU by ioctls that not every kernel has. For its driver; int is 0, or a KCT_EXIT_
 * status after having said why: KCT_EXIT_HOST where the kernel has no such ioctl.
 */
#ifndef KCT_WORKLOAD_CLOCK_H
#define KCT_WORKLOAD_CLOCK_H

#include "workload/vm.h"

/* The guest TSC by KVM_GET_ONE_REG and KVM_SET_ONE_REG, which know MSRs from Linux 6.18 on. */
int wl_tsc_get_one_reg(struct wl_vcpu *vcpu, uint64_t *tsc);
int wl_tsc_set_one_reg(struct wl_vcpu *vcpu, uint64_t tsc);

/* Of the vCPU's TSC against the host's, by the device attribute KVM_VCPU_TSC_OFFSET. */
int wl_tsc_offset_get(struct wl_vcpu *vcpu, uint64_t *offset);
int wl_tsc_offset_set(struct wl_vcpu *vcpu, uint64_t offset);
/* Has this kernel got it? `who` needs it. */
int wl_tsc_offset_check(struct wl_vcpu *vcpu, const char *who);

/* Write down in a step what was read or set. */
void wl_clock_tell(json_t *step, const struct kvm_clock_data *clock);

/*
 * The kvm-clock as the line that a PVTI is, by KVM_GET_CLOCK_GUEST and KVM_SET_CLOCK_GUEST. They
 * fail in the same way while the masterclock is off: ask wl_clock_guest_check() before.
 */
int wl_clock_guest_get(struct wl_vcpu *vcpu, struct wl_pvti *pvti);
int wl_clock_guest_set(struct wl_vcpu *vcpu, const struct wl_pvti *pvti);

/* Is the masterclock on? `clock` is what KVM_GET_CLOCK gave. */
int wl_clock_guest_check(const struct kvm_clock_data *clock);

#endif
