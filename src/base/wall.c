// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/duration.h"
#include "base/wall.h"

const char *kct_wall_text(char text[KCT_WALL_SIZE], uint64_t realtime_ns)
{
	time_t seconds = (time_t)(realtime_ns / KCT_NS_PER_S);
	struct tm tm;
	size_t length;

	gmtime_r(&seconds, &tm);
	length = strftime(text, KCT_WALL_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + length, KCT_WALL_SIZE - length, ".%09" PRIu64 "Z",
		 realtime_ns % (uint64_t)KCT_NS_PER_S);
	return text;
}
