/* SPDX-License-Identifier: GPL-2.0 */
/* A file of the form of /proc/kallsyms, for a group of tests. */
#ifndef KCT_TESTS_SYMBOL_FILE_H
#define KCT_TESTS_SYMBOL_FILE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char path[] = "/tmp/kct-symbols-XXXXXX";

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static void write_table(const char *lines)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(lines, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

#endif
