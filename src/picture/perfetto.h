/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Recordings as a trace of Perfetto's: a tree of tracks (host, VM, vCPU), events with their fields,
 * flows from a request to the update that served it and on to the vCPU's PVTI, and counters. Times
 * are CLOCK_BOOTTIME of the first recording's host.
 */
#ifndef KCT_PICTURE_PERFETTO_H
#define KCT_PICTURE_PERFETTO_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "kvmclock/event.h"
#include "model/name.h"
#include "model/run.h"

struct kct_perfetto {
	FILE *out;
	uint32_t machine; /* which recording, from 0 */
	struct kct_header first, header;
	uint64_t tracks, flows; /* how many there are: their last number */
	uint64_t host_track;
	void *vms;		       /* tree of those of this machine */
	struct kct_masterclock anchor; /* an active one, if it has been seen */
	bool begun, failed;
};

/* The next machine's recording begins. */
void kct_perfetto_begin(struct kct_perfetto *trace, FILE *out);
/* `name` goes with a KCT_EVENT_VM. */
void kct_perfetto_event(struct kct_perfetto *trace, const struct kct_header *header,
			const union kct_any_event *event, const struct kct_vm_name *name);
/* It ended; `trailer` is zeroes if it was cut off. False: there was no memory for all of it. */
bool kct_perfetto_end(struct kct_perfetto *trace, const struct kct_header *header,
		      const struct kct_trailer *trailer);

#endif
