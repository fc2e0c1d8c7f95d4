/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The flight recorder: all events, in segments of which each is a recording by itself. What the
 * disk does not take is lost, counted, and told in the header of the next segment; the recorder
 * goes on.
 */
#ifndef KCT_MONITOR_RECORDER_H
#define KCT_MONITOR_RECORDER_H

#include "model/state.h"
#include "monitor/losses.h"
#include "monitor/store.h"

struct kct_recorder_options {
	const char *directory;
	struct kct_bounds bounds;
	uint64_t segment_bytes, segment_ns;
};

struct kct_recorder {
	struct kct_recorder_options options;
	const struct kct_state *state;	 /* not ours: as it is before the event that is written */
	const struct kct_losses *losses; /* not ours */
	struct kct_store store;
	struct kct_header header; /* of the segment that is written */
	uint64_t run_ns;	  /* when it all began */

	struct kct_segment_file *file; /* NULL while nothing can be written */
	char name[KCT_STORE_NAME];
	uint64_t events;    /* in it */
	uint64_t unflushed; /* of these, those behind the last flush */
	uint64_t began_ns;
	uint64_t began_bytes; /* what its beginning takes, with all VMs as they were */
	uint64_t last_ns;     /* the latest that any event happened */
	struct kct_lost told; /* what the trailers before this one tell, together */
	bool is_drained;      /* all events have been read */
	bool sets_clock;      /* by the last event */

	struct kct_gap gap; /* that is open */
	uint64_t retry_ns;  /* when to try again to open a segment */
	uint64_t see_ns;    /* when to see to the bounds again */
	bool is_full;	    /* too little is free on the disk, and nothing can be removed */

	/* ---- for whoever wants to know ---- */
	uint64_t segments, written, gaps, unwritten; /* ever: begun, events, gaps, events in them */
};

/* Times are CLOCK_BOOTTIME. `header` is of the run. 0 or -errno: the directory is not fit. */
int kct_recorder_begin(struct kct_recorder *recorder, const struct kct_recorder_options *options,
		       const struct kct_header *header, const struct kct_state *state,
		       const struct kct_losses *losses);
/* An event, before the state has taken it in. */
void kct_recorder_event(struct kct_recorder *recorder, const union kct_any_event *event,
			const struct kct_vm_name *name);
/* All that has happened has been read: have it in the file. */
void kct_recorder_drained(struct kct_recorder *recorder);
/* Have in the file what was taken in up to now. */
void kct_recorder_flush(struct kct_recorder *recorder);
/* What was lost since the segment began. */
void kct_recorder_lost(const struct kct_recorder *recorder, struct kct_lost *lost);
/* See to the bounds now. */
void kct_recorder_keep_bounds(struct kct_recorder *recorder, uint64_t now_ns);
/* See to what is due; when to call again, at the latest. */
uint64_t kct_recorder_tick(struct kct_recorder *recorder, uint64_t now_ns);
/* End the segment, and open the directory anew. */
void kct_recorder_reopen(struct kct_recorder *recorder);
/* End it; `reason` as a trailer has it. */
void kct_recorder_end(struct kct_recorder *recorder, const char *reason);

#endif
