/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a live run waits for besides events: signals, its time, its command, and its outputs. One
 * of the first three ends it; from then on nobody is waited for longer than a moment.
 */
#ifndef KCT_CMD_LOOP_H
#define KCT_CMD_LOOP_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	KCT_LOOP_EVENTS,
	KCT_LOOP_INTERVAL,
	KCT_LOOP_OTHERS,
	KCT_LOOP_SIGNAL,
	KCT_LOOP_DURATION,
	KCT_LOOP_CHILD
};
#define KCT_NR_LOOP_FDS (KCT_LOOP_CHILD + 1)

struct kct_loop {
	bool is_open;
	/* EVENTS and OTHERS are the caller's to set; they and INTERVAL are his to look at. */
	struct pollfd fds[KCT_NR_LOOP_FDS];
	pid_t child;	      /* 0: none, or it has ended */
	int32_t child_status; /* its exit status; -1: none */
	const char *reason;   /* why the run has ended, a word of the trailer; NULL: it has not */
};

/*
 * The run, of this duration and with such intervals (0: none), begins now: signals are caught, and
 * the time runs. 0 or an enum kct_exit, said; close it in any case.
 */
int kct_loop_open(struct kct_loop *loop, uint64_t duration_ns, uint64_t interval_ns);
void kct_loop_close(struct kct_loop *loop);

/* Start the command, whose end is the end of the run. 0 or an enum kct_exit, said. */
int kct_loop_start_command(struct kct_loop *loop, char **argv, bool silent);

/* It outlives neither the time limit nor Ctrl-C; one that ignores SIGTERM is left alone. */
void kct_loop_end_command(struct kct_loop *loop);

/* End the run for this reason, if it has not ended yet. */
void kct_loop_end(struct kct_loop *loop, const char *reason);

/*
 * Wait for anything at most `ms` (-1: without end); events only if they are wanted. What ends the
 * run is taken note of.
 */
void kct_loop_poll(struct kct_loop *loop, bool events, int ms);

/*
 * Wait until `fd` is readable: as long as it takes while the run goes on, and then no longer than
 * *patience_ns, from which the time is taken. False if that was not enough.
 */
bool kct_loop_wait(struct kct_loop *loop, int fd, uint64_t *patience_ns);

#endif
