// SPDX-License-Identifier: GPL-2.0
/* Is it a migration of one guest, from the one to the other? What the clocks say against it. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/duration.h"
#include "migration/inside.h"

/* What no clock of a host that is not synchronised may be off by, and no VMM takes for a step. */
#define UNSYNCHRONISED_NS (60 * KCT_NS_PER_S)
#define FAR_NS		  (3600 * KCT_NS_PER_S)

static void __attribute__((format(printf, 2, 3)))
refuse(struct kct_fit *fit, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(fit->why, fit->size, format, args);
	va_end(args);
	fit->refused = true;
}

/* A guest's TSC goes on from where it was, and not beyond what the time until P4 allows. */
static void check_tsc(struct kct_fit *fit, const struct kct_migration *m,
		      const struct kct_pair *pair, uint64_t tsc)
{
	const struct kct_pvti *line = &pair->from->pvti;
	int64_t since = (int64_t)(kct_pvti_read(line, tsc) - line->system_time);
	struct kct_instant saved = kct_when_clock_was(fit->source, kct_pvti_read(line, tsc));
	struct kct_ns until = kct_between(m, fit->source, &saved, fit->target, &m->set);

	/* A VMM that works an offset out by the wall clocks of two hosts may be early. */
	if (since < (pair->has_saved ? 0 : -UNSYNCHRONISED_NS))
		refuse(fit,
		       "the TSC of vCPU %" PRIu32 " on the target lies %.6f s before the source's "
		       "last PVTI: two guests, or a source that ran on",
		       pair->from->id, -(double)since / KCT_NS_PER_S);
	else if (pair->has_saved && until.known && until.ns < 0 &&
		 kct_magnitude(until.ns) > (uint64_t)fit->slack + UNSYNCHRONISED_NS)
		refuse(fit,
		       "the TSC of vCPU %" PRIu32 " on the target is one that the source would "
		       "have come to %.0f s after the target's clock was set: two guests",
		       pair->from->id, -(double)until.ns / KCT_NS_PER_S);
}

/* Nor does its clock jump by more than the time that the guest may have been away, and an hour. */
static void check_clock(struct kct_fit *fit, const struct kct_pair *pair, uint64_t tsc,
			uint64_t clock)
{
	int64_t off = (int64_t)(clock - kct_pvti_read(&pair->from->pvti, tsc));
	uint64_t away = fit->gap.known && fit->gap.ns > 0 ? (uint64_t)fit->gap.ns : 0;

	if (kct_magnitude(off) > away + FAR_NS)
		refuse(fit,
		       "the clock that was set is %+.0f s from the source's at the TSC of vCPU "
		       "%" PRIu32 ": two guests",
		       (double)off / KCT_NS_PER_S, pair->from->id);
}

void kct_check_fit(struct kct_fit *fit, const struct kct_migration *m, const struct kct_pair *pair)
{
	uint64_t tsc = pair->has_saved ? pair->saved_tsc : pair->set_tsc, clock = pair->set_clock;

	if (fit->refused || !(pair->has_saved || pair->has_set))
		return;
	check_tsc(fit, m, pair, tsc);
	if (fit->refused)
		return;
	/* A clock that was set by a line goes on from the TSC: it is what is in force at P4. */
	if (m->by_line && pair->has_set)
		check_clock(fit, pair, pair->set_tsc, pair->set_clock);
	else if (!pair->has_saved || kct_saved_clock(m->source, m->target, &clock))
		check_clock(fit, pair, tsc, clock);
}

void kct_check_direction(struct kct_fit *fit, struct kct_migration *m)
{
	struct kct_instant last = kct_instant_at(kct_history_last_pvti(m->source), false);

	if (!m->target->set.update.event.ns) {
		refuse(fit,
		       "VM %" PRIu32 " is no target: its clock was never set (are source and "
		       "target swapped?)",
		       m->target->number);
		return;
	}
	if (!last.known) {
		refuse(fit, "VM %" PRIu32 " is no source: no PVTI of it was seen",
		       m->source->number);
		return;
	}
	fit->gap = kct_between(m, fit->source, &last, fit->target, &m->set);
	/* Unsynchronised hosts may be off by anything; then only what is plain is refused. */
	fit->slack = m->between_error.known ? m->between_error.ns : UNSYNCHRONISED_NS;
	if (fit->gap.ns < -fit->slack)
		refuse(fit,
		       "the source's clock was still published %.6f s after the target's was "
		       "set: they are swapped, or not one migration",
		       -(double)fit->gap.ns / KCT_NS_PER_S);
}
