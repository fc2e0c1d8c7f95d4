/* SPDX-License-Identifier: GPL-2.0 */
/* The migrations of a fleet: a row, or an object, each. */
#ifndef KCT_SHOW_MIGRATIONS_H
#define KCT_SHOW_MIGRATIONS_H

#include "show/migration.h"

#define KCT_MIGRATIONS_SCHEMA  "kvmclock-trace/migrations"
#define KCT_MIGRATIONS_VERSION 1

/* One of them. */
struct kct_migrations_row {
	uint64_t realtime_ns;		       /* of P4 */
	const struct kct_end *source, *target; /* the former NULL where none was found */
	const struct kct_migration_view *view; /* NULL where the two do not fit */
	const char *why;		       /* then: why not */
	const char *verdict;		       /* on the target's VM; "" */
	const char *pinned;		       /* the recording of it; "" */
	bool resumed;			       /* one VM, whose clock was set again */
};

void kct_show_migrations_head(FILE *out);
void kct_show_migrations_row(FILE *out, const struct kct_migrations_row *row);
void kct_show_migrations_legend(FILE *out);
/* docs/schema.md. */
void kct_show_migrations_json(FILE *out, const struct kct_migrations_row *row);

#endif
