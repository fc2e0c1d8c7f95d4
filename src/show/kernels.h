/* SPDX-License-Identifier: GPL-2.0 */
/* Kernels as columns, with the noise of each, and what follows from that in a line. */
#ifndef KCT_SHOW_KERNELS_H
#define KCT_SHOW_KERNELS_H

#include <jansson.h>
#include <stdio.h>

#include "verdict/kernels.h"

#define KCT_KERNELS_SCHEMA  "kvmclock-trace/compare-kernels"
#define KCT_KERNELS_VERSION 1

struct kct_kernels {
	const struct kct_kernel *list; /* the first is what the others are held against */
	size_t count;
	const char *scenario; /* what ran; printable, "" if it is not known */
	const char *command;  /* that this comes from; printable */
};

void kct_show_kernels(FILE *out, const struct kct_kernels *kernels);
/* One object on one line, docs/schema.md. recordings[i] is an array of kernel i's, taken over. */
void kct_show_kernels_json(FILE *out, const struct kct_kernels *kernels, json_t **recordings);

#endif
