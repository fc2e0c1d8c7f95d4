/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A recording as rows of a table, for engines that query those of a fleet: JSON lines without
 * objects in them, each of which tells where and of whom it is. docs/schema.md, "Flat".
 *
 * The header is the first row, the trailer the last one. That is there whatever became of the
 * recording, and says whether it is whole.
 */
#ifndef KCT_RECORD_FLAT_H
#define KCT_RECORD_FLAT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "record/load.h"
#include "record/put.h"

struct kct_flat {
	FILE *out;
	const struct kct_recording *recording;
	const char *path;
	uint64_t events; /* rows of events so far */
	/* ---- inside ---- */
	bool begun;
	struct kct_writing who; /* what each row begins with */
};

/* Begin with the recording that kct_load() is to read from `path`; none of it is ours. */
void kct_flat_begin(struct kct_flat *flat, FILE *out, const char *path,
		    const struct kct_recording *recording);
/* A row; to be called by a kct_visit that has all events taken into the recording's model. */
void kct_flat_event(struct kct_flat *flat, const union kct_any_event *event,
		    const struct kct_vm_name *name);
/* The recording is read as far as it can be; `unreadable`: that was refused. */
void kct_flat_end(struct kct_flat *flat, bool unreadable);

#endif
