/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What was lost, by the time. The ring buffer is read later than it is filled: what was lost
 * meanwhile may have been lost behind events that are still to be read. So whatever begins with an
 * event begins with what was lost when all events had been read.
 */
#ifndef KCT_MONITOR_LOSSES_H
#define KCT_MONITOR_LOSSES_H

#include "model/run.h"

struct kct_losses {
	/* Set by the owner: what was lost up to now, as a trailer has it. */
	void (*read)(void *context, struct kct_lost *lost);
	void *context;
	struct kct_lost drained; /* what was lost when all events were read last; from zeroes on */
};

void kct_losses_now(const struct kct_losses *losses, struct kct_lost *lost);
/* All events that have happened have been read. */
void kct_losses_drained(struct kct_losses *losses);

/* What of `now` was not lost before. */
void kct_lost_since(struct kct_lost *lost, const struct kct_lost *before,
		    const struct kct_lost *now);

#endif
