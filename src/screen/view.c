// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "screen/view.h"

void kct_view_init(struct kct_view *view)
{
	*view = (struct kct_view){.sort = KCT_COLUMN_RATE};
}

void kct_view_clear(struct kct_view *view)
{
	free(view->unfolded);
	free(view->order);
	free(view->lines);
	kct_view_init(view);
}

/* ---- which VMs ---- */

bool kct_view_wants(const struct kct_view *view, const struct kct_shot_vm *vm)
{
	char pid[16];

	if (vm->gone && view->hides_gone)
		return false;
	snprintf(pid, sizeof(pid), "%" PRIu32, vm->pid);
	return !*view->filter || strcasestr(vm->name, view->filter) ||
	       strcasestr(vm->uuid, view->filter) || !strcmp(pid, view->filter);
}

static int compare_numbers(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

bool kct_view_is_unfolded(const struct kct_view *view, uint32_t vm)
{
	return view->nr_unfolded && bsearch(&vm, view->unfolded, view->nr_unfolded,
					    sizeof(*view->unfolded), compare_numbers);
}

/* ---- in which order ---- */

/* The index of a VM in a shot, whose VMs are in the order of numbers; -1. */
static long index_of(const struct kct_shot *shot, uint32_t number)
{
	size_t low = 0, high = shot->nr_vms;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (shot->vms[middle].row.vm < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < shot->nr_vms && shot->vms[low].row.vm == number ? (long)low : -1;
}

struct sorting {
	const struct kct_shot *shot;
	enum kct_column column;
	bool reverse;
};

/* Equal ones stand in the order of numbers, either way: they do not change places by chance. */
static int compare_indices(const void *a, const void *b, void *context)
{
	const uint32_t *x = a, *y = b;
	const struct sorting *sorting = context;
	const struct kct_shot_vm *vms = sorting->shot->vms;
	int order = kct_column_compare(sorting->column, &vms[*x], &vms[*y]);

	if (order)
		return sorting->reverse ? -order : order;
	return compare_numbers(x, y);
}

/* Indices in the shot, sorted. */
static void sort_all(const struct kct_view *view, const struct kct_shot *shot, uint32_t *indices)
{
	struct sorting sorting = {shot, view->sort, view->reverse};

	for (size_t i = 0; i < shot->nr_vms; i++)
		indices[i] = (uint32_t)i;
	qsort_r(indices, shot->nr_vms, sizeof(*indices), compare_indices, &sorting);
}

/* Indices in the shot, those that had a place where they were. */
static void keep_places(const struct kct_view *view, const struct kct_shot *shot, uint32_t *indices,
			bool *placed)
{
	size_t count = 0;

	for (size_t i = 0; i < view->nr_order; i++) {
		long index = index_of(shot, view->order[i]);

		if (index < 0)
			continue;
		placed[index] = true;
		indices[count++] = (uint32_t)index;
	}
	for (size_t i = 0; i < shot->nr_vms; i++)
		if (!placed[i])
			indices[count++] = (uint32_t)i;
}

static int order(struct kct_view *view, const struct kct_shot *shot, bool keeps)
{
	uint32_t *indices = calloc(shot->nr_vms + 1, sizeof(*indices));
	bool *placed = calloc(shot->nr_vms + 1, sizeof(*placed));
	int error = indices && placed ? 0 : -ENOMEM;

	if (!error && keeps)
		keep_places(view, shot, indices, placed);
	else if (!error)
		sort_all(view, shot, indices);
	free(placed);
	if (error) {
		free(indices);
		return error;
	}
	for (size_t i = 0; i < shot->nr_vms; i++)
		indices[i] = shot->vms[indices[i]].row.vm;
	free(view->order);
	view->order = indices;
	view->nr_order = shot->nr_vms;
	return 0;
}

/* ---- lines ---- */

static void note_cursor(struct kct_view *view, const struct kct_shot *shot)
{
	const struct kct_view_line *line;
	const struct kct_shot_vm *vm;

	view->at_vm = KCT_NO_VM;
	if (view->cursor >= view->nr_lines)
		return;
	line = &view->lines[view->cursor];
	vm = &shot->vms[line->vm];
	view->at_vm = vm->row.vm;
	view->at_vcpu = line->vcpu < 0 ? KCT_NO_VCPU : vm->vcpus[line->vcpu].vcpu;
}

/*
 * Back to what it was on, or to its VM; else it stays at its line. On the first line it shows what
 * comes there, unless that is to stay as it is.
 */
static void find_cursor(struct kct_view *view, const struct kct_shot *shot)
{
	size_t found = view->cursor || view->frozen ? view->nr_lines : 0;

	for (size_t i = 0; i < view->nr_lines && found && view->at_vm != KCT_NO_VM; i++) {
		const struct kct_view_line *line = &view->lines[i];
		const struct kct_shot_vm *vm = &shot->vms[line->vm];

		if (vm->row.vm != view->at_vm)
			continue;
		if (line->vcpu < 0)
			found = i;
		else if (vm->vcpus[line->vcpu].vcpu == view->at_vcpu)
			found = i;
	}
	if (found < view->nr_lines)
		view->cursor = found;
	else if (view->cursor >= view->nr_lines)
		view->cursor = view->nr_lines ? view->nr_lines - 1 : 0;
	note_cursor(view, shot);
}

static int make_lines(struct kct_view *view, const struct kct_shot *shot)
{
	size_t most = shot->nr_vms + 1, count = 0;
	struct kct_view_line *lines;

	for (size_t i = 0; i < shot->nr_vms; i++)
		most += shot->vms[i].nr_vcpus;
	lines = calloc(most, sizeof(*lines));
	if (!lines)
		return -ENOMEM;
	for (size_t i = 0; i < view->nr_order; i++) {
		long index = index_of(shot, view->order[i]);
		const struct kct_shot_vm *vm = index < 0 ? NULL : &shot->vms[index];

		if (!vm || !kct_view_wants(view, vm))
			continue;
		lines[count++] = (struct kct_view_line){(uint32_t)index, -1};
		for (size_t v = 0; kct_view_is_unfolded(view, vm->row.vm) && v < vm->nr_vcpus; v++)
			lines[count++] = (struct kct_view_line){(uint32_t)index, (int32_t)v};
	}
	free(view->lines);
	view->lines = lines;
	view->nr_lines = count;
	find_cursor(view, shot);
	return 0;
}

int kct_view_update(struct kct_view *view, const struct kct_shot *shot)
{
	int error = order(view, shot, view->frozen);

	return error ? error : make_lines(view, shot);
}

int kct_view_sort(struct kct_view *view, const struct kct_shot *shot, enum kct_column column,
		  bool reverse)
{
	int error;

	view->sort = column;
	view->reverse = reverse;
	/* On the first line it shows what comes there. */
	if (!view->cursor)
		view->at_vm = KCT_NO_VM;
	error = order(view, shot, false);
	return error ? error : make_lines(view, shot);
}

int kct_view_filter(struct kct_view *view, const struct kct_shot *shot)
{
	return make_lines(view, shot);
}

/* ---- vCPUs ---- */

static int unfold(struct kct_view *view, uint32_t vm)
{
	uint32_t *more =
		reallocarray(view->unfolded, view->nr_unfolded + 1, sizeof(*view->unfolded));

	if (!more)
		return -ENOMEM;
	view->unfolded = more;
	view->unfolded[view->nr_unfolded++] = vm;
	qsort(view->unfolded, view->nr_unfolded, sizeof(*view->unfolded), compare_numbers);
	return 0;
}

static void fold(struct kct_view *view, uint32_t vm)
{
	size_t kept = 0;

	for (size_t i = 0; i < view->nr_unfolded; i++)
		if (view->unfolded[i] != vm)
			view->unfolded[kept++] = view->unfolded[i];
	view->nr_unfolded = kept;
	/* The cursor was on one of its vCPUs. */
	if (view->at_vm == vm)
		view->at_vcpu = KCT_NO_VCPU;
}

int kct_view_fold(struct kct_view *view, const struct kct_shot *shot, bool unfolds)
{
	int error = 0;

	if (view->at_vm == KCT_NO_VM || kct_view_is_unfolded(view, view->at_vm) == unfolds)
		return 0;
	if (unfolds)
		error = unfold(view, view->at_vm);
	else
		fold(view, view->at_vm);
	return error ? error : make_lines(view, shot);
}

int kct_view_fold_all(struct kct_view *view, const struct kct_shot *shot)
{
	bool folds = view->nr_unfolded;

	free(view->unfolded);
	view->unfolded = NULL;
	view->nr_unfolded = 0;
	if (folds) {
		view->at_vcpu = KCT_NO_VCPU;
		return make_lines(view, shot);
	}
	view->unfolded = calloc(shot->nr_vms + 1, sizeof(*view->unfolded));
	if (!view->unfolded)
		return -ENOMEM;
	for (size_t i = 0; i < shot->nr_vms; i++)
		view->unfolded[view->nr_unfolded++] = shot->vms[i].row.vm;
	return make_lines(view, shot);
}

/* ---- the cursor ---- */

void kct_view_move(struct kct_view *view, const struct kct_shot *shot, long lines)
{
	long at = (long)view->cursor + lines, last = (long)view->nr_lines - 1;

	if (at > last)
		at = last;
	view->cursor = at < 0 ? 0 : (size_t)at;
	note_cursor(view, shot);
}

void kct_view_scroll(struct kct_view *view, size_t height)
{
	if (!height)
		return;
	if (view->cursor < view->top)
		view->top = view->cursor;
	if (view->cursor >= view->top + height)
		view->top = view->cursor + 1 - height;
	/* No room is left empty below, while there are lines above. */
	if (view->top + height > view->nr_lines)
		view->top = view->nr_lines > height ? view->nr_lines - height : 0;
}

const struct kct_shot_vm *kct_view_at(const struct kct_view *view, const struct kct_shot *shot,
				      const struct kct_row **vcpu)
{
	const struct kct_view_line *line;

	*vcpu = NULL;
	if (view->cursor >= view->nr_lines)
		return NULL;
	line = &view->lines[view->cursor];
	if (line->vcpu >= 0)
		*vcpu = &shot->vms[line->vm].vcpus[line->vcpu];
	return &shot->vms[line->vm];
}
