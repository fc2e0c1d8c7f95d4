/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The model: events (or counters) in, VMs and vCPUs out. It does not know whether the events
 * come from a ring buffer or a recording, and does no I/O.
 */
#ifndef KCT_MODEL_MODEL_H
#define KCT_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "kvmclock/account.h"
#include "model/name.h"
#include "kvmclock/state.h"
#include "model/run.h"
#include "model/stacks.h"

/* The TSC of a vCPU, as KVM tells whether it matches the others'. */
struct kct_tsc {
	uint32_t vcpu;
	uint32_t khz;	     /* 0: not known */
	uint64_t offset;     /* two's complement, if has_offset */
	uint64_t generation; /* 0: not known */
	bool has_offset;
	bool odd; /* kct_find_odd() found it out of line */
};

struct kct_vcpu {
	uint32_t id;	 /* first: the key in its tree, as the number of a VM is */
	bool introduced; /* its `vcpu` event has been seen */
	bool pending;	 /* its request bit, as last known */
	struct kct_tsc tsc;
	struct kct_vcpu_counters counters;
};

struct kct_vm {
	uint32_t number;
	bool introduced; /* its `vm` event has been seen: `info` and `name` are set */
	bool gone;
	enum kct_known active;		  /* the masterclock, as last known; so are the next ones */
	struct kct_conditions conditions; /* where it is off */
	uint32_t nr_online;		  /* vCPUs, as the kernel counts them */
	uint32_t host_clock;		  /* vDSO clock mode that an update told; KCT_NO_NUMBER */
	struct kct_vm_event info;
	struct kct_vm_name name;
	struct kct_vm_counters counters;
	struct kct_stack_counts stacks; /* of its updates and its vCPUs' requests */
	struct kct_passed passed;	/* of its events */
	void *vcpus;			/* tree of struct kct_vcpu by id; kct_vm_each_vcpu() */
	size_t nr_vcpus;
	struct kct_model *model; /* that it belongs to */
	TAILQ_ENTRY(kct_vm) gone_next;
};

/* What VMs add up to that are gone and that the model does not hold any more. */
struct kct_folded {
	uint64_t nr_vms, nr_vcpus;
	struct kct_vm_counters vm;
	struct kct_vcpu_counters vcpu;
};

struct kct_model {
	void *vms; /* tree of struct kct_vm by number; kct_model_each_vm() */
	size_t nr_vms;
	size_t nr_vcpus;	   /* of all of them */
	struct kct_vm *last;	   /* the one looked up last */
	TAILQ_HEAD(, kct_vm) gone; /* of its VMs those that are, the first of them first */
	size_t nr_gone;		   /* these and their vCPUs */
	struct kct_folded folded;
	struct kct_stack_counts folded_stacks; /* of the same VMs */
	struct kct_unattributed unattributed;
	struct kct_stack_counts nobodys_stacks; /* of what is not attributed */
	uint32_t nr_stack_lines;		/* of all these counts */
	uint64_t events; /* events taken in; 0 where the counters came as such */
	struct kct_lost lost;
	struct kct_passed passed;
	uint64_t passed_unlaid; /* of its events, those that are nobody's: of whichever VM */
};

void kct_model_init(struct kct_model *model);
/* Free all that it holds; it is as after kct_model_init() then. */
void kct_model_clear(struct kct_model *model);

/*
 * Take one event in. `name` goes with a KCT_EVENT_VM and is ignored otherwise; NULL is a VM
 * without one. 0 or -ENOMEM. Events of a VM that was not introduced make it known by number.
 */
int kct_model_event(struct kct_model *model, const union kct_any_event *event,
		    const struct kct_vm_name *name);

/*
 * Count what was passed over in a line about the VM of that number (KCT_NO_VM: about none that can
 * be told). What is about a VM that the model does not have is no VM's.
 */
void kct_model_passed(struct kct_model *model, uint32_t number, const struct kct_passed *passed);

/* The VM of that number, made if need be; NULL when out of memory. Owned by the model. */
struct kct_vm *kct_model_vm(struct kct_model *model, uint32_t number);
struct kct_vcpu *kct_vm_vcpu(struct kct_vm *vm, uint32_t id);
/* NULL if there is none. */
const struct kct_vm *kct_model_find_vm(const struct kct_model *model, uint32_t number);

/* Is the number of its process known? Not if it is outside the PID namespace that was traced in. */
bool kct_vm_has_pid(const struct kct_vm *vm);

/* What a VM goes by in a table: its name, or its number where it was never introduced. */
void kct_vm_label(const struct kct_vm *vm, char *text, size_t size);

/* Does the event introduce a VM or a vCPU that has been introduced already? */
bool kct_model_is_repeated(const struct kct_model *model, const union kct_any_event *event);

/* Forget a VM. */
void kct_model_drop_vm(struct kct_model *model, uint32_t number);
/*
 * Of the VMs that are gone, hold on to at most `keep`, counted with their vCPUs; what those that
 * went first have counted is added to `folded`. Otherwise a model grows as long as VMs come and go.
 */
void kct_model_fold_gone(struct kct_model *model, size_t keep);

/* Call for each in the order of numbers, or ids. */
void kct_model_each_vm(const struct kct_model *model,
		       void (*visit)(const struct kct_vm *vm, void *context), void *context);
void kct_vm_each_vcpu(const struct kct_vm *vm,
		      void (*visit)(const struct kct_vcpu *vcpu, void *context), void *context);

/* ---- sums ---- */

void kct_vm_counters_add(struct kct_vm_counters *sum, const struct kct_vm_counters *counters);
void kct_folded_add(struct kct_folded *sum, const struct kct_vm *vm);

/* What a VM's vCPUs add up to; drift's maxima are the largest of any vCPU. */
struct kct_vcpu_counters kct_vm_vcpu_sum(const struct kct_vm *vm);

/* Updates of a cause, of an effect, or all, with KCT_ANY for "whichever". */
#define KCT_ANY (-1)
uint64_t kct_updates(const struct kct_vm_counters *counters, int cause, int effect);
uint64_t kct_vcpu_updates(const struct kct_vcpu_counters *counters);
uint64_t kct_requests(const struct kct_vcpu_counters *counters);
/* Add one drift to another; sums of ns wrap, as a made-up recording may hold any number. */
void kct_drift_add(struct kct_drift *sum, const struct kct_drift *drift);
/* The part of the total that nobody asked for. */
int64_t kct_drift_unasked(const struct kct_drift *drift);
/* New snapshots of an active masterclock for a vCPU's request: the thread's problem. */
uint64_t kct_unnecessary(const struct kct_vm_counters *counters);
/* Does it hold a stack, or the reason why there is none: were they asked for? */
bool kct_model_has_stacks(const struct kct_model *model);
/* Events that were lost. */
uint64_t kct_lost(const struct kct_model *model);
/* What was lost, and what had no room, in a sentence; false, and "", if nothing. */
bool kct_losses_text(const uint64_t losses[KCT_NR_LOSSES], char *text, size_t size);

#endif
