/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is known of a vCPU's masterclock request, as one number: how often it was seen to change,
 * which is odd while the request is pending.
 *
 * Several hooks may look at the same bit at once, on several CPUs: the vCPU's own thread, and one
 * that makes requests for all vCPUs. Each reads the number first and then the bit, and tells of a
 * change only if it was the one to put the number forward.
 */
#ifndef KVMCLOCK_REQUEST_H
#define KVMCLOCK_REQUEST_H

#include <linux/types.h>

static inline int kct_request_is_pending(__u32 changes)
{
	return changes & 1;
}

/*
 * The bit was seen to be `pending` after the number was `changes`: is that a change, and ours to
 * tell? `own`: by the vCPU's own thread. Nobody else can tell that a request went away: between
 * kvm_check_request() and the update that it leads to, the bit is clear and the request not served.
 */
static inline int kct_request_changed(__u32 *known, __u32 changes, int pending, int own)
{
	if (pending == kct_request_is_pending(changes) || (!pending && !own))
		return 0;
	return __sync_val_compare_and_swap(known, changes, changes + 1) == changes;
}

/*
 * The vCPU's own thread serves a request. Was it known to be pending? Even if not, the number goes
 * forward: whoever saw the bit before must not tell of it any more.
 */
static inline int kct_request_served(__u32 *known)
{
	__u32 changes = *(volatile __u32 *)known;

	if (!kct_request_is_pending(changes) &&
	    __sync_val_compare_and_swap(known, changes, changes + 2) == changes)
		return 0;
	/* Pending, be it only since we looked: nobody but this thread ends that. */
	__sync_fetch_and_add(known, 1);
	return 1;
}

#endif
