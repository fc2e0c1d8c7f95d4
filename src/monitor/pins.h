/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which spans of time are pinned: from before a trigger to behind it. A trigger within a span makes
 * it longer and is folded into it; one soon behind the last is not pinned. Nothing is done here.
 */
#ifndef KCT_MONITOR_PINS_H
#define KCT_MONITOR_PINS_H

#include "monitor/trigger.h"

/* What became of a trigger. */
#define KCT_TRIGGER_RESULTS(X)                                                                     \
	X(PINNED, "pinned")   /* a recording began with it */                                      \
	X(FOLDED, "folded")   /* it is in the one of a trigger before it */                        \
	X(LIMITED, "limited") /* too soon behind the last one */                                   \
	X(FAILED, "failed")   /* what was to hold it could not be written */

#define KCT_TRIGGER_RESULT_ROW(name, text) KCT_TRIGGER_##name,
enum kct_trigger_result { KCT_TRIGGER_RESULTS(KCT_TRIGGER_RESULT_ROW) KCT_NR_TRIGGER_RESULTS };
extern const char *const kct_trigger_result_names[KCT_NR_TRIGGER_RESULTS];

/* So many times the post-roll a span may go on behind its first trigger, whatever comes. */
#define KCT_PIN_ROLLS 10
/* How long what has happened may take until it can be read. */
#define KCT_PIN_SLACK_NS 100000000ULL

/* ns; CLOCK_BOOTTIME where it is a time. */
struct kct_rolls {
	uint64_t pre_ns, post_ns;
	uint64_t interval_ns; /* from a span's first trigger to the next one's, at least */
};

struct kct_pin {
	uint64_t start_ns, end_ns; /* both are in it */
	struct kct_fired first;
	uint64_t fired[KCT_NR_TRIGGERS]; /* how many are in it, with the first */
};

struct kct_pins {
	struct kct_rolls rolls;
	bool is_open;
	struct kct_pin open; /* triggers may still be folded into it, or it waits to be written */
	bool had_any;
	uint64_t last_ns; /* the first trigger of the last span */
	/* What became of those of which that is known. */
	uint64_t counts[KCT_NR_TRIGGERS][KCT_NR_TRIGGER_RESULTS];
};

/* A trigger: PINNED (a span is begun), FOLDED, or LIMITED, which is counted. */
enum kct_trigger_result kct_pins_fire(struct kct_pins *pins, const struct kct_fired *fired);
/* When the open span is over, so that it can be written; UINT64_MAX if there is none. */
uint64_t kct_pins_due(const struct kct_pins *pins);
/* The open span, which is open no more; it ends at `now_ns` at the latest. */
struct kct_pin kct_pins_take(struct kct_pins *pins, uint64_t now_ns);
/* Count what became of those in a span. */
void kct_pins_settle(struct kct_pins *pins, const struct kct_pin *pin, bool is_written);
/* How many are folded into it. */
uint64_t kct_pin_folded(const struct kct_pin *pin);

#endif
