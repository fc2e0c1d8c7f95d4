/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A recording, or a part of it, written as a recording by itself. Lines are copied as they are,
 * with whatever another release has put into them.
 */
#ifndef KCT_RECORD_COPY_H
#define KCT_RECORD_COPY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "record/reader.h"

/* Begin with zeroes but for `out`. */
struct kct_copy {
	FILE *out;
	bool as_segments; /* each header is made that of a segment, behind which others may follow
			   */
	/* ---- inside ---- */
	char *header, *trailer; /* lines that are not written yet; ours */
	uint64_t missing; /* events that the trailer tells of, and that the file did not have */
	uint64_t events;  /* written behind the last header */
	bool begun;
	bool failed; /* out of memory */
};

/* The header that was read last: kept until the part begins, or else written. */
void kct_copy_header(struct kct_copy *copy, const struct kct_reader *reader);
/* Write the header that was kept, as one of this part and gap. */
void kct_copy_begin(struct kct_copy *copy, const struct kct_header *header);
/* The event that was read last. `settled`: its VM ran already, kct_cut_settle(). */
void kct_copy_event(struct kct_copy *copy, const struct kct_reader *reader, bool settled);
/* One that tells how a VM or vCPU stands. */
void kct_copy_state(struct kct_copy *copy, const union kct_any_event *event,
		    const struct kct_vm_name *name);
/* The trailer that was read last: it is kept until it is known that nothing is wrong behind it. */
void kct_copy_trailer(struct kct_copy *copy, const struct kct_reader *reader);
/* A file ended; `sound`: as it should. */
void kct_copy_end(struct kct_copy *copy, bool sound);
void kct_copy_clear(struct kct_copy *copy);

#endif
