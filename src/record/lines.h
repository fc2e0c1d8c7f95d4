/* SPDX-License-Identifier: GPL-2.0 */
/* The lines of a file that may hold anything: memory does not grow with it. */
#ifndef KCT_RECORD_LINES_H
#define KCT_RECORD_LINES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "record/recording.h"

enum kct_lines_end {
	KCT_LINES_GO_ON, /* there was a line */
	KCT_LINES_END,
	KCT_LINES_CUT,	    /* the file ends in the middle of a line */
	KCT_LINES_TOO_LONG, /* a line of more than KCT_MAX_LINE bytes */
	KCT_LINES_FAILED,   /* it could not be read: see `error` */
};

struct kct_lines {
	FILE *in;	/* the caller's */
	uint64_t count; /* lines asked for: the number of the one read last, from 1 */
	/* Bytes of the file, of which those from `at` up to `end` are not read yet. */
	char buffer[KCT_MAX_LINE + 1];
	size_t at, end;
	int error; /* errno of the read that failed; 0 */
};

void kct_lines_init(struct kct_lines *lines, FILE *in);
/*
 * The next line, with a NUL for its end, and how long it is; it stays until the next call. NULL if
 * there is none, and *end says why.
 */
char *kct_lines_next(struct kct_lines *lines, size_t *length, enum kct_lines_end *end);

#endif
