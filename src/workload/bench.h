/* SPDX-License-Identifier: GPL-2.0 */
/* The result of a scenario that is measured by how fast it goes. */
#ifndef KCT_WORKLOAD_BENCH_H
#define KCT_WORKLOAD_BENCH_H

#include "workload/wl.h"

/* From when to when a job did what is measured: boot time in ns, both 0 if it did not. */
struct wl_span {
	uint64_t begin_ns;
	uint64_t end_ns;
};

/*
 * Set wl->result to {"count", "elapsed_ns", "per_second"}: count things were done by that many
 * jobs from the first one's begin to the last one's end.
 */
void wl_bench_result(struct wl *wl, uint64_t count, const struct wl_span *spans, unsigned int jobs);

#endif
