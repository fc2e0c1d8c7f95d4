/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The directory of a flight recorder: names, and bounds.
 *
 *	HOST-SEQUENCE-TIME-BOOT.jsonl.gz		a segment
 *	pinned/HOST-SEQUENCE-TIME-BOOT.jsonl.gz	what a trigger pinned, counted by itself
 *
 * SEQUENCE has ten digits and goes on over boots, so that names sort by time whatever becomes of
 * the wall clock, and none is used twice. TIME is for people.
 */
#ifndef KCT_MONITOR_STORE_H
#define KCT_MONITOR_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/run.h"
#include "monitor/segment.h"

#define KCT_PINNED "pinned"

struct kct_bounds {
	uint64_t bytes;	       /* of all segments and pinned recordings; 0: no bound */
	uint64_t pinned_bytes; /* of the latter; 0: no bound of their own */
	uint64_t age_ns;       /* of a segment since its last change; 0: no bound */
	uint64_t free_bytes;   /* on the file system, to be left */
};

struct kct_store {
	const char *path; /* not ours */
	struct kct_bounds bounds;
	int fd, pinned_fd;		    /* directories; -1 while they cannot be opened */
	uint64_t sequence, pinned_sequence; /* the last ones used */
	int64_t epoch_ns; /* CLOCK_REALTIME minus CLOCK_BOOTTIME when the recorder began */
	char host[64];
	char boot[9];
	/* What was found when the bounds were seen to last. */
	uint64_t bytes, files, pinned_bytes, pinned_files;
	uint64_t removed; /* ever */
};

void kct_store_init(struct kct_store *store, const char *path, const struct kct_bounds *bounds,
		    const struct kct_header *header);
void kct_store_close(struct kct_store *store);

/* Open the directory, anew if it is open; it is made if it is not there. 0 or -errno. */
int kct_store_open(struct kct_store *store);

/* How long a name may be, with its directory. */
#define KCT_STORE_NAME 160

/* A new segment; `name` becomes its path in the directory. 0 or -errno. */
int kct_store_new(struct kct_store *store, struct kct_segment_file **file,
		  char name[KCT_STORE_NAME]);
/* The path in the directory of what is to be pinned next. */
void kct_store_name_pinned(struct kct_store *store, char name[KCT_STORE_NAME]);

/*
 * See to the bounds: remove the oldest until they are kept, segments before what is pinned, and
 * never the one that is written at the time (NULL: none). 0; or -ENOSPC: too little is free, and
 * nothing is left to be removed; or another -errno.
 */
int kct_store_keep_bounds(struct kct_store *store, const char *writing);

#endif
