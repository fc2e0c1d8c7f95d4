/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A pinned recording is written from the segments, by a process of its own that nobody waits for
 * and that gives way to all others. It is there whole, or not at all.
 */
#ifndef KCT_MONITOR_PIN_H
#define KCT_MONITOR_PIN_H

#include <sys/types.h>

#include "monitor/pins.h"
#include "monitor/store.h"

/* What that process has to know; all of it is copied. */
struct kct_pin_job {
	int directory;		   /* of the segments */
	char name[KCT_STORE_NAME]; /* in it */
	struct kct_pin pin;
	uint64_t run_ns; /* the run of which the segments are */
	char boot_id[40];
	struct kct_gap gap;   /* that is open; to_ns is 0 if there is none */
	struct kct_lost lost; /* since the segment began that is written at the time */
};

/* Write it; for the process itself. 0 or -errno. */
int kct_pin_write(const struct kct_pin_job *job);
/* Have it written by a process, whose exit status is 0 or an errno. Its pid, or -errno. */
pid_t kct_pin_start(const struct kct_pin_job *job);
/* Remove what processes that were killed left in the directory, when none is at work. */
void kct_pin_clean(int directory);

#endif
