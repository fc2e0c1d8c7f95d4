/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An HTML page that needs nothing but itself: style, script and data are in it, and its
 * Content-Security-Policy lets it load nothing else. The script draws what the data say; whoever
 * runs no script reads the text.
 *
 * In this order: open, a text, data, close. Errors of the stream stay there: ferror().
 */
#ifndef KCT_PICTURE_PAGE_H
#define KCT_PICTURE_PAGE_H

#include <stdio.h>

enum kct_page { KCT_PAGE_MIGRATION, KCT_PAGE_REPORT };

/* `title` may hold anything. */
void kct_page_open(FILE *out, enum kct_page page, const char *title);

/*
 * A stream that becomes a part of the page, as it is written: a text in lines, or JSON that the
 * script finds by its id. fclose() ends it. NULL when out of memory.
 */
FILE *kct_page_text(FILE *out);
FILE *kct_page_data(FILE *out, const char *id);

void kct_page_close(FILE *out, enum kct_page page);

#endif
