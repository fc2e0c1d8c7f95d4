// SPDX-License-Identifier: GPL-2.0
/* When something happened that a recording does not tell at once. */
#include "migration/inside.h"

struct kct_instant kct_when_clock_was(const struct kct_side *source, uint64_t clock)
{
	const struct kct_history *h = source->history;

	if (!h->offset_known)
		return (struct kct_instant){0};
	return kct_instant_at(kct_boot_of_base(&source->clocks, clock - (uint64_t)h->clock_offset),
			      true);
}

struct kct_ns kct_between(const struct kct_migration *migration, const struct kct_side *source,
			  const struct kct_instant *from, const struct kct_side *target,
			  const struct kct_instant *to)
{
	if (!from->known || !to->known)
		return (struct kct_ns){0};
	if (migration->same_host)
		return kct_known(to->boot_ns - from->boot_ns);
	return kct_known(kct_realtime_of_boot(&target->clocks, to->boot_ns) -
			 kct_realtime_of_boot(&source->clocks, from->boot_ns));
}

bool kct_saved_clock(const struct kct_history *source, const struct kct_history *target,
		     uint64_t *clock)
{
	if (source->saved.event.ns)
		*clock = source->saved.clock;
	else if (target->set.clock.has_data)
		*clock = target->set.clock.clock;
	else
		return false;
	return true;
}
