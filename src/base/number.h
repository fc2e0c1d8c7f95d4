/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers as users type them: decimal digits, without a sign or a space before them. */
#ifndef KCT_BASE_NUMBER_H
#define KCT_BASE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Read the digits that the text begins with, and move *text past them. False if there are none, or
 * if the number does not fit 64 bits.
 */
bool kct_take_digits(const char **text, uint64_t *number);

/* A number within bounds, and nothing behind it. 0 or -EINVAL. */
int kct_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *number);
/* The same of one that may have a '-'. */
int kct_parse_signed(const char *text, int64_t min, int64_t max, int64_t *number);

/* Without its sign; also of the lowest number, which has no positive one. */
static inline uint64_t kct_magnitude(int64_t number)
{
	return number < 0 ? -(uint64_t)number : (uint64_t)number;
}

#endif
