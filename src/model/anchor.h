/* SPDX-License-Identifier: GPL-2.0 */
/* One host's clocks, and times of one of them told by another. */
#ifndef KCT_MODEL_ANCHOR_H
#define KCT_MODEL_ANCHOR_H

#include <stdbool.h>
#include <stdint.h>

/* One instant on several clocks. */
struct kct_anchor {
	uint64_t boot_ns;     /* CLOCK_BOOTTIME, as all the events' */
	uint64_t realtime_ns; /* CLOCK_REALTIME */
	uint64_t base_ns;     /* the kvmclock base: get_kvmclock_base_ns() */
	/* By how much the wall clock may be wrong, as the kernel's NTP discipline has it (maxerror
	 * of adjtimex(2)); UINT64_MAX where nothing synchronises it. */
	uint64_t realtime_error_ns;
};

/* The anchors of a recording: each clock is taken to run evenly from one to the other. */
struct kct_clocks {
	struct kct_anchor start, end;
	bool has_end; /* else all run as fast as each other from the start */
};

/* The CLOCK_BOOTTIME of a time of the kvmclock base, and the CLOCK_REALTIME of the former. */
uint64_t kct_boot_of_base(const struct kct_clocks *clocks, uint64_t base_ns);
uint64_t kct_realtime_of_boot(const struct kct_clocks *clocks, uint64_t boot_ns);

/*
 * By how much that CLOCK_REALTIME may be wrong, ns: the larger of both anchors' errors, and by how
 * much it was set in between. UINT64_MAX: not known.
 */
uint64_t kct_realtime_error(const struct kct_clocks *clocks);

#endif
