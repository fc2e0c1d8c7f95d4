/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One live run, as `trace`, `record`, `stat` and `verify` have it in common: open a session, arm
 * it, run a command under it or wait, hand on the events that the filter wants, end for one of the
 * reasons there are.
 */
#ifndef KCT_CMD_LIVE_H
#define KCT_CMD_LIVE_H

#include <argp.h>

#include "attach/session.h"
#include "cmd/filter.h"
#include "cmd/loop.h"
#include "cmd/output.h"
#include "record/recording.h"

/* Which VMs that are gone the model keeps: of the others it has what they add up to. */
enum kct_keep {
	KCT_KEEP_SOME, /* as many as may be alive at one time, with their vCPUs */
	KCT_KEEP_NONE,
	KCT_KEEP_ALL,
};

struct kct_live {
	/* ---- set before kct_live_run() ---- */
	struct kct_filter filter;
	struct kct_session_options session_options;
	uint64_t duration_ns; /* 0: no limit */
	uint64_t interval_ns; /* between calls of on_tick; 0: none */
	char **command;	      /* to run, NULL-terminated; NULL: none */
	bool silent_command;  /* its standard output is not wanted */
	uint32_t ioctls_of;   /* with session_options.plan.ioctls: the process; 0: the command */
	bool only_command;    /* only the VMs of the command itself are wanted */
	enum kct_keep keep_gone;
	/* To which on_event writes a line for each event, after one by on_start; NULL: none. It is
	 * begun when tracing is, and settled when that has ended. */
	struct kct_output *output;
	void *context; /* of the calls below; any of them may be NULL */
	/* Tracing has begun: live->header is filled. */
	void (*on_start)(struct kct_live *live);
	/* An event has been taken into the model. `name` goes with a KCT_EVENT_VM. */
	void (*on_event)(struct kct_live *live, const union kct_any_event *event,
			 const struct kct_vm_name *name);
	/* At each interval; false ends the run. */
	bool (*on_tick)(struct kct_live *live);
	/* All events that have happened have been read. */
	void (*on_drained)(struct kct_live *live);
	/* The descriptor that on_start has put into loop.fds[KCT_LOOP_OTHERS] is readable. */
	void (*on_others)(struct kct_live *live);
	/* There may be events to read: whoever sets it has them read now, up to on_drained. */
	bool more;

	/* ---- filled by it ---- */
	struct kct_session *session;
	struct kct_header header;
	struct kct_trailer trailer;
	struct kct_model model;
	/* ---- inside ---- */
	struct kct_loop loop;
	int failure;		/* an enum kct_exit that ends the run */
	uint64_t nr_read;	/* events while it ran */
	uint64_t nr_left;	/* those that were read when all was detached */
	uint64_t read_until_ns; /* CLOCK_MONOTONIC, for these; 0 while it runs */
	uint64_t unwritten;	/* of all: KCT_LOSS_UNWRITTEN */
	bool proc_is_ours;
	uint32_t named_pid; /* the process whose name is in `named`, while one batch is read; 0 */
	struct kct_vm_name named;
};

/* Options of all of them: the filter's, --max-vms and --buffer. Input: a struct kct_live. */
extern const struct argp kct_live_argp;

/* --stack, of those that deliver events. Input: likewise. */
extern const struct argp kct_stack_argp;

/* What a live run begins with before its options are read. */
void kct_live_init(struct kct_live *live);

/*
 * Run to the end. Gives 0 or an enum kct_exit, and has then said why on stderr. The session is
 * detached but open, so that its maps can be read, until kct_live_close().
 */
int kct_live_run(struct kct_live *live);
void kct_live_close(struct kct_live *live);

#endif
