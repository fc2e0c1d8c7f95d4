// SPDX-License-Identifier: GPL-2.0
#include "verdict/kernels.h"

int kct_kernel_measure(struct kct_kernel *kernel)
{
	for (int m = 0; m < KCT_NR_MEASURES; m++) {
		int error =
			kct_spread(&kernel->spread[m], kernel->runs.done, kernel->runs.nr_done, m);

		if (error)
			return error;
	}
	return 0;
}

enum kct_known kct_is_outside(const struct kct_kernel *kernel, const struct kct_kernel *of,
			      enum kct_measure measure)
{
	const struct kct_spread *a = &kernel->spread[measure], *b = &of->spread[measure];

	if (!a->known || !b->known)
		return KCT_NOT_KNOWN;
	if (a->min <= b->max && b->min <= a->max)
		return KCT_NO;
	return a->known > 1 || b->known > 1 ? KCT_YES : KCT_NOT_KNOWN;
}
