/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which figures of an output rest on which evidence. What a run had no hook for is unknown, not 0
 * and not false: null in JSON, '?' in a table. A figure that is not listed here rests on evidence
 * without which nothing is traced (updates, PVTIs, the census), or says itself what it is.
 */
#ifndef KCT_MODEL_FIGURES_H
#define KCT_MODEL_FIGURES_H

#include <stdbool.h>
#include <stdint.h>

#include "model/run.h"

/*
 * X(figure, its name in JSON, the evidence that it needs, another one that would do as well).
 * Evidence that is only derived does not count: there the figure would be of something else.
 */
#define KCT_FIGURES(X)                                                                             \
	/* report, stat, compare */                                                                \
	X(REQUESTS, "requests", "request", NULL)                                                   \
	X(REQUESTS_CLEARED, "requests_cleared", "request", NULL)                                   \
	X(PENDING, "pending", "request", NULL)                                                     \
	X(TSC_WRITES, "tsc_writes", "tsc-write", NULL)                                             \
	X(ODD_VCPUS, "odd_vcpus", "tsc-track", NULL)                                               \
	X(CAUSE_HYPERV, "hyperv", "values-before", NULL)                                           \
	/* requests_by_origin, in the order of KCT_ORIGINS */                                      \
	X(ORIGIN_UNKNOWN, "unknown", "request", NULL)                                              \
	X(ORIGIN_VCPU_CREATE, "vcpu-create", "request", "request-site")                            \
	X(ORIGIN_TSC_WRITE, "tsc-write", "request", "request-site")                                \
	X(ORIGIN_TSC_OFFSET, "tsc-offset", "request", "request-site")                              \
	X(ORIGIN_SYSTEM_TIME, "system-time", "request-system-time", "request-site")                \
	X(ORIGIN_CLOCKSOURCE, "clocksource", "request-clocksource", "request-site")                \
	X(ORIGIN_RESUME, "resume", "request-resume", "request-site")                               \
	X(ORIGIN_HYPERV, "hyperv", "request-site", NULL)                                           \
	X(ORIGIN_XEN, "xen", "request-xen", NULL)                                                  \
	/* verify, compare */                                                                      \
	X(PENDING_AT_SET, "pending_at_set_clock", "request", NULL)                                 \
	X(JUDGED, "judged", "request", NULL)                                                       \
	X(SERVED, "served", "request", NULL)                                                       \
	X(CLEARED, "cleared", "request", NULL)                                                     \
	X(UNRESOLVED, "unresolved", "request", NULL)                                               \
	X(NEW_SNAPSHOTS, "new_snapshots", "request", NULL)                                         \
	X(KEPT_SNAPSHOTS, "kept_snapshots", "request", NULL)                                       \
	X(SHARED, "shared", "request", NULL)                                                       \
	X(REPEATED, "repeated", "request", NULL)                                                   \
	X(NEGATIVE_WRONG, "negative_deltas_wrong", "tsc-write", NULL)                              \
	X(TSC_OFFSETS_DIFFER, "tsc_offsets_differ", "tsc-write", NULL)                             \
	/* migration */                                                                            \
	X(VMM_STEPS, "vmm_sequence", "tsc-write", NULL)                                            \
	X(VMM_PATTERN, "vmm_pattern", "tsc-write", NULL)                                           \
	X(TSC_NOT_IN_FORCE, "tsc_not_in_force", "tsc-write", NULL)                                 \
	X(TSC_REWRITTEN, "tsc_rewritten", "tsc-write", NULL)                                       \
	X(VMM_PAUSED, "paused", "tsc-read", NULL)

#define KCT_FIGURE_ROW(figure, name, needs, or_else) KCT_FIGURE_##figure,
enum kct_figure { KCT_FIGURES(KCT_FIGURE_ROW) KCT_NR_FIGURES };

/* The figure of requests_by_origin. */
#define KCT_FIGURE_OF_ORIGIN(origin) ((enum kct_figure)(KCT_FIGURE_ORIGIN_UNKNOWN + (origin)))

/* A set of figures: bit of each enum kct_figure. */
typedef uint64_t kct_figures;
#define KCT_FIGURES_ALL (~(kct_figures)0)

extern const char *const kct_figure_names[KCT_NR_FIGURES];

/* Those that the hooks of a run show. */
kct_figures kct_figures_shown(const struct kct_header *header);
bool kct_figure_is_shown(kct_figures figures, enum kct_figure figure);

#endif
