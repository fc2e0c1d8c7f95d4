/* SPDX-License-Identifier: GPL-2.0 */
/* How metrics are written: families, samples, labels. It knows nothing of what they mean. */
#ifndef KCT_MONITOR_EXPOSITION_H
#define KCT_MONITOR_EXPOSITION_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum kct_family_type { KCT_COUNTER, KCT_GAUGE, KCT_HISTOGRAM, KCT_INFO };

struct kct_exposition {
	FILE *out;
	int open; /* is it OpenMetrics? */
	/* ---- the family that is written ---- */
	const char *name;
	enum kct_family_type type;
};

/* A new family; `unit` is the last word of its name, or NULL. */
void kct_family(struct kct_exposition *to, const char *name, enum kct_family_type type,
		const char *unit, const char *help);
/*
 * A sample of it. `labels` is a NULL-terminated list of names and values, NULL for none; values may
 * hold anything.
 */
void kct_sample(struct kct_exposition *to, const char *const *labels, uint64_t value);
void kct_sample_signed_ns(struct kct_exposition *to, const char *const *labels, int64_t ns);
/* Given in ns, written in seconds. */
void kct_sample_ns(struct kct_exposition *to, const char *const *labels, uint64_t ns);
/* A sample whose name has an end of its own, such as "_bucket". */
void kct_sample_of(struct kct_exposition *to, const char *suffix, const char *const *labels,
		   uint64_t value);
void kct_sample_of_ns(struct kct_exposition *to, const char *suffix, const char *const *labels,
		      uint64_t ns);
/* Nothing follows. */
void kct_exposition_end(struct kct_exposition *to);

#endif
