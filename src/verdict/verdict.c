// SPDX-License-Identifier: GPL-2.0
/* What the events tell about each request, and whether they are whole. */
#include <errno.h>
#include <inttypes.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/figures.h"
#include "verdict/inside.h"
#include "base/tree.h"

/* CPUs deliver their events in nearly the order of time: nearer to each other than this. */
#define MAX_DISORDER_NS 1000000000ULL

static void free_vm(void *data)
{
	struct vm *vm = data;

	tdestroy(vm->vcpus, free);
	free(vm);
}

static struct vm *vm_of(struct kct_judge *judge, uint32_t number)
{
	struct vm key = {.number = number};
	bool added;

	return kct_tree_find_or_add(&judge->vms, &key, sizeof(key), &added);
}

static struct vcpu *vcpu_of(struct vm *vm, uint32_t id)
{
	struct vcpu key = {.id = id};
	bool added;

	return kct_tree_find_or_add(&vm->vcpus, &key, sizeof(key), &added);
}

struct kct_judge *kct_judge_new(void)
{
	return calloc(1, sizeof(struct kct_judge));
}

void kct_judge_free(struct kct_judge *judge)
{
	if (!judge)
		return;
	tdestroy(judge->vms, free_vm);
	free(judge);
}

void kct_judge_anchor(struct kct_judge *judge, uint64_t boot_ns, uint64_t realtime_ns)
{
	judge->boot_ns = boot_ns;
	judge->realtime_ns = realtime_ns;
}

/* ---- doubts ---- */

void kct_judge_doubt(struct kct_judge *judge, const char *why)
{
	if (!*judge->doubt)
		snprintf(judge->doubt, sizeof(judge->doubt), "%s", why);
}

static bool bears_on_verdict(const char *evidence)
{
	static const char *const besides[] = {"clock-read", "tsc-read", "vm-gone"};

	for (size_t i = 0; i < sizeof(besides) / sizeof(besides[0]); i++)
		if (!strcmp(evidence, besides[i]))
			return false;
	return true;
}

#define OTHER_RELEASE "events that only another release knows were passed over"

static void doubt_passed_of(const struct kct_vm *vm, void *context)
{
	struct vm *judged = kct_tree_find(&((struct kct_judge *)context)->vms, vm->number);

	if (vm->passed.events && judged)
		kct_judge_doubt_vm(judged, OTHER_RELEASE);
}

/*
 * What an event tells that is not known here may be what became of a request. A field or a word of
 * another release only tells more of what is known; of a cause and an effect, where they matter,
 * the judge finds that they are unknown.
 */
static void doubt_passed(struct kct_judge *judge, const struct kct_model *model)
{
	if (model->passed_unlaid)
		kct_judge_doubt(judge, OTHER_RELEASE);
	if (model->passed.events)
		kct_model_each_vm(model, doubt_passed_of, judge);
}

void kct_judge_losses(struct kct_judge *judge, const struct kct_model *model)
{
	uint64_t missed = model->lost.losses[KCT_LOSS_MISSED];
	uint64_t told = 0, others = 0;
	char why[160];

	for (int i = 0; i < KCT_NR_LOSSES; i++)
		if (i != KCT_LOSS_MISSED)
			others |= model->lost.losses[i];
	for (uint32_t i = 0; i < model->lost.misses.count; i++) {
		const struct kct_missed *one = &model->lost.misses.list[i];

		told |= one->calls;
		if (!one->calls || !bears_on_verdict(one->evidence))
			continue;
		snprintf(why, sizeof(why), "the kernel skipped %" PRIu64 " calls of what tells %s",
			 one->calls, one->evidence);
		kct_judge_doubt(judge, why);
	}
	doubt_passed(judge, model);
	if (!others && (!missed || told))
		return;
	kct_losses_text(model->lost.losses, why, sizeof(why));
	kct_judge_doubt(judge, why);
}

/* Cut off what came before it, or a segment of a flight recorder but the first one of its run. */
static bool begins_within(const struct kct_header *header)
{
	return header->part.from_ns > header->started.boot_ns ||
	       (header->segment.run_ns && header->segment.run_ns < header->started.boot_ns);
}

void kct_judge_header(struct kct_judge *judge, const struct kct_header *header)
{
	judge->begins_within = begins_within(header);
	if (!kct_figure_is_shown(kct_figures_shown(header), KCT_FIGURE_JUDGED))
		kct_judge_doubt(judge, "there was no hook that shows requests");
}

/* What happened to one vCPU, or under one VM's lock, is recorded in its order. */
static void check_order(struct vm *vm, uint64_t *last_ns, uint64_t ns)
{
	if (ns < *last_ns)
		kct_judge_doubt_vm(vm, "events are out of order");
	*last_ns = ns;
}

/*
 * Events of another run do not fit into the time of this one. A segment begins with the latest
 * event before it: one of another CPU that is told only then may be a bit older.
 */
static void check_time(struct kct_judge *judge, uint64_t ns)
{
	if (ns < judge->boot_ns && judge->boot_ns - ns > MAX_DISORDER_NS)
		kct_judge_doubt(judge, "an event is older than the recording");
	if (judge->last_ns > ns && judge->last_ns - ns > MAX_DISORDER_NS)
		kct_judge_doubt(judge, "events are out of order");
	if (ns > judge->last_ns)
		judge->last_ns = ns;
}

static bool same_masterclock(const struct kct_masterclock *a, const struct kct_masterclock *b)
{
	return a->active == b->active && a->kernel_ns == b->kernel_ns &&
	       a->cycle_now == b->cycle_now;
}

/* ---- events ---- */

/*
 * The clock is set. Its update and what was asked for are two events: right behind one another; in
 * recordings by older releases the latter came when the ioctl returned.
 */
static uint64_t on_setting(struct vm *vm)
{
	struct kct_findings *f = &vm->findings;

	/* What came before is a VM's start. */
	if (vm->set_updates + f->clock_sets == 1) {
		f->pvti_updates = f->pvti_moved = 0;
		memset(&f->drift, 0, sizeof(f->drift));
	}
	return kct_follow_setting(vm);
}

static void on_setting_returned(struct vm *vm, uint32_t nr_pending)
{
	struct kct_findings *f = &vm->findings;

	if (nr_pending == KCT_NO_NUMBER)
		return;
	if (vm->same_setting)
		f->pending_after_set -= vm->pending_after;
	f->pending_after_set += nr_pending;
	f->after_set_known = true;
	vm->pending_after = nr_pending;
	vm->same_setting = true;
	if (!nr_pending)
		kct_follow_none_pending(vm);
}

static void on_set_clock(struct kct_judge *judge, struct vm *vm,
			 const struct kct_set_clock_event *e)
{
	struct kct_findings *f = &vm->findings;

	if (++f->clock_sets > vm->set_updates)
		vm->pending_at_set = on_setting(vm);
	/* Fewer than were seen to be made is no hole: they were cleared, or wait for the lock. */
	if (e->nr_pending != KCT_NO_NUMBER && e->nr_pending > vm->pending_at_set)
		kct_judge_doubt_vm(vm,
				   "%" PRIu32 " requests were pending when the clock was set, "
				   "the events account for %" PRIu64,
				   e->nr_pending, vm->pending_at_set);
	if (!e->nr_pending)
		kct_follow_none_pending(vm);
	on_setting_returned(vm, e->nr_pending_after);
	f->blackout_ns = 0;
	if (e->has_data && e->flags & KCT_CLOCK_REALTIME && judge->realtime_ns)
		f->blackout_ns = (int64_t)(judge->realtime_ns + (e->event.ns - judge->boot_ns) -
					   e->realtime);
}

struct offsets_walk {
	bool any, differ;
	uint64_t offset;
};

static void visit_offset(void *item, void *data)
{
	const struct vcpu *vcpu = item;
	struct offsets_walk *walk = data;

	if (!vcpu->has_offset)
		return;
	if (walk->any && walk->offset != vcpu->tsc_offset)
		walk->differ = true;
	walk->any = true;
	walk->offset = vcpu->tsc_offset;
}

static int on_update(struct vm *vm, const struct kct_update_event *e)
{
	struct offsets_walk offsets = {0};
	struct vcpu *vcpu;

	check_order(vm, &vm->last_update_ns, e->event.ns);
	if (vm->has_masterclock && !same_masterclock(&vm->masterclock, &e->before))
		kct_judge_doubt_vm(
			vm,
			"an update is missing: the values before one are not those after the last");
	vm->has_masterclock = true;
	vm->masterclock = e->after;
	vm->findings.updates++;
	if (e->after.active == KCT_YES) {
		kct_tree_each(&vm->vcpus, visit_offset, &offsets);
		vm->findings.tsc_offsets_differ |= offsets.differ;
	}
	if (e->cause == KCT_CAUSE_UNKNOWN)
		kct_judge_doubt_vm(vm, "an update of unknown cause");
	if (kct_is_setting(e->cause) && ++vm->set_updates > vm->findings.clock_sets)
		vm->pending_at_set = on_setting(vm);
	if (e->cause != KCT_CAUSE_VCPU_REQUEST)
		return 0;
	if (e->event.vcpu == KCT_NO_VCPU) {
		kct_judge_doubt_vm(vm, "an update for a request of no known vCPU");
		return 0;
	}
	vcpu = vcpu_of(vm, e->event.vcpu);
	if (!vcpu)
		return -ENOMEM;
	check_order(vm, &vcpu->last_ns, e->event.ns);
	kct_follow_served(vm, vcpu, e->effect);
	return 0;
}

/*
 * The snapshot is older than the vCPU's TSC write. A kernel whose compute_guest_tsc() takes the
 * difference for an unsigned one throws the guest's TSC by the half of what 64 bits hold, or more,
 * where it uses it (tsc_catchup): is the TSC at the snapshot that far from what the VMM set it to?
 */
static bool threw_tsc(const struct vm *vm, const struct vcpu *vcpu, const struct kct_pvti_event *e)
{
	const uint64_t years = 1ULL << 57; /* of cycles: a guest's own writes, and its scaling */
	uint64_t tsc = vm->masterclock.cycle_now + vcpu->vmm_offset;
	uint64_t off = e->new_pvti.tsc_timestamp - tsc;

	return e->negative_delta && off > years && -off > years;
}

static void on_pvti(struct vm *vm, struct vcpu *vcpu, const struct kct_pvti_event *e)
{
	struct kct_findings *f = &vm->findings;

	if (vcpu->has_pvti && (!e->has_old || !kct_pvti_same_line(&vcpu->pvti, &e->old_pvti)))
		kct_judge_doubt_vm(vm, "a PVTI update of vCPU %" PRIu32 " is missing", vcpu->id);
	if (!vcpu->has_pvti && e->has_old)
		kct_judge_doubt_vm(vm, "the first PVTI update of vCPU %" PRIu32 " is missing",
				   vcpu->id);
	vcpu->has_pvti = true;
	vcpu->pvti = e->new_pvti;
	vm->same_setting = false;
	f->negative_deltas += e->negative_delta;
	f->negative_wrong += threw_tsc(vm, vcpu, e);
	f->pvti_unstable +=
		vm->masterclock.active == KCT_YES && !(e->new_pvti.flags & KCT_PVTI_TSC_STABLE);
	f->pvti_updates++;
	/* It shows the time that was asked for. */
	if (e->clock_set)
		return;
	if (e->has_old && !kct_pvti_same_line(&e->old_pvti, &e->new_pvti))
		f->pvti_moved++;
	if (e->has_drift)
		kct_account_drift(&f->drift, e->drift_ns, 0);
}

static int on_vcpu_event(struct vm *vm, const union kct_any_event *event)
{
	struct vcpu *vcpu = vcpu_of(vm, event->event.vcpu);

	if (!vcpu)
		return -ENOMEM;
	check_order(vm, &vcpu->last_ns, event->event.ns);
	if (!vcpu->introduced && event->event.kind != KCT_EVENT_VCPU)
		kct_judge_doubt_vm(vm, "the first event of vCPU %" PRIu32 " is missing", vcpu->id);
	switch (event->event.kind) {
	case KCT_EVENT_VCPU:
		if (vcpu->introduced)
			kct_judge_doubt_vm(vm, "vCPU %" PRIu32 " is seen for the first time twice",
					   vcpu->id);
		vcpu->introduced = true;
		vcpu->pending = event->vcpu.pending;
		vcpu->request.judged = vcpu->pending && vm->masterclock.active == KCT_YES;
		vcpu->request.found = vcpu->pending;
		vcpu->has_pvti = event->vcpu.has_pvti;
		vcpu->pvti = event->vcpu.pvti;
		vcpu->has_offset = true;
		vcpu->tsc_offset = vcpu->vmm_offset = event->vcpu.tsc_offset;
		break;
	case KCT_EVENT_REQUEST:
		if (event->request.op == KCT_REQUEST_MADE)
			kct_follow_made(vm, vcpu);
		else
			kct_follow_cleared(vm, vcpu);
		break;
	case KCT_EVENT_PVTI:
		on_pvti(vm, vcpu, &event->pvti);
		break;
	case KCT_EVENT_TSC_WRITE:
		vcpu->has_offset = true;
		vcpu->tsc_offset = event->tsc_write.new_offset;
		if (event->tsc_write.ioctl != KCT_IOCTL_RUN)
			vcpu->vmm_offset = event->tsc_write.new_offset;
		break;
	case KCT_EVENT_TSC_TRACK:
		if (event->tsc_track.pending != KCT_NOT_KNOWN &&
		    event->tsc_track.pending != vcpu->pending)
			kct_judge_doubt_vm(vm, "a request of vCPU %" PRIu32 " is missing",
					   vcpu->id);
		break;
	}
	return 0;
}

/* An update that is nobody's: of a VM that is being made, or of one that could not be told. */
static void on_unattributed(struct kct_judge *judge, const union kct_any_event *event)
{
	if (event->event.kind == KCT_EVENT_UPDATE && event->update.cause != KCT_CAUSE_VM_CREATE)
		kct_judge_doubt(judge, "an update could not be attributed to its VM");
	if (event->event.kind == KCT_EVENT_PVTI)
		kct_judge_doubt(judge, "a PVTI update could not be attributed to its VM");
}

int kct_judge_event(struct kct_judge *judge, const union kct_any_event *event)
{
	struct vm *vm;

	/* A VM, or a vCPU, may have been met before the recording began, and is announced with the
	 * time of what is known of it. */
	if (event->event.kind != KCT_EVENT_VM && event->event.kind != KCT_EVENT_VCPU)
		check_time(judge, event->event.ns);
	if (event->event.vm == KCT_NO_VM) {
		on_unattributed(judge, event);
		return 0;
	}
	vm = vm_of(judge, event->event.vm);
	if (!vm)
		return -ENOMEM;
	if (!vm->introduced && event->event.kind != KCT_EVENT_VM)
		kct_judge_doubt_vm(vm, "the VM's first event is missing");
	switch (event->event.kind) {
	case KCT_EVENT_VM:
		if (vm->introduced)
			kct_judge_doubt_vm(vm, "the VM is seen for the first time twice");
		vm->introduced = true;
		vm->masterclock = event->vm.masterclock;
		vm->has_masterclock = vm->masterclock.active != KCT_NOT_KNOWN;
		return 0;
	case KCT_EVENT_UPDATE:
		return on_update(vm, &event->update);
	case KCT_EVENT_SET_CLOCK:
		on_set_clock(judge, vm, &event->set_clock);
		return 0;
	case KCT_EVENT_IOCTL:
		if (event->ioctl.ioctl == KCT_IOCTL_SET_CLOCK ||
		    event->ioctl.ioctl == KCT_IOCTL_SET_CLOCK_GUEST)
			on_setting_returned(vm, event->ioctl.nr_pending);
		return 0;
	case KCT_EVENT_VM_GONE:
		return 0;
	}
	return on_vcpu_event(vm, event);
}
