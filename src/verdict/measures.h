/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What runs are compared by: the same figures of each, with one name in `compare` and in the spread
 * of `verify --repeat`; and how far the runs of one kernel lie apart.
 */
#ifndef KCT_VERDICT_MEASURES_H
#define KCT_VERDICT_MEASURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kvmclock/account.h"
#include "model/figures.h"
#include "model/model.h"
#include "verdict/verdict.h"

/* Of all VMs of a run. Drift: ns, positive where the kvm-clock jumped forward. */
#define KCT_MEASURES(X)                                                                            \
	X(REQUESTS, "requests")                                                                    \
	X(PENDING_AT_SET, "pending_at_set_clock")                                                  \
	X(JUDGED, "judged")                                                                        \
	X(SERVED, "served")                                                                        \
	X(CLEARED, "cleared")                                                                      \
	X(NEW_SNAPSHOTS, "new_snapshots")                                                          \
	X(KEPT_SNAPSHOTS, "kept_snapshots")                                                        \
	X(UPDATES, "updates")                                                                      \
	X(UPDATES_RESNAPSHOT, "updates_resnapshot")                                                \
	X(UPDATES_SUPPRESSED, "updates_suppressed")                                                \
	X(SET_CLOCKS, "set_clocks")                                                                \
	X(TSC_WRITES, "tsc_writes")                                                                \
	X(PVTI_UPDATES, "pvti_updates")                                                            \
	X(PVTI_MOVED, "pvti_moved")                                                                \
	X(NEGATIVE_DELTAS, "negative_deltas")                                                      \
	X(DRIFT_TOTAL, "drift_total_ns")                                                           \
	X(DRIFT_MAX_FORWARD, "drift_max_forward_ns")                                               \
	X(DRIFT_MAX_BACKWARD, "drift_max_backward_ns")

#define KCT_MEASURE_ROW(measure, name) KCT_MEASURE_##measure,
enum kct_measure { KCT_MEASURES(KCT_MEASURE_ROW) KCT_NR_MEASURES };
extern const char *const kct_measure_names[KCT_NR_MEASURES];

/* One run: what it was judged to be, and its figures. Without pointers. */
struct kct_measured {
	struct kct_judgement all;
	int64_t value[KCT_NR_MEASURES];
	bool known[KCT_NR_MEASURES]; /* the run's hooks show it */
	uint64_t nr_vms, nr_vcpus;
};

/* `all` is the judgement on all VMs of the model. */
void kct_measure(struct kct_measured *measured, const struct kct_judgement *all,
		 const struct kct_model *model, kct_figures shown);

/* How far a figure of several runs varies; each of these was observed in one of them. */
struct kct_spread {
	size_t known; /* conclusive runs that show it; if there are none, nothing is known */
	int64_t min;
	int64_t median; /* of an even number the lower of the two in the middle */
	int64_t max;
};

/*
 * Of the runs that are conclusive: what was counted over evidence with a hole is no measurement.
 * Known if there is one, and each of them shows the figure. 0 or -ENOMEM.
 */
int kct_spread(struct kct_spread *spread, const struct kct_measured *runs, size_t nr_runs,
	       enum kct_measure measure);

#endif
