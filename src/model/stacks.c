// SPDX-License-Identifier: GPL-2.0
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/tree.h"
#include "model/stacks.h"

/* ---- the stacks that there are ---- */

struct stack {
	uint32_t number;
	uint32_t used;
	char text[]; /* as struct kct_frames has it */
};

static struct stack *stacks[KCT_MAX_STACKS]; /* by number, from 1 */
static uint32_t nr_stacks;
static void *by_text;

bool kct_frames_add(struct kct_frames *frames, const char *name)
{
	if (frames->count == KCT_MAX_FRAMES)
		return false;
	frames->used += (uint32_t)kct_text(frames->text + frames->used, KCT_FRAME_SIZE, name,
					   strlen(name), KCT_TEXT_NAME | KCT_TEXT_AGAIN) +
			1;
	frames->count++;
	return true;
}

static int compare(const void *a, const void *b)
{
	const struct stack *x = a, *y = b;

	if (x->used != y->used)
		return x->used > y->used ? 1 : -1;
	return memcmp(x->text, y->text, x->used);
}

/* Keep a new one, which is ours then. */
static uint32_t keep(struct stack *stack)
{
	if (nr_stacks == KCT_MAX_STACKS || !tsearch(stack, &by_text, compare)) {
		free(stack);
		return 0;
	}
	stacks[nr_stacks++] = stack;
	stack->number = nr_stacks;
	return stack->number;
}

uint32_t kct_stack_number(const struct kct_frames *frames)
{
	struct stack *stack, *const *known;

	if (!frames->count)
		return 0;
	stack = malloc(sizeof(*stack) + frames->used);
	if (!stack)
		return 0;
	stack->used = frames->used;
	memcpy(stack->text, frames->text, frames->used);
	known = tfind(stack, &by_text, compare);
	if (!known)
		return keep(stack);
	free(stack);
	return (*known)->number;
}

const char *kct_stack_next(uint32_t number, const char *name)
{
	const struct stack *stack;

	if (!number || number > nr_stacks)
		return NULL;
	stack = stacks[number - 1];
	if (!name)
		return stack->text;
	name += strlen(name) + 1;
	return name < stack->text + stack->used ? name : NULL;
}

void kct_stack_text(char *text, size_t size, uint32_t stack)
{
	const size_t last = sizeof(" < …");
	size_t used = 0;

	*text = '\0';
	for (const char *name = kct_stack_next(stack, NULL); name;
	     name = kct_stack_next(stack, name)) {
		bool fits = used + strlen(name) + sizeof(" < ") + last <= size;

		used += (size_t)snprintf(text + used, size - used, "%s%s", used ? " < " : "",
					 fits ? name : "…");
		if (!fits)
			break;
	}
}

enum kct_stack_note kct_stack_settle(uint32_t stack, enum kct_stack_note note)
{
	if (!stack && (note == KCT_STACK_WHOLE || note == KCT_STACK_CUT))
		return KCT_STACK_NO_ROOM;
	return note;
}

uint8_t *kct_event_stack(union kct_any_event *event, uint32_t **stack)
{
	switch (event->event.kind) {
	case KCT_EVENT_UPDATE:
		*stack = &event->update.stack;
		return &event->update.stack_note;
	case KCT_EVENT_REQUEST:
		*stack = &event->request.stack;
		return &event->request.stack_note;
	}
	return NULL;
}

/* ---- how many of each ---- */

_Static_assert(KCT_NR_STACK_NOTES <= 8, "three bits of the key");

static struct kct_stack_line line_of(uint32_t stack, enum kct_stack_note note, bool update)
{
	return (struct kct_stack_line){
		.key = stack << 4 | (uint32_t)note << 1 | update,
		.stack = stack,
		.note = (uint8_t)note,
		.update = update,
	};
}

/* The line like that one, made if need be; NULL if there is no room for it. */
static struct kct_stack_line *find_line(struct kct_stack_counts *counts,
					const struct kct_stack_line *like, uint32_t *nr_lines)
{
	struct kct_stack_line *line = kct_tree_find(&counts->lines, like->key);
	bool added;

	if (line)
		return line;
	if (counts->nr_lines == KCT_MAX_LINES_OF_VM || *nr_lines == KCT_MAX_STACK_LINES)
		return NULL;
	line = kct_tree_find_or_add(&counts->lines, like, sizeof(*like), &added);
	if (!line)
		return NULL;
	line->count = 0;
	counts->nr_lines++;
	++*nr_lines;
	return line;
}

static void add(struct kct_stack_counts *counts, const struct kct_stack_line *like, uint64_t count,
		uint32_t *nr_lines)
{
	struct kct_stack_line *line = find_line(counts, like, nr_lines);

	if (line)
		line->count += count;
	else
		counts->left_out += count;
}

void kct_stack_count(struct kct_stack_counts *counts, const union kct_any_event *event,
		     uint32_t *nr_lines)
{
	bool update = event->event.kind == KCT_EVENT_UPDATE;
	uint32_t stack = update ? event->update.stack : event->request.stack;
	uint8_t note = update ? event->update.stack_note : event->request.stack_note;
	struct kct_stack_line line;

	if (note == KCT_STACK_NOT_ASKED)
		return;
	line = line_of(stack, kct_stack_settle(stack, note), update);
	add(counts, &line, 1, nr_lines);
}

struct adding {
	struct kct_stack_counts *sum;
	uint32_t *nr_lines;
};

static void add_line(void *item, void *context)
{
	const struct kct_stack_line *line = item;
	const struct adding *adding = context;

	add(adding->sum, line, line->count, adding->nr_lines);
}

void kct_stack_counts_add(struct kct_stack_counts *sum, const struct kct_stack_counts *more,
			  uint32_t *nr_lines)
{
	struct adding adding = {sum, nr_lines};

	kct_tree_each(&more->lines, add_line, &adding);
	sum->left_out += more->left_out;
}

void kct_stack_counts_clear(struct kct_stack_counts *counts)
{
	tdestroy(counts->lines, free);
	*counts = (struct kct_stack_counts){0};
}

struct listing {
	struct kct_stack_line *next;
};

static void list_line(void *item, void *context)
{
	struct listing *listing = context;

	*listing->next++ = *(const struct kct_stack_line *)item;
}

static int by_frequency(const void *a, const void *b)
{
	const struct kct_stack_line *x = a, *y = b;

	if (x->update != y->update)
		return x->update ? 1 : -1;
	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return x->key > y->key ? 1 : -1;
}

struct kct_stack_line *kct_stack_lines(const struct kct_stack_counts *counts)
{
	struct kct_stack_line *lines =
		counts->nr_lines ? calloc(counts->nr_lines, sizeof(*lines)) : NULL;
	struct listing listing = {lines};

	if (!lines)
		return NULL;
	kct_tree_each(&counts->lines, list_line, &listing);
	qsort(lines, counts->nr_lines, sizeof(*lines), by_frequency);
	return lines;
}
