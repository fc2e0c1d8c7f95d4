// SPDX-License-Identifier: GPL-2.0
/*
 * Without c52ffadc65e2 ("KVM: x86: Don't unnecessarily force masterclock update on vCPU hotplug"),
 * as up to Linux 6.7: kvm_track_tsc_matching() makes a request for every vCPU whose TSC is
 * synchronised while the masterclock is active, or is to be.
 */
#include "whatif/inside.h"

static void track(struct tracking *tracking)
{
	tracking->new_generation = true;
}

const struct change kct_change_no_c52ffadc = {.track = track};
