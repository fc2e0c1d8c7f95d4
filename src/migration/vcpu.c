// SPDX-License-Identifier: GPL-2.0
/* What one vCPU tells of a migration. */
#include "migration/inside.h"

/* The guest's TSC is the host's and the offset that was written, to the cycle: nothing scales. */
static bool only_offset(const struct kct_vcpu_history *to)
{
	return to->written.event.ns &&
	       to->arrival.tsc_timestamp - to->snapshot.cycle_now == to->written.new_offset;
}

/*
 * Does the TSC scale between host and guest? Then cycles of the one are not those of the other. A
 * host that measured its TSC in a hurry gives its guests a rate that is off without scaling it.
 */
static bool scales(const struct kct_pvti *pvti, uint64_t host_cycles, uint64_t ns)
{
	uint64_t guest_ns = kct_pvti_scale(host_cycles, pvti->tsc_to_system_mul, pvti->tsc_shift);
	uint64_t off = guest_ns > ns ? guest_ns - ns : ns - guest_ns;

	return off > ns / 1000 + 100;
}

/* The guest TSC and the clock at P4, back from the first PVTI by the snapshots of both. */
static const char *find_setting(const struct kct_history *target, struct kct_pair *pair)
{
	const struct kct_masterclock *set = &target->set.update.after;
	const struct kct_vcpu_history *to = pair->to;
	uint64_t cycles, ns;

	if (set->active != KCT_YES)
		return "the masterclock was not active when the clock was set";
	if (!to->has_snapshot)
		return "the target's first PVTI comes from none of the snapshots that were seen";
	cycles = to->snapshot.cycle_now - set->cycle_now;
	ns = to->snapshot.kernel_ns - set->kernel_ns;
	if (!only_offset(to) && scales(&to->arrival, cycles, ns))
		return "the target scales the guest's TSC";
	pair->set_tsc = to->arrival.tsc_timestamp - cycles;
	pair->set_clock = to->arrival.system_time - ns;
	pair->since_set =
		kct_pvti_scale(cycles, to->arrival.tsc_to_system_mul, to->arrival.tsc_shift);
	pair->has_set = true;
	return NULL;
}

static void find_saved(struct kct_pair *pair)
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

const char *kct_find_pair(const struct kct_history *target, struct kct_pair *pair)
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

/* What was added to the clock from being saved to being set. */
struct kct_ns kct_clock_advance(const struct kct_migration *m, const struct kct_pair *pair)
{
	const struct kct_setting *set = &m->target->set;
	uint64_t saved;

	if (!pair->has_set || !kct_saved_clock(m->source, m->target, &saved))
		return (struct kct_ns){0};
	if (set->update.cause != KCT_CAUSE_SET_CLOCK_GUEST && set->clock.has_data &&
	    !(set->clock.flags & KCT_CLOCK_REALTIME))
		return kct_known(set->clock.clock - saved);
	return kct_known(pair->set_clock - saved);
}

/*
 * The clock that was asked for at P4: KVM_SET_CLOCK_GUEST asks for a line of one vCPU, whose TSC
 * the offsets tell. What could not be read is taken to be in force.
 */
static uint64_t asked_clock(const struct kct_history *target, const struct kct_pair *pair)
{
	const struct kct_set_clock_event *asked = &target->set.guest;
	const struct kct_vcpu_history *of = kct_history_vcpu(target, asked->event.vcpu);
	uint64_t tsc = pair->set_tsc;

	if (!asked->event.ns || !asked->has_pvti)
		return pair->set_clock;
	if (of && of->has_offset && pair->to->has_offset)
		tsc += of->offset - pair->to->offset;
	return kct_pvti_read(&asked->pvti, tsc);
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

bool kct_same_rate(const struct kct_pvti *a, const struct kct_pvti *b)
{
	return a->tsc_to_system_mul == b->tsc_to_system_mul && a->tsc_shift == b->tsc_shift;
}

/* How much longer the guest TSC went on than from P3 to P4. */
static struct kct_ns tsc_advance(const struct kct_migration *m, const struct kct_pair *pair)
{
	const uint64_t written_ns = pair->to->written.event.ns;
	uint64_t went_on;

	if (!pair->has_saved || !written_ns)
		return (struct kct_ns){0};
	went_on = line_from_to(&pair->from->pvti, pair->saved_tsc, pair->set_tsc);
	return kct_known(went_on - (m->target->set.update.event.ns - written_ns));
}

/*
 * Where a line was asked for, nothing rests on when TSC and clock were saved. Where the offsets of
 * TSCs were carried over no TSC was saved: then P1 is P2, so to say.
 */
void kct_predict(struct kct_vcpu_migration *v, const struct kct_migration *m,
		 const struct kct_pair *pair)
{
	const struct kct_pvti *line = &pair->from->pvti;
	uint64_t clock;
	bool saved = kct_saved_clock(m->source, m->target, &clock);

	if (!pair->has_set || !(m->by_line || saved))
		return;
	v->tsc_advance = tsc_advance(m, pair);
	if (m->by_line || !pair->has_saved) {
		v->predicted = kct_known(asked_clock(m->target, pair) -
					 kct_pvti_read(line, pair->set_tsc));
		return;
	}
	v->t1 = kct_known(clock - kct_pvti_read(line, pair->saved_tsc));
	v->t2 = kct_known(line_from_to(line, pair->saved_tsc, pair->set_tsc));
	v->predicted =
		kct_known((uint64_t)v->t1.ns - (uint64_t)v->t2.ns + (uint64_t)m->clock_advance.ns);
}

void kct_explain(struct kct_vcpu_migration *v, const struct kct_pair *pair)
{
	const struct kct_pvti *old = &pair->from->pvti, *first = &pair->to->arrival;
	uint64_t updates = 0, rate = 0;

	if (!pair->has_set)
		return;
	/* Each snapshot moves the clock by the error between the host's time and its TSC. */
	if (v->unnecessary)
		updates = first->system_time - pair->set_clock - pair->since_set;
	if (!kct_same_rate(old, first))
		rate = kct_pvti_read(old, pair->set_tsc) + pair->since_set -
		       kct_pvti_read(old, first->tsc_timestamp);
	v->by_updates = kct_known(updates);
	v->by_rate = kct_known(rate);
	if (v->predicted.known)
		v->unexplained = kct_known((uint64_t)v->observed.ns - (uint64_t)v->predicted.ns -
					   updates - rate);
}
