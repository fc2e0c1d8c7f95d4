/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The journals of any number of hosts: which source belongs to which target, by the guest's UUID
 * (else its name) and the time. Memory: about 80 bytes an entry, whatever is in it.
 */
#ifndef KCT_MONITOR_PAIRS_H
#define KCT_MONITOR_PAIRS_H

#include "monitor/entry.h"

/* Where an entry is, and what it is paired by. */
struct kct_place {
	uint64_t guest; /* a hash of its UUID or name */
	uint64_t host;	/* one of the host's name */
	uint64_t realtime_ns, error_ns;
	uint64_t offset; /* of its line in the file */
	uint32_t length;
	uint16_t file; /* of the files */
	uint8_t kind;  /* enum kct_entry_kind */
};

struct kct_pairs {
	char **files;
	size_t nr_files;
	struct kct_place *places;
	size_t count, room;
	uint64_t unreadable; /* lines */
};

/* Add the journal in a directory, or a file. 0 or -errno. */
int kct_pairs_add(struct kct_pairs *pairs, const char *path);
void kct_pairs_clear(struct kct_pairs *pairs);

/* Have them in the order in which kct_pairs_each() finds pairs, when all have been added. */
void kct_pairs_sort(struct kct_pairs *pairs);
/*
 * The sources that a target may have, by their times; NULL: none. `later` is one only if its host's
 * wall clock is ahead of the target's, which it may be: to be believed it has to fit.
 */
struct kct_sources {
	const struct kct_place *later, *earlier;
};

/* Targets in the order of time; false ends it. 0 or -ENOMEM. */
typedef bool (*kct_pair_visit)(void *context, const struct kct_sources *sources,
			       const struct kct_place *target);
int kct_pairs_each(const struct kct_pairs *pairs, kct_pair_visit visit, void *context);
/* Read the entry. False if it cannot be; the caller clears in any case. */
bool kct_pairs_read(const struct kct_pairs *pairs, const struct kct_place *place,
		    struct kct_entry_read *read);

#endif
