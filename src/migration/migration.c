// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "migration/inside.h"

/* ---- instants ---- */

static void widen(struct kct_instant *first, struct kct_instant *last, struct kct_instant instant)
{
	if (!instant.known)
		return;
	if (!first->known || instant.boot_ns < first->boot_ns)
		*first = instant;
	if (!last->known || instant.boot_ns > last->boot_ns)
		*last = instant;
}

static struct kct_ns between_error(const struct kct_side *source, const struct kct_side *target,
				   bool same_host)
{
	uint64_t a = kct_realtime_error(&source->clocks), b = kct_realtime_error(&target->clocks);
	uint64_t sum;

	if (same_host)
		return kct_known(0);
	if (__builtin_add_overflow(a, b, &sum) || sum > INT64_MAX)
		return (struct kct_ns){0};
	return kct_known(sum);
}

/*
 * A vCPU has the host's frequency until the VMM sets it to the guest's, and events may tell of the
 * former: the rate of what was published is right.
 */
static enum kct_known other_frequency(const struct kct_vcpu_history *from,
				      const struct kct_vcpu_history *to)
{
	if (from->pvti_ns && to->arrival_ns && kct_same_rate(&from->pvti, &to->arrival))
		return KCT_NO;
	if (!from->tsc_khz || !to->tsc_khz)
		return KCT_NOT_KNOWN;
	return from->tsc_khz == to->tsc_khz ? KCT_NO : KCT_YES;
}

/* A guest's vCPUs have one frequency. */
static void take_frequency(struct kct_migration *m, enum kct_known other)
{
	if (other != KCT_NOT_KNOWN && m->other_frequency != KCT_YES)
		m->other_frequency = other;
}

static void migrate_vcpu(struct kct_migration *m, struct kct_fit *fit, struct kct_vcpu_migration *v,
			 const struct kct_vcpu_history *from, const struct kct_vcpu_history *to)
{
	struct kct_pair pair = {.from = from, .to = to};

	v->id = from->id;
	v->unnecessary = to->unnecessary;
	v->later = to->later;
	v->later_moved = to->later_moved;
	v->rewritten = to->rewritten;
	v->why = kct_find_pair(m->target, &pair);
	take_frequency(m, other_frequency(from, to));
	m->tsc_saved |= pair.tsc_observed;
	widen(&m->written_first, &m->written_last, kct_instant_at(to->written.event.ns, false));
	if (pair.tsc_observed)
		widen(&m->saved_first, &m->saved_last, kct_instant_at(from->saved_ns, false));
	if (!from->pvti_ns || !(from->pvti.flags & KCT_PVTI_TSC_STABLE))
		return;
	kct_check_fit(fit, m, &pair);
	if (pair.has_saved && !pair.tsc_observed)
		widen(&m->saved_first, &m->saved_last,
		      kct_when_clock_was(fit->source, kct_pvti_read(&from->pvti, pair.saved_tsc)));
	if (!to->arrival_ns)
		return;
	v->observed = kct_known((uint64_t)kct_pvti_drift(&from->pvti, &to->arrival));
	if (!m->clock_advance.known)
		m->clock_advance = kct_clock_advance(m, &pair);
	kct_predict(v, m, &pair);
	kct_explain(v, &pair);
}

/* ---- the VM ---- */

/* Is the TSC what was written to it? By the offsets: a time between two events tells too little. */
static void judge_tsc(struct kct_migration *m, const struct kct_vcpu_history *to)
{
	if (!to->written.has_tsc)
		return;
	m->tsc_as_created |= to->was_created && to->written.new_offset == to->created_offset;
	m->tsc_not_in_force |= m->tsc_as_created || to->offset_dropped;
}

struct visit {
	struct kct_migration *migration;
	struct kct_fit *fit;
};

static void visit_vcpu(const struct kct_vcpu_history *from, void *context)
{
	struct visit *visit = context;
	struct kct_migration *m = visit->migration;
	const struct kct_vcpu_history *to = kct_history_vcpu(m->target, from->id);

	if (!to)
		return;
	migrate_vcpu(m, visit->fit, &m->vcpus[m->nr_vcpus++], from, to);
	judge_tsc(m, to);
}

static void find_read(struct kct_migration *m, const struct kct_side *source)
{
	uint64_t clock, observed = m->source->saved.event.ns;

	/* Of both, the one whose value is known. */
	if (!observed && m->by_line)
		observed = m->source->saved_guest_ns;
	m->clock_saved = observed != 0;
	if (m->clock_saved)
		m->read = kct_instant_at(observed, false);
	else if (kct_saved_clock(m->source, m->target, &clock))
		m->read = kct_when_clock_was(source, clock);
}

static void sum_up(struct kct_migration *m, const struct kct_side *source,
		   const struct kct_side *target)
{
	uint64_t clock;

	m->blackout = kct_between(m, source, &m->read, target, &m->set);
	m->downtime = kct_between(m, source, m->saved_first.known ? &m->saved_first : &m->read,
				  target, &m->ran);
	/* No vCPU told; but what was asked for is what it is, but for KVM_CLOCK_REALTIME. */
	if (!m->clock_advance.known && !m->realtime && !m->by_line &&
	    m->target->set.clock.has_data && kct_saved_clock(m->source, m->target, &clock))
		m->clock_advance = kct_known(m->target->set.clock.clock - clock);
}

int kct_migrate(struct kct_migration *m, const struct kct_side *source,
		const struct kct_side *target, bool same_host, char *why, size_t why_size)
{
	struct kct_fit fit = {.source = source, .target = target, .why = why, .size = why_size};
	struct visit visit = {m, &fit};

	memset(m, 0, sizeof(*m));
	m->source = source->history;
	m->target = target->history;
	m->same_host = same_host;
	m->shown = target->shown;
	m->other_frequency = KCT_NOT_KNOWN;
	m->set = kct_instant_at(m->target->set.update.event.ns, false);
	m->ran = kct_instant_at(m->target->arrival_ns, false);
	m->between_error = between_error(source, target, same_host);
	kct_check_direction(&fit, m);
	if (fit.refused)
		return -EINVAL;
	m->vcpus = calloc(m->source->nr_vcpus + 1, sizeof(*m->vcpus));
	if (!m->vcpus)
		return -ENOMEM;
	m->by_line = m->target->set.update.cause == KCT_CAUSE_SET_CLOCK_GUEST;
	m->realtime = !m->by_line && m->target->set.clock.has_data &&
		      m->target->set.clock.flags & KCT_CLOCK_REALTIME;
	find_read(m, source);
	kct_history_each_vcpu(m->source, visit_vcpu, &visit);
	if (fit.refused) {
		kct_migration_clear(m);
		return -EINVAL;
	}
	m->nr_unpaired = m->source->nr_vcpus + m->target->nr_vcpus - 2 * m->nr_vcpus;
	m->pattern = kct_pattern_of(m->target);
	sum_up(m, source, target);
	return 0;
}

static void forget_derived(struct kct_instant *instant)
{
	if (instant->derived)
		*instant = (struct kct_instant){0};
}

void kct_migration_doubt(struct kct_migration *m)
{
	const struct kct_ns unknown = {0};

	m->doubted = true;
	for (size_t i = 0; i < m->nr_vcpus; i++) {
		struct kct_vcpu_migration *v = &m->vcpus[i];

		v->t1 = v->t2 = v->predicted = v->observed = unknown;
		v->by_updates = v->by_rate = v->unexplained = v->tsc_advance = unknown;
		v->why = "events are missing";
	}
	m->clock_advance = m->blackout = m->downtime = unknown;
	m->tsc_not_in_force = m->tsc_as_created = false;
	forget_derived(&m->saved_first);
	forget_derived(&m->saved_last);
	forget_derived(&m->read);
}

struct kct_ns kct_largest_unexplained(const struct kct_migration *m)
{
	struct kct_ns largest = {0};

	for (size_t i = 0; i < m->nr_vcpus; i++) {
		const struct kct_ns *one = &m->vcpus[i].unexplained;

		if (one->known &&
		    (!largest.known || kct_magnitude(one->ns) > kct_magnitude(largest.ns)))
			largest = *one;
	}
	return largest;
}

struct kct_ns kct_clock_lost(const struct kct_migration *m)
{
	if (!m->blackout.known || !m->clock_advance.known)
		return (struct kct_ns){0};
	return kct_known((uint64_t)m->blackout.ns - (uint64_t)m->clock_advance.ns);
}

void kct_migration_clear(struct kct_migration *migration)
{
	free(migration->vcpus);
	memset(migration, 0, sizeof(*migration));
}
