/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel's symbol table says of a function that we would like to hook. */
#ifndef KCT_ATTACH_SYMBOLS_H
#define KCT_ATTACH_SYMBOLS_H

#include <stddef.h>

#define KCT_KALLSYMS "/proc/kallsyms"

struct kct_symbol {
	unsigned int exact; /* functions of exactly this name */
	/* ".isra.0", ".constprop.0", ".part.0", ...: called instead of it, with other arguments.
	 * A ".cold" is none: it is a part of its function, and never called. */
	unsigned int clones;
	char clone[64]; /* one of them; "" */
};

/* Look `name` up in a file of the form of /proc/kallsyms. 0 or -errno. */
int kct_symbol_find(const char *path, const char *name, struct kct_symbol *symbol);

/*
 * Why the function cannot be hooked by name, in plain words; "" if it can, as far as the symbol
 * table tells.
 */
void kct_symbol_problem(const char *path, const char *name, char *text, size_t size);

#endif
