// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/ends.h"
#include "monitor/losses.h"
#include "monitor/recent.h"
#include "record/writer.h"

int kct_recent_init(struct kct_recent *recent, size_t capacity)
{
	*recent = (struct kct_recent){
		.events = calloc(capacity, sizeof(*recent->events)),
		.marks = calloc(KCT_RECENT_MARKS, sizeof(*recent->marks)),
		.capacity = capacity,
	};
	return recent->events && recent->marks ? 0 : -ENOMEM;
}

void kct_recent_clear(struct kct_recent *recent)
{
	for (size_t i = 0; recent->events && i < recent->capacity; i++)
		free(recent->events[i].name);
	free(recent->events);
	free(recent->marks);
	kct_state_clear(&recent->before);
	memset(recent, 0, sizeof(*recent));
}

/* ---- events ---- */

static struct kct_recent_event *event_at(const struct kct_recent *recent, size_t at)
{
	return &recent->events[(recent->first + at) % recent->capacity];
}

/* The oldest one is history: what it has changed is the state before the others. */
static int drop_oldest(struct kct_recent *recent)
{
	struct kct_recent_event *oldest = event_at(recent, 0);
	int error = kct_state_event(&recent->before, &oldest->event, oldest->name);

	free(oldest->name);
	oldest->name = NULL;
	recent->first = (recent->first + 1) % recent->capacity;
	recent->count--;
	recent->has_dropped = true;
	return error;
}

int kct_recent_event(struct kct_recent *recent, const union kct_any_event *event,
		     const struct kct_vm_name *name)
{
	int error = recent->count == recent->capacity ? drop_oldest(recent) : 0;
	struct kct_recent_event *to = event_at(recent, recent->count);

	if (error)
		return error;
	to->event = *event;
	if (event->event.kind == KCT_EVENT_VM && name) {
		to->name = malloc(sizeof(*name));
		if (!to->name)
			return -ENOMEM;
		*to->name = *name;
	}
	recent->count++;
	return 0;
}

void kct_recent_each(const struct kct_recent *recent, kct_state_visit visit, void *context)
{
	for (size_t i = 0; i < recent->count; i++) {
		const struct kct_recent_event *held = event_at(recent, i);

		visit(context, &held->event, held->name);
	}
}

/* ---- losses ---- */

static struct kct_recent_mark *mark_at(const struct kct_recent *recent, size_t at)
{
	return &recent->marks[(recent->first_mark + at) % KCT_RECENT_MARKS];
}

void kct_recent_mark(struct kct_recent *recent, uint64_t now_ns, const struct kct_lost *lost)
{
	struct kct_recent_mark *mark;

	if (recent->nr_marks == KCT_RECENT_MARKS) {
		recent->first_mark = (recent->first_mark + 1) % KCT_RECENT_MARKS;
		recent->nr_marks--;
	}
	mark = mark_at(recent, recent->nr_marks++);
	mark->ns = now_ns;
	mark->lost = *lost;
}

/* From the last mark before the span, or from the run's beginning, up to the last there is. */
static void tell_losses(const struct kct_recent *recent, uint64_t from_ns,
			struct kct_trailer *trailer)
{
	static const struct kct_recent_mark none;
	const struct kct_recent_mark *before = &none, *now = &none;

	for (size_t i = 0; i < recent->nr_marks; i++) {
		now = mark_at(recent, i);
		if (now->ns <= from_ns)
			before = now;
	}
	kct_lost_since(&trailer->lost, &before->lost, &now->lost);
}

/* ---- a recording ---- */

struct writing {
	FILE *out;
	struct kct_recent_span *span;
	struct kct_state state; /* as it is before the span, and then no more */
	struct kct_trailer trailer;
	bool begun;
	int error;
};

static void take_state(void *context, const union kct_any_event *event,
		       const struct kct_vm_name *name)
{
	struct writing *w = context;
	int error = kct_state_event(&w->state, event, name);

	w->error = w->error ? w->error : error;
}

static void put(void *context, const union kct_any_event *event, const struct kct_vm_name *name)
{
	struct writing *w = context;

	kct_write_event(w->out, event, name);
	w->trailer.events++;
}

static void begin(struct writing *w)
{
	struct kct_header header = *w->span->header;

	w->begun = true;
	kct_anchor_at(&header.started, w->span->began_ns);
	kct_write_header(w->out, &header);
	kct_state_tell(&w->state, put, w);
}

/* It goes by the order in which events were delivered, as what is pinned does. */
static void take(void *context, const union kct_any_event *event, const struct kct_vm_name *name)
{
	struct writing *w = context;

	if (!w->begun && event->event.ns >= w->span->began_ns)
		begin(w);
	if (!w->begun) {
		take_state(w, event, name);
		return;
	}
	put(w, event, name);
	w->span->events++;
}

int kct_recent_write(const struct kct_recent *recent, FILE *out, struct kct_recent_span *span)
{
	struct writing w = {.out = out, .span = span};
	uint64_t oldest = span->header->started.boot_ns;

	if (recent->has_dropped)
		oldest = event_at(recent, 0)->event.event.ns;
	span->began_ns = span->from_ns > oldest ? span->from_ns : oldest;
	span->events = 0;
	kct_state_tell(&recent->before, take_state, &w);
	kct_recent_each(recent, take, &w);
	if (!w.begun)
		begin(&w);
	tell_losses(recent, span->began_ns, &w.trailer);
	w.trailer.status = -1;
	snprintf(w.trailer.reason, sizeof(w.trailer.reason), "signal");
	kct_anchor_at(&w.trailer.ended, span->now_ns);
	kct_write_trailer(out, &w.trailer);
	kct_state_clear(&w.state);
	return w.error;
}
