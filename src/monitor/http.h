/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Metrics by HTTP: GET and HEAD of /metrics, an answer for each connection. No library's server
 * would link statically and be waited for with everything else, so it is a small one. Whoever is
 * slow, says too much or nothing at all has the connection taken away; where there are too many,
 * the oldest goes.
 */
#ifndef KCT_MONITOR_HTTP_H
#define KCT_MONITOR_HTTP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "monitor/metrics.h"

#define KCT_HTTP_LISTENERS   4
#define KCT_HTTP_CONNECTIONS 16

struct kct_http_connection {
	int fd; /* -1: free */
	char request[4096];
	size_t length;
	char *answer; /* NULL: not yet */
	size_t size, sent;
	uint64_t due_ns; /* when it is taken away, CLOCK_BOOTTIME */
};

struct kct_http {
	int epoll; /* -1: not open. Readable when there is something to be done */
	int listeners[KCT_HTTP_LISTENERS];
	int nr_listeners;
	struct kct_http_connection connections[KCT_HTTP_CONNECTIONS];
	/* Write the metrics. */
	void (*write)(void *context, enum kct_metrics_format format, FILE *out);
	void *context;
	uint64_t answered, refused, dropped; /* connections */
};

/* 0 or -errno; close it in any case. */
int kct_http_open(struct kct_http *http);
void kct_http_close(struct kct_http *http);
/*
 * Listen at ADDRESS:PORT (numbers; an IPv6 address in brackets; without one the host itself only),
 * unix:PATH, or "systemd": the sockets that the service manager handed over. 0 or -errno; -EINVAL:
 * it is none of these; -ENOENT: nothing was handed over.
 */
int kct_http_listen(struct kct_http *http, const char *where);
/* See to what is ready. */
void kct_http_serve(struct kct_http *http, uint64_t now_ns);
/* Take away what is due; when to call again, at the latest (UINT64_MAX: not at all). */
uint64_t kct_http_tick(struct kct_http *http, uint64_t now_ns);

#endif
