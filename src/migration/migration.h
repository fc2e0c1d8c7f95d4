/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A migration: how the guest's kvm-clock on the target stands to what it was on the source, and
 * where the difference comes from.
 *
 * The guest TSC is saved (P1) and the clock read (P2) on the source; the TSC is written (P3) and
 * the clock set (P4) on the target. The source's last PVTI says what the clock was at each guest
 * TSC, so a TSC saved and a clock read tell T1 = P2 - P1 without anybody's watch; the target's
 * first PVTI and its snapshot tell the guest TSC at P4, so that T2 = P4 - P3 comes without one
 * either.
 */
#ifndef KCT_MIGRATION_MIGRATION_H
#define KCT_MIGRATION_MIGRATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/figures.h"
#include "model/run.h"
#include "migration/history.h"

/* A number of ns that may not be known. */
struct kct_ns {
	bool known;
	int64_t ns;
};

/* An instant on a host's CLOCK_BOOTTIME. */
struct kct_instant {
	bool known;
	bool derived; /* from values, not from an event */
	uint64_t boot_ns;
};

/* Which ioctls a VMM used on the target. */
#define KCT_PATTERNS(X)                                                                            \
	X(OTHER, "other")                                                                          \
	X(CLASSIC, "classic")	      /* TSCs written, clock set: QEMU up to 10 */                 \
	X(FIRECRACKER, "firecracker") /* the same with KVM_KVMCLOCK_CTRL before the clock */       \
	X(CLOCK_FIRST, "clock-first") /* the clock set, then TSCs written */                       \
	X(REALTIME, "realtime")	      /* TSCs written, clock set with KVM_CLOCK_REALTIME */        \
	X(OFFSET, "offset")	      /* TSC offsets written, clock set */                         \
	X(OFFSET_REALTIME, "offset-realtime") /* the same with KVM_CLOCK_REALTIME: QEMU patched */ \
	/* The clock set with KVM_CLOCK_REALTIME, then offsets: the kernel's documentation */      \
	X(DOCUMENTED, "documented")                                                                \
	X(CLOUD_HYPERVISOR, "cloud-hypervisor") /* TSCs, then offsets, then KVM_CLOCK_REALTIME */  \
	X(CLOCK_GUEST, "clock-guest")		/* KVM_SET_CLOCK_GUEST */

#define KCT_PATTERN_ROW(name, text) KCT_PATTERN_##name,
enum kct_pattern { KCT_PATTERNS(KCT_PATTERN_ROW) KCT_NR_PATTERNS };
extern const char *const kct_pattern_names[KCT_NR_PATTERNS];
/* By the ioctls on the target until the guest ran (src/model/pattern.c). */
enum kct_pattern kct_pattern_of(const struct kct_history *target);

/* Drifts are positive where the kvm-clock jumped forward. */
struct kct_vcpu_migration {
	uint32_t id;
	struct kct_ns t1, t2;
	struct kct_ns predicted;  /* T1 - T2, and what was added to the clock; or what was asked */
	struct kct_ns observed;	  /* the target's first stable PVTI against the source's last */
	struct kct_ns by_updates; /* the part of unnecessary updates before that PVTI */
	struct kct_ns by_rate;	  /* the part of another mul and shift */
	struct kct_ns unexplained;
	/* How much longer the guest TSC went on than from P3 to P4. */
	struct kct_ns tsc_advance;
	uint64_t unnecessary; /* updates between the setting of the clock and that PVTI */
	struct kct_drift later;
	uint64_t later_moved;
	bool rewritten;
	const char *why; /* something is not known; NULL */
};

struct kct_migration {
	const struct kct_history *source, *target;
	bool same_host;	  /* and the same boot of it */
	bool doubted;	  /* events are missing: see kct_migration_doubt() */
	bool clock_saved; /* its reading was observed; else what was set is taken for it */
	bool tsc_saved;	  /* so were the reads of the TSC */

	struct kct_instant saved_first, saved_last;	/* P1, by the source's clocks */
	struct kct_instant read;			/* P2 */
	struct kct_instant written_first, written_last; /* P3, by the target's */
	struct kct_instant set;				/* P4 */
	struct kct_instant ran;				/* the first vCPU with a stable PVTI */
	/* By how much times of the source and of the target may differ; not known where one of
	 * the hosts' wall clocks is not synchronised. */
	struct kct_ns between_error;

	struct kct_ns clock_advance; /* what the VMM, or KVM_CLOCK_REALTIME, added to the clock */
	struct kct_ns blackout;	     /* from P2 to P4 the clock stood still */
	struct kct_ns downtime; /* from P1 until a vCPU ran: the guest was down at least so long */

	enum kct_pattern pattern;	  /* if kct_pattern_is_known() */
	bool by_line;			  /* the clock was set by KVM_SET_CLOCK_GUEST */
	bool realtime;			  /* it was by KVM_SET_CLOCK with KVM_CLOCK_REALTIME */
	enum kct_known other_frequency;	  /* has the guest's TSC another one on the target? */
	bool tsc_not_in_force;		  /* the TSC is not what was written to it */
	bool tsc_as_created;		  /* it is as it was when the vCPU was created */
	struct kct_vcpu_migration *vcpus; /* those of the source that the target has too */
	size_t nr_vcpus;
	size_t nr_unpaired; /* vCPUs that only one of them has */
	kct_figures shown;  /* by the hooks on the target */
};

/* What a side of it is. */
struct kct_side {
	const struct kct_history *history;
	struct kct_clocks clocks;
	kct_figures shown; /* by the hooks of its run */
};

/*
 * Work it out. 0; -ENOMEM; or, with the reason in `why`, -EINVAL: this is no migration from the
 * one to the other. The caller clears after 0.
 */
int kct_migrate(struct kct_migration *migration, const struct kct_side *source,
		const struct kct_side *target, bool same_host, char *why, size_t why_size);
void kct_migration_clear(struct kct_migration *migration);

/* Events are missing: what would rest on them, counts included, is not known any more. */
void kct_migration_doubt(struct kct_migration *migration);

/* Was all of what the VMM did to the target's clocks seen? */
bool kct_pattern_is_known(const struct kct_migration *migration);
/* Of all vCPUs, the one that is furthest from 0; not known if it is not of any of them. */
struct kct_ns kct_largest_unexplained(const struct kct_migration *migration);
/* By how much the kvm-clock is behind what it would show without the blackout. */
struct kct_ns kct_clock_lost(const struct kct_migration *migration);

/* From an instant of the source's clocks to one of the target's, ns. */
struct kct_ns kct_between(const struct kct_migration *migration, const struct kct_side *source,
			  const struct kct_instant *from, const struct kct_side *target,
			  const struct kct_instant *to);

#endif
