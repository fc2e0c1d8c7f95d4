/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who gets the metrics: whoever asks by HTTP, and node_exporter, which reads a file that is written
 * anew from time to time.
 */
#ifndef KCT_MONITOR_PUBLISH_H
#define KCT_MONITOR_PUBLISH_H

#include "monitor/http.h"

/* Places to publish at. */
#define KCT_PUBLISH_MAX 4

struct kct_publisher {
	const char *places[KCT_PUBLISH_MAX]; /* as --metrics takes them; not ours */
	int nr_places;
	struct kct_metrics metrics;
	struct kct_metrics_of of;
	struct kct_http http;
	const char *file;  /* of the places, the one that is a file; NULL */
	uint64_t write_ns; /* when it is due */
	bool cannot_write; /* it has been said */
};

void kct_publisher_init(struct kct_publisher *publisher);
void kct_publisher_close(struct kct_publisher *publisher);
/* False: it is no place, or there are too many. */
bool kct_publisher_add(struct kct_publisher *publisher, const char *place);
/* Begin; where that fails it has been said. 0 or -errno. */
int kct_publisher_begin(struct kct_publisher *publisher, const struct kct_metrics_of *of);
/* When to call again, at the latest (UINT64_MAX: not at all). */
uint64_t kct_publisher_tick(struct kct_publisher *publisher, uint64_t now_ns);

#endif
