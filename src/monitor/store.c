// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/number.h"
#include "host/host.h"
#include "monitor/store.h"
#include "record/segments.h"

/* What is found in the directory, of both kinds. */
struct found {
	char name[KCT_STORE_NAME]; /* with its directory */
	bool pinned;
	uint64_t sequence, bytes;
	int64_t changed_s; /* CLOCK_REALTIME */
};

struct listing {
	struct found *list;
	size_t count, room;
};

/* ---- names ---- */

void kct_store_init(struct kct_store *store, const char *path, const struct kct_bounds *bounds,
		    const struct kct_header *header)
{
	const char *host = *header->host ? header->host : "host";
	size_t i;

	*store = (struct kct_store){.path = path, .bounds = *bounds, .fd = -1, .pinned_fd = -1};
	for (i = 0; i < sizeof(store->host) - 1 && host[i]; i++)
		store->host[i] = isalnum((unsigned char)host[i]) || host[i] == '.' ? host[i] : '_';
	if (*store->host == '.')
		*store->host = '_';
	store->epoch_ns = (int64_t)(header->started.realtime_ns - header->started.boot_ns);
	snprintf(store->boot, sizeof(store->boot), "%.8s",
		 *header->boot_id ? header->boot_id : "0");
}

/* HOST-SEQUENCE-TIME-BOOT...; HOST has no dash of ours. 0 of another name. */
static uint64_t sequence_of(const char *name)
{
	const char *dash = strchr(name, '-');
	uint64_t number;

	if (!dash++ || !kct_take_digits(&dash, &number) || *dash != '-')
		return 0;
	return number;
}

static void name_new(const struct kct_store *store, uint64_t sequence, bool pinned,
		     char name[KCT_STORE_NAME])
{
	time_t now = time(NULL);
	struct tm tm;
	char text[24] = "0";

	if (gmtime_r(&now, &tm))
		strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", &tm);
	snprintf(name, KCT_STORE_NAME, "%s%s-%010" PRIu64 "-%s-%s.jsonl.gz",
		 pinned ? KCT_PINNED "/" : "", store->host, sequence, text, store->boot);
}

/* ---- what is there ---- */

static int add(struct listing *listing, const struct found *found)
{
	size_t room = listing->room ? 2 * listing->room : 64;
	struct found *list;

	if (listing->count == listing->room) {
		list = realloc(listing->list, room * sizeof(*list));
		if (!list)
			return -ENOMEM;
		listing->list = list;
		listing->room = room;
	}
	listing->list[listing->count++] = *found;
	return 0;
}

static int list_one(struct listing *listing, int directory, const char *entry, bool pinned)
{
	struct found found = {.pinned = pinned, .sequence = sequence_of(entry)};
	struct stat status;

	if (!kct_is_segment(entry) || !found.sequence ||
	    fstatat(directory, entry, &status, AT_SYMLINK_NOFOLLOW) || !S_ISREG(status.st_mode))
		return 0;
	found.bytes = (uint64_t)status.st_blocks * 512;
	found.changed_s = status.st_mtime;
	if (snprintf(found.name, sizeof(found.name), "%s%s", pinned ? KCT_PINNED "/" : "", entry) >=
	    (int)sizeof(found.name))
		return 0;
	return add(listing, &found);
}

static int list(struct listing *listing, int directory, bool pinned)
{
	int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), error = 0;
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!stream) {
		error = -errno;
		if (fd >= 0)
			close(fd);
		return error;
	}
	while (!error && (entry = readdir(stream)))
		error = list_one(listing, directory, entry->d_name, pinned);
	closedir(stream);
	return error;
}

/* Segments first, of each kind the oldest first. */
static int by_age(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->pinned != y->pinned)
		return x->pinned ? 1 : -1;
	return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

static int list_all(const struct kct_store *store, struct listing *listing)
{
	int error = list(listing, store->fd, false);

	if (!error)
		error = list(listing, store->pinned_fd, true);
	if (!error && listing->count)
		qsort(listing->list, listing->count, sizeof(*listing->list), by_age);
	return error;
}

/* ---- opening ---- */

static int open_directory(int at, const char *path)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 || errno != ENOENT)
		return fd < 0 ? -errno : fd;
	if (mkdirat(at, path, 0750))
		return -errno;
	fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

void kct_store_close(struct kct_store *store)
{
	if (store->fd >= 0)
		close(store->fd);
	if (store->pinned_fd >= 0)
		close(store->pinned_fd);
	store->fd = store->pinned_fd = -1;
}

/* Go on behind what is there, of whichever boot. */
static int find_sequences(struct kct_store *store)
{
	struct listing listing = {0};
	int error = list_all(store, &listing);

	for (size_t i = 0; i < listing.count; i++) {
		const struct found *found = &listing.list[i];
		uint64_t *last = found->pinned ? &store->pinned_sequence : &store->sequence;

		if (found->sequence > *last)
			*last = found->sequence;
	}
	free(listing.list);
	return error;
}

int kct_store_open(struct kct_store *store)
{
	int error;

	kct_store_close(store);
	store->fd = open_directory(AT_FDCWD, store->path);
	if (store->fd < 0)
		return store->fd;
	store->pinned_fd = open_directory(store->fd, KCT_PINNED);
	error = store->pinned_fd < 0 ? store->pinned_fd : find_sequences(store);
	if (error)
		kct_store_close(store);
	return error;
}

int kct_store_new(struct kct_store *store, struct kct_segment_file **file,
		  char name[KCT_STORE_NAME])
{
	struct stat status;
	int error;

	/* One that was removed is still open: what is made in it would be nowhere. */
	if (store->fd < 0 || fstat(store->fd, &status) || !status.st_nlink) {
		error = kct_store_open(store);
		if (error)
			return error;
	}
	name_new(store, store->sequence + 1, false, name);
	error = kct_segment_open(file, store->fd, name);
	if (!error)
		store->sequence++;
	return error;
}

void kct_store_name_pinned(struct kct_store *store, char name[KCT_STORE_NAME])
{
	name_new(store, ++store->pinned_sequence, true, name);
}

/* ---- bounds ---- */

static uint64_t free_bytes(const struct kct_store *store)
{
	struct statvfs status;

	if (fstatvfs(store->fd, &status))
		return UINT64_MAX;
	return (uint64_t)status.f_bavail * status.f_frsize;
}

static void sum_up(struct kct_store *store, const struct listing *listing)
{
	store->bytes = store->files = store->pinned_bytes = store->pinned_files = 0;
	for (size_t i = 0; i < listing->count; i++) {
		const struct found *found = &listing->list[i];

		*(found->pinned ? &store->pinned_files : &store->files) += 1;
		*(found->pinned ? &store->pinned_bytes : &store->bytes) += found->bytes;
	}
}

/* By the wall clock as it is, or as it would be had nobody set it: a step makes nothing old. */
static int64_t age_s(const struct kct_store *store, const struct found *found)
{
	int64_t boot_ns = (int64_t)kct_clock_ns(CLOCK_BOOTTIME);
	int64_t now_s = (int64_t)time(NULL), unset_s = (boot_ns + store->epoch_ns) / KCT_NS_PER_S;

	return (unset_s < now_s ? unset_s : now_s) - found->changed_s;
}

static bool is_too_old(const struct kct_store *store, const struct found *found)
{
	int64_t age = age_s(store, found);

	return !found->pinned && store->bounds.age_ns && age > 0 &&
	       (uint64_t)age > store->bounds.age_ns / KCT_NS_PER_S;
}

static bool is_too_much(const struct kct_store *store, const struct found *found)
{
	if (found->pinned && store->bounds.pinned_bytes &&
	    store->pinned_bytes > store->bounds.pinned_bytes)
		return true;
	return (store->bounds.bytes && store->bytes + store->pinned_bytes > store->bounds.bytes) ||
	       free_bytes(store) < store->bounds.free_bytes;
}

static void remove_one(struct kct_store *store, const struct found *found)
{
	if (unlinkat(store->fd, found->name, 0))
		return;
	store->removed++;
	*(found->pinned ? &store->pinned_files : &store->files) -= 1;
	*(found->pinned ? &store->pinned_bytes : &store->bytes) -= found->bytes;
}

int kct_store_keep_bounds(struct kct_store *store, const char *writing)
{
	struct listing listing = {0};
	int error;

	if (store->fd < 0)
		return -ENOENT;
	error = list_all(store, &listing);
	if (error) {
		free(listing.list);
		return error;
	}
	sum_up(store, &listing);
	for (size_t i = 0; i < listing.count; i++)
		if ((!writing || strcmp(writing, listing.list[i].name) != 0) &&
		    (is_too_old(store, &listing.list[i]) || is_too_much(store, &listing.list[i])))
			remove_one(store, &listing.list[i]);
	free(listing.list);
	return free_bytes(store) < store->bounds.free_bytes ? -ENOSPC : 0;
}
