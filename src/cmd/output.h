/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where the lines of a live run go: a file or a standard stream, of which nobody knows whether it
 * takes them. While the run goes on it is waited for; then for a moment, and what it did not take
 * is counted.
 */
#ifndef KCT_CMD_OUTPUT_H
#define KCT_CMD_OUTPUT_H

#include <stdint.h>
#include <stdio.h>

#include "base/replace.h"
#include "base/sink.h"
#include "cmd/loop.h"

struct kct_output {
	FILE *stream; /* to write to; NULL while it is not open */
	/* ---- inside ---- */
	const char *path; /* NULL: a standard stream */
	const char *name; /* what it is called in messages */
	struct kct_replacement file;
	struct kct_sink *sink;
	struct kct_loop *loop;
	uint64_t patience_ns;
};

/* How long the events of a run, and a summary after them, are waited for when it has ended. */
#define KCT_PATIENCE_FOR_EVENTS_NS  600000000ULL
#define KCT_PATIENCE_FOR_SUMMARY_NS 300000000ULL

/*
 * It is to be `path`, compressed if that ends in .gz. If it is a FIFO, whoever is to read it is
 * waited for as long as `patience_ns`, 0 is without end. 0 or an enum kct_exit, said.
 */
int kct_output_to_path(struct kct_output *out, const char *path, uint64_t patience_ns);
/* It is to be STDOUT_FILENO or STDERR_FILENO. */
void kct_output_to_standard(struct kct_output *out, int fd);

/*
 * Open it, but leave what is at the path as it is; `loop` is what the run waits by. 0 or an enum
 * kct_exit, said.
 */
int kct_output_open(struct kct_output *out, struct kct_loop *loop, uint64_t patience_ns);
/* Put it in the place of what is at the path. */
int kct_output_commit(struct kct_output *out);

/* 0, or -errno of what could not be written so far. */
int kct_output_error(const struct kct_output *out);
/* Hand on what has been written, or have it written; 0, or -errno if something was not. */
int kct_output_flush(struct kct_output *out);
int kct_output_settle(struct kct_output *out);
/* How many lines behind the first one, which tells of no event, were not written. */
uint64_t kct_output_missing(const struct kct_output *out);

/*
 * Settle and close it, if it is open. 0; or else it is said on stderr what could not be written,
 * and KCT_EXIT_INCOMPLETE.
 */
int kct_output_close(struct kct_output *out);

#endif
