/* SPDX-License-Identifier: GPL-2.0 */
/* Wall-clock times as text, and times as users type them. */
#ifndef KCT_BASE_WALL_H
#define KCT_BASE_WALL_H

#include <stdint.h>

#define KCT_WALL_SIZE 40

/*
 * ns since the epoch as RFC 3339 has it, in UTC: 2026-11-28T14:02:03.123456789Z. Returns `text`.
 */
const char *kct_wall_text(char text[KCT_WALL_SIZE], uint64_t realtime_ns);

enum kct_time_kind {
	KCT_TIME_NONE,
	KCT_TIME_WALL,	/* ns since the epoch */
	KCT_TIME_BEHIND /* ns behind the beginning of a recording */
};

struct kct_time {
	enum kct_time_kind kind;
	uint64_t ns;
};

#define KCT_TIME_EXAMPLES "2026-01-31T12:30:00, 2026-01-31, 2h (ago) or +1.5s"

/*
 * Read a time: on the wall clock, in UTC (2026-01-31, 2026-01-31T12:30, 2026-01-31T12:30:00.25,
 * with a Z behind it or not); as a duration before `now_ns`, the wall clock (2h); or behind the
 * beginning of a recording (+1.5s). 0, or -EINVAL with *time untouched.
 */
int kct_parse_time(const char *text, uint64_t now_ns, struct kct_time *time);

#endif
