/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A part of a recording: where it begins and ends, and how the VMs and vCPUs stand when it begins.
 *
 * It goes by the order in which events were delivered, which on two CPUs need not be that of time:
 * so what is in a part fits together, and two parts that are cut at one time have each event once.
 */
#ifndef KCT_RECORD_CUT_H
#define KCT_RECORD_CUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/wall.h"
#include "kvmclock/event.h"
#include "model/run.h"
#include "model/state.h"

/* What is asked for, by times of any kind. */
struct kct_span {
	struct kct_time since, until;
};

struct kct_cut {
	uint64_t since_ns, until_ns; /* CLOCK_BOOTTIME; UINT64_MAX: no end */
	uint64_t started_ns; /* the segment that is read: what it met is told with earlier times */
	struct kct_state state; /* by the events before the part, while it has not begun */
	bool begun, over;
	/* ---- of a span ---- */
	bool asked; /* there is one */
	struct kct_span span;
	bool met;	   /* a header: the next two are of the first one */
	uint64_t first_ns; /* when it began */
	char first_boot_id[40];
	struct kct_passed passed; /* before the part */
	/* Of VMs that are being made, the updates that are in the part and nobody's yet. */
	uint64_t made[KCT_NR_EFFECTS];
};

/* Is it what a recording, or a segment, begins with: a VM or vCPU met before? */
bool kct_cut_is_met(const struct kct_cut *cut, const union kct_any_event *event);
/* Take an event for the first one of the part, or the first behind it, if it is. */
void kct_cut_reach(struct kct_cut *cut, const union kct_any_event *event);

/* `span` NULL, or one without times: all of it. */
void kct_cut_init(struct kct_cut *cut, const struct kct_span *span);
void kct_cut_clear(struct kct_cut *cut);

/* What a header means. */
enum kct_cut_header {
	KCT_CUT_GO_ON,	/* it is as it would be without a span */
	KCT_CUT_ANEW,	/* the part begins in this segment, or later: forget what was read */
	KCT_CUT_BEGINS, /* the part began behind the segments before; it is told by `state` */
	KCT_CUT_BEHIND, /* the segment begins behind the part */
};
/* Does a segment with this header begin before the part, which is asked for by the wall clock? */
bool kct_cut_is_before(const struct kct_cut *cut, const struct kct_header *header);
/* Take in a header, and tell in it which part it is. */
enum kct_cut_header kct_cut_header(struct kct_cut *cut, struct kct_header *header);

/*
 * An event of the part. A VM that was made before it ran already: its update is in another part.
 * True if the event was changed to say that.
 */
bool kct_cut_settle(struct kct_cut *cut, union kct_any_event *event);

#endif
