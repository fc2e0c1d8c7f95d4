/* SPDX-License-Identifier: GPL-2.0 */
/* What each remedy would have saved in a migration: by a replay of the target's recording. */
#ifndef KCT_CMD_SAVINGS_H
#define KCT_CMD_SAVINGS_H

#include "migration/migration.h"
#include "record/cut.h"
#include "show/savings.h"

/*
 * `path` is the target's recording, of which `span` is read once more; what is not known, as where
 * that is a pipe, stays so. The migration is from `source` to `target`. 0, -ENOMEM, or -EIO: a file
 * could not be read again.
 */
int kct_find_savings(struct kct_savings *savings, const struct kct_migration *migration,
		     const struct kct_side *source, const struct kct_side *target, const char *path,
		     const struct kct_span *span);

#endif
