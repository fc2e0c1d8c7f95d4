/* SPDX-License-Identifier: GPL-2.0 */
/* The inside of a judge: verdict.c takes events in, judgement.c draws the conclusions. */
#ifndef KCT_VERDICT_INSIDE_H
#define KCT_VERDICT_INSIDE_H

#include "verdict/verdict.h"

struct vcpu {
	uint32_t id;
	bool introduced;
	bool pending;
	bool judged; /* the pending request is one of those */
	bool has_pvti, has_offset;
	struct kct_pvti pvti;
	uint64_t tsc_offset;
	uint64_t last_ns;
	bool after_set; /* its first PVTI after the clock was set has been seen */
};

struct vm {
	uint32_t number;
	bool introduced;
	bool has_masterclock; /* its values are known from here on */
	struct kct_masterclock masterclock;
	bool clock_was_set;
	uint64_t set_updates; /* that KVM_SET_CLOCK made */
	uint64_t last_update_ns;
	void *vcpus; /* tree of struct vcpu */
	struct kct_findings findings;
	char doubt[160];
};

struct kct_judge {
	void *vms; /* tree of struct vm */
	uint64_t boot_ns, realtime_ns;
	uint64_t last_ns; /* the latest that any event happened */
	char doubt[160];
};

#endif
