// SPDX-License-Identifier: GPL-2.0
/* The events that were recorded in, those that would have been out. */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/tree.h"
#include "kvmclock/account.h"
#include "model/off.h"
#include "whatif/inside.h"

#define ROW(name, text, symbol) [KCT_CHANGE_##name] = &kct_change_##symbol,
static const struct change *const all_changes[KCT_NR_CHANGES] = {KCT_CHANGES(ROW)};

struct kct_whatif {
	const struct change *changes[KCT_NR_CHANGES];
	size_t nr_changes;
	kct_predicted predicted;
	void *context;
	void *vms;		 /* tree of struct kernel_vm */
	enum kct_known host_tsc; /* is it the host's clocksource, when a VM is made? */
	int failed;		 /* -ENOMEM */
};

/* ---- what is changed ---- */

#define ANY(w, field)                                                                              \
	({                                                                                         \
		bool any = false;                                                                  \
		for (size_t i = 0; i < (w)->nr_changes; i++)                                       \
			any |= (w)->changes[i]->field != 0;                                        \
		any;                                                                               \
	})

static void free_vm(void *data)
{
	struct kernel_vm *vm = data;

	tdestroy(vm->vcpus, free);
	free(vm);
}

struct kct_whatif *kct_whatif_new(kct_changes changes, kct_predicted predicted, void *context)
{
	struct kct_whatif *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->predicted = predicted;
	w->context = context;
	w->host_tsc = KCT_NOT_KNOWN;
	for (int i = 0; i < KCT_NR_CHANGES; i++)
		if (changes >> i & 1)
			w->changes[w->nr_changes++] = all_changes[i];
	return w;
}

void kct_whatif_host(struct kct_whatif *w, const char *clocksource)
{
	w->host_tsc = kct_is_tsc_clocksource(clocksource);
}

void kct_whatif_free(struct kct_whatif *w)
{
	if (!w)
		return;
	tdestroy(w->vms, free_vm);
	free(w);
}

/* ---- what is known ---- */

static struct kernel_vm *vm_of(struct kct_whatif *w, uint32_t number)
{
	struct kernel_vm key = {
		.number = number, .recorded.active = KCT_NOT_KNOWN, .would.active = KCT_NOT_KNOWN};
	bool added;

	return kct_tree_find_or_add(&w->vms, &key, sizeof(key), &added);
}

static struct kernel_vcpu *vcpu_of(struct kernel_vm *vm, uint32_t id)
{
	struct kernel_vcpu key = {.id = id};
	bool added;

	return kct_tree_find_or_add(&vm->vcpus, &key, sizeof(key), &added);
}

static void forget(struct kernel_vm *vm, enum kct_unknown unknown, const char *why)
{
	if (unknown <= vm->unknown)
		return;
	vm->unknown = unknown;
	vm->why = why;
}

struct asking {
	uint32_t vm;
	enum kct_unknown unknown;
	const char *why;
};

static void ask_vm(void *item, void *context)
{
	const struct kernel_vm *vm = item;
	struct asking *asking = context;

	if ((asking->vm != KCT_NO_VM && asking->vm != vm->number) || vm->unknown <= asking->unknown)
		return;
	asking->unknown = vm->unknown;
	asking->why = vm->why;
}

enum kct_unknown kct_whatif_unknown(const struct kct_whatif *w, uint32_t vm, const char **why)
{
	struct asking asking = {.vm = vm};

	kct_tree_each(&w->vms, ask_vm, &asking);
	*why = asking.why;
	return asking.unknown;
}

/* ---- out ---- */

static void emit(struct kct_whatif *w, const union kct_any_event *event)
{
	if (!w->failed)
		w->failed = w->predicted(w->context, event);
}

static void emit_request(struct kct_whatif *w, const struct kct_event *at, uint32_t vcpu, int op,
			 int origin, int derived)
{
	union kct_any_event e = {.request = {.event = *at,
					     .op = (uint8_t)op,
					     .origin = (uint8_t)origin,
					     .derived = (uint8_t)derived}};

	e.event.kind = KCT_EVENT_REQUEST;
	e.event.vcpu = vcpu;
	emit(w, &e);
}

/* As the tracer does, a request that is gone is told of at the vCPU's next event. */
static void tell_cleared(struct kct_whatif *w, struct kernel_vcpu *vcpu, const struct kct_event *at)
{
	if (vcpu->cleared)
		emit_request(w, at, vcpu->id, KCT_REQUEST_CLEARED, KCT_ORIGIN_UNKNOWN, 0);
	vcpu->cleared = false;
}

static void clear_request(void *item, void *context)
{
	struct kernel_vcpu *vcpu = item;

	(void)context;
	vcpu->cleared |= vcpu->pending;
	vcpu->pending = false;
}

static void clear_requests(struct kernel_vm *vm, const struct kct_event *at)
{
	vm->cleared_ns = at->ns;
	kct_tree_each(&vm->vcpus, clear_request, NULL);
}

static void count_request(void *item, void *context)
{
	const struct kernel_vcpu *vcpu = item;

	*(uint32_t *)context += vcpu->pending;
}

static uint32_t nr_pending(const struct kernel_vm *vm)
{
	uint32_t count = 0;

	kct_tree_each(&vm->vcpus, count_request, &count);
	return count;
}

/* ---- requests ---- */

static void make_request(struct kct_whatif *w, struct kernel_vcpu *vcpu, const struct kct_event *at,
			 int origin, int derived)
{
	tell_cleared(w, vcpu, at);
	if (vcpu->pending)
		return;
	vcpu->pending = true;
	emit_request(w, at, vcpu->id, KCT_REQUEST_MADE, origin, derived);
}

/* One that no tsc-track came for: why it was made is not known, and it stays. */
static void let_be_made(struct kct_whatif *w, struct kernel_vm *vm, struct kernel_vcpu *vcpu)
{
	if (!vcpu->made.event.ns)
		return;
	if (ANY(w, track))
		forget(vm, KCT_ALL_UNKNOWN,
		       "a request was made, and what KVM decided it by is not "
		       "recorded");
	make_request(w, vcpu, &vcpu->made.event, vcpu->made.origin, vcpu->made.derived);
	vcpu->made.event.ns = 0;
}

struct ending {
	struct kct_whatif *w;
	struct kernel_vm *vm;
};

static void end_waiting(void *item, void *context)
{
	struct ending *ending = context;

	let_be_made(ending->w, ending->vm, item);
}

/* A decision and its request come under one lock: what is of the VM comes behind both. */
static void let_all_be_made(struct kct_whatif *w, struct kernel_vm *vm)
{
	struct ending ending = {w, vm};

	kct_tree_each(&vm->vcpus, end_waiting, &ending);
}

static bool is_of_tracking(int origin)
{
	return origin == KCT_ORIGIN_VCPU_CREATE || origin == KCT_ORIGIN_TSC_WRITE ||
	       origin == KCT_ORIGIN_TSC_OFFSET;
}

/* One that was found later, so that nobody knows whether it was there to be cleared. */
static bool may_have_been_cleared(const struct kernel_vm *vm, const struct kernel_vcpu *vcpu,
				  const struct kct_request_event *e)
{
	return e->op == KCT_REQUEST_MADE && e->origin == KCT_ORIGIN_UNKNOWN &&
	       vm->cleared_ns > vcpu->seen_ns;
}

static void on_request(struct kct_whatif *w, struct kernel_vm *vm, struct kernel_vcpu *vcpu,
		       const struct kct_request_event *e)
{
	if (may_have_been_cleared(vm, vcpu, e))
		forget(vm, KCT_ALL_UNKNOWN,
		       "a request was found only after one that was pending would have been "
		       "cleared");
	vcpu->recorded_pending = e->op == KCT_REQUEST_MADE;
	if (e->op == KCT_REQUEST_MADE) {
		if (is_of_tracking(e->origin))
			vcpu->made = *e;
		else
			make_request(w, vcpu, &e->event, e->origin, e->derived);
		return;
	}
	clear_request(vcpu, NULL);
	tell_cleared(w, vcpu, &e->event);
}

/* The decision of kvm_track_tsc_matching(). */
static bool asks(const struct tracking *t)
{
	return (t->active && t->new_generation) || t->active != t->wanted || t->asks_anyway;
}

static void on_tsc_track(struct kct_whatif *w, struct kernel_vm *vm, struct kernel_vcpu *vcpu,
			 const struct kct_tsc_track_event *e)
{
	/* Where the first vCPU is not counted. */
	bool matched = e->nr_matched + 1 == e->nr_vcpus,
	     host_tsc = kct_is_tsc_mode(e->host_clock) == KCT_YES;
	struct tracking was = {.vm = vm,
			       .active = e->masterclock,
			       .wanted = matched && host_tsc,
			       .host_tsc = host_tsc,
			       .matched = matched,
			       .new_generation = e->generation != vm->generation};
	struct tracking t = was;
	union kct_any_event out = {.tsc_track = *e};
	bool made = vcpu->made.event.ns != 0;

	if (e->tsc_khz)
		vcpu->khz = e->tsc_khz;
	vm->generation = e->generation;
	vm->matched = matched;
	t.active = vm->would.active == KCT_YES;
	for (size_t i = 0; i < w->nr_changes; i++)
		if (w->changes[i]->track)
			w->changes[i]->track(&t);
	/* What is pending already tells nothing of the decision. */
	if (ANY(w, track) && e->pending != KCT_NOT_KNOWN && asks(&was) != made &&
	    !(vcpu->recorded_pending && !made))
		forget(vm, KCT_ALL_UNKNOWN,
		       "the kernel that was recorded decides about requests "
		       "otherwise than Linux from 6.8 on");
	if (ANY(w, track) ? asks(&t) : made || (vcpu->recorded_pending && asks(&was)))
		make_request(w, vcpu, made ? &vcpu->made.event : &e->event,
			     made ? vcpu->made.origin : KCT_ORIGIN_TSC_WRITE, 0);
	vcpu->made.event.ns = 0;
	vm->were_matched = matched;
	tell_cleared(w, vcpu, &e->event);
	out.tsc_track.masterclock = vm->would.active == KCT_YES;
	if (e->pending != KCT_NOT_KNOWN)
		out.tsc_track.pending = vcpu->pending;
	emit(w, &out);
}

/* ---- updates ---- */

static enum kct_effect effect_of(const struct kct_masterclock *before,
				 const struct kct_masterclock *after)
{
	if (before->active == KCT_NOT_KNOWN)
		return KCT_EFFECT_UNKNOWN;
	if (before->active == KCT_NO)
		return after->active ? KCT_EFFECT_ENABLED : KCT_EFFECT_INACTIVE;
	if (after->active == KCT_NO)
		return KCT_EFFECT_DISABLED;
	return before->kernel_ns == after->kernel_ns && before->cycle_now == after->cycle_now
		       ? KCT_EFFECT_SUPPRESSED
		       : KCT_EFFECT_RESNAPSHOT;
}

static void remember(struct kernel_vm *vm)
{
	vm->pairs[vm->nr_pairs++ % NR_PAIRS] = (struct snapshot_pair){
		.kernel_ns = vm->recorded.kernel_ns,
		.cycle_now = vm->recorded.cycle_now,
		.would_kernel_ns = vm->would.kernel_ns,
		.would_cycle_now = vm->would.cycle_now,
		.would_active = vm->would.active == KCT_YES,
	};
}

/* May the masterclock be active where `is` says whether it is? */
static enum kct_known may_be_active(const struct kct_whatif *w, const struct kernel_vm *vm,
				    bool host_tsc, enum kct_known is)
{
	bool active = is == KCT_YES;

	if (is == KCT_NOT_KNOWN)
		return is;
	for (size_t i = 0; i < w->nr_changes; i++)
		if (w->changes[i]->may_be_active)
			active = w->changes[i]->may_be_active(vm, host_tsc, active);
	return active ? KCT_YES : KCT_NO;
}

/* pvclock_update_vm_gtod_copy(): what it would have left where it left `after`. */
static struct kct_masterclock would_leave(const struct kct_whatif *w, const struct kernel_vm *vm,
					  const struct kct_update_event *e)
{
	struct kct_masterclock after = e->after;

	after.active =
		may_be_active(w, vm, kct_is_tsc_mode(e->host_clock) == KCT_YES, after.active);
	if (ANY(w, keeps_snapshot) && e->cause == KCT_CAUSE_VCPU_REQUEST &&
	    vm->would.active == KCT_YES && after.active == KCT_YES) {
		after.kernel_ns = vm->would.kernel_ns;
		after.cycle_now = vm->would.cycle_now;
	}
	return after;
}

static void would_update(struct kct_whatif *w, struct kernel_vm *vm,
			 const struct kct_update_event *e)
{
	union kct_any_event out = {.update = *e};

	if (vm->would.active == KCT_NOT_KNOWN)
		vm->would = e->before;
	if (ANY(w, clears_at_start))
		clear_requests(vm, &e->event);
	out.update.before = vm->would;
	vm->would = would_leave(w, vm, e);
	out.update.after = vm->would;
	if (vm->would.active)
		out.update.conditions = (struct kct_conditions){0};
	out.update.effect = (uint8_t)effect_of(&out.update.before, &vm->would);
	for (size_t i = 0; i < w->nr_changes; i++)
		if (kct_is_setting(e->cause) && w->changes[i]->set_clock)
			out.update.cause = (uint8_t)w->changes[i]->set_clock;
	emit(w, &out);
	/* The event behind the update: kvm_vm_ioctl_set_clock() ends. */
	if (ANY(w, clears_at_end) && vm->would.active == KCT_YES &&
	    (e->cause == KCT_CAUSE_SET_CLOCK || e->cause == KCT_CAUSE_SET_CLOCK_REALTIME))
		clear_requests(vm, &e->event);
}

static int on_update(struct kct_whatif *w, struct kernel_vm *vm, const struct kct_update_event *e)
{
	bool serves = e->cause == KCT_CAUSE_VCPU_REQUEST && e->event.vcpu != KCT_NO_VCPU;
	struct kernel_vcpu *vcpu = serves ? vcpu_of(vm, e->event.vcpu) : NULL;
	bool asked = true;

	if (serves && !vcpu)
		return -ENOMEM;
	let_all_be_made(w, vm);
	vm->host_clock = e->host_clock;
	if (vcpu) {
		tell_cleared(w, vcpu, &e->event);
		asked = vcpu->pending;
		vcpu->seen_ns = e->event.ns;
		vcpu->recorded_pending = vcpu->pending = false;
	}
	vm->recorded = e->after;
	if (e->matched != KCT_NOT_KNOWN)
		vm->were_matched = e->matched;
	if (asked)
		would_update(w, vm, e);
	else if (vm->would.active != KCT_YES)
		/* Without a snapshot each PVTI has a time of its own. */
		forget(vm, KCT_LINES_UNKNOWN, "PVTIs were published that would not have been");
	remember(vm);
	return 0;
}

/* ---- PVTIs ---- */

static const struct snapshot_pair *pair_of(const struct kernel_vm *vm,
					   const struct kct_pvti_event *e, int64_t clock_offset)
{
	for (size_t i = vm->nr_pairs; i > 0 && i + NR_PAIRS > vm->nr_pairs; i--) {
		const struct snapshot_pair *pair = &vm->pairs[(i - 1) % NR_PAIRS];

		if (e->new_pvti.system_time == pair->kernel_ns + (uint64_t)clock_offset)
			return pair;
	}
	/* The offset was changed since, or the masterclock is off: the last one. */
	return vm->nr_pairs ? &vm->pairs[(vm->nr_pairs - 1) % NR_PAIRS] : NULL;
}

/* The guest's TSC is the host's with its offset, or the host's itself: nothing scales. */
static bool only_offset(const struct kernel_vcpu *vcpu, const struct kct_pvti *pvti,
			const struct snapshot_pair *pair)
{
	uint64_t offset = pvti->tsc_timestamp - pair->cycle_now;

	return !offset || (vcpu->has_offset && offset == vcpu->offset);
}

/* Else: are the guest's cycles the host's, by the rate at which they make ns? */
static bool scales(const struct kct_pvti *pvti, uint64_t cycles, uint64_t ns)
{
	uint64_t guest_ns = kct_pvti_scale(cycles, pvti->tsc_to_system_mul, pvti->tsc_shift);
	uint64_t off = guest_ns > ns ? guest_ns - ns : ns - guest_ns;

	return off > ns / 1000 + 100;
}

static void would_publish(struct kernel_vm *vm, const struct kernel_vcpu *vcpu,
			  struct kct_pvti *pvti, const struct snapshot_pair *pair)
{
	uint64_t cycles = pair->cycle_now - pair->would_cycle_now;
	uint64_t ns = pair->kernel_ns - pair->would_kernel_ns;

	if (!cycles && !ns)
		return;
	if (!only_offset(vcpu, pvti, pair) && scales(pvti, cycles, ns))
		forget(vm, KCT_LINES_UNKNOWN, "the guest's TSC is scaled");
	pvti->tsc_timestamp -= cycles;
	pvti->system_time -= ns;
}

/* A vCPU that has a request, and is in KVM_RUN, serves it before it publishes anything. */
static void serve_first(struct kct_whatif *w, struct kernel_vm *vm, struct kernel_vcpu *vcpu,
			const struct kct_event *at)
{
	union kct_any_event e = {.update = {.event = *at,
					    .after = vm->recorded,
					    .cause = KCT_CAUSE_VCPU_REQUEST,
					    .derived = 1,
					    .matched = vm->matched,
					    .host_clock = vm->host_clock}};

	if (!vcpu->pending || vcpu->recorded_pending)
		return;
	e.event.kind = KCT_EVENT_UPDATE;
	vcpu->pending = false;
	/* A snapshot that nobody took: only that it is another one is known. */
	if (vm->would.active == KCT_YES && !ANY(w, keeps_snapshot)) {
		e.update.after.kernel_ns = vm->would.kernel_ns + 1;
		e.update.after.cycle_now = vm->would.cycle_now + 1;
		forget(vm, KCT_LINES_UNKNOWN, "a snapshot would have been taken that never was");
	}
	would_update(w, vm, &e.update);
}

static void on_pvti(struct kct_whatif *w, struct kernel_vm *vm, struct kernel_vcpu *vcpu,
		    const struct kct_pvti_event *e)
{
	int64_t clock_offset = vm->recorded.clock_offset;
	const struct snapshot_pair *pair;
	union kct_any_event out = {.pvti = *e};
	struct kct_pvti *line = &out.pvti.new_pvti;

	serve_first(w, vm, vcpu, &e->event);
	pair = pair_of(vm, e, clock_offset);
	if (pair && e->new_pvti.flags & KCT_PVTI_TSC_STABLE)
		would_publish(vm, vcpu, line, pair);
	else if (pair && pair->would_active)
		forget(vm, KCT_LINES_UNKNOWN,
		       "the masterclock would have been on where it was off");
	if (e->has_old) {
		out.pvti.old_pvti = vcpu->has_line ? vcpu->line : e->old_pvti;
		if (e->has_drift)
			out.pvti.drift_ns = kct_pvti_drift(&out.pvti.old_pvti, line);
	}
	vcpu->has_line = true;
	vcpu->line = *line;
	emit(w, &out);
}

/* ---- the clock is set ---- */

static void on_set_clock(struct kct_whatif *w, struct kernel_vm *vm,
			 const struct kct_set_clock_event *e)
{
	union kct_any_event out = {.set_clock = *e};

	let_all_be_made(w, vm);
	/* It comes right before its update. */
	if (ANY(w, clears_at_start))
		clear_requests(vm, &e->event);
	if (e->nr_pending != KCT_NO_NUMBER)
		out.set_clock.nr_pending = nr_pending(vm);
	emit(w, &out);
}

static void on_ioctl(struct kct_whatif *w, struct kernel_vm *vm, const struct kct_ioctl_event *e)
{
	union kct_any_event out = {.ioctl = *e};

	if (e->nr_pending != KCT_NO_NUMBER)
		out.ioctl.nr_pending = nr_pending(vm);
	emit(w, &out);
}

/* ---- in ---- */

static void take_vcpu_event(struct kct_whatif *w, struct kernel_vm *vm, struct kernel_vcpu *vcpu,
			    const union kct_any_event *event)
{
	switch (event->event.kind) {
	case KCT_EVENT_VCPU:
		vcpu->pending = vcpu->recorded_pending = event->vcpu.pending;
		vcpu->khz = event->vcpu.tsc_khz;
		vcpu->has_line = event->vcpu.has_pvti;
		vcpu->line = event->vcpu.pvti;
		vcpu->has_offset = true;
		vcpu->offset = event->vcpu.tsc_offset;
		break;
	case KCT_EVENT_TSC_WRITE:
		vcpu->has_offset = true;
		vcpu->offset = event->tsc_write.new_offset;
		break;
	case KCT_EVENT_REQUEST:
		on_request(w, vm, vcpu, &event->request);
		return;
	case KCT_EVENT_TSC_TRACK:
		on_tsc_track(w, vm, vcpu, &event->tsc_track);
		return;
	case KCT_EVENT_PVTI:
		tell_cleared(w, vcpu, &event->event);
		on_pvti(w, vm, vcpu, &event->pvti);
		return;
	}
	emit(w, event);
}

static int on_vcpu_event(struct kct_whatif *w, struct kernel_vm *vm,
			 const union kct_any_event *event)
{
	struct kernel_vcpu *vcpu = vcpu_of(vm, event->event.vcpu);

	if (!vcpu)
		return -ENOMEM;
	if (event->event.kind != KCT_EVENT_TSC_TRACK)
		let_be_made(w, vm, vcpu);
	take_vcpu_event(w, vm, vcpu, event);
	/* At all others the tracer looks at its request, too. */
	if (event->event.kind != KCT_EVENT_TSC_WRITE)
		vcpu->seen_ns = event->event.ns;
	return 0;
}

/* kvm_arch_init_vm(): of a VM that has no number yet, nor vCPUs. */
static void on_creation(struct kct_whatif *w, const struct kct_update_event *e)
{
	const struct kernel_vm nobody = {0};
	union kct_any_event out = {.update = *e};
	struct kct_masterclock *after = &out.update.after;

	w->host_tsc = kct_is_tsc_mode(e->host_clock);
	after->active = may_be_active(w, &nobody, w->host_tsc == KCT_YES, after->active);
	if (after->active != e->after.active)
		out.update.effect = (uint8_t)effect_of(&e->before, after);
	emit(w, &out);
}

/* A VM is seen. If its creation was, that update would have left it so. */
static void on_vm(struct kct_whatif *w, struct kernel_vm *vm, const struct kct_vm_event *e)
{
	union kct_any_event out = {.vm = *e};

	vm->recorded = vm->would = e->masterclock;
	if (e->created) {
		if (ANY(w, may_be_active) && w->host_tsc == KCT_NOT_KNOWN)
			forget(vm, KCT_ALL_UNKNOWN, "the host's clocksource is not recorded");
		vm->would.active =
			may_be_active(w, vm, w->host_tsc == KCT_YES, vm->recorded.active);
		if (vm->would.active != vm->recorded.active)
			out.vm.create_effect = KCT_EFFECT_ENABLED;
	}
	out.vm.masterclock = vm->would;
	if (vm->would.active)
		out.vm.conditions = (struct kct_conditions){0};
	if (vm->recorded.active != KCT_NOT_KNOWN)
		remember(vm);
	emit(w, &out);
}

static int on_vm_event(struct kct_whatif *w, struct kernel_vm *vm, const union kct_any_event *event)
{
	switch (event->event.kind) {
	case KCT_EVENT_VM:
		on_vm(w, vm, &event->vm);
		return 0;
	case KCT_EVENT_UPDATE:
		return on_update(w, vm, &event->update);
	case KCT_EVENT_SET_CLOCK:
		on_set_clock(w, vm, &event->set_clock);
		return 0;
	case KCT_EVENT_IOCTL:
		on_ioctl(w, vm, &event->ioctl);
		return 0;
	case KCT_EVENT_VM_GONE:
		break;
	default:
		return on_vcpu_event(w, vm, event);
	}
	emit(w, event);
	return 0;
}

int kct_whatif_event(struct kct_whatif *w, const union kct_any_event *event)
{
	struct kernel_vm *vm;
	int error;

	if (event->event.vm == KCT_NO_VM) {
		if (event->event.kind == KCT_EVENT_UPDATE &&
		    event->update.cause == KCT_CAUSE_VM_CREATE)
			on_creation(w, &event->update);
		else
			emit(w, event);
		return w->failed;
	}
	vm = vm_of(w, event->event.vm);
	error = vm ? on_vm_event(w, vm, event) : -ENOMEM;
	return error ? error : w->failed;
}

static void end_vm(void *item, void *context)
{
	let_all_be_made(context, item);
}

int kct_whatif_end(struct kct_whatif *w)
{
	kct_tree_each(&w->vms, end_vm, w);
	return w->failed;
}
