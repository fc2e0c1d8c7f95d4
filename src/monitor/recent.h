/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The last events, in memory, and the VMs and vCPUs as they were before them: so that what happened
 * lately can still be looked at, and written as a recording by itself.
 */
#ifndef KCT_MONITOR_RECENT_H
#define KCT_MONITOR_RECENT_H

#include <stdio.h>

#include "model/run.h"
#include "model/state.h"

struct kct_recent_event {
	union kct_any_event event;
	struct kct_vm_name *name; /* of a KCT_EVENT_VM, if it has one; else NULL */
};

/* What was lost up to a time. */
struct kct_recent_mark {
	uint64_t ns; /* CLOCK_BOOTTIME */
	struct kct_lost lost;
};

#define KCT_RECENT_MARKS 128

struct kct_recent {
	struct kct_recent_event *events; /* a ring */
	size_t capacity, first, count;
	struct kct_state before;       /* of those that are held */
	struct kct_recent_mark *marks; /* a ring of KCT_RECENT_MARKS */
	size_t first_mark, nr_marks;
	bool has_dropped; /* events that were before these */
};

/* For so many events. 0 or -ENOMEM; it is cleared in any case. */
int kct_recent_init(struct kct_recent *recent, size_t capacity);
void kct_recent_clear(struct kct_recent *recent);

/* Take an event in; `name` goes with a KCT_EVENT_VM. 0 or -ENOMEM. */
int kct_recent_event(struct kct_recent *recent, const union kct_any_event *event,
		     const struct kct_vm_name *name);
/* So much was lost by now; to be told often, so that a recording need not claim more than it has.
 */
void kct_recent_mark(struct kct_recent *recent, uint64_t now_ns, const struct kct_lost *lost);

/* Call for each, the oldest first. */
void kct_recent_each(const struct kct_recent *recent, kct_state_visit visit, void *context);

/* What of them is written as a recording. */
struct kct_recent_span {
	const struct kct_header *header; /* of the run */
	uint64_t from_ns;		 /* CLOCK_BOOTTIME; or from the oldest event that is held */
	uint64_t now_ns;
	/* ---- what it became ---- */
	uint64_t began_ns;
	uint64_t events; /* that happened in it */
};

/* Write it, with what was lost in it by the last mark. 0 or -ENOMEM; ferror() tells the rest. */
int kct_recent_write(const struct kct_recent *recent, FILE *out, struct kct_recent_span *span);

#endif
