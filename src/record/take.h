/* SPDX-License-Identifier: GPL-2.0 */
/* The inside of kct_load(): load.c reads files and directories, take.c takes what their lines say.
 */
#ifndef KCT_RECORD_TAKE_H
#define KCT_RECORD_TAKE_H

#include "base/progress.h"
#include "record/copy.h"
#include "record/cut.h"
#include "record/join.h"
#include "record/load.h"
#include "record/reader.h"

/* A recording that is read. */
struct kct_loading {
	struct kct_recording *recording;
	const struct kct_wanted *wanted;
	struct kct_join join;
	struct kct_cut cut;
	struct kct_copy copy;
	struct kct_reader reader;
	struct kct_progress progress;
	bool begun;	  /* the part that is wanted */
	bool cut_off;	  /* it does not begin with the recording */
	char why[320];	  /* of a file that is no recording at all */
	bool refused;	  /* what was read before it is none then, either */
	bool enough;	  /* nothing that is wanted is behind this */
	bool trailer_due; /* in this file, behind the header that was read last */
};

/* Take what the line says that was read last; false ends it, with the reason in the reader's `why`.
 */
bool kct_take_line(struct kct_loading *loading, enum kct_line line);
/* All was read, and the part has not begun: begin it now. False if there is no room. */
bool kct_take_late(struct kct_loading *loading);
/* What is read is refused, whatever was read before. False. */
bool kct_take_refuse(struct kct_loading *loading, const char *why);

#endif
