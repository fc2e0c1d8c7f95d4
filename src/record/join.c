// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/tree.h"
#include "record/join.h"

/* A number of a run, and of the recording. */
struct number {
	uint32_t in_run; /* first: the key in its tree */
	uint32_t in_recording;
};

void kct_join_clear(struct kct_join *join)
{
	tdestroy(join->numbers, free);
	join->numbers = NULL;
}

/* The first reason is kept. */
static void __attribute__((format(printf, 2, 3)))
lacks(struct kct_join *join, const char *format, ...)
{
	struct kct_recording *recording = join->recording;
	va_list args;

	recording->whole = false;
	if (*recording->incomplete)
		return;
	va_start(args, format);
	vsnprintf(recording->incomplete, sizeof(recording->incomplete), format, args);
	va_end(args);
}

static void take_lost(struct kct_join *join, const struct kct_lost *lost)
{
	kct_lost_add(&join->recording->model.lost, lost);
	if (lost->other)
		lacks(join,
		      "%" PRIu64 " events were lost for a reason that this release does not "
		      "know",
		      lost->other);
}

/* ---- headers ---- */

/* Evidence that one of the runs did not have is not had in the recording. */
static void weaken_hooks(struct kct_header *have, const struct kct_header *more)
{
	for (uint32_t i = 0; i < have->nr_hooks; i++)
		for (uint32_t k = 0; k < more->nr_hooks; k++)
			if (!strcmp(have->hooks[i].evidence, more->hooks[k].evidence) &&
			    (!strcmp(more->hooks[k].way, "none") ||
			     !strcmp(more->hooks[k].way, "derived")))
				have->hooks[i] = more->hooks[k];
}

static void tell_gap(struct kct_join *join, const struct kct_gap *gap)
{
	if (gap->to_ns)
		lacks(join, "%" PRIu64 " events were not written: %s", gap->events, gap->why);
}

/* The VMs that another run counts are counted on from those that there are. */
static void begin_run(struct kct_join *join)
{
	kct_join_clear(join);
	join->renumbers = true;
}

/* Another part of what the last one was a part of. False if that is none, or not told by parts. */
static bool begin_part(struct kct_join *join, const struct kct_header *header)
{
	struct kct_part *part = &join->recording->header.part;
	const struct kct_part *next = &header->part;

	if (!next->from_ns || join->last.run_ns != header->segment.run_ns)
		return false;
	if (next->from_ns != part->to_ns)
		lacks(join, "a part is missing, or there twice");
	part->to_ns = next->to_ns;
	join->same_whole = join->started_ns == header->started.boot_ns;
	return true;
}

static void begin_next(struct kct_join *join, const struct kct_header *header)
{
	const struct kct_segment *last = &join->last, *next = &header->segment;

	if (begin_part(join, header))
		return;
	if (last->run_ns != next->run_ns) {
		lacks(join, "the recorder was started anew: nothing is known of the time between");
		weaken_hooks(&join->recording->header, header);
		begin_run(join);
	} else if (last->sequence + 1 != next->sequence) {
		lacks(join, "segments are missing between %" PRIu64 " and %" PRIu64, last->sequence,
		      next->sequence);
	}
}

bool kct_join_header(struct kct_join *join, const struct kct_header *header, char *why, size_t size)
{
	struct kct_recording *recording = join->recording;

	if (!join->begun) {
		recording->header = *header;
		recording->whole = true;
		join->begun = true;
		join->next = 1;
	} else if (strcmp(recording->header.boot_id, header->boot_id) ||
		   strcmp(recording->header.host, header->host)) {
		snprintf(why, size,
			 "segments of two boots or hosts (%s %.8s, %s %.8s): give those of one",
			 recording->header.host, recording->header.boot_id, header->host,
			 header->boot_id);
		return false;
	} else {
		join->same_whole = false;
		begin_next(join, header);
	}
	/* The trailer of the segment before, if it was read, has told of these. */
	if (!join->same_whole &&
	    (!join->is_whole || !kct_segment_is_next(&join->last, &header->segment)))
		take_lost(join, &header->segment.carried);
	join->is_whole = false;
	join->last = header->segment;
	join->started_ns = header->started.boot_ns;
	recording->anchor = header->started;
	tell_gap(join, &header->segment.gap);
	return true;
}

/* ---- trailers ---- */

void kct_join_trailer(struct kct_join *join, const struct kct_trailer *trailer, uint64_t events)
{
	struct kct_recording *recording = join->recording;

	recording->trailer = *trailer;
	if (!join->same_whole)
		take_lost(join, &trailer->lost);
	join->is_whole = true;
	if (trailer->events != events)
		lacks(join, "%" PRIu64 " events were recorded, %" PRIu64 " are in the file",
		      trailer->events, events);
}

void kct_join_cut(struct kct_join *join, const char *why)
{
	memset(&join->recording->trailer, 0, sizeof(join->recording->trailer));
	join->is_whole = false;
	lacks(join, "%s", why);
}

/* ---- VMs ---- */

struct search {
	const struct kct_vm_event *event;
	uint32_t found; /* KCT_NO_VM: none */
};

/* A token that is counted in each run anew tells nothing over two. */
static void visit_vm(const struct kct_vm *vm, void *context)
{
	struct search *search = context;

	if (vm->introduced && !vm->gone && !(vm->info.token & KCT_GENERATION) &&
	    vm->info.token == search->event->token && vm->info.creator == search->event->creator)
		search->found = vm->number;
}

bool kct_join_event(struct kct_join *join, union kct_any_event *event)
{
	struct number key = {.in_run = event->event.vm}, *number;
	struct search search = {.event = &event->vm};
	bool added;

	if (event->event.vm == KCT_NO_VM)
		return true;
	if (!join->renumbers) {
		if (event->event.vm >= join->next && event->event.vm != UINT32_MAX)
			join->next = event->event.vm + 1;
		return true;
	}
	number = kct_tree_find(&join->numbers, key.in_run);
	if (!number) {
		if (event->event.kind == KCT_EVENT_VM)
			kct_model_each_vm(&join->recording->model, visit_vm, &search);
		key.in_recording = search.found ? search.found : join->next++;
		number = kct_tree_find_or_add(&join->numbers, &key, sizeof(key), &added);
	}
	if (number)
		event->event.vm = number->in_recording;
	return number != NULL;
}

bool kct_join_is_repeated(const struct kct_join *join, const union kct_any_event *event)
{
	const struct kct_segment *segment = &join->recording->header.segment;

	return segment->sequence && kct_model_is_repeated(&join->recording->model, event);
}
