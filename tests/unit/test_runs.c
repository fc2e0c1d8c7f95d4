// SPDX-License-Identifier: GPL-2.0
/* Several runs: their spread, and what they come to together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/error.h"
#include "show/cases.h"
#include "verdict/kernels.h"
#include "verdict/runs.h"

static struct kct_measured run(enum kct_verdict verdict, int64_t snapshots)
{
	struct kct_measured measured = {
		.all = {.verdict = verdict,
			.findings = {.snapshots = (uint64_t)snapshots},
			.why = ""},
		.value = {[KCT_MEASURE_NEW_SNAPSHOTS] = snapshots,
			  [KCT_MEASURE_DRIFT_TOTAL] = -snapshots},
	};

	for (int m = 0; m < KCT_NR_MEASURES; m++)
		measured.known[m] = true;
	if (verdict == KCT_VERDICT_INCONCLUSIVE)
		strcpy(measured.all.why, "a hole");
	return measured;
}

#define NOTHING	     run(KCT_VERDICT_NOTHING, 0)
#define PER_VCPU(n)  run(KCT_VERDICT_PER_VCPU, (n))
#define INCONCLUSIVE run(KCT_VERDICT_INCONCLUSIVE, 99)

/* ---- the spread ---- */

static void check_spread(const struct kct_measured *runs, size_t count, size_t known, int64_t min,
			 int64_t median, int64_t max)
{
	struct kct_spread s;

	assert_int_equal(kct_spread(&s, runs, count, KCT_MEASURE_NEW_SNAPSHOTS), 0);
	assert_int_equal(s.known, known);
	assert_int_equal(s.min, min);
	assert_int_equal(s.median, median);
	assert_int_equal(s.max, max);
	/* With the other sign the order is the other one, and so is the middle of two. */
	assert_int_equal(kct_spread(&s, runs, count, KCT_MEASURE_DRIFT_TOTAL), 0);
	assert_int_equal(s.min, -max);
	assert_int_equal(s.max, -min);
	if (known % 2)
		assert_int_equal(s.median, -median);
}

static void test_spread(void **state)
{
	const struct kct_measured odd[] = {PER_VCPU(7), PER_VCPU(2), PER_VCPU(4)};
	const struct kct_measured even[] = {PER_VCPU(9), PER_VCPU(1), PER_VCPU(3), PER_VCPU(8)};

	(void)state;
	check_spread(odd, 3, 3, 2, 4, 7);
	check_spread(even, 4, 4, 1, 3, 9);
	check_spread(odd, 1, 1, 7, 7, 7);
	check_spread(odd, 0, 0, 0, 0, 0);
}

static void test_spread_of_inconclusive(void **state)
{
	const struct kct_measured runs[] = {PER_VCPU(5), INCONCLUSIVE, PER_VCPU(6)};

	(void)state;
	check_spread(runs, 3, 2, 5, 5, 6);
	check_spread(runs + 1, 1, 0, 0, 0, 0);
}

/* What one of them could not show is not known of all of them. */
static void test_spread_of_unknown(void **state)
{
	struct kct_measured runs[] = {PER_VCPU(5), PER_VCPU(6), PER_VCPU(7)};
	struct kct_spread s;

	(void)state;
	for (int i = 0; i < 3; i++) {
		runs[i].known[KCT_MEASURE_NEW_SNAPSHOTS] = false;
		assert_int_equal(kct_spread(&s, runs, 3, KCT_MEASURE_NEW_SNAPSHOTS), 0);
		assert_int_equal(s.known, 0);
		assert_int_equal(kct_spread(&s, runs, 3, KCT_MEASURE_UPDATES), 0);
		assert_int_equal(s.known, 3);
		runs[i].known[KCT_MEASURE_NEW_SNAPSHOTS] = true;
	}
}

/* ---- together ---- */

static struct kct_expectation expected[2];

static struct kct_runs several(const struct kct_measured *done, size_t nr_done, size_t asked,
			       size_t nr_expected)
{
	assert_int_equal(kct_expect_parse("unnecessary=0", &expected[0]), 0);
	assert_int_equal(kct_expect_parse("unnecessary<=4", &expected[1]), 0);
	return (struct kct_runs){.what = "it",
				 .expected = expected,
				 .nr_expected = nr_expected,
				 .done = done,
				 .nr_done = nr_done,
				 .asked = asked};
}

static void test_status(void **state)
{
	const struct kct_measured good[] = {NOTHING, NOTHING}, bad[] = {NOTHING, PER_VCPU(4)},
				  open[] = {NOTHING, INCONCLUSIVE},
				  worst[] = {INCONCLUSIVE, PER_VCPU(4)};
	const struct {
		const struct kct_measured *runs;
		size_t done, expected;
		int status;
		enum kct_verdict verdict;
	} cases[] = {
		{good, 2, 1, KCT_EXIT_OK, KCT_VERDICT_NOTHING},
		{bad, 2, 1, KCT_EXIT_FAILED, KCT_VERDICT_PER_VCPU},
		{bad, 2, 0, KCT_EXIT_OK, KCT_VERDICT_PER_VCPU},
		{open, 2, 1, KCT_EXIT_INCOMPLETE, KCT_VERDICT_INCONCLUSIVE},
		{open, 2, 0, KCT_EXIT_INCOMPLETE, KCT_VERDICT_INCONCLUSIVE},
		/* A failure counts for more than what cannot be decided. */
		{worst, 2, 1, KCT_EXIT_FAILED, KCT_VERDICT_INCONCLUSIVE},
		/* It was stopped. */
		{good, 1, 1, KCT_EXIT_INCOMPLETE, KCT_VERDICT_INCONCLUSIVE},
		{good, 0, 1, KCT_EXIT_INCOMPLETE, KCT_VERDICT_INCONCLUSIVE},
		{good, 0, 0, KCT_EXIT_INCOMPLETE, KCT_VERDICT_INCONCLUSIVE},
		{bad + 1, 1, 1, KCT_EXIT_FAILED, KCT_VERDICT_INCONCLUSIVE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kct_runs runs = several(cases[i].runs, cases[i].done, 2, cases[i].expected);

		assert_int_equal(kct_runs_status(&runs), cases[i].status);
		assert_int_equal(kct_runs_verdict(&runs), cases[i].verdict);
	}
}

static void test_tally(void **state)
{
	const struct kct_measured done[] = {NOTHING, PER_VCPU(4), INCONCLUSIVE, PER_VCPU(3)};
	struct kct_runs runs = several(done, 4, 4, 2);
	struct kct_tally tally;
	size_t count[KCT_NR_VERDICTS];

	(void)state;
	kct_runs_check(&runs, 0, &tally);
	assert_int_equal(tally.outcome, KCT_FAILS);
	assert_int_equal(tally.count[KCT_HOLDS], 1);
	assert_int_equal(tally.count[KCT_FAILS], 2);
	assert_int_equal(tally.count[KCT_UNDECIDED], 1);
	assert_string_equal(tally.why, "4 new snapshots for requests");
	kct_runs_check(&runs, 1, &tally);
	assert_int_equal(tally.outcome, KCT_UNDECIDED);
	assert_int_equal(tally.count[KCT_HOLDS], 3);
	assert_string_equal(tally.why, "a hole");
	kct_runs_count(&runs, count);
	assert_int_equal(count[KCT_VERDICT_NOTHING], 1);
	assert_int_equal(count[KCT_VERDICT_PER_VCPU], 2);
	assert_int_equal(count[KCT_VERDICT_INCONCLUSIVE], 1);
	assert_int_equal(count[KCT_VERDICT_COALESCED], 0);
}

/* ---- kernels ---- */

static struct kct_kernel kernel_of(const struct kct_measured *done, size_t nr_done)
{
	struct kct_kernel kernel = {.label = "it", .runs = several(done, nr_done, nr_done, 0)};

	assert_int_equal(kct_kernel_measure(&kernel), 0);
	return kernel;
}

static void check_outside(const struct kct_kernel *a, const struct kct_kernel *b,
			  enum kct_known expected)
{
	assert_int_equal(kct_is_outside(a, b, KCT_MEASURE_NEW_SNAPSHOTS), expected);
	assert_int_equal(kct_is_outside(b, a, KCT_MEASURE_NEW_SNAPSHOTS), expected);
}

static void test_outside(void **state)
{
	const struct kct_measured low[] = {PER_VCPU(1), PER_VCPU(3)},
				  high[] = {PER_VCPU(4), PER_VCPU(9)},
				  touching[] = {PER_VCPU(3), PER_VCPU(5)}, none = INCONCLUSIVE;
	const struct kct_kernel a = kernel_of(low, 2), b = kernel_of(high, 2),
				c = kernel_of(touching, 2), one = kernel_of(low, 1),
				other = kernel_of(high, 1), unknown = kernel_of(&none, 1);

	(void)state;
	check_outside(&a, &b, KCT_YES);
	check_outside(&a, &c, KCT_NO);
	check_outside(&b, &c, KCT_NO);
	check_outside(&a, &a, KCT_NO);
	check_outside(&one, &b, KCT_YES);
	check_outside(&one, &a, KCT_NO);
	/* Nobody knows how far they would lie apart. */
	check_outside(&one, &other, KCT_NOT_KNOWN);
	check_outside(&one, &one, KCT_NO);
	check_outside(&unknown, &a, KCT_NOT_KNOWN);
}

/* ---- scenarios ---- */

static struct kct_case one_case(const char *what, const struct kct_measured *done, size_t nr_done)
{
	struct kct_case one = {.runs = several(done, nr_done, 1, 1)};

	one.runs.what = what;
	return one;
}

static void test_cases_status(void **state)
{
	const struct kct_measured good = NOTHING, bad = PER_VCPU(4), open = INCONCLUSIVE;
	const struct kct_case holds = one_case("a", &good, 1), fails = one_case("b", &bad, 1),
			      undecided = one_case("c", &open, 1),
			      stopped = one_case("d", &good, 0),
			      skipped = {.runs = several(NULL, 0, 1, 1), .skipped = true};
	const struct {
		struct kct_case cases[3];
		int status;
	} all[] = {
		{{holds, holds, holds}, KCT_EXIT_OK},
		{{holds, skipped, holds}, KCT_EXIT_OK},
		{{holds, undecided, fails}, KCT_EXIT_FAILED},
		{{holds, undecided, holds}, KCT_EXIT_INCOMPLETE},
		{{stopped, holds, holds}, KCT_EXIT_INCOMPLETE},
		{{skipped, undecided, skipped}, KCT_EXIT_INCOMPLETE},
		{{skipped, skipped, skipped}, KCT_EXIT_HOST},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		assert_int_equal(kct_cases_status(all[i].cases, 3), all[i].status);
}

static void check_shown(const struct kct_case *cases, size_t count,
			void (*show)(FILE *out, const struct kct_case *cases, size_t nr_cases),
			const char *expected_text)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	show(out, cases, count);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, expected_text);
	free(text);
}

static void test_cases_tap(void **state)
{
	const struct kct_measured good = NOTHING, bad = PER_VCPU(4), open = INCONCLUSIVE;
	struct kct_case cases[] = {one_case("a#1", &good, 1), one_case("b", &bad, 1),
				   one_case("c", &open, 1), one_case("d", &good, 0),
				   one_case("e", &good, 0)};

	(void)state;
	cases[3].runs.stopped = "interrupted";
	cases[4].skipped = true;
	check_shown(cases, 5, kct_show_cases_tap,
		    "TAP version 13\n1..5\n"
		    "ok 1 a\\#1: unnecessary=0\n"
		    "# nothing-to-suppress: 0 new snapshots for requests\n"
		    "not ok 2 b: unnecessary=0\n"
		    "# per-vcpu: 4 new snapshots for requests\n"
		    "ok 3 c: unnecessary=0 # SKIP a hole\n"
		    "# inconclusive: a hole\n"
		    "ok 4 d: unnecessary=0 # SKIP interrupted\n"
		    "# inconclusive: interrupted\n"
		    "ok 5 e: unnecessary=0 # SKIP this host or kernel cannot do it\n");
}

static void show_table(FILE *out, const struct kct_case *cases, size_t nr_cases)
{
	assert_int_equal(kct_show_cases(out, cases, nr_cases), 0);
}

/* Several runs of one: the figures' range, and in how many it fails. */
static void test_cases_table(void **state)
{
	const struct kct_measured runs[] = {NOTHING, PER_VCPU(4), PER_VCPU(3)};
	struct kct_case one = {.runs = several(runs, 3, 3, 1)};

	(void)state;
	one.runs.what = "it";
	check_shown(
		&one, 1, show_table,
		"SCENARIO               VERDICT               UPDATES       NEW    BACKWARD ns"
		"     FORWARD ns  EXPECTED\n"
		"it                     per-vcpu                    0      0..4              0"
		"              0  unnecessary=0: does not hold: in 2 of 3 runs: 4 new snapshots "
		"for requests\n"
		"1 scenarios: 0 hold, 1 do not, 0 cannot be decided, 0 skipped\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_spread_of_inconclusive),
		cmocka_unit_test(test_spread_of_unknown),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_tally),
		cmocka_unit_test(test_outside),
		cmocka_unit_test(test_cases_status),
		cmocka_unit_test(test_cases_tap),
		cmocka_unit_test(test_cases_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
