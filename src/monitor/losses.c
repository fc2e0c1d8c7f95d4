// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "monitor/losses.h"

void kct_losses_now(const struct kct_losses *losses, struct kct_lost *lost)
{
	memset(lost, 0, sizeof(*lost));
	losses->read(losses->context, lost);
}

void kct_losses_drained(struct kct_losses *losses)
{
	kct_losses_now(losses, &losses->drained);
}

void kct_lost_since(struct kct_lost *lost, const struct kct_lost *before,
		    const struct kct_lost *now)
{
	memset(lost, 0, sizeof(*lost));
	for (int i = 0; i < KCT_NR_LOSSES; i++)
		lost->losses[i] = now->losses[i] - before->losses[i];
	for (uint32_t i = 0; i < now->misses.count; i++) {
		struct kct_missed missed = now->misses.list[i];
		const struct kct_missed *was = kct_missed_of(&before->misses, missed.evidence);

		missed.calls -= was ? was->calls : 0;
		if (missed.calls || !missed.counted)
			lost->misses.list[lost->misses.count++] = missed;
	}
}
