// SPDX-License-Identifier: GPL-2.0
#include <errno.h>

#include "base/number.h"

/* strtoull() would let signs and leading space pass. */
bool kct_take_digits(const char **text, uint64_t *number)
{
	const char *c = *text;
	uint64_t value = 0;

	for (; *c >= '0' && *c <= '9'; c++) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*c - '0'), &value))
			return false;
	}
	if (c == *text)
		return false;
	*text = c;
	*number = value;
	return true;
}

int kct_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *number)
{
	if (!kct_take_digits(&text, number) || *text || *number < min || *number > max)
		return -EINVAL;
	return 0;
}

int kct_parse_signed(const char *text, int64_t min, int64_t max, int64_t *number)
{
	bool negative = *text == '-';
	uint64_t value;

	if (kct_parse_number(text + negative, 0, (uint64_t)INT64_MAX + negative, &value))
		return -EINVAL;
	*number = (int64_t)(negative ? -value : value);
	return *number < min || *number > max ? -EINVAL : 0;
}
