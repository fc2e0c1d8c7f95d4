/* SPDX-License-Identifier: GPL-2.0 */
/* The plan: for each piece of evidence the best way that this kernel lets us have it. */
#ifndef KCT_ATTACH_PLAN_H
#define KCT_ATTACH_PLAN_H

#include <stdint.h>

#include "attach/evidence.h"
#include "dwarf/inlined.h"
#include "attach/kernel_btf.h"
#include "model/run.h"

/* What became of one way of a row. */
struct kct_attempt {
	bool tried;
	int error;	    /* 0 or -errno */
	const char *target; /* that was tried last */
	char why[160];	    /* of an error; else what it costs, if that was measured */
};

struct kct_plan_row {
	const struct kct_evidence *evidence;
	int chosen; /* index of the way; -1: there is none */
	struct kct_attempt attempts[KCT_MAX_WAYS];
};

struct kct_plan_options {
	int method;	       /* only this enum kct_method, for tests; -1: any */
	const char *debuginfo; /* of the kernel or its kvm module; NULL: none; "": find it */
	bool ioctls;	       /* system calls may be hooked: see kct_session_watch_ioctls() */
};

struct kct_plan {
	struct kct_plan_row rows[KCT_MAX_EVIDENCE];
	size_t nr_rows;
	/* Where kvm_make_request() was inlined, if the debug information was asked for. */
	struct kct_inlined_site *sites;
	size_t nr_sites;
};

/*
 * Try the ways of each row until one is possible; with `all` every way, to be able to tell.
 * The caller clears. 0 or an enum kct_exit, with the reason on stderr.
 */
int kct_plan_make(struct kct_plan *plan, const struct kct_kernel_btf *kernel,
		  const struct kct_plan_options *options, bool all);
void kct_plan_clear(struct kct_plan *plan);

/* The way that a row of that name goes; NULL if it has none. */
const struct kct_way *kct_plan_way(const struct kct_plan *plan, const char *evidence);
/* What is hooked for it, where that is by this method; else NULL. */
const char *kct_plan_target(const struct kct_plan *plan, const char *evidence,
			    enum kct_method method);
/* Nothing can be traced without it: the vital row that has no way; NULL if there is none. */
const struct kct_plan_row *kct_plan_missing(const struct kct_plan *plan);
/* Is all evidence observed, none of it derived or missing? */
bool kct_plan_is_whole(const struct kct_plan *plan);
/* Fill header->hooks. */
void kct_plan_hooks(const struct kct_plan *plan, struct kct_header *header);

/* Who makes requests in that function of KVM's: enum kct_origin. */
int kct_origin_of_caller(const char *function);

#endif
