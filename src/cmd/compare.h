/* SPDX-License-Identifier: GPL-2.0 */
/* `compare`: recordings that are read and judged, two side by side or as kernels. */
#ifndef KCT_CMD_COMPARE_H
#define KCT_CMD_COMPARE_H

#include <jansson.h>

#include "record/load.h"
#include "verdict/measures.h"

/* A recording with its judgement. */
struct kct_compared {
	const char *text; /* as it was given; not ours */
	const char *path; /* the part of it behind LABEL=; not ours */
	char *label;	  /* printable; NULL: none was given; ours */
	char *shown_path; /* its printable form; ours */
	struct kct_recording recording;
	struct kct_judge *judge;
	struct kct_measured measured;
	bool failed;
};

struct kct_compare {
	struct kct_compared *sides;
	size_t nr_sides;
	struct kct_span span;
	bool json, force;
	char command[4096]; /* all of it, printable */
};

/* What ran, without where the program lies; printable. */
const char *kct_compared_scenario(const struct kct_compared *side);
/* {"path", "host", "verdict", "why", "passed_over"}: a new reference. */
json_t *kct_compared_json(const struct kct_compared *side);

/* Recordings of kernels, which have been read. An enum kct_exit. */
int kct_compare_kernels(const struct kct_compare *compare);

#endif
