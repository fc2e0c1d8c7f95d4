// SPDX-License-Identifier: GPL-2.0
#include "host/host.h"
#include "monitor/ends.h"

void kct_anchor_at(struct kct_anchor *anchor, uint64_t boot_ns)
{
	uint64_t off;

	kct_host_anchor(anchor);
	off = anchor->boot_ns - boot_ns;
	anchor->boot_ns -= off;
	anchor->realtime_ns -= off;
	anchor->base_ns -= off;
}

void kct_losses_since(struct kct_trailer *trailer, const uint64_t before[KCT_NR_LOSSES],
		      const struct kct_misses *missed_before, const uint64_t now[KCT_NR_LOSSES],
		      const struct kct_misses *missed_now)
{
	for (int i = 0; i < KCT_NR_LOSSES; i++)
		trailer->losses[i] = now[i] - before[i];
	trailer->misses.count = 0;
	for (uint32_t i = 0; i < missed_now->count; i++) {
		struct kct_missed missed = missed_now->list[i];
		const struct kct_missed *was = kct_missed_of(missed_before, missed.evidence);

		missed.calls -= was ? was->calls : 0;
		if (missed.calls || !missed.counted)
			trailer->misses.list[trailer->misses.count++] = missed;
	}
}
