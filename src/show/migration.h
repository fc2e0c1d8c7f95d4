/* SPDX-License-Identifier: GPL-2.0 */
/* A migration: for people and for machines. */
#ifndef KCT_SHOW_MIGRATION_H
#define KCT_SHOW_MIGRATION_H

#include <jansson.h>
#include <stdio.h>

#include "migration/advice.h"
#include "migration/migration.h"
#include "record/load.h"
#include "show/savings.h"

#define KCT_MIGRATION_SCHEMA  "kvmclock-trace/migration"
#define KCT_MIGRATION_VERSION 1

/* One end of it: the recording, the VM in it, and what that VM's clocks did. */
struct kct_end {
	const char *path; /* printable */
	const struct kct_recording *recording;
	const struct kct_vm *vm;
	struct kct_side side;
};

struct kct_migration_view {
	struct kct_end source, target;
	const struct kct_migration *migration;
	const struct kct_savings *savings; /* NULL: nobody has worked them out */
	const char *incomplete;		   /* why the evidence is not whole; NULL if it is */
};

void kct_show_migration(FILE *out, const struct kct_migration_view *view);
/* The object of docs/schema.md; the caller's. */
json_t *kct_migration_json(const struct kct_migration_view *view);
/* The same on one line. */
void kct_show_migration_json(FILE *out, const struct kct_migration_view *view);

#endif
