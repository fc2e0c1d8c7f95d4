/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A recording that is written compressed, and is readable at any time: after each flush all lines
 * up to there are in the file, whole.
 */
#ifndef KCT_MONITOR_SEGMENT_H
#define KCT_MONITOR_SEGMENT_H

#include <stdint.h>
#include <stdio.h>

struct kct_segment_file;

/* A new file in a directory; -EEXIST where there is one of that name. 0 or -errno. */
int kct_segment_open(struct kct_segment_file **out, int directory, const char *name);
/* For lines. It takes them all: what could not be written, a flush tells. */
FILE *kct_segment_stream(struct kct_segment_file *file);
/*
 * Have all that was written to the stream in the file. 0; or -errno, and then the file ends where
 * the flush before this one ended, and nothing more gets into it.
 */
int kct_segment_flush(struct kct_segment_file *file);
/* Bytes in the file. */
uint64_t kct_segment_bytes(const struct kct_segment_file *file);
/* Flush, end and free it. 0 or -errno, likewise. */
int kct_segment_close(struct kct_segment_file *file);

#endif
