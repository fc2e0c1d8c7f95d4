// SPDX-License-Identifier: GPL-2.0
/*
 * The thread's 1/3: compute_guest_tsc() copes with a snapshot that is older than the TSC write, so
 * that kvm_track_tsc_matching() makes no request for a new generation of TSC writes, but only to
 * turn the masterclock on or off.
 */
#include "whatif/inside.h"

static void track(struct tracking *tracking)
{
	tracking->new_generation = false;
}

const struct change kct_change_zhang_1 = {.track = track};
