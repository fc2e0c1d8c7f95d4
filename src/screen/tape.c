// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "record/fields.h"
#include "screen/tape.h"

/* As long as its kind is; behind that of a KCT_EVENT_VM there is a name. */
struct kct_tape_event {
	uint64_t ns;
	union kct_any_event event;
};

static size_t size_of(uint32_t kind)
{
	/* A name begins where any struct may. */
	return (offsetof(struct kct_tape_event, event) + kct_event_size(kind) + 15) & ~15UL;
}

static bool has_room(struct kct_tape *tape)
{
	size_t room = tape->room ? 2 * tape->room : 1024;
	struct kct_tape_event **more;

	if (tape->count < tape->room)
		return true;
	if (tape->count >= KCT_TAPE_MAX)
		return false;
	more = reallocarray(tape->events, room, sizeof(struct kct_tape_event *));
	if (!more)
		return false;
	tape->events = more;
	tape->room = room;
	return true;
}

void kct_tape_add(struct kct_tape *tape, const union kct_any_event *event,
		  const struct kct_vm_name *name)
{
	uint32_t kind = event->event.kind;
	size_t named = kind == KCT_EVENT_VM ? sizeof(*name) : 0;
	/* Nothing behind one that has no room: it would not fit what is before it. */
	struct kct_tape_event *to =
		!tape->left_out && has_room(tape) ? malloc(size_of(kind) + named) : NULL;

	if (!to) {
		tape->left_out++;
		return;
	}
	to->ns = event->event.ns;
	if (tape->count && kct_tape_ns(tape, tape->count - 1) > to->ns)
		to->ns = kct_tape_ns(tape, tape->count - 1);
	memcpy(&to->event, event, kct_event_size(kind));
	if (named && name)
		memcpy((char *)to + size_of(kind), name, named);
	else if (named)
		memset((char *)to + size_of(kind), 0, named);
	tape->events[tape->count++] = to;
}

void kct_tape_clear(struct kct_tape *tape)
{
	for (size_t i = 0; i < tape->count; i++)
		free(tape->events[i]);
	free(tape->events);
	memset(tape, 0, sizeof(*tape));
}

void kct_tape_get(const struct kct_tape *tape, size_t at, union kct_any_event *event,
		  const struct kct_vm_name **name)
{
	const struct kct_tape_event *from = tape->events[at];
	uint32_t kind = from->event.event.kind;

	memset(event, 0, sizeof(*event));
	memcpy(event, &from->event, kct_event_size(kind));
	*name = kind == KCT_EVENT_VM ? (const void *)((const char *)from + size_of(kind)) : NULL;
}

uint64_t kct_tape_ns(const struct kct_tape *tape, size_t at)
{
	return tape->events[at]->ns;
}

size_t kct_tape_until(const struct kct_tape *tape, uint64_t ns)
{
	size_t low = 0, high = tape->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (tape->events[middle]->ns <= ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool kct_tape_is_jump(const struct kct_tape *tape, size_t at)
{
	const union kct_any_event *event = &tape->events[at]->event;

	return event->event.kind == KCT_EVENT_PVTI && event->pvti.has_drift && event->pvti.drift_ns;
}
