// SPDX-License-Identifier: GPL-2.0
#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "attach/maps.h"

/* Elements read at a time: more than there ever are in one bucket, which is read as a whole. */
#define BATCH 256

/* From `next` on. 0, 1 at the end, or -errno. */
static int read_batch(int map, uint32_t *next, bool first, struct kct_key *keys, void *values,
		      uint32_t *count)
{
	*count = BATCH;
	if (!bpf_map_lookup_batch(map, first ? NULL : next, next, keys, values, count, NULL))
		return 0;
	return errno == ENOENT ? 1 : -errno;
}

int kct_map_each(int map, size_t size, kct_map_visit visit, void *context)
{
	struct kct_key *keys = calloc(BATCH, sizeof(*keys));
	char *values = calloc(BATCH, size);
	uint32_t next = 0, count;
	int error = keys && values ? 0 : -ENOMEM, status = 0;

	for (bool first = true; !error && !status; first = false) {
		status = read_batch(map, &next, first, keys, values, &count);
		for (uint32_t i = 0; status >= 0 && !error && i < count; i++)
			error = visit(context, &keys[i], values + i * size);
	}
	free(keys);
	free(values);
	return error ? error : status < 0 ? status : 0;
}
