// SPDX-License-Identifier: GPL-2.0
/* What the static program is linked with beside the libraries. */
#include <search.h>
#include <stddef.h>

/*
 * In place of dlopen(): a library that another libc was made for cannot be loaded into a static
 * program. Who asks is libdw, for libdebuginfod, and does without.
 */
void *__wrap_dlopen(const char *path, int flags);

void *__wrap_dlopen(const char *path, int flags)
{
	(void)path;
	(void)flags;
	return NULL;
}

/*
 * The static libraries of elfutils 0.192 (Debian 13) lack these, which its shared ones have inside:
 * trees with a lock behind the root. No lock is needed: only one thread of ours reads DWARF.
 */
void eu_search_tree_init(void **tree);
void eu_search_tree_fini(void **tree, void (*free_node)(void *));
void *eu_tsearch(const void *key, void **tree, int (*compare)(const void *, const void *));
void *eu_tfind(const void *key, void **tree, int (*compare)(const void *, const void *));
void *eu_tdelete(const void *key, void **tree, int (*compare)(const void *, const void *));
void eu_tdestroy(void **tree, void (*free_node)(void *));

#define WEAK __attribute__((weak))

WEAK void eu_search_tree_init(void **tree)
{
	*tree = NULL;
}

WEAK void eu_search_tree_fini(void **tree, void (*free_node)(void *))
{
	tdestroy(*tree, free_node);
}

WEAK void *eu_tsearch(const void *key, void **tree, int (*compare)(const void *, const void *))
{
	return tsearch(key, tree, compare);
}

WEAK void *eu_tfind(const void *key, void **tree, int (*compare)(const void *, const void *))
{
	return tfind(key, tree, compare);
}

WEAK void *eu_tdelete(const void *key, void **tree, int (*compare)(const void *, const void *))
{
	return tdelete(key, tree, compare);
}

WEAK void eu_tdestroy(void **tree, void (*free_node)(void *))
{
	tdestroy(*tree, free_node);
}
