/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The inside of a judge: verdict.c takes events in, requests.c follows each request, judgement.c
 * draws the conclusions.
 */
#ifndef KCT_VERDICT_INSIDE_H
#define KCT_VERDICT_INSIDE_H

#include "verdict/verdict.h"

/* What is known of a vCPU's request while it is pending. */
struct pending_request {
	bool judged;
	bool found;  /* it was pending when the VM was met: what came before is not known */
	bool at_set; /* the clock was set meanwhile */
	/* Another vCPU's request took a new snapshot meanwhile. */
	bool passed;
	/* When the clock was set no vCPU's bit was set: it was cleared then, unless an update that
	 * is still to come serves it. */
	bool off;
};

struct vcpu {
	uint32_t id;
	bool introduced;
	bool pending;
	struct pending_request request;
	bool has_pvti, has_offset;
	struct kct_pvti pvti;
	uint64_t tsc_offset;
	uint64_t vmm_offset; /* the last that the VMM wrote, or that was found */
	uint64_t last_ns;
};

struct vm {
	uint32_t number;
	bool introduced;
	bool has_masterclock; /* its values are known from here on */
	struct kct_masterclock masterclock;
	/* Settings of the clock, by their updates; f.clock_sets by what was asked for. Either may
	 * be told first. */
	uint64_t set_updates;
	uint64_t pending_at_set; /* requests, when it was set last */
	/* Requests that were pending when the last setting returned, and whether the guest has not
	 * published its clock since: then the next setting is a part of the same one. */
	uint32_t pending_after;
	bool same_setting;
	uint64_t last_update_ns;
	void *vcpus; /* tree of struct vcpu */
	struct kct_findings findings;
	char doubt[160];
};

struct kct_judge {
	void *vms; /* tree of struct vm */
	uint64_t boot_ns, realtime_ns;
	uint64_t last_ns;   /* the latest that any event happened */
	bool begins_within; /* it is a part, of which the beginning is in another one */
	char doubt[160];
};

void kct_judge_doubt_vm(struct vm *vm, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- requests.c ---- */

void kct_follow_made(struct vm *vm, struct vcpu *vcpu);
void kct_follow_cleared(struct vm *vm, struct vcpu *vcpu);
void kct_follow_served(struct vm *vm, struct vcpu *vcpu, enum kct_effect effect);
/* The clock is set: what is pending is judged. How many requests that are. */
uint64_t kct_follow_setting(struct vm *vm);
/* No vCPU's bit is set while the clock is set, or right after. */
void kct_follow_none_pending(struct vm *vm);
/* At the end: what became of those that are still pending. */
void kct_follow_end(const struct vm *vm, struct kct_findings *findings);

#endif
