/* SPDX-License-Identifier: GPL-2.0 */
/* Trees (search.h) of items that begin with their key, a uint32_t. */
#ifndef KCT_BASE_TREE_H
#define KCT_BASE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The item with that key; NULL if there is none. */
void *kct_tree_find(void *const *root, uint32_t key);
/*
 * The item with the key of `item`, or else a copy of it, put in; NULL when out of memory. *added
 * tells which. The tree owns the copy, made by malloc().
 */
void *kct_tree_find_or_add(void **root, const void *item, size_t size, bool *added);
/*
 * Call for each item, in the order of keys. It serves any tree of search.h, whatever its key.
 */
void kct_tree_each(void *const *root, void (*visit)(void *item, void *context), void *context);
/* Take an item out; it is the caller's then. */
void kct_tree_remove(void **root, const void *item);

#endif
