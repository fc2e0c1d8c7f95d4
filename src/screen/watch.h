/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the model, which counts, does not keep: when things happened, the jumps one by one, and what
 * the counters were when the user set them to zero. Events in, no I/O.
 */
#ifndef KCT_SCREEN_WATCH_H
#define KCT_SCREEN_WATCH_H

#include "model/model.h"
#include "screen/spark.h"

/* A jump of a vCPU's kvm-clock. */
struct kct_jump {
	uint64_t ns;	  /* CLOCK_BOOTTIME; 0: there was none */
	int64_t drift_ns; /* positive is forward */
	uint32_t vcpu;
	bool clock_set; /* it was asked for, or part of it */
	/* Derived: of the VM's last update since the vCPU's PVTI before, from which the new one
	 * comes. UNKNOWN where there was none. */
	uint8_t cause;
};

struct kct_watch_vcpu {
	uint32_t id;	  /* first: the key in its tree */
	uint64_t pvti_ns; /* of its last PVTI; 0 */
	struct kct_jump largest, last;
	struct kct_spark updates; /* those that served its requests */
	struct kct_vcpu_counters zero;
};

struct kct_watch_vm {
	uint32_t number; /* first: the key in its tree */
	/* As the last update left it, or as it was found. */
	struct kct_masterclock clock;
	uint64_t update_ns; /* of its last update; 0 */
	uint8_t cause;
	/* Since the zero mark, over its vCPUs: the largest that nobody asked for, and the last. */
	struct kct_jump largest, last;
	struct kct_spark updates;
	struct kct_vm_counters zero; /* at the zero mark */
	void *vcpus;		     /* tree of struct kct_watch_vcpu */
};

struct kct_watch {
	void *vms;		  /* tree of struct kct_watch_vm */
	uint64_t since_ns;	  /* when it began, CLOCK_BOOTTIME */
	uint64_t zero_ns;	  /* the zero mark; 0: there is none */
	struct kct_spark updates; /* of all VMs, and of none */
	/* At the zero mark: of no VM, and of those that the model holds no more. */
	struct kct_vm_counters zero_nobody, zero_folded;
};

void kct_watch_clear(struct kct_watch *watch);
/* Take an event in, behind the model. 0 or -ENOMEM. */
int kct_watch_event(struct kct_watch *watch, const union kct_any_event *event);
/* Forget the VMs that the model does not hold any more. */
void kct_watch_prune(struct kct_watch *watch, const struct kct_model *model);

/* Count from now on: what the model has counted is the new zero. 0 or -ENOMEM. */
int kct_watch_zero(struct kct_watch *watch, const struct kct_model *model, uint64_t now_ns);

/* NULL if there is none. */
const struct kct_watch_vm *kct_watch_vm(const struct kct_watch *watch, uint32_t number);
const struct kct_watch_vcpu *kct_watch_vcpu(const struct kct_watch_vm *vm, uint32_t id);

/* One minus the other. */
struct kct_vm_counters kct_counters_less(const struct kct_vm_counters *now,
					 const struct kct_vm_counters *zero);
/* The counters since the zero mark. `vm` and `vcpu` may be NULL: nothing was counted before. */
struct kct_vm_counters kct_since_zero(const struct kct_vm_counters *now,
				      const struct kct_watch_vm *vm);
/* The largest jumps are not in it: they are no differences. */
struct kct_vcpu_counters kct_vcpu_since_zero(const struct kct_vcpu_counters *now,
					     const struct kct_watch_vcpu *vcpu);

#endif
