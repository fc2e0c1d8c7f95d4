/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One live run, as `trace`, `record` and `stat` have it in common: open a session, arm it, run
 * a command under it or wait, hand on the events that the filter wants, end for one of the
 * reasons there are.
 */
#ifndef KCT_CMD_LIVE_H
#define KCT_CMD_LIVE_H

#include <argp.h>

#include "attach/session.h"
#include "cmd/filter.h"
#include "record/recording.h"

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
	void *context;	      /* of the calls below; any of them may be NULL */
	/* Tracing is about to begin: live->header is filled. */
	void (*on_start)(struct kct_live *live);
	/* An event has been taken into the model. `name` goes with a KCT_EVENT_VM. */
	void (*on_event)(struct kct_live *live, const union kct_any_event *event,
			 const struct kct_vm_name *name);
	/* Once after all events that were there have been handed on. */
	void (*on_batch)(struct kct_live *live);
	/* At each interval; false ends the run. */
	bool (*on_tick)(struct kct_live *live);

	/* ---- filled by it ---- */
	struct kct_session *session;
	struct kct_header header;
	struct kct_trailer trailer;
	struct kct_model model;
	int failure; /* an enum kct_exit that ends the run */
	bool proc_is_ours;
};

/* Options of all of them: the filter's, --max-vms and --buffer. Input: a struct kct_live. */
extern const struct argp kct_live_argp;

/* What a live run begins with before its options are read. */
void kct_live_init(struct kct_live *live);

/*
 * Run to the end. Gives 0 or an enum kct_exit, and has then said why on stderr. The session is
 * detached but open, so that its maps can be read, until kct_live_close().
 */
int kct_live_run(struct kct_live *live);
void kct_live_close(struct kct_live *live);

/* Name the VM of a `vm` event. */
void kct_live_name(const struct kct_live *live, const struct kct_vm_event *event,
		   struct kct_vm_name *name);

#endif
