// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include "base/number.h"
#include "base/size.h"

int kct_parse_size(const char *text, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	const char *unit;
	uint64_t value;

	if (!kct_take_digits(&text, &value))
		return -EINVAL;
	if (*text) {
		unit = strchr(units, *text);
		if (!unit || text[1] ||
		    __builtin_mul_overflow(value, 1ULL << 10 * (unit - units + 1), &value))
			return -EINVAL;
	}
	*bytes = value;
	return 0;
}
