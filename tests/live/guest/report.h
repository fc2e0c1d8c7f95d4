/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a vCPU tells in guest memory about its kvm-clock. The reports lie at `reports` (guest.ld),
 * one after another by APIC id; tests/lib/guest.py reads them from outside.
 *
 * A jump is what the clock shows minus what the reading before, and the TSC since then, let
 * expect by the rate of the PVTI before. A step is what the clock shows minus what it showed. Both
 * are in ns; positive is forward.
 */
#ifndef GUEST_REPORT_H
#define GUEST_REPORT_H

#include <stdint.h>

#define MAX_VCPUS    64
#define CHANGES_KEPT 32

/* The ABI of the page that KVM writes. */
struct pvti {
	uint32_t version; /* odd while it is written; each publication adds 2 */
	uint32_t pad0;
	uint64_t tsc_timestamp;
	uint64_t system_time;
	uint32_t tsc_to_system_mul;
	int8_t tsc_shift;
	uint8_t flags;
	uint8_t pad[2];
};

struct reading {
	struct pvti pvti; /* the one that was used */
	uint64_t tsc;
	uint64_t clock; /* ns, at that TSC */
};

/* Two readings, one right after the other. */
struct change {
	int64_t jump;
	int64_t step;
	struct reading before;
	struct reading after;
};

struct report {
	uint32_t sequence;   /* odd while anything below `reads` is being changed */
	uint32_t nr_changes; /* of the PVTI, that were seen */
	uint64_t reads;
	uint64_t largest_gap; /* cycles between two readings of one PVTI */
	/* Zero until there was one of its sign. */
	struct change jump_forward;
	struct change jump_backward;
	struct change step_forward;
	struct change step_backward;
	struct change changes[CHANGES_KEPT]; /* number n is at n % CHANGES_KEPT */
};

_Static_assert(sizeof(struct pvti) == 32, "the ABI says 32 bytes");
_Static_assert(sizeof(struct change) == 112, "no padding of the compiler's");
_Static_assert(sizeof(struct report) == 24 + 112 * (4 + CHANGES_KEPT), "likewise");

#endif
