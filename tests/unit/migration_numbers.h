/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers that can be added up in one's head, and the clocks of a steady host. */
#ifndef TEST_MIGRATION_NUMBERS_H
#define TEST_MIGRATION_NUMBERS_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "migration/migration.h"
#include "pvti_vectors.h"

#define US	 1000ULL
#define MS	 1000000ULL
#define S	 1000000000ULL

#define REALTIME 4 /* KVM_CLOCK_REALTIME */

/* ns are cycles */
#define MUL	  0x80000000U
#define SHIFT	  1

#define NOT_KNOWN INT64_MAX /* as an expected number of ns */

static inline void check_ns(const struct kct_ns *ns, int64_t expected)
{
	assert_int_equal(ns->known, expected != NOT_KNOWN);
	if (ns->known)
		assert_int_equal(ns->ns, expected);
}

static const struct kct_clocks steady = {
	.start = {.boot_ns = 20 * S, .realtime_ns = 1000 * S, .base_ns = 10 * S},
	.end = {.boot_ns = 120 * S, .realtime_ns = 1100 * S, .base_ns = 110 * S},
	.has_end = true,
};

#endif
