/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The VMs and vCPUs as they are, by the events up to now: what a recording has to begin with that
 * begins in the middle of things. Of a constant size for each vCPU of a VM that is not gone.
 */
#ifndef KCT_MODEL_STATE_H
#define KCT_MODEL_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kvmclock/event.h"
#include "model/name.h"

struct kct_state_vm {
	uint32_t number; /* first: the key in its tree */
	struct kct_vm_event vm;
	struct kct_vm_name name;
	void *vcpus; /* tree of struct kct_state_vcpu */
	size_t nr_vcpus;
	/* Of its updates, the unnecessary ones since its clock was set, or since it was seen. */
	uint64_t unnecessary;
};

struct kct_state_vcpu {
	uint32_t id; /* first: the key in its tree */
	/* Its `vcpu` event has been seen: else not all of the next is known, and none is told. */
	bool introduced;
	struct kct_vcpu_event vcpu; /* its `ns` is that of its last event */
};

struct kct_state {
	void *vms; /* tree of struct kct_state_vm by number */
	size_t nr_vms, nr_vcpus;
};

void kct_state_clear(struct kct_state *state);
/* Take one event in; `name` goes with a KCT_EVENT_VM. 0 or -ENOMEM. */
int kct_state_event(struct kct_state *state, const union kct_any_event *event,
		    const struct kct_vm_name *name);
/* NULL if there is none of that number. */
const struct kct_state_vm *kct_state_vm(const struct kct_state *state, uint32_t number);

/* NULL if there is none, or no VM. */
const struct kct_state_vcpu *kct_state_vcpu(const struct kct_state_vm *vm, uint32_t id);

/*
 * Call for each `vm` and `vcpu` event that tells the state, in the order in which a recording has
 * them; `kct_state_tell_vm` for those of one VM.
 */
typedef void (*kct_state_visit)(void *context, const union kct_any_event *event,
				const struct kct_vm_name *name);
void kct_state_tell(const struct kct_state *state, kct_state_visit visit, void *context);
void kct_state_tell_vm(const struct kct_state_vm *vm, kct_state_visit visit, void *context);

#endif
