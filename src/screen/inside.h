/* SPDX-License-Identifier: GPL-2.0 */
/* Between the files of this folder. */
#ifndef KCT_SCREEN_INSIDE_H
#define KCT_SCREEN_INSIDE_H

#include "screen/screen.h"

/* How many lines of a text are on the screen, below its first one. */
size_t kct_screen_text_height(const struct kct_screen *screen);

/* How long ago, or how old, in at most six columns: the two largest units. Returns `text`. */
const char *kct_span_text(char *text, size_t size, uint64_t ns);
/* Reasons, one behind the other. Returns `text`. */
const char *kct_reasons_text(char *text, size_t size, uint32_t reasons);

#endif
