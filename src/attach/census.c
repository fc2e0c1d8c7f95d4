// SPDX-License-Identifier: GPL-2.0
#include <bpf/bpf.h>
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach/census.h"

static int compare_entries(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct kct_key));
}

/*
 * Keep the entry if it is the first of its VM or vCPU, or if the process that holds this file is
 * the one whose memory the guest's is, and the one before was not. 0 or -ENOMEM.
 */
static int keep(void **found, const struct kct_census_entry *entry)
{
	struct kct_census_entry *copy, **node = tfind(entry, found, compare_entries);

	if (node) {
		if (entry->owner && !(*node)->owner)
			**node = *entry;
		return 0;
	}
	copy = malloc(sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*copy = *entry;
	if (!tsearch(copy, found, compare_entries)) {
		free(copy);
		return -ENOMEM;
	}
	return 0;
}

static int read_entries(int fd, void **found)
{
	struct kct_census_entry entry;
	size_t have = 0;
	ssize_t got;

	while ((got = read(fd, (char *)&entry + have, sizeof(entry) - have)) != 0) {
		if (got < 0) {
			if (errno == EINTR || errno == EAGAIN)
				continue;
			return -errno;
		}
		have += (size_t)got;
		if (have < sizeof(entry))
			continue;
		have = 0;
		if (keep(found, &entry))
			return -ENOMEM;
	}
	return 0;
}

struct visitor {
	void (*visit)(void *context, const struct kct_census_entry *entry);
	void *context;
};

static void visit_node(const void *node, VISIT which, void *data)
{
	const struct visitor *visitor = data;

	if (which == postorder || which == leaf)
		visitor->visit(visitor->context, *(struct kct_census_entry *const *)node);
}

int kct_census_read(struct bpf_program *program,
		    void (*visit)(void *context, const struct kct_census_entry *entry),
		    void *context)
{
	struct visitor visitor = {visit, context};
	struct bpf_link *link = bpf_program__attach_iter(program, NULL);
	void *found = NULL;
	int fd, error;

	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	error = fd < 0 ? -errno : read_entries(fd, &found);
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	if (!error)
		twalk_r(found, visit_node, &visitor);
	tdestroy(found, free);
	return error;
}
