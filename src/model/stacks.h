/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kernel stacks, as the names of their functions, the innermost first. Each that differs is kept
 * once, for as long as the process lives: events tell its number. And how many of each there were.
 */
#ifndef KCT_MODEL_STACKS_H
#define KCT_MODEL_STACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kvmclock/event.h"

/* A stack of more functions is cut, as is a longer name; the byte of the NUL is among these. */
#define KCT_MAX_FRAMES 32
#define KCT_FRAME_SIZE 128
/* So many stacks that differ; there is no room for more. */
#define KCT_MAX_STACKS 4096

/* A stack that is put together: names one behind the other, each with its NUL. */
struct kct_frames {
	uint32_t count;
	uint32_t used; /* bytes of text[] */
	char text[KCT_MAX_FRAMES * KCT_FRAME_SIZE];
};

/* Add a name; its printable form is what is kept. False if there is no room for a further one. */
bool kct_frames_add(struct kct_frames *frames, const char *name);

/* The number of that stack, from 1; 0 if it has no function, or there is no room for it. */
uint32_t kct_stack_number(const struct kct_frames *frames);

/*
 * The functions of a stack, one after the other: the first one for NULL, else the one behind
 * `name`. NULL at the end, or if there is no stack of that number.
 */
const char *kct_stack_next(uint32_t stack, const char *name);

/* All of them, with " < " between; what does not fit into `size` bytes is an ellipsis. */
#define KCT_STACK_ROOM (KCT_MAX_FRAMES * (KCT_FRAME_SIZE + 3))
void kct_stack_text(char *text, size_t size, uint32_t stack);

/* What an event's stack and its note come to: of a stack that had no room the note is another. */
enum kct_stack_note kct_stack_settle(uint32_t stack, enum kct_stack_note note);

/* The stack of an update or of a request, and where its note is; NULL of other kinds. */
uint8_t *kct_event_stack(union kct_any_event *event, uint32_t **stack);

/* ---- how many of each ---- */

/* So many lines are kept of one VM, and of all. */
#define KCT_MAX_LINES_OF_VM 256
#define KCT_MAX_STACK_LINES 65536

struct kct_stack_line {
	uint32_t key;	/* of its tree: the next three as one number */
	uint32_t stack; /* 0: there is none, for the reason in `note` */
	uint8_t note;	/* enum kct_stack_note */
	bool update;	/* of updates; else of requests */
	uint64_t count;
};

struct kct_stack_counts {
	void *lines; /* tree of struct kct_stack_line */
	uint32_t nr_lines;
	uint64_t left_out; /* updates and requests whose stacks had no room for a line */
};

/*
 * Count the stack of an event, if stacks were asked for. *nr_lines are those of all counts that
 * share KCT_MAX_STACK_LINES.
 */
void kct_stack_count(struct kct_stack_counts *counts, const union kct_any_event *event,
		     uint32_t *nr_lines);
/* Add what `more` has. */
void kct_stack_counts_add(struct kct_stack_counts *sum, const struct kct_stack_counts *more,
			  uint32_t *nr_lines);
void kct_stack_counts_clear(struct kct_stack_counts *counts);
/*
 * The lines, those of requests first, and of either the most frequent first. The caller frees;
 * NULL if there are none, or no memory.
 */
struct kct_stack_line *kct_stack_lines(const struct kct_stack_counts *counts);

#endif
