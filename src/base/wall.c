// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
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

/* ---- what users type ---- */

/*
 * The digits of a fraction, of so many ns for the whole: what is behind them, or NULL where it is
 * no whole number of ns.
 */
static const char *take_fraction(const char *text, uint64_t whole, uint64_t *ns)
{
	const char *c = text;

	for (*ns = 0; *c >= '0' && *c <= '9'; c++) {
		if (whole % 10)
			return NULL;
		whole /= 10;
		*ns += whole * (uint64_t)(*c - '0');
	}
	return c == text ? NULL : c;
}

/* A duration whose number may have a fraction: 1.5s. */
static int parse_behind(const char *text, uint64_t *ns)
{
	const char *point = strchr(text, '.'), *end;
	char form[32];
	uint64_t unit, fraction;

	if (!point)
		return kct_parse_duration(text, ns);
	/* Of "1.5s" the whole is "1s", and the fraction that of "1s". */
	end = point + 1 + strspn(point + 1, "0123456789");
	snprintf(form, sizeof(form), "1%.8s", end);
	if (kct_parse_duration(form, &unit) || take_fraction(point + 1, unit, &fraction) != end)
		return -EINVAL;
	if (snprintf(form, sizeof(form), "%.*s%s", (int)(point - text), text, end) >=
		    (int)sizeof(form) ||
	    kct_parse_duration(form, ns) || __builtin_add_overflow(*ns, fraction, ns))
		return -EINVAL;
	return 0;
}

static int parse_wall(const char *text, uint64_t *ns)
{
	static const char *const formats[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"};

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct tm tm = {0};
		const char *end = strptime(text, formats[i], &tm);
		uint64_t fraction = 0;

		if (end && *end == '.' && i == 0)
			end = take_fraction(end + 1, KCT_NS_PER_S, &fraction);
		if (end && *end == 'Z')
			end++;
		if (!end || *end || tm.tm_year < 70)
			continue;
		return __builtin_mul_overflow((uint64_t)timegm(&tm), (uint64_t)KCT_NS_PER_S, ns) ||
				       __builtin_add_overflow(*ns, fraction, ns)
			       ? -EINVAL
			       : 0;
	}
	return -EINVAL;
}

int kct_parse_time(const char *text, uint64_t now_ns, struct kct_time *time)
{
	struct kct_time taken = {.kind = KCT_TIME_WALL};
	uint64_t ago;
	int error;

	if (*text == '+') {
		taken.kind = KCT_TIME_BEHIND;
		error = parse_behind(text + 1, &taken.ns);
	} else if (!kct_parse_duration(text, &ago)) {
		error = ago > now_ns ? -EINVAL : 0;
		taken.ns = now_ns - ago;
	} else {
		error = parse_wall(text, &taken.ns);
	}
	if (!error)
		*time = taken;
	return error;
}
