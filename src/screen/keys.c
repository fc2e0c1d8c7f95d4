// SPDX-License-Identifier: GPL-2.0
/* What keys do. */
#include <curses.h>
#include <stdlib.h>
#include <string.h>

#include "screen/inside.h"

#define ESCAPE 27
#define RUBOUT 127

static void check(struct kct_screen *screen, int error)
{
	if (error)
		kct_screen_say(screen, "out of memory");
}

/* ---- what is typed ---- */

static bool is_enter(bool is_code, wint_t key)
{
	return is_code ? key == KEY_ENTER : key == '\n' || key == '\r';
}

static bool is_rubout(bool is_code, wint_t key)
{
	return is_code ? key == KEY_BACKSPACE : key == RUBOUT || key == '\b';
}

/* Without its last character. */
static void rub_out(char *text)
{
	size_t length = strlen(text);

	while (length && ((unsigned char)text[length - 1] & 0xc0) == 0x80)
		length--;
	text[length ? length - 1 : 0] = '\0';
}

static void append(char *text, size_t room, wint_t key)
{
	mbstate_t state = {0};
	char bytes[16];
	size_t length = wcrtomb(bytes, (wchar_t)key, &state), used = strlen(text);

	if (key < ' ' || length == (size_t)-1 || used + length >= room)
		return;
	memcpy(text + used, bytes, length);
	text[used + length] = '\0';
}

static void type(char *text, size_t room, bool is_code, wint_t key)
{
	if (is_rubout(is_code, key))
		rub_out(text);
	else if (!is_code)
		append(text, room, key);
}

static enum kct_action key_of_filter(struct kct_screen *screen, bool is_code, wint_t key)
{
	struct kct_view *view = &screen->view;

	if (is_enter(is_code, key)) {
		screen->mode = KCT_MODE_TABLE;
		return KCT_ACTION_NONE;
	}
	if (!is_code && key == ESCAPE) {
		screen->mode = KCT_MODE_TABLE;
		*view->filter = '\0';
	} else {
		type(view->filter, sizeof(view->filter), is_code, key);
	}
	check(screen, kct_view_filter(view, &screen->shot));
	return KCT_ACTION_NONE;
}

static enum kct_action key_of_file(struct kct_screen *screen, bool is_code, wint_t key)
{
	if (is_enter(is_code, key)) {
		screen->mode = KCT_MODE_TABLE;
		return *screen->entry ? KCT_ACTION_WRITE : KCT_ACTION_NONE;
	}
	if (!is_code && key == ESCAPE)
		screen->mode = KCT_MODE_TABLE;
	else
		type(screen->entry, sizeof(screen->entry), is_code, key);
	return KCT_ACTION_NONE;
}

/* ---- moving ---- */

/* By how many lines a key moves; 0: it does not. */
static long lines_of(bool is_code, wint_t key, size_t height)
{
	if (!is_code)
		return key == 'j' ? 1 : key == 'k' ? -1 : 0;
	switch (key) {
	case KEY_UP:
		return -1;
	case KEY_DOWN:
		return 1;
	case KEY_PPAGE:
		return -(long)height;
	case KEY_NPAGE:
		return (long)height;
	case KEY_HOME:
		return -(1L << 32);
	case KEY_END:
		return 1L << 32;
	}
	return 0;
}

/* Columns by which a text moves to the side. */
#define TEXT_STEP 16

static enum kct_action key_of_text(struct kct_screen *screen, bool is_code, wint_t key)
{
	size_t height = kct_screen_text_height(screen);
	long last = (long)screen->nr_text - 1 - (long)height, at = (long)screen->first_text;

	if ((!is_code && (key == 'q' || key == ESCAPE || key == '?')) || is_enter(is_code, key)) {
		screen->mode = KCT_MODE_TABLE;
		return KCT_ACTION_NONE;
	}
	if (is_code && key == KEY_RIGHT)
		screen->text_column += TEXT_STEP;
	else if (is_code && key == KEY_LEFT && screen->text_column)
		screen->text_column -= TEXT_STEP;
	at += lines_of(is_code, key, height);
	if (at > last)
		at = last;
	screen->first_text = at < 0 ? 0 : (size_t)at;
	return KCT_ACTION_NONE;
}

/* ---- the table ---- */

static void sort(struct kct_screen *screen, enum kct_column column, bool reverse)
{
	check(screen, kct_view_sort(&screen->view, &screen->shot, column, reverse));
	if (!*screen->message)
		kct_screen_say(screen, "sorted by %s%s", kct_column_head(column),
			       reverse ? ", reversed" : "");
}

/* The column that sorts is one of those that are on the screen. */
static void sort_by_next(struct kct_screen *screen, int step)
{
	struct kct_view *view = &screen->view;
	struct kct_layout layout;
	int column = (int)view->sort;

	kct_layout_fit(&layout, screen->columns);
	do
		column = (column + step + KCT_NR_COLUMNS) % KCT_NR_COLUMNS;
	while (!layout.width[column]);
	sort(screen, (enum kct_column)column, view->reverse);
}

static enum kct_action code_of_table(struct kct_screen *screen, wint_t key)
{
	struct kct_view *view = &screen->view;

	if (key == KEY_RIGHT)
		check(screen, kct_view_fold(view, &screen->shot, true));
	else if (key == KEY_LEFT)
		check(screen, kct_view_fold(view, &screen->shot, false));
	return KCT_ACTION_NONE;
}

static enum kct_action key_of_replay(wint_t key)
{
	switch (key) {
	case '.':
		return KCT_ACTION_FORWARD;
	case ',':
		return KCT_ACTION_BACK;
	case ']':
		return KCT_ACTION_FASTER;
	case '[':
		return KCT_ACTION_SLOWER;
	case 'n':
		return KCT_ACTION_NEXT_JUMP;
	case 'p':
		return KCT_ACTION_PREVIOUS_JUMP;
	case 'b':
		return KCT_ACTION_START;
	case 'e':
		return KCT_ACTION_END;
	}
	return KCT_ACTION_NONE;
}

static void change_view(struct kct_screen *screen, wint_t key)
{
	struct kct_view *view = &screen->view;

	switch (key) {
	case '/':
		screen->mode = KCT_MODE_FILTER;
		break;
	case '?':
		screen->mode = KCT_MODE_HELP;
		break;
	case '<':
		sort_by_next(screen, -1);
		break;
	case '>':
		sort_by_next(screen, 1);
		break;
	case 'r':
		sort(screen, view->sort, !view->reverse);
		break;
	case 'a':
		check(screen, kct_view_fold_all(view, &screen->shot));
		break;
	case 'x':
		view->hides_gone = !view->hides_gone;
		check(screen, kct_view_filter(view, &screen->shot));
		break;
	}
}

static enum kct_action key_of_table(struct kct_screen *screen, bool is_code, wint_t key)
{
	long lines = lines_of(is_code, key, kct_screen_height(screen));

	if (lines) {
		kct_view_move(&screen->view, &screen->shot, lines);
		return KCT_ACTION_NONE;
	}
	if (is_enter(is_code, key))
		return KCT_ACTION_EVENTS;
	if (is_code)
		return code_of_table(screen, key);
	switch (key) {
	case 'q':
		return KCT_ACTION_QUIT;
	case ' ':
		return KCT_ACTION_FREEZE;
	case 'z':
		return KCT_ACTION_ZERO;
	case 'w':
		return KCT_ACTION_NAME;
	}
	change_view(screen, key);
	return screen->replays ? key_of_replay(key) : KCT_ACTION_NONE;
}

enum kct_action kct_screen_key(struct kct_screen *screen, bool is_code, wint_t key)
{
	*screen->message = '\0';
	switch (screen->mode) {
	case KCT_MODE_FILTER:
		return key_of_filter(screen, is_code, key);
	case KCT_MODE_FILE:
		return key_of_file(screen, is_code, key);
	case KCT_MODE_EVENTS:
	case KCT_MODE_HELP:
		return key_of_text(screen, is_code, key);
	default:
		return key_of_table(screen, is_code, key);
	}
}
