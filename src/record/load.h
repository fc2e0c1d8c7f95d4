/* SPDX-License-Identifier: GPL-2.0 */
/* A whole recording, or all those of a flight recorder's directory as one, read into a model. */
#ifndef KCT_RECORD_LOAD_H
#define KCT_RECORD_LOAD_H

#include <stdio.h>

#include "model/name.h"
#include "model/model.h"
#include "record/cut.h"
#include "record/recording.h"

/*
 * How many VMs and vCPUs, together, a recording may have; one with more is read up to there. It
 * bounds the memory that a report takes, however long the recording, to about 1 GB.
 */
#define KCT_MAX_HELD (1U << 20)

/*
 * Whoever only hands events on keeps so many VMs that are gone (kct_model_fold_gone()): events that
 * come late find theirs, and what is kept does not grow.
 */
#define KCT_KEEP_FOR_LATE 4096

struct kct_recording {
	struct kct_header header;
	struct kct_anchor anchor;   /* of the last segment's header, as far as it is read */
	struct kct_trailer trailer; /* of the last segment; zeroes if that was cut off */
	struct kct_model model;
	char incomplete[320]; /* why the evidence is not whole; "" if it is */
	bool whole;	      /* all that was recorded is there, whatever was lost before that */
};

/*
 * Called with each event; false leaves it out of the model. The recording's header is filled by
 * then.
 */
typedef bool (*kct_visit)(void *context, const union kct_any_event *event,
			  const struct kct_vm_name *name);

/* What is wanted of a recording. */
struct kct_wanted {
	const struct kct_span *span; /* NULL: all of it */
	kct_visit visit;	     /* may be NULL */
	void *context;
	FILE *copy; /* what `visit` does not leave out is written there, as a recording; NULL */
	bool as_segments; /* such that others may follow it there */
};

/*
 * Read `path`: a file, compressed by gzip or not, a directory, "-" for standard input. KCT_EXIT_OK;
 * KCT_EXIT_INCOMPLETE where what could be read is not the whole (`incomplete` says why);
 * KCT_EXIT_USAGE where it is not a recording at all, or has nothing of the span, with the reason on
 * stderr and nothing to clear.
 *
 * Of a span, the VMs and vCPUs as they stood at its beginning are the first events.
 */
int kct_load(const char *path, const struct kct_wanted *wanted, struct kct_recording *recording);
/* Only the first header in `path`, a file or a directory; nothing is said. False if it has none. */
bool kct_load_header(const char *path, struct kct_header *header);
/*
 * Read `path` once more, which kct_load() has read, for its events alone; nothing is said. False
 * where it cannot be read again: standard input, a pipe.
 */
bool kct_load_again(const char *path, const struct kct_wanted *wanted);
void kct_recording_clear(struct kct_recording *recording);

#endif
