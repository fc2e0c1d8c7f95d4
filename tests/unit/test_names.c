// SPDX-License-Identifier: GPL-2.0
/* What users type: durations and numbers, and the words by number. Nothing but the exact form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <cmocka.h>

#include "base/number.h"
#include "base/duration.h"
#include "kvmclock/event.h"
#include "model/names.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define UNTOUCHED    0x5555555555555555ULL

static const struct {
	const char *text;
	uint64_t ns;
} durations[] = {
	{"0", 0},
	{"0s", 0},
	{"0h", 0},
	{"1ns", 1},
	{"999us", 999000},
	{"250ms", 250000000},
	{"10s", 10000000000},
	{"2m", 120000000000},
	{"24h", 86400000000000},
	{"007s", 7000000000},
	{"18446744073709551615ns", UINT64_MAX},
	{"18446744073709551us", 18446744073709551000ULL},
	{"18446744073s", 18446744073000000000ULL},
	{"5124095h", 18446742000000000000ULL},
	{"00000000000000000000000000000001ns", 1},
};

static const char *const no_durations[] = {
	"",
	" ",
	"s",
	"ms",
	"-1s",
	"+1s",
	" 1s",
	"1s ",
	"1 s",
	"1",
	"10",
	"00",
	"1.5s",
	"1e3s",
	"0x1s",
	"1S",
	"1MS",
	"1sec",
	"1s1ms",
	"1ss",
	"1d",
	"1w",
	"1n",
	"1u",
	"\t1s",
	"1s\n",
	"infs",
	"nans",
	"--1s",
	"1,5s",
	"\xc2\xb2s",
	"1\xc2\xb5s",
	"-0",
	"+0",
	"0 ",
	"0.0",
	/* more than 64 bits, in the number or in nanoseconds */
	"18446744073709551616ns",
	"18446744073709552us",
	"18446744073710ms",
	"18446744074s",
	"307445735m",
	"5124096h",
	"99999999999999999999999999s",
	"184467440737095516160ns",
};

static void test_durations(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(durations); i++) {
		uint64_t ns = UNTOUCHED;

		if (kct_parse_duration(durations[i].text, &ns))
			print_error("'%s' is refused\n", durations[i].text);
		assert_int_equal(ns, durations[i].ns);
	}
}

static void test_no_durations(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(no_durations); i++) {
		uint64_t ns = UNTOUCHED;
		int error = kct_parse_duration(no_durations[i], &ns);

		if (error != -EINVAL)
			print_error("'%s' is taken\n", no_durations[i]);
		assert_int_equal(error, -EINVAL);
		assert_int_equal(ns, UNTOUCHED);
	}
}

static const struct {
	const char *text;
	uint64_t min, max, number;
} numbers[] = {
	{"0", 0, 0, 0},
	{"1", 1, 1, 1},
	{"4096", 1, 1 << 20, 4096},
	{"0010", 0, 10, 10},
	{"18446744073709551615", 0, UINT64_MAX, UINT64_MAX},
	{"9223372036854775808", 0, UINT64_MAX, 9223372036854775808ULL},
	{"2147483647", 1, INT32_MAX, INT32_MAX},
};

static const struct {
	const char *text;
	uint64_t min, max;
} no_numbers[] = {
	{"", 0, UINT64_MAX},
	{" 1", 0, UINT64_MAX},
	{"1 ", 0, UINT64_MAX},
	{"\n1", 0, UINT64_MAX},
	{"-1", 0, UINT64_MAX},
	{"-18446744073709551615", 0, UINT64_MAX}, /* strtoull() gives 1 */
	{"+1", 0, UINT64_MAX},
	{"0x10", 0, UINT64_MAX},
	{"1e3", 0, UINT64_MAX},
	{"1.0", 0, UINT64_MAX},
	{"1,000", 0, UINT64_MAX},
	{"one", 0, UINT64_MAX},
	{"\xd9\xa1", 0, UINT64_MAX}, /* a digit, but an Arabic one */
	{"18446744073709551616", 0, UINT64_MAX},
	{"99999999999999999999999999", 0, UINT64_MAX},
	{"0", 1, 10},
	{"11", 1, 10},
	{"2147483648", 1, INT32_MAX},
};

static void test_numbers(void **state)
{
	uint64_t number;

	(void)state;
	for (size_t i = 0; i < COUNT(numbers); i++) {
		if (kct_parse_number(numbers[i].text, numbers[i].min, numbers[i].max, &number))
			print_error("'%s' is refused\n", numbers[i].text);
		assert_int_equal(number, numbers[i].number);
	}
	for (size_t i = 0; i < COUNT(no_numbers); i++) {
		int error = kct_parse_number(no_numbers[i].text, no_numbers[i].min,
					     no_numbers[i].max, &number);

		if (error != -EINVAL)
			print_error("'%s' is taken\n", no_numbers[i].text);
		assert_int_equal(error, -EINVAL);
	}
}

static void test_words(void **state)
{
	(void)state;
	assert_string_equal(kct_event_names[KCT_EVENT_VM], "vm");
	assert_string_equal(kct_event_names[KCT_EVENT_VM_GONE], "vm-gone");
	assert_string_equal(kct_cause_names[KCT_CAUSE_VCPU_REQUEST], "vcpu-request");
	assert_string_equal(kct_cause_names[KCT_CAUSE_UNKNOWN], "unknown");
	assert_string_equal(kct_effect_names[KCT_EFFECT_RESNAPSHOT], "resnapshot");
	assert_string_equal(kct_origin_names[KCT_ORIGIN_SYSTEM_TIME], "system-time");
	assert_string_equal(kct_loss_names[KCT_LOSS_RING_FULL], "ring-full");
	assert_string_equal(kct_request_op_names[KCT_REQUEST_CLEARED], "cleared");
	assert_string_equal(kct_masterclock_names[KCT_NOT_KNOWN], "unknown");
	assert_int_equal(kct_name_number(kct_cause_names, KCT_NR_CAUSES, "hyperv"),
			 KCT_CAUSE_HYPERV);
	/* only whole words, as they are written */
	assert_int_equal(kct_name_number(kct_cause_names, KCT_NR_CAUSES, "hyper"), -1);
	assert_int_equal(kct_name_number(kct_cause_names, KCT_NR_CAUSES, "hyperv "), -1);
	assert_int_equal(kct_name_number(kct_cause_names, KCT_NR_CAUSES, "HYPERV"), -1);
	/* only so many of them */
	assert_int_equal(kct_name_number(kct_cause_names, KCT_CAUSE_HYPERV, "hyperv"), -1);
	assert_int_equal(kct_name_number(kct_cause_names, 0, "unknown"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_no_durations),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
