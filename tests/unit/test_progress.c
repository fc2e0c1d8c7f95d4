// SPDX-License-Identifier: GPL-2.0
/* How far a read has come, in words (base/progress.h); the terminal is tests/cli's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/progress.h"

static void check(uint64_t done, uint64_t total, size_t columns, const char *expected)
{
	const struct kct_progress progress = {.done = done, .total = total};
	char text[KCT_PROGRESS_SIZE];

	kct_progress_text(&progress, columns, text);
	assert_string_equal(text, expected);
}

static void test_percent(void **state)
{
	(void)state;
	check(0, 200, 79, "reading   0% [........................................]");
	check(1, 200, 79, "reading   0% [........................................]");
	check(100, 200, 79, "reading  50% [####################....................]");
	check(198, 200, 79, "reading  99% [########################################]");
	check(200, 200, 79, "reading 100% [########################################]");
}

/* As where a file grows while it is read. */
static void test_more_than_all(void **state)
{
	(void)state;
	check(500, 200, 79, "reading 100% [########################################]");
	check(UINT64_MAX, UINT64_MAX, 20, "reading 100%");
}

static void test_unknown_length(void **state)
{
	(void)state;
	check(0, 0, 79, "reading, 0.0 MiB");
	check(1536 * 1024, 0, 79, "reading, 1.5 MiB");
}

/* It never takes a second line. */
static void test_narrow(void **state)
{
	char text[KCT_PROGRESS_SIZE];

	(void)state;
	for (size_t columns = 0; columns < 200; columns++) {
		const struct kct_progress known = {.done = 7, .total = 9}, unknown = {.done = 7};

		kct_progress_text(&known, columns, text);
		assert_true(strlen(text) <= columns);
		kct_progress_text(&unknown, columns, text);
		assert_true(strlen(text) <= columns);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_percent),
		cmocka_unit_test(test_more_than_all),
		cmocka_unit_test(test_unknown_length),
		cmocka_unit_test(test_narrow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
