// SPDX-License-Identifier: GPL-2.0
#include <string.h>

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

static const struct kct_missed *missed_of(const struct kct_misses *misses, const char *evidence)
{
	for (uint32_t i = 0; i < misses->count; i++)
		if (!strcmp(misses->list[i].evidence, evidence))
			return &misses->list[i];
	return NULL;
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
		const struct kct_missed *was = missed_of(missed_before, missed.evidence);

		missed.calls -= was ? was->calls : 0;
		if (missed.calls || !missed.counted)
			trailer->misses.list[trailer->misses.count++] = missed;
	}
}

void kct_losses_add(struct kct_trailer *sum, const struct kct_trailer *more)
{
	for (int i = 0; i < KCT_NR_LOSSES; i++)
		sum->losses[i] += more->losses[i];
	for (uint32_t i = 0; i < more->misses.count; i++) {
		const struct kct_missed *missed = &more->misses.list[i];
		const struct kct_missed *was = missed_of(&sum->misses, missed->evidence);
		struct kct_missed *to =
			&sum->misses.list[was ? was - sum->misses.list : sum->misses.count];

		if (!was && sum->misses.count == KCT_MAX_HOOKS)
			return;
		if (was) {
			to->calls += missed->calls;
			to->counted &= missed->counted;
		} else {
			*to = *missed;
			sum->misses.count++;
		}
	}
}
