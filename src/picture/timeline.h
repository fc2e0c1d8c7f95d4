/* SPDX-License-Identifier: GPL-2.0 */
/* The events of a migration, as its picture is drawn from them. */
#ifndef KCT_PICTURE_TIMELINE_H
#define KCT_PICTURE_TIMELINE_H

#include <stdbool.h>
#include <stdio.h>

#include "kvmclock/event.h"
#include "migration/migration.h"
#include "model/model.h"

/* Writes an event as a line for people, times from `started_ns`; `vm` may be NULL. */
typedef void (*kct_line_writer)(FILE *out, const union kct_any_event *event,
				const struct kct_vm *vm, uint64_t started_ns);

/* Source and target of the migration, in this order. */
struct kct_timeline_end {
	const struct kct_vm *vm;
	const struct kct_side *side;
};

/*
 * So many events are drawn at most: of those long before and long after the migration the nearest,
 * of those about it the first. How many there are is told.
 */
#define KCT_DRAWN_BEFORE 2000
#define KCT_DRAWN_ABOUT	 12000
#define KCT_DRAWN_AFTER	 6000

struct kct_drawn {
	union kct_any_event event;
	bool target; /* it is the target's, not the source's */
	int64_t t;   /* ns since the origin */
};

struct kct_drawn_part {
	struct kct_drawn *list;
	size_t room;
	uint64_t seen;
};

struct kct_timeline {
	const struct kct_migration *migration;
	struct kct_timeline_end ends[2];
	/* Times are counted from P1, or from the first of P2 and P4 that is known; and whether that
	 * is an instant of the target. */
	struct kct_instant origin;
	const char *origin_is; /* its name in the JSON of the command */
	bool origin_on_target;
	int64_t from, to; /* about the migration, ns since the origin */
	struct kct_drawn_part before, about, after;
};

/* 0 or -ENOMEM; either way it is to be cleared. What it points to has to stay. */
int kct_timeline_init(struct kct_timeline *timeline, const struct kct_migration *migration,
		      const struct kct_timeline_end ends[2]);
/* Take an event of that end's recording in, whatever VM it is of. */
void kct_timeline_event(struct kct_timeline *timeline, bool target,
			const union kct_any_event *event);
/* One object. */
void kct_timeline_write(FILE *out, const struct kct_timeline *timeline, kct_line_writer line);
void kct_timeline_clear(struct kct_timeline *timeline);

#endif
