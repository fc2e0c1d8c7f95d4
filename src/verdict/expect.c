// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/duration.h"
#include "base/number.h"
#include "verdict/expect.h"
#include "model/names.h"

int kct_expect_parse(const char *text, struct kct_expectation *expectation)
{
	const char *value;
	int verdict;

	*expectation = (struct kct_expectation){.text = text};
	if (!strcmp(text, "pvti=identical")) {
		expectation->kind = KCT_EXPECT_IDENTICAL;
		return 0;
	}
	if (!strncmp(text, "unnecessary", strlen("unnecessary"))) {
		value = text + strlen("unnecessary");
		expectation->kind = KCT_EXPECT_UNNECESSARY;
		expectation->exact = *value == '=';
		if (*value == '=' || !strncmp(value, "<=", 2))
			return kct_parse_number(value + (*value == '=' ? 1 : 2), 0, UINT64_MAX,
						&expectation->bound);
		return -EINVAL;
	}
	if (!strncmp(text, "drift<=", strlen("drift<="))) {
		expectation->kind = KCT_EXPECT_DRIFT;
		return kct_parse_duration(text + strlen("drift<="), &expectation->bound);
	}
	/* Nobody expects evidence that is not whole. */
	verdict = kct_name_number(kct_verdict_names, KCT_VERDICT_INCONCLUSIVE, text);
	if (verdict < 0)
		return -EINVAL;
	expectation->kind = KCT_EXPECT_VERDICT;
	expectation->verdict = (enum kct_verdict)verdict;
	return 0;
}

static enum kct_outcome outcome(bool holds)
{
	return holds ? KCT_HOLDS : KCT_FAILS;
}

static enum kct_outcome check_unnecessary(const struct kct_expectation *expectation,
					  const struct kct_findings *f, char *why, size_t size)
{
	snprintf(why, size, "%" PRIu64 " new snapshots for requests", f->snapshots);
	return outcome(expectation->exact ? f->snapshots == expectation->bound
					  : f->snapshots <= expectation->bound);
}

static enum kct_outcome check_drift(const struct kct_expectation *expectation,
				    const struct kct_findings *f, char *why, size_t size)
{
	snprintf(why, size, "the worst jumps are %+" PRId64 " and %+" PRId64 " ns",
		 (int64_t)f->drift.max_forward, (int64_t)f->drift.max_backward);
	return outcome((uint64_t)f->drift.max_forward <= expectation->bound &&
		       -(uint64_t)f->drift.max_backward <= expectation->bound);
}

static enum kct_outcome check_identical(const struct kct_findings *f, char *why, size_t size)
{
	if (!f->clock_sets) {
		snprintf(why, size, "the clock was never set");
		return KCT_UNDECIDED;
	}
	snprintf(why, size, "%" PRIu64 " of %" PRIu64 " PVTI updates moved the line", f->pvti_moved,
		 f->pvti_updates);
	return outcome(!f->pvti_moved);
}

enum kct_outcome kct_expect_check(const struct kct_expectation *expectation,
				  const struct kct_judgement *judgement, char *why, size_t size)
{
	if (judgement->verdict == KCT_VERDICT_INCONCLUSIVE) {
		snprintf(why, size, "%s", judgement->why);
		return KCT_UNDECIDED;
	}
	switch (expectation->kind) {
	case KCT_EXPECT_UNNECESSARY:
		return check_unnecessary(expectation, &judgement->findings, why, size);
	case KCT_EXPECT_DRIFT:
		return check_drift(expectation, &judgement->findings, why, size);
	case KCT_EXPECT_IDENTICAL:
		return check_identical(&judgement->findings, why, size);
	case KCT_EXPECT_VERDICT:
		break;
	}
	snprintf(why, size, "the verdict is %s", kct_verdict_names[judgement->verdict]);
	return outcome(judgement->verdict == expectation->verdict);
}
