/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The triggers of a flight recorder at work: what fires them, what is pinned for that, and whom it
 * is told.
 */
#ifndef KCT_MONITOR_TRIGGERS_H
#define KCT_MONITOR_TRIGGERS_H

#include "monitor/pins.h"
#include "monitor/recorder.h"
#include "monitor/runner.h"

#define KCT_MAX_TRIGGERS 32

struct kct_trigger_options {
	struct kct_trigger list[KCT_MAX_TRIGGERS];
	size_t count;
	struct kct_rolls rolls;
	const char *command, *user; /* NULL */
};

/* What is pinned, or is to be. */
struct kct_pinned {
	struct kct_pin pin;
	char name[KCT_STORE_NAME]; /* in the directory; "" */
};

struct kct_triggers {
	const struct kct_trigger_options *options;
	struct kct_recorder *recorder;
	const struct kct_state *state; /* as it is before the event that is taken in */
	char directory[4096];	       /* its path from the root */
	struct kct_pins pins;
	struct kct_runner runner; /* its socket is -1 where there is no command */
	int epoll;		  /* -1: not begun. Readable when there is something to be done */

	char open[KCT_STORE_NAME]; /* what the open span will be called */
	struct kct_pinned writing; /* the process that writes it ... */
	pid_t writer;		   /* ... 0: there is none */
	int writer_fd;
	uint64_t due_ns;	/* when it has taken too long */
	struct kct_pinned last; /* that was written */
	uint64_t unsaid;	/* triggers since the last line that told of one not pinned */
};

/* Before anything is begun; where it cannot be the runner it has been said. 0 or -errno. */
int kct_triggers_prepare(struct kct_triggers *triggers, const struct kct_trigger_options *options);
/* 0 or -errno. */
int kct_triggers_begin(struct kct_triggers *triggers, struct kct_recorder *recorder,
		       const struct kct_state *state);
/* An event, before the state has taken it in, and behind the recorder. */
void kct_triggers_event(struct kct_triggers *triggers, const union kct_any_event *event);
/* Somebody wants what happened up to now to be pinned. */
void kct_triggers_signal(struct kct_triggers *triggers, uint64_t now_ns);
/*
 * See to what is due; when to call again, at the latest (UINT64_MAX: not at all). *is_over: a span
 * is, and can be written when all that has happened is read.
 */
uint64_t kct_triggers_tick(struct kct_triggers *triggers, uint64_t now_ns, bool *is_over);
/* All that has happened has been read, and is in the file. */
void kct_triggers_drained(struct kct_triggers *triggers, uint64_t now_ns);
/* What the recording is, or will be, called that has what happened at a time; NULL: there is none.
 */
const char *kct_triggers_recording(const struct kct_triggers *triggers, uint64_t ns);
/* Write what is open, and end, within seconds. */
void kct_triggers_end(struct kct_triggers *triggers);

#endif
