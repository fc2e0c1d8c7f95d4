// SPDX-License-Identifier: GPL-2.0
#include <bpf/bpf.h>
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach/census.h"
#include "base/tree.h"

/* The whole entries that there are so far go to `visit`; what is left of one is moved to the front.
 */
static size_t take_entries(char *data, size_t have, kct_census_visit visit, void *context)
{
	size_t used = 0;

	for (; have - used >= sizeof(struct kct_census_entry);
	     used += sizeof(struct kct_census_entry))
		if (visit)
			visit(context, (const struct kct_census_entry *)(data + used));
	memmove(data, data + used, have - used);
	return have - used;
}

static int read_entries(int fd, kct_census_visit visit, void *context)
{
	struct kct_census_entry entries[64];
	size_t have = 0;
	ssize_t got;

	while ((got = read(fd, (char *)entries + have, sizeof(entries) - have)) != 0) {
		if (got > 0)
			have = take_entries((char *)entries, have + (size_t)got, visit, context);
		else if (errno != EINTR && errno != EAGAIN)
			return -errno;
	}
	return 0;
}

int kct_census_read(struct bpf_program *program, kct_census_visit visit, void *context)
{
	struct bpf_link *link = bpf_program__attach_iter(program, NULL);
	int fd, error;

	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	error = fd < 0 ? -errno : read_entries(fd, visit, context);
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	return error;
}

/* ---- each once ---- */

struct found {
	void *entries; /* tree by key */
	int error;
};

static int compare_entries(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct kct_key));
}

/*
 * Keep the entry if it is the first of its VM or vCPU, or if the process that holds this file is
 * the one whose memory the guest's is, and the one before was not.
 */
static void keep(void *context, const struct kct_census_entry *entry)
{
	struct found *found = context;
	struct kct_census_entry *copy, **node = tfind(entry, &found->entries, compare_entries);

	if (node) {
		if (entry->owner && !(*node)->owner)
			**node = *entry;
		return;
	}
	copy = malloc(sizeof(*copy));
	if (copy)
		*copy = *entry;
	if (!copy || !tsearch(copy, &found->entries, compare_entries)) {
		free(copy);
		found->error = -ENOMEM;
	}
}

struct visitor {
	kct_census_visit visit;
	void *context;
};

static void visit_entry(void *entry, void *data)
{
	const struct visitor *visitor = data;

	visitor->visit(visitor->context, entry);
}

int kct_census_read_once(struct bpf_program *program, kct_census_visit visit, void *context)
{
	struct visitor visitor = {visit, context};
	struct found found = {0};
	int error = kct_census_read(program, keep, &found);

	if (!error)
		error = found.error;
	if (!error)
		kct_tree_each(&found.entries, visit_entry, &visitor);
	tdestroy(found.entries, free);
	return error;
}
