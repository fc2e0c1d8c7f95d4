// SPDX-License-Identifier: GPL-2.0
/*
 * 22/36 of the same: only a TSC frequency of its own ends the masterclock, in
 * pvclock_update_vm_gtod_copy() as in kvm_track_tsc_matching(), which also makes a request when the
 * vCPUs' TSCs begin, or cease, to match. While they do not, kvm_guest_time_update() leaves
 * PVCLOCK_TSC_STABLE_BIT out.
 */
#include "whatif/inside.h"

static void track(struct tracking *tracking)
{
	tracking->wanted = tracking->host_tsc && kct_one_frequency(tracking->vm);
	tracking->asks_anyway |= tracking->matched != tracking->vm->were_matched;
}

static bool may_be_active(const struct kernel_vm *vm, bool host_tsc, bool is)
{
	return is || (host_tsc && kct_one_frequency(vm));
}

const struct change kct_change_offset = {.track = track, .may_be_active = may_be_active};
