/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is known, as metrics: in OpenMetrics 1.0, or in the older text format of Prometheus, which
 * node_exporter's textfiles are in. What a host does not show has no series, and is not 0.
 */
#ifndef KCT_MONITOR_METRICS_H
#define KCT_MONITOR_METRICS_H

#include <stdio.h>

#include "model/model.h"
#include "monitor/recorder.h"
#include "model/state.h"
#include "monitor/triggers.h"

/* A bucket for each power of ten, from 1 ns to 10 s, and one for what is longer. */
#define KCT_JUMP_BUCKETS 12

struct kct_jumps {
	uint64_t buckets[KCT_JUMP_BUCKETS]; /* not cumulative */
	uint64_t sum_ns;
};

struct kct_metrics {
	struct kct_jumps jumps[2][2]; /* [was asked for][is backward] */
	void *labels;		      /* tree of the VMs' values of the label `vm`, by number */
	uint64_t max_series;	      /* of VMs; above it VMs are left out, the newest first */
	struct timespec started;      /* CLOCK_REALTIME */
};

/* What there is to tell of. Nothing of it is ours. */
struct kct_metrics_of {
	const struct kct_header *header;
	const struct kct_model *model;
	const struct kct_state *state;
	const struct kct_recorder *recorder; /* NULL: there is none */
	const struct kct_triggers *triggers; /* NULL: likewise */
	const struct kct_losses *losses;
};

enum kct_metrics_format { KCT_METRICS_TEXT, KCT_METRICS_OPEN };

void kct_metrics_init(struct kct_metrics *metrics);
void kct_metrics_clear(struct kct_metrics *metrics);
/* Take an event in; `name` goes with a KCT_EVENT_VM. 0 or -ENOMEM. */
int kct_metrics_event(struct kct_metrics *metrics, const union kct_any_event *event,
		      const struct kct_vm_name *name);
void kct_metrics_write(struct kct_metrics *metrics, const struct kct_metrics_of *of,
		       enum kct_metrics_format format, FILE *out);

#endif
