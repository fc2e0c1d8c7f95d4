/* SPDX-License-Identifier: GPL-2.0 */
/* The columns of the table: what each shows, how wide it is, and by what it sorts. */
#ifndef KCT_SCREEN_COLUMN_H
#define KCT_SCREEN_COLUMN_H

#include "screen/shot.h"

/* In the order in which they are shown. */
enum kct_column {
	KCT_COLUMN_VM,
	KCT_COLUMN_PID,
	KCT_COLUMN_VCPUS,
	KCT_COLUMN_CLOCK,
	KCT_COLUMN_OFF,
	KCT_COLUMN_AGE,
	KCT_COLUMN_RATE,
	KCT_COLUMN_UPDATES,
	KCT_COLUMN_CREATE,
	KCT_COLUMN_SET,
	KCT_COLUMN_REQUEST,
	KCT_COLUMN_HYPERV,
	KCT_COLUMN_UNNEC,
	KCT_COLUMN_REQUESTS,
	KCT_COLUMN_PENDING,
	KCT_COLUMN_DRIFT,
	KCT_COLUMN_LARGEST,
	KCT_COLUMN_LAST,
	KCT_COLUMN_WHEN,
	KCT_COLUMN_WHY,
	KCT_COLUMN_SPARK,
	KCT_NR_COLUMNS
};

const char *kct_column_head(enum kct_column column);

/* How many columns of the screen each takes, without the one between two; 0: it is not shown. */
struct kct_layout {
	uint16_t width[KCT_NR_COLUMNS];
};

/* As much as there is room for: the more important first, and the rest to names. */
void kct_layout_fit(struct kct_layout *layout, size_t columns);
/* Numbers stand at the right. */
bool kct_column_is_number(enum kct_column column);

/* What a cell shows; not cut, printable. `vcpu` is NULL in the row of a VM. */
#define KCT_CELL_ROOM 512
const char *kct_cell(char text[KCT_CELL_ROOM], enum kct_column column, const struct kct_shot *shot,
		     const struct kct_shot_vm *vm, const struct kct_row *vcpu, size_t width,
		     bool ascii);

/* As qsort() has it: which VM is to be shown first, if the largest number is. */
int kct_column_compare(enum kct_column column, const struct kct_shot_vm *a,
		       const struct kct_shot_vm *b);

/* Why a clock jumped. */
const char *kct_jump_why(const struct kct_jump *jump);
/* Nanoseconds in at most eight columns: "+3ns", "-13.9ms". */
const char *kct_ns_text(char *text, size_t size, int64_t ns, bool sign);

#endif
