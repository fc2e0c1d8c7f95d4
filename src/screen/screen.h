/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The live view: what is on the screen, and what keys do to it. It draws pages (page.h) and is told
 * keys; it has no terminal, and does not know whether its shots are live or of a replay.
 */
#ifndef KCT_SCREEN_SCREEN_H
#define KCT_SCREEN_SCREEN_H

#include <wchar.h>

#include "screen/page.h"
#include "screen/view.h"

enum kct_mode {
	KCT_MODE_TABLE,
	KCT_MODE_EVENTS, /* the text of a VM's last events */
	KCT_MODE_HELP,
	KCT_MODE_FILTER, /* the table, while a filter is typed */
	KCT_MODE_FILE,	 /* the same, of a file's name */
};

#define KCT_ENTRY_ROOM 256

struct kct_screen {
	struct kct_view view;
	struct kct_shot shot;
	enum kct_mode mode;
	bool replays;
	bool ascii;
	uint16_t lines, columns;    /* of the terminal */
	char entry[KCT_ENTRY_ROOM]; /* that is typed, as it is */
	char message[256];	    /* what became of something; printable */
	char **text;		    /* lines of KCT_MODE_EVENTS, printable */
	size_t nr_text, first_text, text_column;
};

/* What only its owner can do. */
enum kct_action {
	KCT_ACTION_NONE,
	KCT_ACTION_QUIT,
	KCT_ACTION_FREEZE, /* or go on: `view.frozen` is as it was */
	KCT_ACTION_ZERO,
	KCT_ACTION_EVENTS,  /* of the VM at the cursor, by kct_screen_show_events() */
	KCT_ACTION_NAME,    /* a name for a file is to be proposed: by kct_screen_ask_file() */
	KCT_ACTION_WRITE,   /* into the file of `entry` */
	KCT_ACTION_FORWARD, /* these are of a replay: the next event */
	KCT_ACTION_BACK,
	KCT_ACTION_FASTER,
	KCT_ACTION_SLOWER,
	KCT_ACTION_NEXT_JUMP,
	KCT_ACTION_PREVIOUS_JUMP,
	KCT_ACTION_START,
	KCT_ACTION_END,
};

void kct_screen_init(struct kct_screen *screen);
void kct_screen_clear(struct kct_screen *screen);

/* Show this shot from now on, which becomes the screen's. 0 or -ENOMEM. */
int kct_screen_take(struct kct_screen *screen, struct kct_shot *shot);
/* Show these lines, which become the screen's; the last ones first. */
void kct_screen_show_events(struct kct_screen *screen, char **text, size_t count);
void kct_screen_ask_file(struct kct_screen *screen, const char *proposed);
/* Say something in the last line, until the next key. */
void kct_screen_say(struct kct_screen *screen, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * A key: a character, or where `is_code`, one of curses' KEY_*. What its owner has to do; memory
 * that there was none of is said.
 */
enum kct_action kct_screen_key(struct kct_screen *screen, bool is_code, wint_t key);
/* How many lines of the table are on it. */
size_t kct_screen_height(const struct kct_screen *screen);

/* What the owner knows, for the lines above the table. */
struct kct_status {
	const struct kct_header *header;
	const char *mode;	/* such as "live", and the time */
	const char *incomplete; /* why the evidence is not whole; NULL if it is */
	double cpu;		/* our own, of one CPU; less than 0: not known */
	uint64_t memory;	/* our own, bytes */
	double events;		/* in a second; less than 0: not known */
};

/* The page as it is to be now; cleared by the caller. */
void kct_screen_draw(struct kct_screen *screen, const struct kct_status *status,
		     struct kct_page *page);

#endif
