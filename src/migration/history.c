// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "migration/history.h"
#include "base/tree.h"

static void free_history(void *data)
{
	struct kct_history *history = data;

	tdestroy(history->vcpus, free);
	free(history);
}

void kct_histories_init(struct kct_histories *histories)
{
	memset(histories, 0, sizeof(*histories));
}

void kct_histories_clear(struct kct_histories *histories)
{
	tdestroy(histories->vms, free_history);
	kct_histories_init(histories);
}

static struct kct_history *history_of(struct kct_histories *histories, uint32_t number)
{
	struct kct_history key = {.number = number, .all = histories};
	struct kct_history *history;
	bool added;

	history = kct_tree_find_or_add(&histories->vms, &key, sizeof(key), &added);
	histories->nr_vms += added;
	return history;
}

static struct kct_vcpu_history *vcpu_of(struct kct_history *history, uint32_t id)
{
	struct kct_vcpu_history key = {.id = id}, *vcpu;
	bool added;

	vcpu = kct_tree_find_or_add(&history->vcpus, &key, sizeof(key), &added);
	history->nr_vcpus += added;
	history->all->nr_vcpus += added;
	return vcpu;
}

const struct kct_history *kct_history_of(const struct kct_histories *histories, uint32_t number)
{
	return kct_tree_find(&histories->vms, number);
}

const struct kct_vcpu_history *kct_history_vcpu(const struct kct_history *history, uint32_t id)
{
	return kct_tree_find(&history->vcpus, id);
}

struct walk {
	void (*visit)(const struct kct_vcpu_history *vcpu, void *context);
	void *context;
};

static void walk_vcpu(void *vcpu, void *data)
{
	const struct walk *walk = data;

	walk->visit(vcpu, walk->context);
}

void kct_history_each_vcpu(const struct kct_history *history,
			   void (*visit)(const struct kct_vcpu_history *vcpu, void *context),
			   void *context)
{
	struct walk walk = {visit, context};

	kct_tree_each(&history->vcpus, walk_vcpu, &walk);
}

static void take_later_pvti(const struct kct_vcpu_history *vcpu, void *context)
{
	uint64_t *last = context;

	if (vcpu->pvti_ns > *last)
		*last = vcpu->pvti_ns;
}

uint64_t kct_history_last_pvti(const struct kct_history *history)
{
	uint64_t last = 0;

	kct_history_each_vcpu(history, take_later_pvti, &last);
	return last;
}

/* ---- the VMM's steps ---- */

/* The oldest goes where there is no room: what was done last is what a migration is about. */
static struct kct_step *new_step(struct kct_steps *steps)
{
	if (steps->count == KCT_MAX_STEPS)
		memmove(steps->list, steps->list + 1, --steps->count * sizeof(*steps->list));
	return &steps->list[steps->count++];
}

static void add_step(struct kct_history *history, enum kct_ioctl ioctl, uint64_t ns, bool realtime)
{
	struct kct_steps *steps = history->arrival_ns ? &history->since : &history->before;
	struct kct_step *last = steps->count ? &steps->list[steps->count - 1] : NULL;

	if (last && last->ioctl == ioctl && last->realtime == realtime) {
		last->count++;
		last->last_ns = ns;
		return;
	}
	*new_step(steps) = (struct kct_step){
		.ioctl = ioctl, .count = 1, .first_ns = ns, .last_ns = ns, .realtime = realtime};
}

/* ---- events ---- */

/* A clock that is set while the guest runs, as after a pause, is not the migration's. */
static void on_set_clock(struct kct_history *history, const struct kct_set_clock_event *e)
{
	bool guest = e->ioctl == KCT_IOCTL_SET_CLOCK_GUEST;

	add_step(history, guest ? KCT_IOCTL_SET_CLOCK_GUEST : KCT_IOCTL_SET_CLOCK, e->event.ns,
		 e->has_data && e->flags & KCT_CLOCK_REALTIME);
	if (history->arrival_ns)
		history->sets_later++;
	else if (guest)
		history->asked = *e;
	else
		history->set.clock = *e;
}

static void add_snapshot(struct kct_setting *set, const struct kct_masterclock *m)
{
	set->snapshots[set->nr_snapshots++ % KCT_MAX_SNAPSHOTS] =
		(struct kct_snapshot){m->kernel_ns, m->cycle_now};
}

/*
 * kvmclock_offset is known again. If KVM_SET_CLOCK_GUEST left it as it was it has set nothing: it
 * fails after its update where the masterclock is off, or goes by another TSC frequency.
 */
static void learn_offset(struct kct_history *history, int64_t offset)
{
	const struct kct_masterclock was = history->set.update.after;

	if (!history->offset_known && !history->arrival_ns &&
	    history->set.update.cause == KCT_CAUSE_SET_CLOCK_GUEST && offset == was.clock_offset) {
		history->set = history->former;
		if (was.active == KCT_YES)
			add_snapshot(&history->set, &was);
	}
	history->offset_known = true;
	history->clock_offset = offset;
}

static void on_setting(struct kct_history *history, const struct kct_update_event *e)
{
	struct kct_setting *set = &history->set;

	learn_offset(history, e->after.clock_offset);
	/* It is changed after the update: the next update or PVTI shows it. */
	history->offset_known = false;
	if (history->arrival_ns)
		return;
	history->former = *set;
	*set = (struct kct_setting){.clock = set->clock, .update = *e};
	if (e->cause == KCT_CAUSE_SET_CLOCK_GUEST)
		set->guest = history->asked;
	history->asked.event.ns = 0;
}

static void on_update(struct kct_history *history, const struct kct_update_event *e)
{
	history->masterclock = e->after;
	if (kct_is_setting(e->cause)) {
		on_setting(history, e);
	} else {
		learn_offset(history, e->after.clock_offset);
		history->set.unnecessary += (unsigned int)kct_is_unnecessary(e);
	}
	if (e->after.active == KCT_YES)
		add_snapshot(&history->set, &e->after);
}

/*
 * The snapshot that a PVTI came from: its time has gone on since the clock was set as the PVTI's
 * has (kvm_guest_time_update(): system_time is master_kernel_ns plus kvmclock_offset).
 */
static void find_snapshot(const struct kct_history *history, struct kct_vcpu_history *vcpu)
{
	size_t n = history->set.nr_snapshots;
	size_t count = n < KCT_MAX_SNAPSHOTS ? n : KCT_MAX_SNAPSHOTS;

	for (size_t i = 1; i <= count && !vcpu->has_snapshot; i++) {
		const struct kct_snapshot *s = &history->set.snapshots[(n - i) % KCT_MAX_SNAPSHOTS];

		vcpu->has_snapshot =
			vcpu->arrival.system_time == s->kernel_ns + (uint64_t)history->clock_offset;
		vcpu->snapshot = *s;
	}
}

static void arrive(struct kct_history *history, struct kct_vcpu_history *vcpu,
		   const struct kct_pvti_event *e)
{
	vcpu->arrival = e->new_pvti;
	vcpu->arrival_ns = e->event.ns;
	vcpu->unnecessary = history->set.unnecessary;
	if (!history->sets_later)
		find_snapshot(history, vcpu);
	if (!history->arrival_ns)
		history->arrival_ns = e->event.ns;
}

static void on_pvti(struct kct_history *history, struct kct_vcpu_history *vcpu,
		    const struct kct_pvti_event *e)
{
	bool stable = e->new_pvti.flags & KCT_PVTI_TSC_STABLE;

	vcpu->pvti = e->new_pvti;
	vcpu->pvti_ns = e->event.ns;
	/* No update has been since the setting of the clock: it comes from that one's snapshot. */
	if (stable && !history->offset_known && history->masterclock.active == KCT_YES)
		learn_offset(history,
			     (int64_t)(e->new_pvti.system_time - history->masterclock.kernel_ns));
	if (!vcpu->arrival_ns) {
		if (stable && history->set.update.event.ns)
			arrive(history, vcpu, e);
		return;
	}
	if (!e->has_drift)
		return;
	if (!kct_pvti_same_line(&e->old_pvti, &e->new_pvti))
		vcpu->later_moved++;
	kct_account_drift(&vcpu->later, e->drift_ns, e->clock_set);
}

static void on_tsc_write(struct kct_history *history, struct kct_vcpu_history *vcpu,
			 const struct kct_tsc_write_event *e)
{
	vcpu->offset_dropped |= vcpu->has_offset && e->old_offset != vcpu->offset;
	vcpu->offset = e->new_offset;
	vcpu->has_offset = true;
	if (e->ioctl == KCT_IOCTL_CREATE_VCPU) {
		vcpu->created_offset = e->new_offset;
		vcpu->was_created = true;
	}
	if (e->ioctl != KCT_IOCTL_SET_TSC && e->ioctl != KCT_IOCTL_SET_TSC_OFFSET)
		return;
	if (vcpu->arrival_ns) {
		vcpu->rewritten |= e->old_offset != e->new_offset;
		return;
	}
	vcpu->written = *e;
	add_step(history, e->ioctl, e->event.ns, false);
}

static void on_ioctl(struct kct_history *history, const struct kct_ioctl_event *e)
{
	/* Their `set-clock` has told of them. */
	if (e->ioctl == KCT_IOCTL_SET_CLOCK || e->ioctl == KCT_IOCTL_SET_CLOCK_GUEST)
		return;
	if (e->has_clock)
		history->saved = *e;
	if (e->has_pvti)
		history->saved_guest_ns = e->event.ns;
	add_step(history, e->ioctl, e->event.ns, false);
}

static void on_vcpu(struct kct_vcpu_history *vcpu, const struct kct_vcpu_event *e)
{
	vcpu->tsc_khz = e->tsc_khz;
	if (!vcpu->has_offset)
		vcpu->offset = e->tsc_offset;
	vcpu->has_offset = true;
	if (!e->has_pvti)
		return;
	vcpu->pvti = e->pvti;
	vcpu->pvti_ns = e->event.ns;
}

static void on_vcpu_event(struct kct_history *history, struct kct_vcpu_history *vcpu,
			  const union kct_any_event *event)
{
	switch (event->event.kind) {
	case KCT_EVENT_VCPU:
		on_vcpu(vcpu, &event->vcpu);
		break;
	case KCT_EVENT_PVTI:
		on_pvti(history, vcpu, &event->pvti);
		break;
	case KCT_EVENT_TSC_WRITE:
		on_tsc_write(history, vcpu, &event->tsc_write);
		break;
	case KCT_EVENT_IOCTL:
		if (!event->ioctl.has_tsc)
			break;
		vcpu->saved_tsc = event->ioctl.tsc;
		vcpu->saved_ns = event->event.ns;
		break;
	}
}

int kct_histories_event(struct kct_histories *histories, const union kct_any_event *event)
{
	struct kct_vcpu_history *vcpu;
	struct kct_history *history;

	if (event->event.vm == KCT_NO_VM)
		return 0;
	history = history_of(histories, event->event.vm);
	if (!history)
		return -ENOMEM;
	switch (event->event.kind) {
	case KCT_EVENT_VM:
		history->masterclock = event->vm.masterclock;
		history->clock_offset = event->vm.masterclock.clock_offset;
		history->offset_known = true;
		break;
	case KCT_EVENT_UPDATE:
		on_update(history, &event->update);
		break;
	case KCT_EVENT_SET_CLOCK:
		on_set_clock(history, &event->set_clock);
		break;
	case KCT_EVENT_IOCTL:
		on_ioctl(history, &event->ioctl);
		break;
	}
	if (event->event.vcpu == KCT_NO_VCPU)
		return 0;
	vcpu = vcpu_of(history, event->event.vcpu);
	if (!vcpu)
		return -ENOMEM;
	on_vcpu_event(history, vcpu, event);
	return 0;
}
