/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A recording, line by line: the header, the events, the trailer; and where it is a segment of a
 * flight recorder, again those of the next one.
 */
#ifndef KCT_RECORD_READER_H
#define KCT_RECORD_READER_H

#include <jansson.h>
#include <stdio.h>

#include "kvmclock/event.h"
#include "model/name.h"
#include "record/lines.h"

enum kct_line {
	KCT_LINE_HEADER,
	KCT_LINE_EVENT,
	KCT_LINE_PASSED, /* an event that only another release knows; its `vm` is set */
	KCT_LINE_TRAILER,
	KCT_LINE_END,	  /* the file ends here, behind a trailer or not */
	KCT_LINE_CUT,	  /* the file ends in the middle of a line */
	KCT_LINE_INVALID, /* not a recording, or not a valid one: see `why` */
};

struct kct_reader {
	struct kct_lines lines;
	uint64_t events; /* behind the last header, those that were passed over too */
	bool header_seen, trailer_seen;
	char why[160];
	struct kct_passed passed; /* in the last line */
	/* The last line as it is in the file, without its end; until the next one is read. */
	const char *line;
	size_t length;
	/* What the last line said, by its kind. */
	struct kct_header header;
	struct kct_trailer trailer;
	union kct_any_event event;
	struct kct_vm_name name; /* of a KCT_EVENT_VM */
};

/* Read from `in`, which stays the caller's. */
void kct_reader_init(struct kct_reader *reader, FILE *in);
enum kct_line kct_reader_next(struct kct_reader *reader);
/* What comes next, where it is not in a file of lines: the same object that a line has. */
enum kct_line kct_reader_object(struct kct_reader *reader, const json_t *object);

#endif
