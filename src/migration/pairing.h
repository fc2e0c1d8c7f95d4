/* SPDX-License-Identifier: GPL-2.0 */
/* Which VM of the source's recording became which of the target's. */
#ifndef KCT_MIGRATION_PAIRING_H
#define KCT_MIGRATION_PAIRING_H

#include "migration/history.h"
#include "model/model.h"

/* The VMs of a recording. */
struct kct_vms {
	const char *path;
	const char *boot_id; /* of its host; "" is not known */
	const struct kct_model *model;
	const struct kct_histories *histories;
};

/* Were both made in one boot of one host? Then their times compare. */
bool kct_same_boot(const struct kct_vms *a, const struct kct_vms *b);

/*
 * Find the two by `pair`, "SRC=DST", each a number in its recording, a name or a UUID, in this
 * order; without it (NULL) by UUID, and where no UUID is in both, by name. `target` may be
 * `source`. 0, or KCT_EXIT_USAGE with the reason on stderr.
 */
int kct_choose_vms(const struct kct_vms *source, const struct kct_vms *target, const char *pair,
		   const struct kct_vm **from, const struct kct_vm **to);

#endif
