/* SPDX-License-Identifier: GPL-2.0 */
/* Sizes as users type them: a whole number and a unit of powers of 1024, such as 64M. */
#ifndef KCT_BASE_SIZE_H
#define KCT_BASE_SIZE_H

#include <stdint.h>

/* Digits, and K, M, G or T, or nothing for bytes. 0, or -EINVAL with *bytes untouched. */
int kct_parse_size(const char *text, uint64_t *bytes);

#endif
