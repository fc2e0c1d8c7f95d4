/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KCT_BASE_NUMBER_H
#define KCT_BASE_NUMBER_H

#include <stdint.h>

/* A plain decimal number within bounds. 0 or -EINVAL. */
int kct_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *number);

#endif
