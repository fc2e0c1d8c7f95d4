/* SPDX-License-Identifier: GPL-2.0 */
/* A migration: for people and for machines. */
#ifndef KCT_SHOW_MIGRATION_H
#define KCT_SHOW_MIGRATION_H

#include <jansson.h>
#include <stdio.h>

#include "model/migration.h"
#include "record/load.h"

#define KCT_MIGRATION_SCHEMA  "kvmclock-trace/migration"
#define KCT_MIGRATION_VERSION 1

/* One end of it: the recording, the VM in it, and what that VM's clocks did. */
struct kct_end {
	const char *path;
	const struct kct_recording *recording;
	const struct kct_vm *vm;
	struct kct_side side;
};

struct kct_migration_view {
	struct kct_end source, target;
	const struct kct_migration *migration;
	const char *incomplete; /* why the evidence is not whole; NULL if it is */
};

void kct_show_migration(FILE *out, const struct kct_migration_view *view);
/* One object on one line, docs/schema.md. */
void kct_show_migration_json(FILE *out, const struct kct_migration_view *view);

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
