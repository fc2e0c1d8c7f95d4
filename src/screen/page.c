// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "screen/page.h"

void kct_page_init(struct kct_page *page, uint16_t lines, uint16_t columns, bool ascii)
{
	*page = (struct kct_page){.lines = lines,
				  .columns = columns,
				  .ascii = ascii,
				  .cursor_line = -1,
				  .cursor_column = -1};
}

void kct_page_clear(struct kct_page *page)
{
	for (size_t i = 0; i < page->count; i++)
		free(page->pieces[i].text);
	free(page->pieces);
	memset(page, 0, sizeof(*page));
}

static bool has_room(struct kct_page *page)
{
	size_t room = page->room ? 2 * page->room : 64;
	struct kct_piece *more;

	if (page->count < page->room)
		return true;
	more = reallocarray(page->pieces, room, sizeof(*more));
	if (!more)
		return false;
	page->pieces = more;
	page->room = room;
	return true;
}

/* The text becomes the page's. */
static void add(struct kct_page *page, size_t line, size_t column, enum kct_style style, char *text)
{
	if (!text || !has_room(page)) {
		page->error = -ENOMEM;
		free(text);
		return;
	}
	page->pieces[page->count++] = (struct kct_piece){
		.line = (uint16_t)line, .column = (uint16_t)column, .style = style, .text = text};
}

/* A form that has no letter beyond ASCII, where none is to be shown. The caller frees it. */
static char *for_terminal(const struct kct_page *page, const char *text)
{
	return page->ascii ? kct_text_dup(text, KCT_TEXT_AGAIN | KCT_TEXT_ASCII) : strdup(text);
}

/* Cut or filled; the mark of what was cut is a letter beyond ASCII, too. */
static char *fit(const struct kct_page *page, const char *text, size_t width, bool right)
{
	size_t taken = kct_text_width(text), before = right && taken < width ? width - taken : 0;
	char *out = malloc(before + KCT_COLUMN_ROOM(width)), *mark;

	if (!out)
		return NULL;
	memset(out, ' ', before);
	kct_text_column(out + before, text, width - before);
	mark = page->ascii ? strstr(out, "\u2026") : NULL;
	if (mark) {
		*mark = '~';
		memmove(mark + 1, mark + strlen("\u2026"), strlen(mark + strlen("\u2026")) + 1);
	}
	return out;
}

void kct_page_cell(struct kct_page *page, size_t line, size_t column, size_t width,
		   enum kct_style style, bool right, const char *text)
{
	char *form;

	if (line >= page->lines || column >= page->columns)
		return;
	if (width > page->columns - column)
		width = page->columns - column;
	if (!width)
		return;
	form = for_terminal(page, text);
	add(page, line, column, style, form ? fit(page, form, width, right) : NULL);
	free(form);
}

size_t kct_page_put(struct kct_page *page, size_t line, size_t column, enum kct_style style,
		    const char *format, ...)
{
	char *text, *form;
	size_t width = 0;
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	form = length < 0 ? NULL : for_terminal(page, text);
	if (length >= 0)
		free(text);
	if (form) {
		width = kct_text_width(form);
		kct_page_cell(page, line, column, width, style, false, form);
	} else {
		page->error = -ENOMEM;
	}
	free(form);
	return column + width;
}
