// SPDX-License-Identifier: GPL-2.0
/* An instant on the clocks of a host, from two anchors. */
#include "migration_numbers.h"

static void test_anchor_steady(void **state)
{
	(void)state;
	assert_int_equal(kct_boot_of_base(&steady, 10 * S), 20 * S);
	assert_int_equal(kct_boot_of_base(&steady, 10 * S + 1), 20 * S + 1);
	assert_int_equal(kct_boot_of_base(&steady, 9 * S), 19 * S); /* before the start */
	assert_int_equal(kct_boot_of_base(&steady, 500 * S), 510 * S);
	assert_int_equal(kct_realtime_of_boot(&steady, 21 * S), 1001 * S);
	assert_int_equal(kct_realtime_of_boot(&steady, 19 * S), 999 * S);
}

/* BOOTTIME is disciplined, the kvmclock base is not: 100 s of the one were 100.01 s here. */
static void test_anchor_interpolates(void **state)
{
	struct kct_clocks clocks = steady;

	(void)state;
	clocks.end.base_ns = 110 * S + 10 * MS;
	assert_int_equal(kct_boot_of_base(&clocks, 110 * S + 10 * MS), 120 * S);
	assert_int_equal(kct_boot_of_base(&clocks, 60 * S + 5 * MS), 70 * S);
	/* 5 s * 100 / 100.01 = 4.99950004999... s, cut off to a nanosecond */
	assert_int_equal(kct_boot_of_base(&clocks, 15 * S), 20 * S + 4999500049);
	/* before the start: cut off towards it */
	assert_int_equal(kct_boot_of_base(&clocks, 5 * S), 20 * S - 4999500049);
	/* The wall clock was slewed by 400 ppm: 40 ms in 100 s. */
	clocks.end.realtime_ns = 1100 * S + 40 * MS;
	assert_int_equal(kct_realtime_of_boot(&clocks, 70 * S), 1050 * S + 20 * MS);
	assert_int_equal(kct_realtime_of_boot(&clocks, 120 * S), 1100 * S + 40 * MS);
	assert_int_equal(kct_realtime_error(&clocks), 0);
}

static void test_anchor_without_end(void **state)
{
	struct kct_clocks clocks = steady;

	(void)state;
	clocks.has_end = false;
	clocks.end = (struct kct_anchor){.boot_ns = 7, .realtime_ns = 7, .base_ns = 7};
	clocks.end.realtime_error_ns = UINT64_MAX;
	clocks.start.realtime_error_ns = 33;
	assert_int_equal(kct_boot_of_base(&clocks, 110 * S), 120 * S);
	assert_int_equal(kct_realtime_of_boot(&clocks, 120 * S), 1100 * S);
	assert_int_equal(kct_realtime_error(&clocks), 33);
	/* Whatever its end has: there is none. */
	clocks.end = (struct kct_anchor){
		.boot_ns = 220 * S, .realtime_ns = 1900 * S, .base_ns = 120 * S};
	assert_int_equal(kct_boot_of_base(&clocks, 110 * S), 120 * S);
	assert_int_equal(kct_realtime_of_boot(&clocks, 120 * S), 1100 * S);
	assert_int_equal(kct_realtime_error(&clocks), 33);
}

static void test_anchor_wall_clock_set(void **state)
{
	struct kct_clocks clocks = steady;

	(void)state;
	/* In 100 s slewing does 500 ppm: 50 ms, and a microsecond is nothing. */
	clocks.end.realtime_ns = 1100 * S + 50 * MS + 1000;
	assert_int_equal(kct_realtime_error(&clocks), 0);
	assert_int_equal(kct_realtime_of_boot(&clocks, 120 * S), clocks.end.realtime_ns);
	clocks.end.realtime_ns++; /* more is a step: nobody knows when, so it is as at the start */
	assert_int_equal(kct_realtime_error(&clocks), 50 * MS + 1001);
	assert_int_equal(kct_realtime_of_boot(&clocks, 120 * S), 1100 * S);
	/* and the same backward, by more than there was in between */
	clocks.end.realtime_ns = 1100 * S - 50 * MS - 1000;
	assert_int_equal(kct_realtime_error(&clocks), 0);
	clocks.end.realtime_ns--;
	assert_int_equal(kct_realtime_error(&clocks), 50 * MS + 1001);
	clocks.end.realtime_ns = 100 * S;
	assert_int_equal(kct_realtime_error(&clocks), 1000 * S);
	assert_int_equal(kct_realtime_of_boot(&clocks, 120 * S), 1100 * S);
	/* What it may be wrong by comes on top. */
	clocks.start.realtime_error_ns = 5;
	clocks.end.realtime_error_ns = 3;
	assert_int_equal(kct_realtime_error(&clocks), 1000 * S + 5);
	/* The base has nothing to do with it. */
	assert_int_equal(kct_boot_of_base(&clocks, 110 * S), 120 * S);
}

static void test_anchor_error(void **state)
{
	struct kct_clocks clocks = steady;

	(void)state;
	clocks.start.realtime_error_ns = 5;
	clocks.end.realtime_error_ns = 7;
	assert_int_equal(kct_realtime_error(&clocks), 7);
	clocks.start.realtime_error_ns = 9;
	assert_int_equal(kct_realtime_error(&clocks), 9);
	clocks.end.realtime_error_ns = UINT64_MAX;
	assert_int_equal(kct_realtime_error(&clocks), UINT64_MAX);
	clocks.end.realtime_error_ns = 7;
	clocks.start.realtime_error_ns = UINT64_MAX;
	assert_int_equal(kct_realtime_error(&clocks), UINT64_MAX);
	/* A sum that does not fit is not known either. */
	clocks.start.realtime_error_ns = UINT64_MAX - 1;
	clocks.end.realtime_ns = 0;
	assert_int_equal(kct_realtime_error(&clocks), UINT64_MAX);
}

static void test_anchor_hostile(void **state)
{
	static const uint64_t numbers[] = {
		0, 1, INT64_MAX, 1ULL << 63, UINT64_MAX, UINT64_MAX - 1, 1ULL << 32, S};
	const size_t n = sizeof(numbers) / sizeof(numbers[0]);
	struct kct_clocks clocks = steady;

	(void)state;
	/* No clock goes on: they run as fast as each other. */
	clocks.end = clocks.start;
	assert_int_equal(kct_boot_of_base(&clocks, 15 * S), 25 * S);
	assert_int_equal(kct_realtime_of_boot(&clocks, 25 * S), 1005 * S);
	/* They go backward: the same, and no division. */
	clocks.end = (struct kct_anchor){.boot_ns = S, .realtime_ns = 2, .base_ns = 3};
	assert_int_equal(kct_boot_of_base(&clocks, 15 * S), 25 * S);
	assert_int_equal(kct_realtime_of_boot(&clocks, 25 * S), 1005 * S);
	assert_int_equal(kct_realtime_error(&clocks), 0);
	/* Over the end of the numbers. */
	clocks.has_end = false;
	clocks.start.boot_ns = UINT64_MAX;
	assert_int_equal(kct_boot_of_base(&clocks, 10 * S + 2), 1);
	assert_int_equal(kct_realtime_of_boot(&clocks, 4), 1000 * S + 5);
	clocks.has_end = true;
	for (size_t i = 0; i < n * n * n * n; i++) {
		clocks.start.boot_ns = clocks.start.base_ns = numbers[i % n];
		clocks.start.realtime_ns = numbers[i / n % n];
		clocks.end.boot_ns = clocks.end.base_ns = numbers[i / n / n % n];
		clocks.end.realtime_ns = numbers[i / n / n / n];
		for (size_t j = 0; j < n; j++) {
			kct_boot_of_base(&clocks, numbers[j]);
			kct_realtime_of_boot(&clocks, numbers[j]);
		}
		kct_realtime_error(&clocks);
	}
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_anchor_steady),      TEST(test_anchor_interpolates),
		TEST(test_anchor_without_end), TEST(test_anchor_wall_clock_set),
		TEST(test_anchor_error),       TEST(test_anchor_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
