/* SPDX-License-Identifier: GPL-2.0 */
/* What each remedy would have saved a migrated guest's clocks. */
#ifndef KCT_SHOW_SAVINGS_H
#define KCT_SHOW_SAVINGS_H

#include <jansson.h>
#include <stdio.h>

#include "migration/migration.h"
#include "whatif/whatif.h"

/* X(name, the change of `whatif` that it is): of the kernel, and of the VMM. */
#define KCT_REMEDIES(X)                                                                            \
	X(ZHANG_2)                                                                                 \
	X(ZHANG_3)                                                                                 \
	X(DEDUP)                                                                                   \
	X(QEMU_REALTIME)

#define KCT_REMEDY_ROW(name) KCT_REMEDY_##name,
enum kct_remedy { KCT_REMEDIES(KCT_REMEDY_ROW) KCT_NR_REMEDIES };
extern const enum kct_change_number kct_remedy_changes[KCT_NR_REMEDIES];

/*
 * ns, predicted. Of the kernel: by how much less snapshots would have moved the vCPUs' clocks since
 * the clock was set, all moves added up without their signs. Of the VMM: the drift over the
 * migration, of the vCPU of which it is the furthest from 0.
 */
struct kct_savings {
	struct kct_ns saved[KCT_NR_REMEDIES];
};

void kct_show_savings(FILE *out, const struct kct_savings *savings);
/* A new reference. */
json_t *kct_savings_json(const struct kct_savings *savings);

#endif
