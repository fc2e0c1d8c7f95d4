/* SPDX-License-Identifier: GPL-2.0 */
/* What the user looks at: which rows, in which order, where the cursor is. No I/O. */
#ifndef KCT_SCREEN_VIEW_H
#define KCT_SCREEN_VIEW_H

#include "screen/column.h"

#define KCT_FILTER_ROOM 64

/* A line of the table: a VM of a shot, and one of its vCPUs or -1. */
struct kct_view_line {
	uint32_t vm;  /* index in the shot */
	int32_t vcpu; /* index in the VM */
};

struct kct_view {
	enum kct_column sort;
	bool reverse;
	char filter[KCT_FILTER_ROOM]; /* part of a name, a UUID or a PID; "": all */
	bool frozen;		      /* VMs keep their places */
	bool hides_gone;
	/* ---- inside ---- */
	uint32_t *unfolded; /* numbers of VMs */
	size_t nr_unfolded;
	uint32_t *order; /* of the VMs shown, by number, as they stand */
	size_t nr_order;
	struct kct_view_line *lines;
	size_t nr_lines;
	size_t cursor, top;	 /* lines; `top` is the first one on the screen */
	uint32_t at_vm, at_vcpu; /* what the cursor is on; KCT_NO_VM */
};

void kct_view_init(struct kct_view *view);
void kct_view_clear(struct kct_view *view);

/*
 * Have the lines agree with a shot. The cursor stays on what it is on, and VMs where they are if it
 * is frozen; those that are new come behind then. 0 or -ENOMEM.
 */
int kct_view_update(struct kct_view *view, const struct kct_shot *shot);
/* Sort anew, also what is frozen: the user has asked for it. */
int kct_view_sort(struct kct_view *view, const struct kct_shot *shot, enum kct_column column,
		  bool reverse);
/* The filter, or what is hidden, has changed; VMs keep their places. */
int kct_view_filter(struct kct_view *view, const struct kct_shot *shot);
/* Show or hide the vCPUs of the VM that the cursor is on, or of all VMs. */
int kct_view_fold(struct kct_view *view, const struct kct_shot *shot, bool unfold);
int kct_view_fold_all(struct kct_view *view, const struct kct_shot *shot);
bool kct_view_is_unfolded(const struct kct_view *view, uint32_t vm);

/* Move the cursor by so many lines, as far as there are any. */
void kct_view_move(struct kct_view *view, const struct kct_shot *shot, long lines);
/* Have the cursor among `height` lines that are on the screen. */
void kct_view_scroll(struct kct_view *view, size_t height);
/* The VM that the cursor is on, and its vCPU or NULL; NULL where there is no line. */
const struct kct_shot_vm *kct_view_at(const struct kct_view *view, const struct kct_shot *shot,
				      const struct kct_row **vcpu);

/* Does the filter want it? */
bool kct_view_wants(const struct kct_view *view, const struct kct_shot_vm *vm);

#endif
