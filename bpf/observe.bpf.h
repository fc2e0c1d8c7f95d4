/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is done about each thing that happens, whichever way it was noticed. An observer gets
 * the structs and values; how a hook came by them is the hook's affair (hooks.bpf.h). A VM or
 * vCPU that could not be told is NULL: its events count as nobody's, never as somebody else's.
 */
#ifndef KCT_OBSERVE_BPF_H
#define KCT_OBSERVE_BPF_H

#include "argument.bpf.h"
#include "setting.bpf.h"

/* As many vCPUs as are asked for their request bit while KVM_SET_CLOCK holds its lock. */
#define MAX_VCPUS_ASKED 4096
/* The same where the verifier has to walk every turn of the loop. */
#define MAX_VCPUS_ASKED_IN_TURN 64

/* The VM of the ioctl in progress. */
static __always_inline struct kct_vm_state *running_vm(struct kvm *kvm)
{
	return vm_state(kvm, bpf_get_current_task_btf(), NEW_BY_TRACEPOINT);
}

static __always_inline struct kct_vcpu_state *vcpu_of(struct kvm *kvm, struct kvm_vcpu *vcpu)
{
	if (!vcpu)
		return NULL;
	return vcpu_state(vcpu, running_vm(kvm), NEW_BY_TRACEPOINT);
}

/* ---- requests ---- */

/*
 * How it is known that a request was made: only where it is being made does the stack of the
 * running task tell who does.
 */
enum how_seen { BEING_MADE, FOUND_LATER };

__noinline int emit_request(struct kct_vcpu_state *state, enum kct_request_op op,
			    enum kct_origin origin, bool derived, enum how_seen seen)
{
	struct kct_request_event e = {.op = op, .origin = origin, .derived = derived};

	if (!state)
		return 0;
	event_head(&e.event, KCT_EVENT_REQUEST, state->vm, state->id);
	kct_account_request(&state->counters, &e);
	if (with_stacks && op == KCT_REQUEST_MADE) {
		if (seen == BEING_MADE) {
			emit_with_stack(&e, sizeof(e), KCT_EVENT_REQUEST);
			return 0;
		}
		e.stack_note = KCT_STACK_FOUND_LATER;
	}
	emit(&e, sizeof(e), KCT_EVENT_REQUEST);
	return 0;
}

/* Who looks at a vCPU's request bit: its own thread, or one that makes requests for all vCPUs. */
enum whose_thread { OTHERS_THREAD, OWN_THREAD };

/* Compare the request bit with what was known of it; `origin` is who made it if it is new. */
static __always_inline void look_at_request(struct kct_vcpu_state *state, struct kvm_vcpu *vcpu,
					    enum kct_origin origin, enum whose_thread whose,
					    enum how_seen seen)
{
	__u32 changes = *(volatile __u32 *)&state->request_changes;
	bool pending = request_is_pending(vcpu);

	if (!kct_request_changed(&state->request_changes, changes, pending, whose == OWN_THREAD) ||
	    !armed)
		return;
	if (pending)
		emit_request(state, KCT_REQUEST_MADE, origin, false, seen);
	else
		emit_request(state, KCT_REQUEST_CLEARED, KCT_ORIGIN_UNKNOWN, false, seen);
}

/* Where requests are made: who makes one that is new? */
static __always_inline void observe_request_bit(struct kct_vcpu_state *state, struct kvm_vcpu *vcpu,
						enum kct_origin origin)
{
	look_at_request(state, vcpu, origin, OWN_THREAD, BEING_MADE);
}

/* Anywhere else: one that is new was made before, by whom is not known. */
static __always_inline void find_request_bit(struct kct_vcpu_state *state, struct kvm_vcpu *vcpu)
{
	look_at_request(state, vcpu, KCT_ORIGIN_UNKNOWN, OWN_THREAD, FOUND_LATER);
}

/*
 * KVM_RUN serves a request: kvm_check_request() has cleared the bit already. If it was not
 * known to be pending, somebody whom no hook sees made it.
 */
static __always_inline void observe_request_served(struct kct_vcpu_state *state)
{
	if (!kct_request_served(&state->request_changes) && armed)
		emit_request(state, KCT_REQUEST_MADE, KCT_ORIGIN_UNKNOWN, true, FOUND_LATER);
}

/* kvm_make_request() is about to set the bit: a request is made if it is not set yet. */
static __always_inline void observe_request_made(struct kvm_vcpu *vcpu, enum kct_origin origin,
						 enum whose_thread whose)
{
	struct kct_vcpu_state *state = vcpu_of(READ(vcpu, kvm), vcpu);
	__u32 changes;

	if (!state)
		return;
	look_at_request(state, vcpu, KCT_ORIGIN_UNKNOWN, whose, FOUND_LATER);
	changes = *(volatile __u32 *)&state->request_changes;
	if (kct_request_changed(&state->request_changes, changes, 1, whose == OWN_THREAD) && armed)
		emit_request(state, KCT_REQUEST_MADE, origin, false, BEING_MADE);
}

struct all_bits {
	__u64 kvm; /* only of this VM; 0: of all */
	__u32 origin;
};

static long observe_one_of_all(void *map, struct kct_key *key, struct kct_vcpu_state *state,
			       struct all_bits *all)
{
	struct kvm_vcpu *vcpu = (struct kvm_vcpu *)key->address;
	struct kvm *kvm = READ(vcpu, kvm);

	if (all->kvm && (__u64)kvm != all->kvm)
		return 0;
	/* Of a VM that is gone, the memory is another's by now: its token is not there. */
	if (vm_token(kvm) == key->token)
		look_at_request(state, vcpu, all->origin, OTHERS_THREAD, BEING_MADE);
	return 0;
}

/* Something made requests for all the vCPUs of a VM, or of all VMs (NULL), that we know. */
static __always_inline void observe_all_request_bits(struct kvm *kvm, enum kct_origin origin)
{
	struct all_bits all = {(__u64)kvm, origin};

	bpf_for_each_map_elem(&vcpus, observe_one_of_all, &all, 0);
}

/* ---- updates ---- */

static __always_inline enum kct_effect effect_of(const struct kct_masterclock *before,
						 const struct kct_masterclock *after)
{
	if (before->active == KCT_NOT_KNOWN)
		return KCT_EFFECT_UNKNOWN;
	if (!before->active)
		return after->active ? KCT_EFFECT_ENABLED : KCT_EFFECT_INACTIVE;
	if (!after->active)
		return KCT_EFFECT_DISABLED;
	if (before->kernel_ns == after->kernel_ns && before->cycle_now == after->cycle_now)
		return KCT_EFFECT_SUPPRESSED;
	return KCT_EFFECT_RESNAPSHOT;
}

/* A function of its own: the stack of its callers has no room for what copying an event takes. */
static __noinline void emit_update_with_stack(const struct kct_update_event *e)
{
	emit_with_stack(e, sizeof(*e), KCT_EVENT_UPDATE);
}

static __always_inline void emit_update(struct kct_update_event *e, struct kct_vm_counters *vm,
					struct kct_vcpu_counters *vcpu)
{
	kct_account_update(vm, vcpu, e);
	if (with_stacks)
		emit_update_with_stack(e);
	else
		emit(e, sizeof(*e), KCT_EVENT_UPDATE);
}

/*
 * A VM that is being made has no place in the maps yet, whatever a hook knows of it: it begins
 * with zeroes, and takes the update over when it is first seen (add_vm()).
 */
static __always_inline void observe_creation(struct kct_update_event *e, bool active)
{
	end_generations();
	if (!armed)
		return;
	e->after.active = active;
	e->effect = active ? KCT_EFFECT_ENABLED : KCT_EFFECT_INACTIVE;
	event_head(&e->event, KCT_EVENT_UPDATE, KCT_NO_VM, KCT_NO_VCPU);
	note_creation(active);
	emit_update(e, &unattributed.vm, &unattributed.vcpu);
}

static __always_inline void observe_unattributed_update(struct kct_update_event *e, bool active)
{
	if (!armed)
		return;
	e->before.active = KCT_NOT_KNOWN;
	e->after.active = active;
	e->effect = KCT_EFFECT_UNKNOWN;
	event_head(&e->event, KCT_EVENT_UPDATE, KCT_NO_VM, KCT_NO_VCPU);
	emit_update(e, &unattributed.vm, &unattributed.vcpu);
}

/*
 * pvclock_update_vm_gtod_copy() has written its values, and its caller still holds the lock.
 * `vcpu` is the one whose request is served; `before` what the values were, or NULL, which takes
 * those seen last. The caller filled e's cause, derived, matched and host_clock, and left the
 * rest 0.
 */
static __always_inline void observe_update(struct kct_update_event *e, struct kct_vm_state *vm,
					   struct kvm_vcpu *vcpu,
					   const struct kct_masterclock *before, bool active)
{
	struct kct_vcpu_state *state = NULL;

	if (!vm) {
		observe_unattributed_update(e, active);
		return;
	}
	if (e->cause == KCT_CAUSE_VCPU_REQUEST)
		state = vcpu_state(vcpu, vm, NEW_BY_TRACEPOINT);
	if (state)
		observe_request_served(state);
	e->before = before ? *before : vm->masterclock;
	read_masterclock((struct kvm *)vm->kvm, &e->after);
	/* It hardly ever changes, and beside it is what every publication of the VM reads. */
	if (vm->host_clock != e->host_clock)
		vm->host_clock = e->host_clock;
	if (!e->after.active) {
		read_conditions(vm->kvm, e->after.nr_vcpus, &e->conditions);
		vm->conditions = e->conditions;
	}
	/* Before the new snapshot is there for others to find. */
	if (kct_is_setting(e->cause))
		setting_begins(vm, &e->before, &e->after);
	vm->masterclock = e->after;
	if (!armed)
		return;
	e->effect = effect_of(&e->before, &e->after);
	event_head(&e->event, KCT_EVENT_UPDATE, vm->vm.event.vm, state ? state->id : KCT_NO_VCPU);
	emit_update(e, &vm->counters, state ? &state->counters : NULL);
}

struct pending_count {
	__u64 kvm;
	__u32 pending;
};

static long count_if_pending(__u32 index, struct pending_count *count)
{
	__u64 vcpu = vcpu_at(count->kvm, index);

	if (vcpu)
		count->pending += request_is_pending((struct kvm_vcpu *)vcpu);
	return 0;
}

/* How many vCPUs of a VM have a request pending; KCT_NO_NUMBER where they are too many to ask. */
__noinline __u32 count_pending(__u64 kvm_address)
{
	struct kvm *kvm = (struct kvm *)kvm_address;
	__u32 nr_vcpus = READ(kvm, online_vcpus.counter);
	struct pending_count count = {.kvm = kvm_address};
	__u32 i;

	/* e6f2dd0f8067 ("bpf: Add bpf_loop helper"), in 5.17 */
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop)) {
		if (nr_vcpus > MAX_VCPUS_ASKED)
			return KCT_NO_NUMBER;
		bpf_loop(nr_vcpus, count_if_pending, &count, 0);
		return count.pending;
	}
	if (nr_vcpus > MAX_VCPUS_ASKED_IN_TURN)
		return KCT_NO_NUMBER;
	for (i = 0; i < MAX_VCPUS_ASKED_IN_TURN && i < nr_vcpus; i++)
		count_if_pending(i, &count);
	return count.pending;
}

/*
 * The clock of a VM is being set: its update has written its values, and KVM's lock is held. The
 * caller filled e's ioctl and what was asked for, and left the rest 0; `vcpu` is NULL for an ioctl
 * of the VM.
 */
static __always_inline void observe_set_clock(struct kct_set_clock_event *e,
					      struct kct_vm_state *vm, struct kvm_vcpu *vcpu)
{
	struct kct_vcpu_state *state;
	struct kvm *kvm;

	if (!vm || !armed)
		return;
	kvm = (struct kvm *)vm->kvm;
	state = vcpu_state(vcpu, vm, NEW_BY_TRACEPOINT);
	e->nr_vcpus = READ(kvm, online_vcpus.counter);
	e->nr_pending = count_pending(vm->kvm);
	e->nr_pending_after = KCT_NO_NUMBER;
	event_head(&e->event, KCT_EVENT_SET_CLOCK, vm->vm.event.vm,
		   state ? state->id : KCT_NO_VCPU);
	KCT_ADD(vm->counters.set_clocks, 1);
	emit(e, sizeof(*e), KCT_EVENT_SET_CLOCK);
}

/* ---- VMs ---- */

/* The last reference to a VM is gone; its struct is still whole. */
static __always_inline void observe_vm_gone(struct kvm *kvm)
{
	struct kct_key key = {(__u64)kvm, vm_token(kvm)};
	struct kct_vm_state *vm = bpf_map_lookup_elem(&vms, &key);
	struct kct_vm_gone_event e = {};

	if (!vm || !armed)
		return;
	event_head(&e.event, KCT_EVENT_VM_GONE, vm->vm.event.vm, KCT_NO_VCPU);
	if (vm->announced && emit(&e, sizeof(e), KCT_EVENT_VM_GONE))
		vm->gone = 1;
}

/* ---- vCPUs ---- */

static __always_inline void compare_pvti(struct kct_pvti_event *e, struct kct_vcpu_state *state,
					 const struct kct_vm_state *vm, __u64 tsc_offset)
{
	e->has_old = state->has_pvti;
	e->rebased = e->has_old && (state->rebased || state->tsc_offset != tsc_offset);
	e->old_pvti = state->pvti;
	/* The same line again is the same setting, be it older than any that is kept. */
	e->clock_set = !(e->has_old && kct_pvti_same_line(&e->old_pvti, &e->new_pvti)) &&
		       shows_setting(state, vm, e->new_pvti.system_time);
	if (!e->has_old || e->rebased)
		return;
	e->has_drift = 1;
	e->drift_ns = kct_pvti_drift(&e->old_pvti, &e->new_pvti);
}

static __always_inline void count_pvti(struct kct_pvti_event *e, struct kct_vcpu_state *state,
				       struct kct_vm_state *vm, struct kvm_vcpu *vcpu)
{
	__u64 copy[6], tsc_offset;

	READ_FROM(copy, vcpu, arch.l1_tsc_offset);
	tsc_offset = FIELD_IN(copy, vcpu, arch.l1_tsc_offset, arch.l1_tsc_offset);
	compare_pvti(e, state, vm, tsc_offset);
	e->negative_delta = vm->masterclock.active == KCT_YES &&
			    vm->masterclock.kernel_ns <
				    FIELD_IN(copy, vcpu, arch.l1_tsc_offset, arch.this_tsc_nsec);
	state->pvti = e->new_pvti;
	state->has_pvti = 1;
	state->rebased = 0;
	state->tsc_offset = tsc_offset;
	if (!armed)
		return;
	event_head(&e->event, KCT_EVENT_PVTI, state->vm, state->id);
	kct_account_pvti(&state->counters, e);
	emit(e, sizeof(*e), KCT_EVENT_PVTI);
}

/*
 * A PVTI is in the guest's memory a moment before its tracepoint comes: if the census read it just
 * then, what was before it is not known. The tracepoint may still have the odd version of the
 * writing.
 */
static __always_inline void forget_what_census_read(struct kct_vcpu_state *state, __u32 version)
{
	if (!state->pvti_version)
		return;
	if (((version + 1) & ~1U) == state->pvti_version)
		state->has_pvti = 0;
	state->pvti_version = 0;
}

/* A PVTI was published to one of its places in the guest's memory. */
static __always_inline void observe_pvti(struct kvm *kvm, struct kvm_vcpu *vcpu, __u32 vcpu_id,
					 const struct pvclock_vcpu_time_info *pvti)
{
	struct kct_vm_state *vm = running_vm(kvm);
	struct kct_vcpu_state *state = vcpu_state(vcpu, vm, NEW_BY_TRACEPOINT);
	struct kct_pvti_event e = {};

	copy_pvti(&e.new_pvti, pvti);
	if (state && vm) {
		find_request_bit(state, vcpu);
		forget_what_census_read(state, pvti->version);
		count_pvti(&e, state, vm, vcpu);
		return;
	}
	if (!armed)
		return;
	event_head(&e.event, KCT_EVENT_PVTI, KCT_NO_VM, vcpu_id);
	kct_account_nobodys_pvti(&unattributed.vcpu);
	emit(&e, sizeof(e), KCT_EVENT_PVTI);
}

/*
 * kvm_guest_time_update() returns: was a PVTI published? Its version tells; of the places that
 * a Xen guest has besides, nothing does.
 */
static __always_inline void observe_pvti_in_place(struct kvm_vcpu *vcpu)
{
	struct kct_vm_state *vm = running_vm(READ(vcpu, kvm));
	struct kct_vcpu_state *state = vcpu_state(vcpu, vm, NEW_BY_TRACEPOINT);
	__u32 version = pvti_version(vcpu);
	struct kct_pvti_event e = {};

	if (!state || !vm)
		return;
	find_request_bit(state, vcpu);
	if (version == state->pvti_version || !read_current_pvti(vcpu, &e.new_pvti))
		return;
	state->pvti_version = version;
	count_pvti(&e, state, vm, vcpu);
}

/* The TSC offset of a vCPU is about to be written. The caller filled e, but for its head. */
static __always_inline void observe_tsc_write(struct kct_tsc_write_event *e, struct kvm *kvm,
					      struct kvm_vcpu *vcpu, __u32 vcpu_id)
{
	struct kct_vcpu_state *state = vcpu_of(kvm, vcpu);

	if (state && e->old_offset != e->new_offset)
		state->rebased = 1;
	if (!armed)
		return;
	event_head(&e->event, KCT_EVENT_TSC_WRITE, state ? state->vm : KCT_NO_VM, vcpu_id);
	if (state)
		state->counters.tsc_writes++;
	else
		KCT_ADD(unattributed.vcpu.tsc_writes, 1);
	emit(e, sizeof(*e), KCT_EVENT_TSC_WRITE);
}

/* ---- what the VMM reads ---- */

/* An ioctl of the VMM about its VM's clocks returns. The caller filled e, but for its head. */
static __always_inline void observe_ioctl(struct kct_ioctl_event *e, struct kvm *kvm,
					  struct kvm_vcpu *vcpu)
{
	struct kct_vm_state *vm = running_vm(kvm);
	struct kct_vcpu_state *state = vcpu_state(vcpu, vm, NEW_BY_TRACEPOINT);

	if (!vm || !armed)
		return;
	event_head(&e->event, KCT_EVENT_IOCTL, vm->vm.event.vm, state ? state->id : KCT_NO_VCPU);
	emit(e, sizeof(*e), KCT_EVENT_IOCTL);
}

/*
 * kvm_track_tsc_matching() has decided whether to make a request. The caller filled e's
 * nr_matched, nr_vcpus, host_clock and masterclock, and left the rest 0.
 */
static __always_inline void observe_tsc_track(struct kct_tsc_track_event *e, struct kvm *kvm,
					      struct kvm_vcpu *vcpu, __u32 vcpu_id,
					      enum kct_origin origin)
{
	struct kct_vcpu_state *state = vcpu_of(kvm, vcpu);

	e->pending = KCT_NOT_KNOWN;
	if (kvm)
		e->generation = READ(kvm, arch.cur_tsc_generation);
	if (vcpu)
		e->tsc_khz = READ(vcpu, arch.virtual_tsc_khz);
	if (state) {
		observe_request_bit(state, vcpu, origin);
		e->pending = kct_request_is_pending(state->request_changes);
		/* The vCPU has just joined it. */
		state->tsc_generation = e->generation;
		state->tsc_khz = e->tsc_khz;
	}
	if (!armed)
		return;
	event_head(&e->event, KCT_EVENT_TSC_TRACK, state ? state->vm : KCT_NO_VM, vcpu_id);
	emit(e, sizeof(*e), KCT_EVENT_TSC_TRACK);
}

#endif
