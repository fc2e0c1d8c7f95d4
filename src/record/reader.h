/* SPDX-License-Identifier: GPL-2.0 */
/* Reads a recording line by line; memory does not grow with its length. */
#ifndef KCT_RECORD_READER_H
#define KCT_RECORD_READER_H

#include <stdio.h>

#include "kvmclock/event.h"
#include "model/name.h"
#include "record/recording.h"

enum kct_line {
	KCT_LINE_HEADER,
	KCT_LINE_EVENT,
	KCT_LINE_TRAILER,
	KCT_LINE_END,	  /* the file ends here, behind a trailer or not */
	KCT_LINE_CUT,	  /* the file ends in the middle of a line */
	KCT_LINE_INVALID, /* not a recording, or not a valid one: see `why` */
};

struct kct_reader {
	FILE *in;
	uint64_t line; /* number of the line read last, from 1 */
	uint64_t events;
	bool header_seen, trailer_seen;
	char why[160];
	/* Bytes of the file, of which those from `at` up to `end` are not read yet. */
	char buffer[KCT_MAX_LINE + 1];
	size_t at, end;
	/* What the last line said, by its kind. */
	struct kct_header header;
	struct kct_trailer trailer;
	union kct_any_event event;
	struct kct_vm_name name; /* of a KCT_EVENT_VM */
};

/* Read from `in`, which stays the caller's. */
void kct_reader_init(struct kct_reader *reader, FILE *in);
enum kct_line kct_reader_next(struct kct_reader *reader);

#endif
