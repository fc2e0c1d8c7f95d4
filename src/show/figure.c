// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "show/figure.h"

const char *kct_figure_text(struct kct_number *to, kct_figures shown, enum kct_figure figure,
			    uint64_t value)
{
	if (!kct_figure_is_shown(shown, figure))
		return "?";
	snprintf(to->text, sizeof(to->text), "%" PRIu64, value);
	return to->text;
}

void kct_figure_set(json_t *object, kct_figures shown, enum kct_figure figure, uint64_t value)
{
	json_object_set_new(object, kct_figure_names[figure],
			    kct_figure_is_shown(shown, figure) ? kct_json_u64(value) : json_null());
}

void kct_figure_set_bool(json_t *object, kct_figures shown, enum kct_figure figure, bool value)
{
	json_object_set_new(object, kct_figure_names[figure],
			    kct_figure_is_shown(shown, figure) ? json_boolean(value) : json_null());
}
