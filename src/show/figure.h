/* SPDX-License-Identifier: GPL-2.0 */
/* Figures that may be unknown, as text and as JSON. */
#ifndef KCT_SHOW_FIGURE_H
#define KCT_SHOW_FIGURE_H

#include <jansson.h>

#include "model/figures.h"

/* Room for any number. */
struct kct_number {
	char text[24];
};

/* The number in decimal, in `to`; '?' if it is unknown. */
const char *kct_figure_text(struct kct_number *to, kct_figures shown, enum kct_figure figure,
			    uint64_t value);

/* Give an object the figure, by its name; null if it is unknown. */
void kct_figure_set(json_t *object, kct_figures shown, enum kct_figure figure, uint64_t value);
void kct_figure_set_bool(json_t *object, kct_figures shown, enum kct_figure figure, bool value);

#endif
