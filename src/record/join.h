/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Segments of a flight recorder, one behind the other, as one recording: of one boot of one host.
 * A VM keeps its number over all of them, also where the recorder was started anew.
 */
#ifndef KCT_RECORD_JOIN_H
#define KCT_RECORD_JOIN_H

#include <stdbool.h>

#include "record/load.h"

struct kct_join {
	struct kct_recording *recording;
	struct kct_segment last; /* the segment that is read */
	/* The header before the last one: when it started, and may the last be of the same? */
	uint64_t started_ns;
	bool same_whole; /* both are parts of one recording, whose losses are told once more */
	bool begun;
	bool is_whole; /* that one's trailer has been read */
	/* Another run of the recorder has counted the VMs anew. */
	bool renumbers;
	void *numbers; /* tree of what a number of this run is in the recording */
	uint32_t next; /* the first number that is free in the recording */
};

void kct_join_clear(struct kct_join *join);

/*
 * A header was read. False, with the reason in `why`, where it is of another boot than those before
 * it. What is missing between the two is told in the recording's `incomplete`.
 */
bool kct_join_header(struct kct_join *join, const struct kct_header *header, char *why,
		     size_t size);
/* A trailer was read, behind so many events. */
void kct_join_trailer(struct kct_join *join, const struct kct_trailer *trailer, uint64_t events);

/* The segment ended without one. */
void kct_join_cut(struct kct_join *join, const char *why);

/* What the event's VM is called in the recording. False when out of memory. */
bool kct_join_event(struct kct_join *join, union kct_any_event *event);

/* Is it an introduction that only the segment needs, and not the recording? */
bool kct_join_is_repeated(const struct kct_join *join, const union kct_any_event *event);

#endif
