// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "base/error.h"
#include "verdict/runs.h"

static enum kct_outcome worst(const struct kct_tally *tally)
{
	if (tally->count[KCT_FAILS])
		return KCT_FAILS;
	return tally->count[KCT_UNDECIDED] || !tally->count[KCT_HOLDS] ? KCT_UNDECIDED : KCT_HOLDS;
}

void kct_runs_check(const struct kct_runs *runs, size_t expectation, struct kct_tally *tally)
{
	const struct kct_expectation *expected = &runs->expected[expectation];
	char why[KCT_UNDECIDED + 1][sizeof(tally->why)] = {"", "", ""}, text[sizeof(tally->why)];

	*tally = (struct kct_tally){0};
	for (size_t i = 0; i < runs->nr_done; i++) {
		enum kct_outcome outcome =
			kct_expect_check(expected, &runs->done[i].all, text, sizeof(text));

		if (!tally->count[outcome]++)
			memcpy(why[outcome], text, sizeof(text));
	}
	tally->outcome = worst(tally);
	memcpy(tally->why, why[tally->outcome], sizeof(tally->why));
}

enum kct_outcome kct_runs_outcome(const struct kct_runs *runs)
{
	enum kct_outcome outcome = runs->nr_done < runs->asked ? KCT_UNDECIDED : KCT_HOLDS;
	struct kct_tally tally;

	for (size_t i = 0; i < runs->nr_expected; i++) {
		kct_runs_check(runs, i, &tally);
		if (tally.outcome == KCT_FAILS)
			return KCT_FAILS;
		if (tally.outcome == KCT_UNDECIDED)
			outcome = KCT_UNDECIDED;
	}
	return outcome;
}

void kct_runs_count(const struct kct_runs *runs, size_t count[KCT_NR_VERDICTS])
{
	memset(count, 0, KCT_NR_VERDICTS * sizeof(*count));
	for (size_t i = 0; i < runs->nr_done; i++)
		count[runs->done[i].all.verdict]++;
}

enum kct_verdict kct_runs_verdict(const struct kct_runs *runs)
{
	enum kct_verdict verdict = KCT_VERDICT_NOTHING;

	if (runs->nr_done < runs->asked)
		return KCT_VERDICT_INCONCLUSIVE;
	for (size_t i = 0; i < runs->nr_done; i++)
		if (runs->done[i].all.verdict > verdict)
			verdict = runs->done[i].all.verdict;
	return verdict;
}

int kct_runs_status(const struct kct_runs *runs)
{
	enum kct_outcome outcome = kct_runs_outcome(runs);

	if (outcome == KCT_FAILS)
		return KCT_EXIT_FAILED;
	return outcome == KCT_UNDECIDED || kct_runs_verdict(runs) == KCT_VERDICT_INCONCLUSIVE
		       ? KCT_EXIT_INCOMPLETE
		       : KCT_EXIT_OK;
}

int kct_cases_status(const struct kct_case *cases, size_t nr_cases)
{
	bool incomplete = false, skipped = true;

	for (size_t i = 0; i < nr_cases; i++) {
		int status = cases[i].skipped ? KCT_EXIT_OK : kct_runs_status(&cases[i].runs);

		if (status == KCT_EXIT_FAILED)
			return KCT_EXIT_FAILED;
		incomplete |= status == KCT_EXIT_INCOMPLETE;
		skipped &= cases[i].skipped;
	}
	if (incomplete)
		return KCT_EXIT_INCOMPLETE;
	return skipped ? KCT_EXIT_HOST : KCT_EXIT_OK;
}
