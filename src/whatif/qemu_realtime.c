// SPDX-License-Identifier: GPL-2.0
/*
 * The VMM carries TSCs over by their offsets (KVM_VCPU_TSC_OFFSET) and sets the clock with
 * KVM_CLOCK_REALTIME, as "target/i386/kvm: account blackout downtime for kvm-clock and guest TSC"
 * (QEMU, 9 October 2025). kvm_arch_tsc_set_attr() counts offsets that are equal as
 * kvm_synchronize_tsc() counts TSCs: within a VM it changes nothing.
 */
#include "whatif/inside.h"

const struct change kct_change_qemu_realtime = {.set_clock = KCT_CAUSE_SET_CLOCK_REALTIME};
