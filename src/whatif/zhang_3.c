// SPDX-License-Identifier: GPL-2.0
/*
 * The thread's 3/3: pvclock_update_vm_gtod_copy(), called by kvm_update_masterclock() for a
 * request, keeps the snapshot where the masterclock was active and stays active. Everybody else
 * forces a new one.
 */
#include "whatif/inside.h"

const struct change kct_change_zhang_3 = {.keeps_snapshot = true};
