/* SPDX-License-Identifier: GPL-2.0 */
/* A tree of files in the place of a host's /, with one process in it. */
#ifndef TEST_VMTREE_H
#define TEST_VMTREE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host/vmname.h"

#define PID 4711

/* The literal's own last NUL ends the last argument, as the kernel ends it. */
#define LINE(text) text, sizeof(text)

static char root[64];

static inline void remove_tree(const char *path)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", path);
	assert_int_equal(system(command), 0);
}

static inline int make_root(void **state)
{
	(void)state;
	strcpy(root, "/tmp/kct-vmtree.XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static inline int remove_root(void **state)
{
	(void)state;
	remove_tree(root);
	return 0;
}

static inline const char *under_root(const char *path)
{
	static char text[512];

	snprintf(text, sizeof(text), "%s/%s", root, path);
	return text;
}

static inline void make_directory(const char *path)
{
	assert_int_equal(mkdir(under_root(path), 0700), 0);
}

static inline void write_file(const char *path, const char *content, size_t size)
{
	FILE *file = fopen(under_root(path), "w");

	assert_non_null(file);
	assert_int_equal(fwrite(content, 1, size, file), size);
	fclose(file);
}

static inline void begin_tree(void)
{
	remove_tree(root);
	assert_int_equal(mkdir(root, 0700), 0);
	make_directory("proc");
	make_directory("proc/4711");
	make_directory("run");
	make_directory("run/libvirt");
	make_directory("run/libvirt/qemu");
	make_directory("etc");
	make_directory("etc/kvmclock-trace");
}

static inline void assert_printable(const char *text, size_t room)
{
	assert_true(strnlen(text, room) < room);
	for (; *text; text++)
		assert_true((uint8_t)*text >= 0x20 && *text != 0x7f);
}

#endif
