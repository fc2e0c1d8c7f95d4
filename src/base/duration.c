// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/duration.h"

static const struct {
	const char *name;
	uint64_t ns;
} units[] = {
	{"ns", 1ULL},	      {"us", 1000ULL},		 {"ms", 1000000ULL},
	{"s", 1000000000ULL}, {"m", 60 * 1000000000ULL}, {"h", 3600 * 1000000000ULL},
};

/* The nanoseconds in a unit, 0 if there is no such unit. */
static uint64_t unit_ns(const char *name)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!strcmp(name, units[i].name))
			return units[i].ns;
	}
	return 0;
}

int kct_parse_duration(const char *text, uint64_t *ns)
{
	const char *c = text;
	uint64_t value = 0;
	uint64_t unit;

	/* strtoull() would let signs and leading space pass. */
	for (; *c >= '0' && *c <= '9'; c++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*c - '0'), &value))
			return -EINVAL;
	}
	if (c == text)
		return -EINVAL;
	unit = *c || strcmp(text, "0") ? unit_ns(c) : 1;
	if (!unit || __builtin_mul_overflow(value, unit, &value))
		return -EINVAL;
	*ns = value;
	return 0;
}
