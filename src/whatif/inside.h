/* SPDX-License-Identifier: GPL-2.0 */
/* The model of the kernel, and where a change comes in. */
#ifndef KCT_WHATIF_INSIDE_H
#define KCT_WHATIF_INSIDE_H

#include <stddef.h>

#include "whatif/whatif.h"

struct kernel_vcpu {
	uint32_t id;	       /* first: the key in its tree */
	bool pending;	       /* its request, as predicted */
	bool recorded_pending; /* and as recorded */
	bool cleared;	       /* since its last event: nothing has told of it yet */
	uint64_t seen_ns;      /* its last event: CLOCK_BOOTTIME */
	uint32_t khz;	       /* virtual_tsc_khz; 0: not known */
	bool has_offset;
	uint64_t offset; /* of its TSC, as written or found; two's complement */
	bool has_line;
	struct kct_pvti line; /* as predicted */
	/* A request that kvm_track_tsc_matching() made; its tsc-track is still to come. */
	struct kct_request_event made; /* if .event.ns */
};

/* A snapshot that was recorded, and the one that would have been in force. */
struct snapshot_pair {
	uint64_t kernel_ns, cycle_now;
	uint64_t would_kernel_ns, would_cycle_now;
	bool would_active;
};
#define NR_PAIRS 32

struct kernel_vm {
	uint32_t number; /* first: the key in its tree */
	void *vcpus;	 /* tree of struct kernel_vcpu */
	struct kct_masterclock recorded, would;
	uint64_t cleared_ns; /* when the change last cleared requests; 0: never */
	uint64_t generation; /* of TSC writes, as last seen; 0: none */
	bool were_matched;   /* offset: all TSCs matched at the last decision */
	bool matched;	     /* they do, as KVM last said */
	uint32_t host_clock; /* vDSO clock mode at the last update; KCT_NO_NUMBER */
	struct snapshot_pair pairs[NR_PAIRS];
	size_t nr_pairs; /* ever */
	enum kct_unknown unknown;
	const char *why;
};

/* What kvm_track_tsc_matching() decides about, for one vCPU. */
struct tracking {
	const struct kernel_vm *vm;
	bool active;	     /* ka->use_master_clock */
	bool wanted;	     /* what it is to be */
	bool host_tsc;	     /* the host's clocksource is the TSC */
	bool matched;	     /* all vCPUs' TSCs match */
	bool new_generation; /* the TSC began one */
	bool asks_anyway;    /* a request for another reason */
};

/* What a change does; what it leaves alone is NULL or false. */
struct change {
	/* kvm_track_tsc_matching(): other inputs to the decision. */
	void (*track)(struct tracking *tracking);
	/* pvclock_update_vm_gtod_copy(): may the masterclock be active? `is` is as it was without
	 * the change. */
	bool (*may_be_active)(const struct kernel_vm *vm, bool host_tsc, bool is);
	bool keeps_snapshot;	  /* an update for a request, where it was active and stays so */
	bool clears_at_end;	  /* of KVM_SET_CLOCK: the requests of all vCPUs, if it is active */
	bool clears_at_start;	  /* of every update: the requests of all vCPUs */
	enum kct_cause set_clock; /* what KVM_SET_CLOCK becomes; 0: it stays */
};

#define KCT_CHANGE_DECLARED(name, text, symbol) extern const struct change kct_change_##symbol;
KCT_CHANGES(KCT_CHANGE_DECLARED)

#endif
