// SPDX-License-Identifier: GPL-2.0
/*
 * The thread's 2/3: at its end kvm_vm_ioctl_set_clock() clears the requests of all vCPUs, if the
 * masterclock is active: it has just taken a snapshot.
 */
#include "whatif/inside.h"

const struct change kct_change_zhang_2 = {.clears_at_end = true};
