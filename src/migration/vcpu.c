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
	const struct kct_masterclock *set = &target->set_update.after;
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
static uint64_t clock_advance(const struct kct_history *target, uint64_t saved, uint64_t in_force)
{
	if (target->set.has_data && !(target->set.flags & KCT_CLOCK_REALTIME))
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

bool kct_same_rate(const struct kct_pvti *a, const struct kct_pvti *b)
{
	return a->tsc_to_system_mul == b->tsc_to_system_mul && a->tsc_shift == b->tsc_shift;
}

/* Where the offsets of TSCs were carried over no TSC was saved: then P1 is P2, so to say. */
void kct_predict(struct kct_vcpu_migration *v, struct kct_migration *m, const struct kct_pair *pair)
{
	const struct kct_pvti *line = &pair->from->pvti;
	uint64_t clock;

	if (!pair->has_set || !kct_saved_clock(m->source, m->target, &clock))
		return;
	/* The same for every vCPU: the offset that is in force is the VM's. */
	m->clock_advance = kct_known(clock_advance(m->target, clock, pair->set_clock));
	if (!pair->has_saved) {
		v->predicted = kct_known(pair->set_clock - kct_pvti_read(line, pair->set_tsc));
		return;
	}
	v->t1 = kct_known(clock - kct_pvti_read(line, pair->saved_tsc));
	v->t2 = kct_known(line_from_to(line, pair->saved_tsc, pair->set_tsc));
	v->predicted =
		kct_known((uint64_t)v->t1.ns - (uint64_t)v->t2.ns + (uint64_t)m->clock_advance.ns);
	if (pair->to->written.event.ns)
		v->tsc_advance = kct_known((uint64_t)v->t2.ns - (m->target->set_update.event.ns -
								 pair->to->written.event.ns));
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
