/* SPDX-License-Identifier: GPL-2.0 */
/* What a user expects of a kernel: a verdict, or a bound. */
#ifndef KCT_VERDICT_EXPECT_H
#define KCT_VERDICT_EXPECT_H

#include "verdict/verdict.h"

enum kct_expectation_kind {
	KCT_EXPECT_VERDICT,	/* its name */
	KCT_EXPECT_UNNECESSARY, /* unnecessary=N, unnecessary<=N: new snapshots for requests */
	KCT_EXPECT_DRIFT,	/* drift<=DURATION: no PVTI jumps further, in either direction */
	KCT_EXPECT_IDENTICAL,	/* pvti=identical: after the clock was set no PVTI line moves */
};

struct kct_expectation {
	enum kct_expectation_kind kind;
	const char *text; /* as it was given; not ours */
	enum kct_verdict verdict;
	uint64_t bound; /* a count, or ns */
	bool exact;	/* = rather than <= */
};

/* 0 or -EINVAL. */
int kct_expect_parse(const char *text, struct kct_expectation *expectation);

enum kct_outcome { KCT_HOLDS, KCT_FAILS, KCT_UNDECIDED };

/* Does it hold? `why` gets the figure that decides, or why nothing does. */
enum kct_outcome kct_expect_check(const struct kct_expectation *expectation,
				  const struct kct_judgement *judgement, char *why, size_t size);

#endif
