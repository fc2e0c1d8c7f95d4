// SPDX-License-Identifier: GPL-2.0
#include "base/duration.h"
#include "workload/bench.h"
#include "workload/step.h"

void wl_bench_result(struct wl *wl, uint64_t count, const struct wl_span *spans, unsigned int jobs)
{
	struct wl_span all = spans[0];
	uint64_t elapsed;

	for (unsigned int i = 1; i < jobs; i++) {
		if (spans[i].begin_ns < all.begin_ns)
			all.begin_ns = spans[i].begin_ns;
		if (spans[i].end_ns > all.end_ns)
			all.end_ns = spans[i].end_ns;
	}
	elapsed = all.end_ns - all.begin_ns;
	wl->result = wl_need(json_object());
	wl_set_u64(wl->result, "count", count);
	wl_set_u64(wl->result, "elapsed_ns", elapsed);
	wl_set(wl->result, "per_second",
	       json_real(elapsed ? (double)count * KCT_NS_PER_S / (double)elapsed : 0.0));
}
