/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Runs of one scenario on several kernels. How far the runs of one kernel lie apart is the noise:
 * only what is outside of that is a difference between two kernels.
 */
#ifndef KCT_VERDICT_KERNELS_H
#define KCT_VERDICT_KERNELS_H

#include "kvmclock/event.h"
#include "verdict/runs.h"

/* The first of several is what the others are held against. */
struct kct_kernel {
	const char *label;   /* printable; not ours */
	const char *release; /* printable; not ours; NULL: its runs are of several */
	struct kct_runs runs;
	struct kct_spread spread[KCT_NR_MEASURES];
};

/* Fill `spread`, of the runs; 0 or -ENOMEM. */
int kct_kernel_measure(struct kct_kernel *kernel);

/*
 * Is the figure of one kernel outside of that of another, and both ranges apart? Not known if one
 * of the figures is not; nor if they are apart, but one run of each says nothing of the noise.
 */
enum kct_known kct_is_outside(const struct kct_kernel *kernel, const struct kct_kernel *of,
			      enum kct_measure measure);

#endif
