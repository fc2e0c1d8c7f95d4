/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Does a kernel take unnecessary masterclock snapshots? The judge takes the events of a run or a
 * recording, in their order, and gives a verdict on each VM and on all of them.
 *
 * Judged are the requests that were pending while the masterclock was active, and that were made
 * while it was, or were pending when the clock was set. So the requests of a VM that starts for
 * the first time are not: the masterclock has to be turned on. What became of each is told by the
 * values that an update left, never by the number of calls.
 */
#ifndef KCT_VERDICT_VERDICT_H
#define KCT_VERDICT_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kvmclock/event.h"
#include "model/model.h"
#include "model/run.h"

/* From the best to the worst. */
#define KCT_VERDICTS(X)                                                                            \
	X(NOTHING, "nothing-to-suppress") /* no request was pending while the clock was active */  \
	X(SUPPRESSED, "suppressed")	  /* requests, and no new snapshot came of any */          \
	X(COALESCED, "coalesced")	  /* new snapshots, each for all that were pending */      \
	X(PER_VCPU, "per-vcpu")		  /* new snapshots, each for one request alone */          \
	X(INCONCLUSIVE, "inconclusive")	  /* the evidence is not whole */

#define KCT_VERDICT_ROW(name, text) KCT_VERDICT_##name,
enum kct_verdict { KCT_VERDICTS(KCT_VERDICT_ROW) KCT_NR_VERDICTS };
extern const char *const kct_verdict_names[KCT_NR_VERDICTS];

/* What a verdict rests on; counts of judged requests unless it says otherwise. */
struct kct_findings {
	uint64_t made;		    /* all requests, judged or not */
	uint64_t pending_at_set;    /* when the clock was set */
	uint64_t pending_after_set; /* when the ioctl that set it returned */
	bool after_set_known;	    /* a hook told the number above */
	uint64_t judged;
	uint64_t found;	  /* of these, pending when the VM was met: what was before is not known */
	uint64_t served;  /* by an update */
	uint64_t cleared; /* without an update of their own */
	uint64_t unresolved; /* still pending at the end */
	uint64_t snapshots;  /* served, and a new snapshot came of it */
	uint64_t kept;	     /* served, and the snapshot was kept */
	/* Cleared or kept, and another request's snapshot had been taken meanwhile: it served both.
	 */
	uint64_t shared;
	/* Of the snapshots, those of a request that was pending when another took one. */
	uint64_t repeated;
	uint64_t updates;	  /* all updates, whatever their cause */
	uint64_t clock_sets;	  /* KVM_SET_CLOCK and KVM_SET_CLOCK_GUEST */
	uint64_t pvti_updates;	  /* after the clock was set; without that, all */
	uint64_t pvti_moved;	  /* of these, with another line than the one before */
	uint64_t pvti_unstable;	  /* of all, without PVCLOCK_TSC_STABLE_BIT though it was active */
	uint64_t negative_deltas; /* PVTI updates with a snapshot older than the TSC write */
	uint64_t negative_wrong;  /* of these, with a TSC that is nowhere near what was written */
	bool tsc_offsets_differ;  /* the masterclock was active while TSC offsets were not equal */
	struct kct_drift drift;	  /* of those PVTIs, without what a setting asked for */
	int64_t blackout_ns;	  /* real time that KVM_CLOCK_REALTIME accounted; derived */
};

struct kct_judgement {
	uint32_t number; /* of the VM; KCT_NO_VM: all of them */
	enum kct_verdict verdict;
	struct kct_findings findings;
	char why[160]; /* of KCT_VERDICT_INCONCLUSIVE */
};

struct kct_judge;

/* NULL when out of memory. The caller frees. */
struct kct_judge *kct_judge_new(void);
void kct_judge_free(struct kct_judge *judge);
/* Where CLOCK_BOOTTIME stood at a CLOCK_REALTIME, from a recording's header. */
void kct_judge_anchor(struct kct_judge *judge, uint64_t boot_ns, uint64_t realtime_ns);
/* 0 or -ENOMEM. */
int kct_judge_event(struct kct_judge *judge, const union kct_any_event *event);
/*
 * What the hooks of the run cannot show, if a verdict needs it; and whether it is a part that
 * begins in the middle of things: a request that was pending then may have been served by a
 * snapshot of before.
 */
void kct_judge_header(struct kct_judge *judge, const struct kct_header *header);
/* What is known beforehand against a verdict, such as lost events; the first one is kept. */
void kct_judge_doubt(struct kct_judge *judge, const char *why);

/*
 * The same of what was lost on the way to the model, or passed over there: events, or calls of a
 * hook that a verdict rests on. It does not rest on what the VMM reads, nor on when a VM ended. An
 * event of another release is held against the VM that it is about. Called when all events were
 * taken in.
 */
void kct_judge_losses(struct kct_judge *judge, const struct kct_model *model);

/* The judgement on all VMs, and on each in the order of numbers. */
struct kct_judgement kct_judge_all(struct kct_judge *judge);
void kct_judge_each(struct kct_judge *judge,
		    void (*visit)(const struct kct_judgement *judgement, void *context),
		    void *context);

#endif
