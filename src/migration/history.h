/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a migration needs to know of a VM, as its source or as its target: what its clocks were
 * last, what its VMM read and wrote of them, and how they were when the guest first ran after
 * that. Taken from the events of a recording in their order; of a constant size for each vCPU.
 */
#ifndef KCT_MIGRATION_HISTORY_H
#define KCT_MIGRATION_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kvmclock/account.h"

/* ns are CLOCK_BOOTTIME of the events; 0 has not been. */

/* A masterclock snapshot that an update left. */
struct kct_snapshot {
	uint64_t kernel_ns, cycle_now;
};

struct kct_vcpu_history {
	uint32_t id;	  /* first: the key in its tree */
	uint32_t tsc_khz; /* 0: not known */

	struct kct_pvti pvti; /* the last one, if pvti_ns */
	uint64_t pvti_ns;

	uint64_t saved_tsc; /* by the last `get-tsc`, if saved_ns */
	uint64_t saved_ns;

	uint64_t created_offset; /* of its TSC, by KVM_CREATE_VCPU, if was_created */
	bool was_created;
	uint64_t offset; /* as last written or found, if has_offset */
	bool has_offset;
	bool offset_dropped; /* a write found another one than was written before it */
	/* The last write of the TSC by the VMM before the guest ran. */
	struct kct_tsc_write_event written; /* if .event.ns */

	/* The first stable PVTI since the clock was set, and what it came from. */
	struct kct_pvti arrival; /* if arrival_ns */
	uint64_t arrival_ns;
	struct kct_snapshot snapshot; /* if has_snapshot */
	bool has_snapshot;
	uint64_t unnecessary; /* updates of the VM between the setting and this PVTI */

	struct kct_drift later; /* of the PVTIs after that one */
	uint64_t later_moved;	/* PVTIs that moved the line */
	bool rewritten;		/* the TSC was written since: later drift is not all there is */
};

/* One kind of ioctl, as often as it was made in a row. */
struct kct_step {
	enum kct_ioctl ioctl;
	uint32_t count;
	uint64_t first_ns, last_ns;
	bool realtime; /* of `set-clock`: with KVM_CLOCK_REALTIME */
};
#define KCT_MAX_STEPS 16

/* The last so many. */
struct kct_steps {
	struct kct_step list[KCT_MAX_STEPS];
	size_t count;
};

#define KCT_MAX_SNAPSHOTS 16

/* A setting of the clock, and what came after it. */
struct kct_setting {
	struct kct_set_clock_event clock; /* the last KVM_SET_CLOCK, if .event.ns */
	struct kct_set_clock_event guest; /* the KVM_SET_CLOCK_GUEST after it, if .event.ns */
	struct kct_update_event update;	  /* of the last of them, if .event.ns */
	uint64_t unnecessary;		  /* updates since: new snapshots for a request */
	/* The last of the snapshots since, by which a PVTI is known. */
	struct kct_snapshot snapshots[KCT_MAX_SNAPSHOTS];
	size_t nr_snapshots; /* ever */
};

struct kct_history {
	uint32_t number; /* first: the key in its tree */
	void *vcpus;	 /* tree of struct kct_vcpu_history by id */
	size_t nr_vcpus;

	struct kct_masterclock masterclock; /* as last seen */
	int64_t clock_offset;		    /* kvmclock_offset, if offset_known */
	bool offset_known;

	struct kct_ioctl_event saved; /* the last `get-clock`, if .event.ns */
	uint64_t saved_guest_ns;      /* the last `get-clock-guest` */

	/* The setting of the clock before the guest first ran, and the one before that. */
	struct kct_setting set, former;
	/* What KVM_SET_CLOCK_GUEST asked for whose update is still to come, if .event.ns. */
	struct kct_set_clock_event asked;
	uint64_t arrival_ns; /* of the first vCPU that had a stable PVTI then */
	uint64_t sets_later; /* how often it was set after that */

	/* What the VMM did until the guest ran after the setting of its clock, and since then. */
	struct kct_steps before, since;
	struct kct_histories *all; /* that it belongs to */
};

/* Those of all VMs of a recording. */
struct kct_histories {
	void *vms; /* tree of struct kct_history by number */
	size_t nr_vms, nr_vcpus;
};

void kct_histories_init(struct kct_histories *histories);
void kct_histories_clear(struct kct_histories *histories);
/* Take one event in. 0 or -ENOMEM. */
int kct_histories_event(struct kct_histories *histories, const union kct_any_event *event);

/* NULL if there is none. */
const struct kct_history *kct_history_of(const struct kct_histories *histories, uint32_t number);
const struct kct_vcpu_history *kct_history_vcpu(const struct kct_history *history, uint32_t id);
/* When a PVTI of any of its vCPUs was published last; 0: never. */
uint64_t kct_history_last_pvti(const struct kct_history *history);
/* Call for each vCPU in the order of ids. */
void kct_history_each_vcpu(const struct kct_history *history,
			   void (*visit)(const struct kct_vcpu_history *vcpu, void *context),
			   void *context);

#endif
