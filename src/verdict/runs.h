/* SPDX-License-Identifier: GPL-2.0 */
/* Several runs of one scenario, and what they come to together: the worst counts. */
#ifndef KCT_VERDICT_RUNS_H
#define KCT_VERDICT_RUNS_H

#include <stdbool.h>
#include <stddef.h>

#include "verdict/expect.h"
#include "verdict/measures.h"

#define KCT_MAX_EXPECTATIONS 16

struct kct_runs {
	const char *what; /* was run or read; printable; not ours */
	const struct kct_expectation *expected;
	size_t nr_expected;
	const struct kct_measured *done; /* those that came to their end; not ours */
	size_t nr_done;
	size_t asked;	     /* how many there were to be: if more than nr_done, it was stopped */
	const char *stopped; /* why; NULL */
};

/* In how many runs an expectation holds, fails, or cannot be decided. */
struct kct_tally {
	size_t count[KCT_UNDECIDED + 1];
	enum kct_outcome outcome; /* it fails if it fails in one, else is undecided if in one */
	char why[160];		  /* of the first run of that outcome; "" if there is no run */
};
void kct_runs_check(const struct kct_runs *runs, size_t expectation, struct kct_tally *tally);

/* Of all expectations together; undecided if there are fewer runs than asked for. */
enum kct_outcome kct_runs_outcome(const struct kct_runs *runs);

/* How many runs have each verdict. */
void kct_runs_count(const struct kct_runs *runs, size_t count[KCT_NR_VERDICTS]);
/* The worst of them; inconclusive if there are fewer runs than asked for. */
enum kct_verdict kct_runs_verdict(const struct kct_runs *runs);

/*
 * An enum kct_exit: KCT_EXIT_FAILED if an expectation fails in any run; else KCT_EXIT_INCOMPLETE if
 * one cannot be decided in any, a run is inconclusive, or there are fewer than asked for.
 */
int kct_runs_status(const struct kct_runs *runs);

/* A scenario of several. */
struct kct_case {
	struct kct_runs runs;
	bool skipped; /* the workload cannot do it on this host or kernel */
};

/*
 * An enum kct_exit: the worst of those that were not skipped, as above; KCT_EXIT_HOST if all were.
 */
int kct_cases_status(const struct kct_case *cases, size_t nr_cases);

#endif
