/* SPDX-License-Identifier: GPL-2.0 */
/* A page of text for the screen: pieces, each at its place. Only ASCII in it if that is wanted. */
#ifndef KCT_SCREEN_PAGE_H
#define KCT_SCREEN_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kct_style {
	KCT_STYLE_PLAIN,
	KCT_STYLE_STRONG,
	KCT_STYLE_FAINT,
	KCT_STYLE_HEAD,	  /* of the table */
	KCT_STYLE_CHOSEN, /* the line with the cursor; the column that sorts */
	KCT_STYLE_WARNING,
	KCT_STYLE_BAD,
	KCT_NR_STYLES
};

struct kct_piece {
	uint16_t line, column;
	uint8_t style; /* enum kct_style */
	char *text;    /* printable, and no longer than there is room */
};

struct kct_page {
	uint16_t lines, columns;
	bool ascii;
	struct kct_piece *pieces;
	size_t count;
	int cursor_line, cursor_column; /* where text is typed; -1: nowhere */
	int error;			/* -ENOMEM: something is missing */
	size_t room;			/* of `pieces` */
};

/* An empty page of that size; it is freed by kct_page_clear(). */
void kct_page_init(struct kct_page *page, uint16_t lines, uint16_t columns, bool ascii);
void kct_page_clear(struct kct_page *page);

/*
 * Put a printable text at a place, in exactly `width` columns, cut or filled; as far as the page
 * goes. `right`: what is shorter stands at the right.
 */
void kct_page_cell(struct kct_page *page, size_t line, size_t column, size_t width,
		   enum kct_style style, bool right, const char *text);
/* Put what the format gives; it ends where the page does. The column behind it. */
size_t kct_page_put(struct kct_page *page, size_t line, size_t column, enum kct_style style,
		    const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
