// SPDX-License-Identifier: GPL-2.0
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/tree.h"

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void *kct_tree_find(void *const *root, uint32_t key)
{
	void *const *node = tfind(&key, root, compare);

	return node ? *node : NULL;
}

void *kct_tree_find_or_add(void **root, const void *item, size_t size, bool *added)
{
	void *const *node = tfind(item, root, compare);
	void *copy;

	*added = false;
	if (node)
		return *node;
	copy = malloc(size);
	if (!copy)
		return NULL;
	memcpy(copy, item, size);
	if (!tsearch(copy, root, compare)) {
		free(copy);
		return NULL;
	}
	*added = true;
	return copy;
}

struct walk {
	void (*visit)(void *item, void *context);
	void *context;
};

/* twalk_r() comes to an inner node three times: in the middle is its turn. */
static void visit_node(const void *node, VISIT which, void *data)
{
	const struct walk *walk = data;

	if (which == postorder || which == leaf)
		walk->visit(*(void *const *)node, walk->context);
}

void kct_tree_each(void *const *root, void (*visit)(void *item, void *context), void *context)
{
	struct walk walk = {visit, context};

	twalk_r(*root, visit_node, &walk);
}

void kct_tree_remove(void **root, const void *item)
{
	tdelete(item, root, compare);
}
