// SPDX-License-Identifier: GPL-2.0
/* What the workload changes of the host is put back, whatever becomes of the workload. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "workload/guard.h"

static char path[] = "/tmp/kct-guard-XXXXXX";

static void put(const char *value)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fprintf(file, "%s\n", value);
	assert_int_equal(fclose(file), 0);
}

static void check_held(const char *value)
{
	char held[32] = "";
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	assert_non_null(fgets(held, sizeof(held), file));
	fclose(file);
	held[strcspn(held, "\n")] = '\0';
	assert_string_equal(held, value);
}

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 || close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static void test_end(void **state)
{
	struct wl_guard guard;

	(void)state;
	put("tsc");
	assert_int_equal(wl_guard_begin(&guard, path), 0);
	assert_string_equal(guard.before, "tsc");
	assert_int_equal(wl_guard_write(&guard, "hpet"), 0);
	check_held("hpet");
	assert_int_equal(wl_guard_end(&guard), 0);
	check_held("tsc");
}

/*
 * As the workload does: changes it, says so, and is there until something ends it. Who began the
 * tests may have had SIGINT ignored, as shells do in the background.
 */
static void change(int told)
{
	struct wl_guard guard;

	signal(SIGINT, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	setpgid(0, 0);
	if (wl_guard_begin(&guard, path) || wl_guard_write(&guard, "hpet") ||
	    write(told, "x", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

/*
 * The process that waits for its end becomes our child then, so that we can wait for that as well;
 * a signal to the whole process group does not reach it.
 */
static void check_killed(int number, bool group)
{
	int ends[2], status;
	char one;
	pid_t pid;

	put("tsc");
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	pid = fork();
	if (!pid)
		change(ends[1]);
	assert_int_equal(read(ends[0], &one, 1), 1);
	check_held("hpet");
	kill(group ? -pid : pid, number);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == number);
	assert_true(waitpid(-1, &status, 0) > 0);
	assert_int_equal(status, 0);
	check_held("tsc");
	close(ends[0]);
	close(ends[1]);
}

static void test_killed(void **state)
{
	static const int numbers[] = {SIGKILL, SIGINT, SIGTERM, SIGHUP};

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		check_killed(numbers[i], false);
		check_killed(numbers[i], true);
	}
}

static void test_refused(void **state)
{
	struct wl_guard guard;

	(void)state;
	put("");
	assert_int_equal(wl_guard_begin(&guard, path), -ENODATA);
	assert_int_equal(wl_guard_begin(&guard, "/nonexistent/file"), -ENOENT);
}

/* Nobody who reads what we write waits for the other process. */
static void test_keeps_nothing_open(void **state)
{
	struct wl_guard guard;
	int ends[2];
	char one;

	(void)state;
	put("tsc");
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(wl_guard_begin(&guard, path), 0);
	close(ends[1]);
	assert_int_equal(read(ends[0], &one, 1), 0);
	close(ends[0]);
	assert_int_equal(wl_guard_end(&guard), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_keeps_nothing_open),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
