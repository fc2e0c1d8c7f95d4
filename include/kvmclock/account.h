/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How an event changes the counters. The BPF programs count with these functions into their
 * maps, the model with the same ones from the events of a ring buffer or a recording: so `stat`
 * and `report` cannot disagree about what a number means.
 */
#ifndef KVMCLOCK_ACCOUNT_H
#define KVMCLOCK_ACCOUNT_H

#include "event.h"

/*
 * Keep a bounds check and the use that it guards on one register: the BPF verifier does not see
 * that two copies of a value are equal.
 */
#define KCT_OPAQUE(value) __asm__ volatile("" : "+r"(value))

/*
 * Add to a counter. In the kernel, to one that two programs may write at once: on two CPUs, or
 * where one preempts the other. The counters that only the vCPU's own thread writes, or whoever
 * holds its mutex, are written without it: PVTI updates and what goes with them, TSC writes.
 */
#ifdef __bpf__
#define KCT_ADD(counter, n) ((void)__sync_fetch_and_add(&(counter), n))
#else
#define KCT_ADD(counter, n) ((void)((counter) += (n)))
#endif

/*
 * Jumps of the kvm-clock, in ns; forward is positive. Those between which the clock was set were
 * asked for: they are kept apart from what nobody asked for.
 */
struct kct_drift {
	__s64 total;	    /* signed sum: where the clock is now against where it would be */
	__s64 max_forward;  /* >= 0; of those that nobody asked for, as the next */
	__s64 max_backward; /* <= 0 */
	__s64 set_clock;    /* the part of total that was asked for */
};

struct kct_vm_counters {
	__u64 updates[KCT_NR_CAUSES][KCT_NR_EFFECTS];
	__u64 set_clocks;
};

struct kct_vcpu_counters {
	__u64 requests[KCT_NR_ORIGINS];
	__u64 requests_derived;	       /* of these, not seen but derived */
	__u64 requests_cleared;	       /* cleared, and no update came of them */
	__u64 updates[KCT_NR_EFFECTS]; /* those that this vCPU's thread ran for its request */
	__u64 pvti_updates;
	__u64 pvti_changed;    /* of these, the line or the flags differ from the one before */
	__u64 pvti_rebased;    /* of these, after a TSC write: no drift is claimed */
	__u64 negative_deltas; /* of the PVTI updates, with a snapshot older than the TSC write */
	__u64 tsc_writes;
	struct kct_drift drift;
};

/* Counters of what could not be attributed to any VM's or vCPU's account. */
struct kct_unattributed {
	struct kct_vm_counters vm;
	struct kct_vcpu_counters vcpu;
};

/* Is it an ioctl that sets the clock? */
static inline int kct_is_setting(__u32 cause)
{
	return cause == KCT_CAUSE_SET_CLOCK || cause == KCT_CAUSE_SET_CLOCK_REALTIME ||
	       cause == KCT_CAUSE_SET_CLOCK_GUEST;
}

/* Is it a new snapshot, taken only because a vCPU had a request pending? */
static inline int kct_is_unnecessary(const struct kct_update_event *e)
{
	return e->cause == KCT_CAUSE_VCPU_REQUEST && e->effect == KCT_EFFECT_RESNAPSHOT;
}

static inline void kct_account_update(struct kct_vm_counters *vm, struct kct_vcpu_counters *vcpu,
				      const struct kct_update_event *e)
{
	__u32 cause = e->cause, effect = e->effect;

	KCT_OPAQUE(cause);
	KCT_OPAQUE(effect);
	if (cause >= KCT_NR_CAUSES || effect >= KCT_NR_EFFECTS)
		return;
	KCT_ADD(vm->updates[cause][effect], 1);
	if (vcpu && cause == KCT_CAUSE_VCPU_REQUEST)
		KCT_ADD(vcpu->updates[effect], 1);
}

/* A new VM takes over the update that was counted as nobody's when it was being made. */
static inline void kct_account_created(struct kct_vm_counters *vm, struct kct_vm_counters *nobody,
				       const struct kct_vm_event *e)
{
	__u32 effect = e->create_effect;

	KCT_OPAQUE(effect);
	if (!e->created || effect >= KCT_NR_EFFECTS)
		return;
	KCT_ADD(vm->updates[KCT_CAUSE_VM_CREATE][effect], 1);
	KCT_ADD(nobody->updates[KCT_CAUSE_VM_CREATE][effect], -1ULL);
}

static inline void kct_account_request(struct kct_vcpu_counters *vcpu,
				       const struct kct_request_event *e)
{
	__u32 origin = e->origin;

	if (e->op == KCT_REQUEST_CLEARED) {
		KCT_ADD(vcpu->requests_cleared, 1);
		return;
	}
	KCT_OPAQUE(origin);
	if (origin >= KCT_NR_ORIGINS)
		return;
	KCT_ADD(vcpu->requests[origin], 1);
	KCT_ADD(vcpu->requests_derived, e->derived);
}

static inline void kct_account_drift(struct kct_drift *drift, __s64 ns, int clock_set)
{
	/* Unsigned sums: a recording may hold any number. */
	drift->total = (__s64)((__u64)drift->total + (__u64)ns);
	if (clock_set) {
		drift->set_clock = (__s64)((__u64)drift->set_clock + (__u64)ns);
		return;
	}
	if (ns > drift->max_forward)
		drift->max_forward = ns;
	if (ns < drift->max_backward)
		drift->max_backward = ns;
}

static inline void kct_account_pvti(struct kct_vcpu_counters *vcpu, const struct kct_pvti_event *e)
{
	vcpu->pvti_updates++;
	vcpu->pvti_rebased += e->rebased;
	vcpu->negative_deltas += e->negative_delta;
	if (!e->has_old || !kct_pvti_same_line(&e->old_pvti, &e->new_pvti) ||
	    e->old_pvti.flags != e->new_pvti.flags)
		vcpu->pvti_changed++;
	if (e->has_drift)
		kct_account_drift(&vcpu->drift, e->drift_ns, e->clock_set);
}

/* The same of a PVTI that is nobody's: there is none before it. */
static inline void kct_account_nobodys_pvti(struct kct_vcpu_counters *nobody)
{
	KCT_ADD(nobody->pvti_updates, 1);
	KCT_ADD(nobody->pvti_changed, 1);
}

#endif
