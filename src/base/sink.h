/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A stream that a process of its own writes to a descriptor. So its owner, who has to end when it
 * is time, can give up a reader that does not read, or a file server that does not answer: a write
 * to that one may not even be killed. What did not get through can be told.
 */
#ifndef KCT_BASE_SINK_H
#define KCT_BASE_SINK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct kct_sink;

/* Wait until the descriptor is readable. False: that takes too long. */
typedef bool (*kct_sink_wait)(void *context, int fd);

/*
 * A sink to `fd`, which becomes the other process's: with the first bytes that are handed on it is
 * closed here, as that may wait as well; but not standard error. The number stays taken. `wait` is
 * called wherever the other process has to be waited for. `compressed`: by gzip, in that process.
 * NULL, with errno.
 */
struct kct_sink *kct_sink_new(int fd, bool compressed, kct_sink_wait wait, void *context);
/*
 * What is written to this stream never fails there. Whoever writes more than the other one gets
 * rid of waits for it, so that no more than half a MiB is under way.
 */
FILE *kct_sink_stream(const struct kct_sink *sink);

/* 0, or -errno of what was handed on before. */
int kct_sink_error(const struct kct_sink *sink);
/* Hand on what is in the stream's buffer. 0 or -errno of what was handed on before. */
int kct_sink_flush(struct kct_sink *sink);
/* Have all of it written. 0 or -errno: -ETIME it was given up, -ECHILD the other process died. */
int kct_sink_settle(struct kct_sink *sink);
/* The same, and have the descriptor closed, which tells of further errors. */
int kct_sink_finish(struct kct_sink *sink);

/* Lines handed on, and those of them that are known to be written whole. */
uint64_t kct_sink_lines_given(const struct kct_sink *sink);
uint64_t kct_sink_lines_written(const struct kct_sink *sink);

void kct_sink_free(struct kct_sink *sink);

#endif
