// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "record/segments.h"

bool kct_name_ends(const char *name, const char *end)
{
	size_t length = strlen(name), tail = strlen(end);

	return length > tail && !strcmp(name + length - tail, end);
}

bool kct_is_segment(const char *name)
{
	return (kct_name_ends(name, ".jsonl") || kct_name_ends(name, ".jsonl.gz")) &&
	       *name != '.' && strncmp(name, "migrations", strlen("migrations")) != 0;
}

static int wanted(const struct dirent *entry)
{
	return kct_is_segment(entry->d_name);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int kct_segments(const char *directory, char ***names)
{
	struct dirent **entries;
	int count = scandir(directory, &entries, wanted, by_name);
	bool failed;

	if (count < 0)
		return -errno;
	*names = calloc((size_t)count + 1, sizeof(**names));
	failed = !*names;
	for (int i = 0; i < count; i++) {
		if (!failed)
			(*names)[i] = strdup(entries[i]->d_name);
		failed = failed || !(*names)[i];
		free(entries[i]);
	}
	free(entries);
	if (!failed)
		return count;
	if (*names)
		kct_segments_free(*names, count);
	return -ENOMEM;
}

void kct_segments_free(char **names, int count)
{
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
}
