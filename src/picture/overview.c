// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/tree.h"
#include "picture/overview.h"

#define NR_SLOTS (1U << 16) /* more than twice KCT_MAX_CELLS, and a power of two */

struct span {
	uint32_t number; /* first: the key in its tree */
	uint64_t first_ns, gone_ns;
};

int kct_overview_init(struct kct_overview *overview)
{
	memset(overview, 0, sizeof(*overview));
	overview->cells = calloc(NR_SLOTS, sizeof(*overview->cells));
	return overview->cells ? 0 : -ENOMEM;
}

/* ---- cells ---- */

static size_t slot_of(const struct kct_cell *key)
{
	uint64_t hash = ((uint64_t)key->vm << 32 | key->vcpu) * 0x9e3779b97f4a7c15ULL;

	hash = (hash ^ hash >> 29 ^ (uint64_t)key->stretch) * 0xbf58476d1ce4e5b9ULL;
	return (hash ^ hash >> 32) & (NR_SLOTS - 1);
}

/* The cell of that key, or the free one where it would be. */
static struct kct_cell *find(struct kct_cell *cells, const struct kct_cell *key)
{
	size_t slot = slot_of(key);

	while (cells[slot].used && (cells[slot].vm != key->vm || cells[slot].vcpu != key->vcpu ||
				    cells[slot].stretch != key->stretch))
		slot = (slot + 1) & (NR_SLOTS - 1);
	return &cells[slot];
}

static void add(struct kct_cell *cell, const struct kct_cell *more)
{
	cell->updates += more->updates;
	cell->unnecessary += more->unnecessary;
	cell->requests += more->requests;
	cell->pvtis += more->pvtis;
	cell->tsc_writes += more->tsc_writes;
	cell->set_clocks += more->set_clocks;
	if (more->max_forward > cell->max_forward)
		cell->max_forward = more->max_forward;
	if (more->max_backward < cell->max_backward)
		cell->max_backward = more->max_backward;
	if (more->active != KCT_NOT_KNOWN)
		cell->active = more->active;
}

static bool put(struct kct_overview *overview, const struct kct_cell *cell)
{
	struct kct_cell *found = find(overview->cells, cell);

	if (found->used) {
		add(found, cell);
		return true;
	}
	if (overview->nr_cells == KCT_MAX_CELLS)
		return false;
	*found = *cell;
	found->used = true;
	overview->nr_cells++;
	return true;
}

static int compare_cells(const void *a, const void *b)
{
	const struct kct_cell *x = a, *y = b;

	if (x->vm != y->vm)
		return x->vm < y->vm ? -1 : 1;
	if (x->vcpu != y->vcpu)
		return x->vcpu < y->vcpu ? -1 : 1;
	return (x->stretch > y->stretch) - (x->stretch < y->stretch);
}

/* All of them, in the order of VMs, vCPUs and time; the caller frees them. NULL without memory. */
static struct kct_cell *sorted(const struct kct_overview *overview)
{
	struct kct_cell *list = malloc((overview->nr_cells + 1) * sizeof(*list));
	size_t count = 0;

	if (!list)
		return NULL;
	for (size_t i = 0; i < NR_SLOTS; i++)
		if (overview->cells[i].used)
			list[count++] = overview->cells[i];
	qsort(list, count, sizeof(*list), compare_cells);
	return list;
}

/* Longer stretches; when a stretch is all there is, no vCPUs. False if that is of no use any more.
 */
static bool put_together(struct kct_overview *overview)
{
	size_t count = overview->nr_cells;
	uint64_t length = overview->last_ns - overview->started_ns;
	bool by_time = overview->doublings < 62 && length >> overview->doublings;
	struct kct_cell *list;

	if (!by_time && overview->vcpus_together)
		return false;
	list = sorted(overview);
	if (!list)
		return false;
	if (by_time)
		overview->doublings++;
	else
		overview->vcpus_together = true;
	memset(overview->cells, 0, NR_SLOTS * sizeof(*overview->cells));
	overview->nr_cells = 0;
	for (size_t i = 0; i < count; i++) {
		if (by_time)
			list[i].stretch >>= 1;
		else
			list[i].vcpu = KCT_NO_VCPU;
		put(overview, &list[i]);
	}
	free(list);
	return true;
}

/* ---- events ---- */

static void count_update(struct kct_cell *cell, const struct kct_update_event *e)
{
	cell->updates = 1;
	cell->unnecessary = kct_is_unnecessary(e);
	cell->active = e->after.active;
}

static void count_pvti(struct kct_cell *cell, const struct kct_pvti_event *e)
{
	cell->pvtis = 1;
	if (!e->has_drift || e->clock_set)
		return;
	cell->max_forward = e->drift_ns > 0 ? e->drift_ns : 0;
	cell->max_backward = e->drift_ns < 0 ? e->drift_ns : 0;
}

/* False: it is nothing that is drawn. */
static bool count(struct kct_cell *cell, const union kct_any_event *event)
{
	switch (event->event.kind) {
	case KCT_EVENT_VM:
		cell->active = event->vm.masterclock.active;
		return true;
	case KCT_EVENT_UPDATE:
		count_update(cell, &event->update);
		return true;
	case KCT_EVENT_REQUEST:
		cell->requests = event->request.op == KCT_REQUEST_MADE;
		return true;
	case KCT_EVENT_PVTI:
		count_pvti(cell, &event->pvti);
		return true;
	case KCT_EVENT_TSC_WRITE:
		cell->tsc_writes = 1;
		return true;
	case KCT_EVENT_SET_CLOCK:
		cell->set_clocks = 1;
		return true;
	}
	return false;
}

static void note_span(struct kct_overview *overview, const struct kct_event *event)
{
	const struct span new = {.number = event->vm, .first_ns = event->ns};
	bool added;
	struct span *span = kct_tree_find_or_add(&overview->spans, &new, sizeof(new), &added);

	if (!span)
		overview->no_span++;
	else if (event->kind == KCT_EVENT_VM_GONE)
		span->gone_ns = event->ns;
}

void kct_overview_event(struct kct_overview *overview, const struct kct_header *header,
			const union kct_any_event *event)
{
	struct kct_cell cell = {
		.vm = event->event.vm, .vcpu = event->event.vcpu, .active = KCT_NOT_KNOWN};

	overview->started_ns = header->started.boot_ns;
	if (event->event.ns > overview->last_ns)
		overview->last_ns = event->event.ns;
	if (event->event.vm == KCT_NO_VM)
		return;
	note_span(overview, &event->event);
	if (!count(&cell, event))
		return;
	do {
		if (overview->vcpus_together)
			cell.vcpu = KCT_NO_VCPU;
		cell.stretch =
			(int64_t)(event->event.ns - overview->started_ns) >> overview->doublings;
		if (put(overview, &cell))
			return;
	} while (put_together(overview));
	overview->not_drawn++;
}

/* ---- the object ---- */

struct list {
	FILE *out;
	uint64_t started_ns;
	bool begun;
};

static void next(struct list *list)
{
	fputs(list->begun ? ",\n" : "\n", list->out);
	list->begun = true;
}

static void write_span(void *item, void *context)
{
	const struct span *span = item;
	struct list *list = context;

	next(list);
	fprintf(list->out, "[%u,%lld,", span->number,
		(long long)(span->first_ns - list->started_ns));
	if (span->gone_ns)
		fprintf(list->out, "%lld]", (long long)(span->gone_ns - list->started_ns));
	else
		fputs("null]", list->out);
}

static void write_cell(struct list *list, const struct kct_cell *cell, unsigned int doublings)
{
	json_t *array = json_pack(
		"[I, o, I, I, I, I, I, I, I, I, I, o]", (json_int_t)cell->vm,
		cell->vcpu == KCT_NO_VCPU ? json_null() : json_integer(cell->vcpu),
		(json_int_t)((uint64_t)cell->stretch << doublings), (json_int_t)cell->updates,
		(json_int_t)cell->unnecessary, (json_int_t)cell->requests, (json_int_t)cell->pvtis,
		(json_int_t)cell->tsc_writes, (json_int_t)cell->set_clocks,
		(json_int_t)cell->max_forward, (json_int_t)cell->max_backward,
		cell->active == KCT_NOT_KNOWN ? json_null()
					      : json_boolean(cell->active == KCT_YES));

	next(list);
	if (array)
		json_dumpf(array, list->out, JSON_COMPACT);
	json_decref(array);
}

void kct_overview_write(FILE *out, const struct kct_overview *overview, uint64_t ended_ns)
{
	struct list list = {.out = out, .started_ns = overview->started_ns};
	uint64_t end = ended_ns > overview->last_ns ? ended_ns : overview->last_ns;
	struct kct_cell *cells = sorted(overview);

	fprintf(out,
		"{\"length_ns\":%lld,\"stretch_ns\":%llu,\"vcpus_together\":%s,\"not_drawn\":%llu,"
		"\"columns\":[\"vm\",\"vcpu\",\"t_ns\",\"updates\",\"unnecessary\",\"requests\","
		"\"pvtis\",\"tsc_writes\",\"set_clocks\",\"max_forward\",\"max_backward\","
		"\"active\"],\"vms\":[",
		(long long)(end - overview->started_ns), 1ULL << overview->doublings,
		overview->vcpus_together ? "true" : "false",
		(unsigned long long)overview->not_drawn);
	kct_tree_each(&overview->spans, write_span, &list);
	fputs("],\"cells\":[", out);
	list.begun = false;
	for (size_t i = 0; cells && i < overview->nr_cells; i++)
		write_cell(&list, &cells[i], overview->doublings);
	fputs("]}\n", out);
	free(cells);
}

void kct_overview_clear(struct kct_overview *overview)
{
	free(overview->cells);
	tdestroy(overview->spans, free);
}
