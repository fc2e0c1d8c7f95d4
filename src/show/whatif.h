/* SPDX-License-Identifier: GPL-2.0 */
/* What was recorded beside what is predicted. */
#ifndef KCT_SHOW_WHATIF_H
#define KCT_SHOW_WHATIF_H

#include <stdio.h>

#include "model/model.h"
#include "verdict/verdict.h"
#include "whatif/whatif.h"

#define KCT_WHATIF_SCHEMA  "kvmclock-trace/whatif"
#define KCT_WHATIF_VERSION 1

/* Of one VM, or of all, as recorded or as predicted. */
struct kct_foretold {
	bool known;	  /* what is not about PVTIs */
	bool lines_known; /* the rest */
	uint64_t updates;
	uint64_t snapshots;   /* updates that left the masterclock on, with a new snapshot */
	uint64_t unnecessary; /* of these, for a request alone */
	uint64_t pvti_moved;  /* since the clock was set, without what that asked for */
	int64_t drift_ns;     /* likewise */
	enum kct_verdict verdict;
	const char *verdict_why; /* of KCT_VERDICT_INCONCLUSIVE; else NULL */
};

struct kct_whatif_row {
	const struct kct_vm *vm; /* NULL: all of them */
	struct kct_foretold recorded, predicted;
	const char *why; /* something of the prediction is not known; NULL */
};

struct kct_whatif_view {
	const char *path;
	const struct kct_header *header;
	kct_changes changes;
	const char *incomplete;		   /* why the evidence is not whole; NULL */
	const struct kct_whatif_row *rows; /* all of them first, then each */
	size_t nr_rows;
};

void kct_show_whatif(FILE *out, const struct kct_whatif_view *view);
/* docs/whatif.schema.json */
void kct_show_whatif_json(FILE *out, const struct kct_whatif_view *view);

#endif
