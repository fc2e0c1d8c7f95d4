// SPDX-License-Identifier: GPL-2.0
/*
 * Linked into the static program in place of dlopen(): a library that another libc was made for
 * cannot be loaded into it. Who asks is libdw, for libdebuginfod, and does without.
 */
#include <stddef.h>

void *__wrap_dlopen(const char *path, int flags);

void *__wrap_dlopen(const char *path, int flags)
{
	(void)path;
	(void)flags;
	return NULL;
}
