/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the screen shows of an instant: a row for each VM and each vCPU, copied from the model, so
 * that it stays as it is while the model goes on.
 */
#ifndef KCT_SCREEN_SHOT_H
#define KCT_SCREEN_SHOT_H

#include "model/figures.h"
#include "screen/watch.h"

/* Of a VM, or of one of its vCPUs. Counts are since the zero mark, if there is one. */
struct kct_row {
	uint32_t vm;
	uint32_t vcpu;	  /* KCT_NO_VCPU: it is the VM's */
	uint64_t updates; /* of a vCPU: those that served its requests; so the next ones */
	uint64_t by_cause[KCT_NR_CAUSES];
	uint64_t unnecessary;
	uint64_t requests;
	uint64_t pending; /* vCPUs with a request pending now */
	double rate;	  /* updates in a second, lately; less than 0: not known */
	int64_t drift_ns; /* that nobody asked for, added up over the vCPUs */
	struct kct_jump largest, last;
	struct kct_spark spark; /* of updates */
};

struct kct_shot_vm {
	struct kct_row row;
	char name[KCT_VM_LABEL_SIZE]; /* printable */
	char uuid[sizeof(((struct kct_vm_name *)0)->uuid)];
	uint32_t pid; /* KCT_NO_NUMBER: not known */
	bool gone;
	enum kct_known active; /* the masterclock */
	uint32_t reasons;      /* where it is off: bit of each enum kct_reason */
	bool has_age;	       /* the next is known, and there is a snapshot */
	uint64_t age_ns;       /* of the masterclock's snapshot */
	struct kct_row *vcpus; /* in the order of ids */
	size_t nr_vcpus;
};

/* What all VMs have done, those that are gone and forgotten too. */
struct kct_shot_sum {
	size_t nr_vms, nr_off, nr_gone, nr_vcpus;
	uint64_t updates; /* with those that are no VM's */
	uint64_t by_cause[KCT_NR_CAUSES];
	uint64_t unnecessary, pending;
	double rate;
	uint64_t nobodys; /* of the updates; without those in which VMs were made */
};

struct kct_shot {
	struct kct_shot_vm *vms; /* in the order of numbers */
	size_t nr_vms;
	struct kct_row *vcpus; /* of all of them, which `vms` have in parts */
	struct kct_shot_sum sum;
	uint64_t now_ns;   /* the instant, CLOCK_BOOTTIME */
	uint64_t since_ns; /* from when on all that happened is known */
	uint64_t zero_ns;  /* the zero mark; 0 */
	kct_figures shown;
};

/* Whose instant it is. */
struct kct_shot_of {
	const struct kct_header *header;
	const struct kct_model *model;
	const struct kct_watch *watch;
	const struct kct_clocks *clocks;
	uint64_t now_ns;
};

/* Take it; the caller clears. 0, or -ENOMEM with `shot` as kct_shot_clear() leaves it. */
int kct_shot_take(struct kct_shot *shot, const struct kct_shot_of *of);
void kct_shot_clear(struct kct_shot *shot);

#endif
