// SPDX-License-Identifier: GPL-2.0
/* Times as users type them (base/wall.h). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/wall.h"

#define NOW 1800000000000000000ULL /* 2027-01-15T08:00:00Z */
#define S   1000000000ULL

static void check(const char *text, enum kct_time_kind kind, uint64_t ns)
{
	struct kct_time time = {0};

	if (kct_parse_time(text, NOW, &time))
		fail_msg("'%s' is not taken", text);
	assert_int_equal(time.kind, kind);
	assert_int_equal(time.ns, ns);
}

static void test_wall(void **state)
{
	(void)state;
	check("2027-01-15T08:00:00", KCT_TIME_WALL, NOW);
	check("2027-01-15T08:00:00Z", KCT_TIME_WALL, NOW);
	check("2027-01-15T08:00", KCT_TIME_WALL, NOW);
	check("2027-01-15T08:00Z", KCT_TIME_WALL, NOW);
	check("2027-01-15", KCT_TIME_WALL, NOW - 8 * 3600 * S);
	check("1970-01-01", KCT_TIME_WALL, 0);
	check("2027-01-15T08:00:00.5", KCT_TIME_WALL, NOW + S / 2);
	check("2027-01-15T08:00:00.000000001Z", KCT_TIME_WALL, NOW + 1);
}

static void test_text_is_taken_back(void **state)
{
	char text[KCT_WALL_SIZE];

	(void)state;
	check(kct_wall_text(text, NOW + 123456789), KCT_TIME_WALL, NOW + 123456789);
}

static void test_ago(void **state)
{
	(void)state;
	check("2h", KCT_TIME_WALL, NOW - 2 * 3600 * S);
	check("0", KCT_TIME_WALL, NOW);
	check("1ns", KCT_TIME_WALL, NOW - 1);
}

static void test_behind(void **state)
{
	(void)state;
	check("+0", KCT_TIME_BEHIND, 0);
	check("+1s", KCT_TIME_BEHIND, S);
	check("+1.5s", KCT_TIME_BEHIND, 1500000000);
	check("+0.000000001s", KCT_TIME_BEHIND, 1);
	check("+1.001us", KCT_TIME_BEHIND, 1001);
	check("+0.25h", KCT_TIME_BEHIND, 900 * S);
	check("+18446744073709551615ns", KCT_TIME_BEHIND, UINT64_MAX);
}

static void test_refused(void **state)
{
	static const char *const bad[] = {"",
					  "x",
					  "+",
					  "+x",
					  "+1",
					  "1",
					  "-1s",
					  "+-1s",
					  "++1s",
					  " +1s",
					  "+1s ",
					  "+1.s",
					  "+.5s",
					  "+1.5",
					  "+1.5x",
					  "+1.5ns",
					  "+0.0000000001s",
					  "+1.0001us",
					  "+1.5.5s",
					  "1.5s",
					  "+18446744073709551616ns",
					  "+99999999999999999999.5s",
					  "+18446744073709551.999999s",
					  "2027",
					  "2027-01",
					  "2027-13-01",
					  "2027-01-15 08:00",
					  "2027-01-15T",
					  "2027-01-15T08",
					  "2027-01-15T08:00:00.",
					  "2027-01-15T08:00:00.0000000001",
					  "2027-01-15T08:00.5",
					  "2027-01-15T08:00:00ZZ",
					  "2027-01-15T08:00:00+01:00",
					  "1969-12-31",
					  "9999-12-31",
					  "99999999h"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct kct_time time = {.ns = 7};

		if (kct_parse_time(bad[i], NOW, &time) != -EINVAL || time.ns != 7 || time.kind)
			fail_msg("'%s' is taken", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wall),	cmocka_unit_test(test_text_is_taken_back),
		cmocka_unit_test(test_ago),	cmocka_unit_test(test_behind),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
