// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/migration.h"

#define KVM_CLOCK_REALTIME 4
#define NS_PER_S	   1000000000LL

/* What no clock of a host that is not synchronised may be off by, and no VMM takes for a step. */
#define UNSYNCHRONISED_NS (60 * NS_PER_S)
#define FAR_NS		  (3600 * NS_PER_S)

#define TEXT(name, text)  text,
const char *const kct_pattern_names[KCT_NR_PATTERNS] = {KCT_PATTERNS(TEXT)};

static struct kct_ns known(uint64_t ns)
{
	return (struct kct_ns){true, (int64_t)ns};
}

/* Of the lowest number, too, which has no positive one. */
static uint64_t distance(int64_t ns)
{
	return ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
}

/* ---- instants ---- */

static struct kct_instant at(uint64_t boot_ns, bool derived)
{
	return (struct kct_instant){boot_ns != 0, derived, boot_ns};
}

static void widen(struct kct_instant *first, struct kct_instant *last, struct kct_instant instant)
{
	if (!instant.known)
		return;
	if (!first->known || instant.boot_ns < first->boot_ns)
		*first = instant;
	if (!last->known || instant.boot_ns > last->boot_ns)
		*last = instant;
}

/* When the source's kvm-clock, as its PVTI has it, showed that. */
static struct kct_instant when_clock_was(const struct kct_side *source, uint64_t clock)
{
	const struct kct_history *h = source->history;

	if (!h->offset_known)
		return (struct kct_instant){0};
	return at(kct_boot_of_base(&source->clocks, clock - (uint64_t)h->clock_offset), true);
}

static struct kct_ns between_error(const struct kct_side *source, const struct kct_side *target,
				   bool same_host)
{
	uint64_t a = kct_realtime_error(&source->clocks), b = kct_realtime_error(&target->clocks);
	uint64_t sum;

	if (same_host)
		return known(0);
	if (__builtin_add_overflow(a, b, &sum) || sum > INT64_MAX)
		return (struct kct_ns){0};
	return known(sum);
}

struct kct_ns kct_between(const struct kct_migration *migration, const struct kct_side *source,
			  const struct kct_instant *from, const struct kct_side *target,
			  const struct kct_instant *to)
{
	if (!from->known || !to->known)
		return (struct kct_ns){0};
	if (migration->same_host)
		return known(to->boot_ns - from->boot_ns);
	return known(kct_realtime_of_boot(&target->clocks, to->boot_ns) -
		     kct_realtime_of_boot(&source->clocks, from->boot_ns));
}

/* ---- a vCPU ---- */

/* What one vCPU of the source and of the target tell, before anything is subtracted. */
struct pair {
	const struct kct_vcpu_history *from, *to;
	bool has_saved, tsc_observed;
	uint64_t saved_tsc; /* at P1 */
	bool has_set;	    /* the two below are known */
	uint64_t set_tsc;   /* guest TSC at P4 */
	uint64_t set_clock; /* the clock then, in force */
	uint64_t since_set; /* ns by the target's rate from P4 to its first PVTI */
};

/* Does the TSC scale between host and guest? Then cycles of the one are not those of the other. */
static bool scales(const struct kct_pvti *pvti, uint64_t host_cycles, uint64_t ns)
{
	uint64_t guest_ns = kct_pvti_scale(host_cycles, pvti->tsc_to_system_mul, pvti->tsc_shift);
	uint64_t off = guest_ns > ns ? guest_ns - ns : ns - guest_ns;

	return off > ns / 1000 + 100;
}

/* The guest TSC and the clock at P4, back from the first PVTI by the snapshots of both. */
static const char *find_setting(const struct kct_history *target, struct pair *pair)
{
	const struct kct_masterclock *set = &target->set_update.after;
	const struct kct_vcpu_history *to = pair->to;
	uint64_t cycles, ns;

	if (set->active != KCT_YES)
		return "the masterclock was not active when the clock was set";
	if (!to->has_snapshot)
		return "the target's first PVTI comes from none of the snapshots that were seen";
	cycles = to->snapshot.cycle_now - set->cycle_now;
	ns = to->snapshot.kernel_ns - set->kernel_ns;
	if (scales(&to->arrival, cycles, ns))
		return "the target scales the guest's TSC";
	pair->set_tsc = to->arrival.tsc_timestamp - cycles;
	pair->set_clock = to->arrival.system_time - ns;
	pair->since_set =
		kct_pvti_scale(cycles, to->arrival.tsc_to_system_mul, to->arrival.tsc_shift);
	pair->has_set = true;
	return NULL;
}

static void find_saved(struct pair *pair)
{
	const struct kct_tsc_write_event *written = &pair->to->written;

	pair->tsc_observed = pair->from->saved_ns != 0;
	pair->has_saved = true;
	if (written->has_tsc) /* what was not changed on the way is what counts */
		pair->saved_tsc = written->tsc;
	else if (pair->tsc_observed && !written->event.ns)
		pair->saved_tsc = pair->from->saved_tsc;
	else
		pair->has_saved = false;
	if (pair->has_saved && pair->saved_tsc != pair->from->saved_tsc)
		pair->tsc_observed = false;
}

static const char *find_pair(const struct kct_history *target, struct pair *pair)
{
	find_saved(pair);
	if (!pair->from->pvti_ns)
		return "no PVTI of the source was seen";
	if (!(pair->from->pvti.flags & KCT_PVTI_TSC_STABLE))
		return "the source's masterclock was not active: its PVTI is no line";
	if (!pair->to->arrival_ns)
		return "no stable PVTI was published on the target";
	return find_setting(target, pair);
}

/* The clock that the VMM saved; false if it cannot be told. */
static bool saved_clock(const struct kct_history *source, const struct kct_history *target,
			uint64_t *clock)
{
	if (source->saved.event.ns)
		*clock = source->saved.clock;
	else if (target->set.has_data)
		*clock = target->set.clock;
	else
		return false;
	return true;
}

/* What was added to the clock from being saved to being set. */
static uint64_t clock_advance(const struct kct_history *target, uint64_t saved, uint64_t in_force)
{
	if (target->set.has_data && !(target->set.flags & KVM_CLOCK_REALTIME))
		return target->set.clock - saved;
	return in_force - saved;
}

/* ns of the source's line from one guest TSC to another. */
static uint64_t line_from_to(const struct kct_pvti *pvti, uint64_t from, uint64_t to)
{
	const struct kct_pvti line = {
		.tsc_timestamp = from,
		.tsc_to_system_mul = pvti->tsc_to_system_mul,
		.tsc_shift = pvti->tsc_shift,
	};

	return kct_pvti_read(&line, to);
}

static bool same_rate(const struct kct_pvti *a, const struct kct_pvti *b)
{
	return a->tsc_to_system_mul == b->tsc_to_system_mul && a->tsc_shift == b->tsc_shift;
}

/* Where the offsets of TSCs were carried over no TSC was saved: then P1 is P2, so to say. */
static void predict(struct kct_vcpu_migration *v, struct kct_migration *m, const struct pair *pair)
{
	const struct kct_pvti *line = &pair->from->pvti;
	uint64_t clock;

	if (!pair->has_set || !saved_clock(m->source, m->target, &clock))
		return;
	/* The same for every vCPU: the offset that is in force is the VM's. */
	m->clock_advance = known(clock_advance(m->target, clock, pair->set_clock));
	if (!pair->has_saved) {
		v->predicted = known(pair->set_clock - kct_pvti_read(line, pair->set_tsc));
		return;
	}
	v->t1 = known(clock - kct_pvti_read(line, pair->saved_tsc));
	v->t2 = known(line_from_to(line, pair->saved_tsc, pair->set_tsc));
	v->predicted =
		known((uint64_t)v->t1.ns - (uint64_t)v->t2.ns + (uint64_t)m->clock_advance.ns);
	if (pair->to->written.event.ns)
		v->tsc_advance = known((uint64_t)v->t2.ns - (m->target->set_update.event.ns -
							     pair->to->written.event.ns));
}

static void explain(struct kct_vcpu_migration *v, const struct pair *pair)
{
	const struct kct_pvti *old = &pair->from->pvti, *first = &pair->to->arrival;
	uint64_t updates = 0, rate = 0;

	if (!pair->has_set)
		return;
	/* Each snapshot moves the clock by the error between the host's time and its TSC. */
	if (v->unnecessary)
		updates = first->system_time - pair->set_clock - pair->since_set;
	if (!same_rate(old, first))
		rate = kct_pvti_read(old, pair->set_tsc) + pair->since_set -
		       kct_pvti_read(old, first->tsc_timestamp);
	v->by_updates = known(updates);
	v->by_rate = known(rate);
	if (v->predicted.known)
		v->unexplained = known((uint64_t)v->observed.ns - (uint64_t)v->predicted.ns -
				       updates - rate);
}

/* ---- is it the same guest? ---- */

/* Two VMs that somebody took for one guest, and what of their clocks says that they are not. */
struct fit {
	const struct kct_side *source, *target;
	struct kct_ns gap; /* from the source's last PVTI to P4 */
	int64_t slack;	   /* by which times of both sides may differ */
	char *why;
	size_t size;
	bool refused;
};

static void __attribute__((format(printf, 2, 3))) refuse(struct fit *fit, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(fit->why, fit->size, format, args);
	va_end(args);
	fit->refused = true;
}

/* A guest's TSC goes on from where it was, and not beyond what the time until P4 allows. */
static void check_tsc(struct fit *fit, const struct kct_migration *m, const struct pair *pair,
		      uint64_t tsc)
{
	const struct kct_pvti *line = &pair->from->pvti;
	int64_t since = (int64_t)(kct_pvti_read(line, tsc) - line->system_time);
	struct kct_instant saved = when_clock_was(fit->source, kct_pvti_read(line, tsc));
	struct kct_ns until = kct_between(m, fit->source, &saved, fit->target, &m->set);

	/* A VMM that works an offset out by the wall clocks of two hosts may be early. */
	if (since < (pair->has_saved ? 0 : -UNSYNCHRONISED_NS))
		refuse(fit,
		       "the TSC of vCPU %" PRIu32 " on the target lies %.6f s before the source's "
		       "last PVTI: two guests, or a source that ran on",
		       pair->from->id, -(double)since / NS_PER_S);
	else if (pair->has_saved && until.known && until.ns < 0 &&
		 distance(until.ns) > (uint64_t)fit->slack + UNSYNCHRONISED_NS)
		refuse(fit,
		       "the TSC of vCPU %" PRIu32 " on the target is one that the source would "
		       "have come to %.0f s after the target's clock was set: two guests",
		       pair->from->id, -(double)until.ns / NS_PER_S);
}

/* Nor does its clock jump by more than the time that the guest may have been away, and an hour. */
static void check_clock(struct fit *fit, const struct pair *pair, uint64_t tsc, uint64_t clock)
{
	int64_t off = (int64_t)(clock - kct_pvti_read(&pair->from->pvti, tsc));
	uint64_t away = fit->gap.known && fit->gap.ns > 0 ? (uint64_t)fit->gap.ns : 0;

	if (distance(off) > away + FAR_NS)
		refuse(fit,
		       "the clock that was set is %+.0f s from the source's at the TSC of vCPU "
		       "%" PRIu32 ": two guests",
		       (double)off / NS_PER_S, pair->from->id);
}

static void check_fit(struct fit *fit, const struct kct_migration *m, const struct pair *pair)
{
	uint64_t tsc = pair->has_saved ? pair->saved_tsc : pair->set_tsc, clock = pair->set_clock;

	if (fit->refused || !(pair->has_saved || pair->has_set))
		return;
	check_tsc(fit, m, pair, tsc);
	if (!fit->refused && (!pair->has_saved || saved_clock(m->source, m->target, &clock)))
		check_clock(fit, pair, tsc, clock);
}

/*
 * A vCPU has the host's frequency until the VMM sets it to the guest's, and events may tell of the
 * former: the rate of what was published is right.
 */
static bool other_frequency(const struct kct_vcpu_history *from, const struct kct_vcpu_history *to)
{
	if (from->pvti_ns && to->arrival_ns && same_rate(&from->pvti, &to->arrival))
		return false;
	return from->tsc_khz && to->tsc_khz && from->tsc_khz != to->tsc_khz;
}

static void migrate_vcpu(struct kct_migration *m, struct fit *fit, struct kct_vcpu_migration *v,
			 const struct kct_vcpu_history *from, const struct kct_vcpu_history *to)
{
	struct pair pair = {.from = from, .to = to};

	v->id = from->id;
	v->unnecessary = to->unnecessary;
	v->later = to->later;
	v->later_pvtis = to->later_pvtis;
	v->rewritten = to->rewritten;
	v->why = find_pair(m->target, &pair);
	m->other_frequency |= other_frequency(from, to);
	m->tsc_saved |= pair.tsc_observed;
	widen(&m->written_first, &m->written_last, at(to->written.event.ns, false));
	if (pair.tsc_observed)
		widen(&m->saved_first, &m->saved_last, at(from->saved_ns, false));
	if (!from->pvti_ns || !(from->pvti.flags & KCT_PVTI_TSC_STABLE))
		return;
	check_fit(fit, m, &pair);
	if (pair.has_saved && !pair.tsc_observed)
		widen(&m->saved_first, &m->saved_last,
		      when_clock_was(fit->source, kct_pvti_read(&from->pvti, pair.saved_tsc)));
	if (!to->arrival_ns)
		return;
	v->observed = known((uint64_t)kct_pvti_drift(&from->pvti, &to->arrival));
	predict(v, m, &pair);
	explain(v, &pair);
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
	struct fit *fit;
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

static void find_last_pvti(const struct kct_vcpu_history *vcpu, void *context)
{
	uint64_t *last = context;

	if (vcpu->pvti_ns > *last)
		*last = vcpu->pvti_ns;
}

static ssize_t last_step(const struct kct_steps *steps, enum kct_ioctl ioctl)
{
	for (size_t i = steps->count; i > 0; i--)
		if (steps->list[i - 1].ioctl == ioctl)
			return (ssize_t)i - 1;
	return -1;
}

static enum kct_pattern pattern_of(const struct kct_history *target)
{
	const struct kct_steps *steps = &target->before;
	ssize_t clock = last_step(steps, KCT_IOCTL_SET_CLOCK);
	ssize_t tsc = last_step(steps, KCT_IOCTL_SET_TSC);
	ssize_t offset = last_step(steps, KCT_IOCTL_SET_TSC_OFFSET);
	ssize_t paused = last_step(steps, KCT_IOCTL_PAUSED);
	bool realtime = clock >= 0 && steps->list[clock].realtime;

	if (target->set_update.cause == KCT_CAUSE_SET_CLOCK_GUEST)
		return KCT_PATTERN_CLOCK_GUEST;
	if (clock < 0)
		return KCT_PATTERN_OTHER;
	if (offset >= 0 && realtime)
		return tsc >= 0 && tsc < offset ? KCT_PATTERN_CLOUD_HYPERVISOR
						: KCT_PATTERN_OFFSET_REALTIME;
	if (offset >= 0)
		return KCT_PATTERN_OFFSET;
	if (tsc < 0)
		return KCT_PATTERN_OTHER;
	if (clock < tsc)
		return KCT_PATTERN_CLOCK_FIRST;
	if (realtime)
		return KCT_PATTERN_REALTIME;
	return paused >= 0 && paused < clock ? KCT_PATTERN_FIRECRACKER : KCT_PATTERN_CLASSIC;
}

/* Is it one at all, in this direction? */
static void check(struct kct_migration *m, struct fit *fit)
{
	struct kct_instant last = {.known = true};

	if (!m->target->set_update.event.ns) {
		refuse(fit,
		       "VM %" PRIu32 " is no target: its clock was never set (are source and "
		       "target swapped?)",
		       m->target->number);
		return;
	}
	kct_history_each_vcpu(m->source, find_last_pvti, &last.boot_ns);
	if (!last.boot_ns) {
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
		       -(double)fit->gap.ns / NS_PER_S);
}

static void find_read(struct kct_migration *m, const struct kct_side *source)
{
	uint64_t clock;

	m->clock_saved = m->source->saved.event.ns != 0;
	if (m->clock_saved)
		m->read = at(m->source->saved.event.ns, false);
	else if (saved_clock(m->source, m->target, &clock))
		m->read = when_clock_was(source, clock);
}

static void sum_up(struct kct_migration *m, const struct kct_side *source,
		   const struct kct_side *target)
{
	uint64_t clock;

	m->blackout = kct_between(m, source, &m->read, target, &m->set);
	m->downtime = kct_between(m, source, m->saved_first.known ? &m->saved_first : &m->read,
				  target, &m->ran);
	/* No vCPU told; but what was asked for is what it is, but for KVM_CLOCK_REALTIME. */
	if (!m->clock_advance.known && !m->realtime && m->target->set.has_data &&
	    saved_clock(m->source, m->target, &clock))
		m->clock_advance = known(m->target->set.clock - clock);
}

int kct_migrate(struct kct_migration *m, const struct kct_side *source,
		const struct kct_side *target, bool same_host, char *why, size_t why_size)
{
	struct fit fit = {.source = source, .target = target, .why = why, .size = why_size};
	struct visit visit = {m, &fit};

	memset(m, 0, sizeof(*m));
	m->source = source->history;
	m->target = target->history;
	m->same_host = same_host;
	m->set = at(m->target->set_update.event.ns, false);
	m->ran = at(m->target->arrival_ns, false);
	m->between_error = between_error(source, target, same_host);
	check(m, &fit);
	if (fit.refused)
		return -EINVAL;
	m->vcpus = calloc(m->source->nr_vcpus + 1, sizeof(*m->vcpus));
	if (!m->vcpus)
		return -ENOMEM;
	m->realtime = m->target->set.has_data && m->target->set.flags & KVM_CLOCK_REALTIME;
	find_read(m, source);
	kct_history_each_vcpu(m->source, visit_vcpu, &visit);
	if (fit.refused) {
		kct_migration_clear(m);
		return -EINVAL;
	}
	m->nr_unpaired = m->source->nr_vcpus + m->target->nr_vcpus - 2 * m->nr_vcpus;
	m->pattern = pattern_of(m->target);
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

		if (one->known && (!largest.known || distance(one->ns) > distance(largest.ns)))
			largest = *one;
	}
	return largest;
}

struct kct_ns kct_clock_lost(const struct kct_migration *m)
{
	if (!m->blackout.known || !m->clock_advance.known)
		return (struct kct_ns){0};
	return known((uint64_t)m->blackout.ns - (uint64_t)m->clock_advance.ns);
}

void kct_migration_clear(struct kct_migration *migration)
{
	free(migration->vcpus);
	memset(migration, 0, sizeof(*migration));
}
