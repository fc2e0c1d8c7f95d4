// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/duration.h"
#include "base/number.h"

static const struct {
	const char *name;
	uint64_t ns;
} units[] = {
	{"ns", 1},
	{"us", 1000},
	{"ms", 1000000},
	{"s", KCT_NS_PER_S},
	{"m", 60 * KCT_NS_PER_S},
	{"h", 3600 * KCT_NS_PER_S},
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
	const char *rest = text;
	uint64_t value, unit;

	if (!kct_take_digits(&rest, &value))
		return -EINVAL;
	unit = *rest || strcmp(text, "0") ? unit_ns(rest) : 1;
	if (!unit || __builtin_mul_overflow(value, unit, &value))
		return -EINVAL;
	*ns = value;
	return 0;
}

int kct_parse_interval(const char *text, uint64_t *ns)
{
	uint64_t value;

	if (!kct_parse_number(text, 1, UINT32_MAX, &value))
		value *= KCT_NS_PER_S;
	else if (kct_parse_duration(text, &value) || !value)
		return -EINVAL;
	*ns = value;
	return 0;
}
