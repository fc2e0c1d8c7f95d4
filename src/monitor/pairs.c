// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/duration.h"
#include "monitor/journal.h"
#include "monitor/pairs.h"

/* What a host that is not synchronised is taken to be off by at most. */
#define UNSYNCHRONISED_NS (60ULL * KCT_NS_PER_S)

/* An entry of 4096 vCPUs has some 10 MB. */
#define MAX_LINE (64 << 20)

/* ---- the files ---- */

/* FNV-1a, 64 bits. */
static uint64_t hash(uint64_t sum, const void *bytes, size_t size)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < size; i++)
		sum = (sum ^ at[i]) * 0x100000001b3;
	return sum;
}

#define HASH_OF_NOTHING 0xcbf29ce484222325

static int add_place(struct kct_pairs *pairs, const struct kct_place *place)
{
	size_t room = pairs->room ? 2 * pairs->room : 256;
	struct kct_place *places;

	if (pairs->count == pairs->room) {
		places = realloc(pairs->places, room * sizeof(*places));
		if (!places)
			return -ENOMEM;
		pairs->places = places;
		pairs->room = room;
	}
	pairs->places[pairs->count++] = *place;
	return 0;
}

static int add_line(struct kct_pairs *pairs, const char *line, size_t length, uint64_t offset)
{
	struct kct_place place = {.offset = offset,
				  .length = (uint32_t)length,
				  .file = (uint16_t)(pairs->nr_files - 1)};
	struct kct_entry_key key;

	if (length > MAX_LINE || line[length - 1] != '\n' || !kct_entry_key(line, length, &key)) {
		pairs->unreadable++;
		return 0;
	}
	place.guest = hash(HASH_OF_NOTHING, key.guest, strlen(key.guest));
	place.host = hash(HASH_OF_NOTHING, key.host, strlen(key.host));
	place.realtime_ns = key.realtime_ns;
	place.error_ns = key.error_ns;
	place.kind = (uint8_t)key.kind;
	return add_place(pairs, &place);
}

static int read_lines(struct kct_pairs *pairs, FILE *in)
{
	uint64_t offset = 0;
	char *line = NULL;
	size_t room = 0;
	ssize_t length;
	int error = 0;

	while (!error && (length = getline(&line, &room, in)) > 0) {
		error = add_line(pairs, line, (size_t)length, offset);
		offset += (uint64_t)length;
	}
	if (!error && ferror(in))
		error = -errno;
	free(line);
	return error;
}

static int add_file(struct kct_pairs *pairs, const char *path)
{
	FILE *in = fopen(path, "re");
	char **files;
	int error;

	if (!in)
		return -errno;
	files = realloc(pairs->files, (pairs->nr_files + 1) * sizeof(*files));
	if (files)
		pairs->files = files;
	if (files && pairs->nr_files < UINT16_MAX)
		pairs->files[pairs->nr_files] = strdup(path);
	if (!files || pairs->nr_files == UINT16_MAX || !pairs->files[pairs->nr_files]) {
		fclose(in);
		return -ENOMEM;
	}
	pairs->nr_files++;
	error = read_lines(pairs, in);
	fclose(in);
	return error;
}

static int add_of_directory(struct kct_pairs *pairs, const char *directory, const char *name)
{
	char *path;
	int error;

	if (asprintf(&path, "%s/%s", directory, name) < 0)
		return -ENOMEM;
	error = add_file(pairs, path);
	free(path);
	return error;
}

int kct_pairs_add(struct kct_pairs *pairs, const char *path)
{
	struct stat status;
	int error;

	if (stat(path, &status))
		return -errno;
	if (!S_ISDIR(status.st_mode))
		return add_file(pairs, path);
	error = add_of_directory(pairs, path, KCT_JOURNAL_OLD);
	if (error && error != -ENOENT)
		return error;
	return add_of_directory(pairs, path, KCT_JOURNAL);
}

void kct_pairs_clear(struct kct_pairs *pairs)
{
	for (size_t i = 0; i < pairs->nr_files; i++)
		free(pairs->files[i]);
	free(pairs->files);
	free(pairs->places);
	*pairs = (struct kct_pairs){0};
}

/* ---- the pairs ---- */

static int by_guest(const void *a, const void *b)
{
	const struct kct_place *x = a, *y = b;

	if (x->guest != y->guest)
		return x->guest > y->guest ? 1 : -1;
	return (x->realtime_ns > y->realtime_ns) - (x->realtime_ns < y->realtime_ns);
}

void kct_pairs_sort(struct kct_pairs *pairs)
{
	if (pairs->count)
		qsort(pairs->places, pairs->count, sizeof(*pairs->places), by_guest);
}

/* By how much two wall clocks may differ, at most. */
static uint64_t slack(const struct kct_place *a, const struct kct_place *b)
{
	uint64_t sum;

	if (a->error_ns == UINT64_MAX || b->error_ns == UINT64_MAX ||
	    __builtin_add_overflow(a->error_ns, b->error_ns, &sum))
		return UNSYNCHRONISED_NS;
	return sum;
}

static bool may_be_source(const struct kct_place *source, const struct kct_place *target)
{
	if (source->kind != KCT_ENTRY_SOURCE || source->guest != target->guest)
		return false;
	if (source->realtime_ns <= target->realtime_ns)
		return true;
	/* On one host times compare: what the guest was later is where it went on to. */
	return source->host != target->host &&
	       source->realtime_ns - target->realtime_ns <= slack(source, target);
}

/* The last that the guest was, before its clock was set. */
static struct kct_sources sources_of(const struct kct_pairs *pairs, const struct kct_place *target)
{
	const struct kct_place *end = pairs->places + pairs->count, *at;
	struct kct_sources found = {NULL, NULL};

	for (at = target; at < end && at->guest == target->guest; at++)
		if (at->realtime_ns - target->realtime_ns > UNSYNCHRONISED_NS)
			break;
		else if (may_be_source(at, target) && at->realtime_ns > target->realtime_ns)
			found.later = at;
	for (at = target; !found.earlier && at-- > pairs->places && at->guest == target->guest;)
		if (may_be_source(at, target))
			found.earlier = at;
	return found;
}

static int by_time(const void *a, const void *b)
{
	const struct kct_place *x = *(const struct kct_place *const *)a;
	const struct kct_place *y = *(const struct kct_place *const *)b;

	return (x->realtime_ns > y->realtime_ns) - (x->realtime_ns < y->realtime_ns);
}

int kct_pairs_each(const struct kct_pairs *pairs, kct_pair_visit visit, void *context)
{
	const struct kct_place **targets = calloc(pairs->count + 1, sizeof(*targets));
	size_t count = 0;

	if (!targets)
		return -ENOMEM;
	for (size_t i = 0; i < pairs->count; i++)
		if (pairs->places[i].kind == KCT_ENTRY_TARGET)
			targets[count++] = &pairs->places[i];
	qsort(targets, count, sizeof(*targets), by_time);
	for (size_t i = 0; i < count; i++) {
		struct kct_sources sources = sources_of(pairs, targets[i]);

		if (!visit(context, &sources, targets[i]))
			break;
	}
	free(targets);
	return 0;
}

bool kct_pairs_read(const struct kct_pairs *pairs, const struct kct_place *place,
		    struct kct_entry_read *read_entry)
{
	int fd = open(pairs->files[place->file], O_RDONLY | O_CLOEXEC);
	char *line = malloc(place->length);
	bool done = false;

	memset(read_entry, 0, sizeof(*read_entry));
	kct_model_init(&read_entry->recording.model);
	if (fd >= 0 && line &&
	    pread(fd, line, place->length, (off_t)place->offset) == (ssize_t)place->length)
		done = kct_entry_read(line, place->length, read_entry);
	free(line);
	if (fd >= 0)
		close(fd);
	return done;
}
