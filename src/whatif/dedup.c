// SPDX-License-Identifier: GPL-2.0
/*
 * 27/36 of v6 of "Cleaning up the KVM clock mess": __kvm_start_pvclock_update(), which every update
 * begins with, clears the requests of all vCPUs under the lock; kvm_update_masterclock() drops a
 * request that is gone by then.
 */
#include "whatif/inside.h"

const struct change kct_change_dedup = {.clears_at_start = true};
