/* SPDX-License-Identifier: GPL-2.0 */
/* What a VMM did in a migration, and what would have been better. */
#ifndef KCT_MIGRATION_ADVICE_H
#define KCT_MIGRATION_ADVICE_H

#include "migration/migration.h"

/* What the VMM did on an end, in its order. */
#define KCT_MAX_SHOWN_STEPS (KCT_MAX_STEPS + 2)
struct kct_shown_step {
	struct kct_step step;
	bool derived; /* no hook saw it: its outcome on the target tells */
};
size_t kct_source_steps(const struct kct_migration *m,
			struct kct_shown_step steps[KCT_MAX_SHOWN_STEPS]);
size_t kct_target_steps(const struct kct_migration *m,
			struct kct_shown_step steps[KCT_MAX_SHOWN_STEPS]);

/* What follows for whoever runs the VMM or the kernel: sentences. The number of them. */
#define KCT_MAX_ADVICE 8
size_t kct_advise(const struct kct_migration *m, const char *advice[KCT_MAX_ADVICE]);

#endif
