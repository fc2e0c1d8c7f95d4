/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How far a long read has come: a line on standard error, if that is a terminal, from the second
 * second on. It is plain text, and gone when the read has ended.
 */
#ifndef KCT_BASE_PROGRESS_H
#define KCT_BASE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kct_progress {
	uint64_t total; /* bytes; 0: nobody knows */
	uint64_t done;
	/* ---- inside ---- */
	bool possible;
	uint64_t due_ns; /* when it is shown next, CLOCK_MONOTONIC */
	size_t columns;	 /* that it takes now */
};

void kct_progress_begin(struct kct_progress *progress, uint64_t total);
/* So many more bytes were read. */
void kct_progress_add(struct kct_progress *progress, uint64_t bytes);
/* Remove it. What is written to standard error has to come after that. */
void kct_progress_end(struct kct_progress *progress);

/* From now on nothing is shown: a terminal is written to while recordings are read. */
void kct_progress_forbid(void);

#define KCT_PROGRESS_SIZE 128
/* Its text, in so many columns at most. */
void kct_progress_text(const struct kct_progress *progress, size_t columns,
		       char text[KCT_PROGRESS_SIZE]);

#endif
