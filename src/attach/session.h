/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel side of a run: open, arm, poll, close. While a session is open its programs are
 * attached; when it is closed, or the process dies, the kernel removes them.
 *
 * Functions that return int give 0 or an enum kct_exit, and have then said why on stderr.
 */
#ifndef KCT_ATTACH_SESSION_H
#define KCT_ATTACH_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attach/census.h"
#include "attach/plan.h"
#include "kvmclock/state.h"
#include "model/model.h"
#include "model/run.h"

struct kct_session;

struct kct_session_options {
	struct kct_plan_options plan;
	uint32_t emitted_kinds; /* bit of each enum kct_event_kind to be delivered */
	uint32_t max_vms;	/* at one time, with KCT_VCPUS_PER_VM vCPUs each on the average */
	uint32_t ring_bytes;	/* a power of two, and at least a page */
	bool stacks;		/* the kernel's stack goes with updates and requests */
	/* Gets the last counters of a VM before its place is freed; NULL if nobody wants them. */
	struct kct_model *last_counters;
};

#define KCT_VCPUS_PER_VM 8

/* For options that the user did not choose. */
#define KCT_DEFAULT_MAX_VMS    4096
#define KCT_DEFAULT_RING_BYTES (8U << 20)

/* Called with each event, in order; it must not keep the pointer. */
typedef void (*kct_on_event)(void *context, const union kct_any_event *event);

/* Is the kernel one that can be traced at all? Done by those that follow. */
int kct_check_kernel(void);

/* Load and attach. The caller closes. */
int kct_session_open(struct kct_session **out, const struct kct_session_options *options,
		     kct_on_event on_event, void *context);
/*
 * Take the VMs that run already into account (their `vm` and `vcpu` events are delivered), and
 * begin to count.
 */
int kct_session_arm(struct kct_session *session);
/*
 * The process whose ioctls are told, where the plan has a hook on system calls for it (options'
 * plan.ioctls); else it is of no effect, as all are told or none.
 */
void kct_session_watch_ioctls(struct kct_session *session, uint32_t pid);
/* Readable when there are events to kct_session_consume(). */
int kct_session_fd(const struct kct_session *session);
/*
 * Deliver events, at most `max` of them, as new ones may come as fast as they are read. *more
 * tells whether that has ended it.
 */
int kct_session_consume(struct kct_session *session, uint32_t max, bool *more);
/* Detach: nothing is counted or delivered any more, but what was can still be read. */
void kct_session_disarm(struct kct_session *session);
void kct_session_close(struct kct_session *session);

/* How the evidence is had. */
const struct kct_plan *kct_session_plan(const struct kct_session *session);

/* What was lost up to now, and of that, what the kernel skipped. */
void kct_session_losses(const struct kct_session *session, struct kct_lost *lost);

/* Set every VM's and vCPU's counters in the model to what the maps have. 0 or -ENOMEM. */
int kct_session_counters(const struct kct_session *session, struct kct_model *model);

/* Find out which VMs are gone, free their place, and deliver a `vm-gone` for each. */
int kct_session_reap(struct kct_session *session);

/*
 * Take a census, without tracing. `visit` gets each VM, oldest first, with its first vCPUs, and
 * again with the next ones. *partial: there may be others, in other PID namespaces than ours.
 */
int kct_census(kct_census_visit visit, void *context, bool *partial);

#endif
