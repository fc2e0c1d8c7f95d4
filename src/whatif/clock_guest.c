// SPDX-License-Identifier: GPL-2.0
/*
 * The VMM sets the clock by KVM_SET_CLOCK_GUEST (05/36 of the same), where it set it by
 * KVM_SET_CLOCK. It takes a snapshot as that does, and leaves requests pending as that does: within
 * a VM it changes nothing. What it changes is where the clock goes on from.
 */
#include "whatif/inside.h"

const struct change kct_change_clock_guest = {.set_clock = KCT_CAUSE_SET_CLOCK_GUEST};
