// SPDX-License-Identifier: GPL-2.0
/* Why a masterclock is off, and whose TSC is out of line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/off.h"

#define BIT(reason) (1U << KCT_REASON_##reason)

/* All that the masterclock needs, of 4 vCPUs. */
static struct kct_conditions fulfilled(void)
{
	return (struct kct_conditions){.nr_matched = 4, .known = 1, .tsc_matched = KCT_YES};
}

static void each_condition_is_a_reason(void **state)
{
	struct kct_conditions c = fulfilled();

	(void)state;
	assert_int_equal(kct_reasons(&c, 4, KCT_YES), BIT(NOT_YET));
	assert_int_equal(kct_reasons(&c, 4, KCT_NO), BIT(CLOCKSOURCE));
	c.tsc_backwards = KCT_YES;
	assert_int_equal(kct_reasons(&c, 4, KCT_YES), BIT(TSC_BACKWARDS));
	c = fulfilled();
	c.old_kvmclock = KCT_YES;
	assert_int_equal(kct_reasons(&c, 4, KCT_YES), BIT(OLD_KVMCLOCK));
	c = fulfilled();
	c.tsc_matched = KCT_NO;
	assert_int_equal(kct_reasons(&c, 4, KCT_YES), BIT(TSC_UNMATCHED));
	c.tsc_protected = KCT_NOT_KNOWN;
	assert_int_equal(kct_reasons(&c, 4, KCT_YES), BIT(TSC_UNMATCHED));
	c.tsc_protected = KCT_YES;
	assert_int_equal(kct_reasons(&c, 4, KCT_YES), BIT(TSC_PROTECTED));
}

static void reasons_add_up(void **state)
{
	struct kct_conditions c = fulfilled();

	(void)state;
	c.tsc_matched = KCT_NO;
	c.tsc_backwards = c.old_kvmclock = KCT_YES;
	assert_int_equal(kct_reasons(&c, 4, KCT_NO), BIT(CLOCKSOURCE) | BIT(TSC_UNMATCHED) |
							     BIT(TSC_BACKWARDS) |
							     BIT(OLD_KVMCLOCK));
}

/* What is not known may be in the way; where something is known to be, that is told. */
static void unknown_is_no_reason(void **state)
{
	struct kct_conditions c = fulfilled(), none = {0};

	(void)state;
	assert_int_equal(kct_reasons(&c, 4, KCT_NOT_KNOWN), BIT(UNKNOWN));
	assert_int_equal(kct_reasons(&none, 4, KCT_YES), BIT(UNKNOWN));
	assert_int_equal(kct_reasons(&none, 4, KCT_NO), BIT(CLOCKSOURCE));
	c.old_kvmclock = KCT_NOT_KNOWN;
	assert_int_equal(kct_reasons(&c, 4, KCT_YES), BIT(UNKNOWN));
	c.tsc_matched = KCT_NO;
	assert_int_equal(kct_reasons(&c, 4, KCT_YES), BIT(TSC_UNMATCHED));
}

static void a_vm_without_vcpus_is_not_yet_on(void **state)
{
	struct kct_conditions c = {.known = 1, .tsc_matched = KCT_NO};

	(void)state;
	assert_int_equal(kct_reasons(&c, 0, KCT_YES), BIT(NOT_YET));
}

static void clocks_that_are_the_tsc(void **state)
{
	(void)state;
	assert_int_equal(kct_is_tsc_mode(1), KCT_YES);
	assert_int_equal(kct_is_tsc_mode(3), KCT_YES);
	assert_int_equal(kct_is_tsc_mode(0), KCT_NO);
	assert_int_equal(kct_is_tsc_mode(2), KCT_NO);
	assert_int_equal(kct_is_tsc_mode(KCT_NO_NUMBER), KCT_NOT_KNOWN);
	assert_int_equal(kct_is_tsc_clocksource("tsc"), KCT_YES);
	assert_int_equal(kct_is_tsc_clocksource("hyperv_clocksource_tsc_page"), KCT_YES);
	assert_int_equal(kct_is_tsc_clocksource("tsc-early"), KCT_NO);
	assert_int_equal(kct_is_tsc_clocksource("hpet"), KCT_NO);
	assert_int_equal(kct_is_tsc_clocksource(""), KCT_NOT_KNOWN);
}

/* vCPUs 0, 1, ... in these generations: the odd ones, or all in their order where none is known. */
static void check_odd(const uint64_t *generations, size_t count, const uint32_t *odd, size_t nr_odd)
{
	struct kct_tsc tscs[8] = {0};
	bool known;

	for (size_t i = 0; i < count; i++)
		tscs[i] = (struct kct_tsc){.vcpu = (uint32_t)i, .generation = generations[i]};
	assert_int_equal(kct_find_odd(tscs, count, &known), nr_odd);
	assert_true(known);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(tscs[i].odd, i < nr_odd);
	for (size_t i = 0; i < nr_odd; i++)
		assert_int_equal(tscs[i].vcpu, odd[i]);
}

static void those_outside_the_largest_generation_are_odd(void **state)
{
	(void)state;
	check_odd((uint64_t[]){3, 3, 4, 3}, 4, (uint32_t[]){2}, 1);
	check_odd((uint64_t[]){9, 3, 3, 4, 3}, 5, (uint32_t[]){0, 3}, 2);
	check_odd((uint64_t[]){3, 3}, 2, NULL, 0);
	/* Of two, the one that was written last. */
	check_odd((uint64_t[]){5, 4}, 2, (uint32_t[]){0}, 1);
	check_odd((uint64_t[]){4, 5, 6}, 3, (uint32_t[]){1, 2}, 2);
}

static void a_generation_that_is_not_known_tells_nothing(void **state)
{
	struct kct_tsc tscs[] = {{.vcpu = 0, .generation = 3}, {.vcpu = 1}};
	bool known = true;

	(void)state;
	assert_int_equal(kct_find_odd(tscs, 2, &known), 0);
	assert_false(known);
	assert_int_equal(kct_find_odd(tscs, 0, &known), 0);
	assert_false(known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_condition_is_a_reason),
		cmocka_unit_test(reasons_add_up),
		cmocka_unit_test(unknown_is_no_reason),
		cmocka_unit_test(a_vm_without_vcpus_is_not_yet_on),
		cmocka_unit_test(clocks_that_are_the_tsc),
		cmocka_unit_test(those_outside_the_largest_generation_are_odd),
		cmocka_unit_test(a_generation_that_is_not_known_tells_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
