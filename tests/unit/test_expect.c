// SPDX-License-Identifier: GPL-2.0
/* What may be expected of a verdict, and whether it holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "verdict/expect.h"

static struct kct_expectation parsed(const char *text)
{
	struct kct_expectation expectation;

	assert_int_equal(kct_expect_parse(text, &expectation), 0);
	assert_ptr_equal(expectation.text, text);
	return expectation;
}

static void test_parse(void **state)
{
	struct kct_expectation e;

	(void)state;
	for (int v = 0; v < KCT_VERDICT_INCONCLUSIVE; v++) {
		e = parsed(kct_verdict_names[v]);
		assert_int_equal(e.kind, KCT_EXPECT_VERDICT);
		assert_int_equal(e.verdict, v);
	}
	e = parsed("unnecessary=0");
	assert_int_equal(e.kind, KCT_EXPECT_UNNECESSARY);
	assert_true(e.exact);
	assert_int_equal(e.bound, 0);
	e = parsed("unnecessary<=18446744073709551615");
	assert_false(e.exact);
	assert_true(e.bound == UINT64_MAX);
	e = parsed("drift<=1us");
	assert_int_equal(e.kind, KCT_EXPECT_DRIFT);
	assert_int_equal(e.bound, 1000);
	assert_int_equal(parsed("drift<=0").bound, 0);
	assert_int_equal(parsed("pvti=identical").kind, KCT_EXPECT_IDENTICAL);
}

static void test_parse_refuses(void **state)
{
	static const char *const bad[] = {
		"",
		"inconclusive",
		"PER-VCPU",
		"per-vcpu ",
		"per_vcpu",
		"unnecessary",
		"unnecessary=",
		"unnecessary<=",
		"unnecessary=<4",
		"unnecessary=-1",
		"unnecessary= 1",
		"unnecessary=1 ",
		"unnecessary<=18446744073709551616",
		"drift",
		"drift<=",
		"drift<=1",
		"drift<=-1ns",
		"drift=1ns",
		"pvti",
		"pvti=identicals",
		"pvti<=identical",
	};
	struct kct_expectation expectation;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_not_equal(kct_expect_parse(bad[i], &expectation), 0);
}

static void check_outcome(const char *text, const struct kct_judgement *judgement,
			  enum kct_outcome outcome, const char *why)
{
	struct kct_expectation expectation = parsed(text);
	char said[160] = "left over";

	assert_int_equal(kct_expect_check(&expectation, judgement, said, sizeof(said)), outcome);
	assert_string_equal(said, why);
}

static void test_check_verdict(void **state)
{
	(void)state;
	for (int v = 0; v < KCT_VERDICT_INCONCLUSIVE; v++) {
		for (int wanted = 0; wanted < KCT_VERDICT_INCONCLUSIVE; wanted++) {
			struct kct_judgement j = {.verdict = (enum kct_verdict)v};
			char why[64];

			snprintf(why, sizeof(why), "the verdict is %s", kct_verdict_names[v]);
			check_outcome(kct_verdict_names[wanted], &j,
				      v == wanted ? KCT_HOLDS : KCT_FAILS, why);
		}
	}
}

static void test_check_bounds(void **state)
{
	struct kct_judgement j = {
		.verdict = KCT_VERDICT_PER_VCPU,
		.findings = {.snapshots = 3,
			     .clock_sets = 1,
			     .pvti_updates = 9,
			     .pvti_moved = 2,
			     .drift = {.total = 1, .max_forward = 4, .max_backward = -7}}};
	static const char count[] = "3 new snapshots for requests";
	static const char jumps[] = "the worst jumps are +4 and -7 ns";

	(void)state;
	check_outcome("unnecessary=3", &j, KCT_HOLDS, count);
	check_outcome("unnecessary=2", &j, KCT_FAILS, count);
	check_outcome("unnecessary=4", &j, KCT_FAILS, count);
	check_outcome("unnecessary<=3", &j, KCT_HOLDS, count);
	check_outcome("unnecessary<=4", &j, KCT_HOLDS, count);
	check_outcome("unnecessary<=2", &j, KCT_FAILS, count);
	check_outcome("drift<=7ns", &j, KCT_HOLDS, jumps);
	check_outcome("drift<=6ns", &j, KCT_FAILS, jumps);
	j.findings.drift.max_forward = 8;
	check_outcome("drift<=7ns", &j, KCT_FAILS, "the worst jumps are +8 and -7 ns");
	j.findings.drift.max_backward = INT64_MIN;
	check_outcome("drift<=1h", &j, KCT_FAILS,
		      "the worst jumps are +8 and -9223372036854775808 ns");
	check_outcome("pvti=identical", &j, KCT_FAILS, "2 of 9 PVTI updates moved the line");
	j.findings.pvti_moved = 0;
	check_outcome("pvti=identical", &j, KCT_HOLDS, "0 of 9 PVTI updates moved the line");
	j.findings.clock_sets = 0;
	check_outcome("pvti=identical", &j, KCT_UNDECIDED, "the clock was never set");
}

/* No matter what the numbers are. */
static void test_check_inconclusive(void **state)
{
	static const char *const all[] = {
		"nothing-to-suppress", "suppressed",	 "coalesced", "per-vcpu",
		"unnecessary=0",       "unnecessary<=9", "drift<=1h", "pvti=identical"};
	struct kct_judgement j = {.verdict = KCT_VERDICT_INCONCLUSIVE,
				  .findings = {.clock_sets = 1},
				  .why = "it is not whole"};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		check_outcome(all[i], &j, KCT_UNDECIDED, "it is not whole");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_check_verdict),
		cmocka_unit_test(test_check_bounds),
		cmocka_unit_test(test_check_inconclusive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
