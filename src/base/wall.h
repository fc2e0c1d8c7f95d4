/* SPDX-License-Identifier: GPL-2.0 */
/* Wall-clock times as text. */
#ifndef KCT_BASE_WALL_H
#define KCT_BASE_WALL_H

#include <stdint.h>

#define KCT_WALL_SIZE 40

/*
 * ns since the epoch as RFC 3339 has it, in UTC: 2026-11-28T14:02:03.123456789Z. Returns `text`.
 */
const char *kct_wall_text(char text[KCT_WALL_SIZE], uint64_t realtime_ns);

#endif
