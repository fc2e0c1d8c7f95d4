// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "model/figures.h"

#define NAME(figure, name, needs, or_else) name,
const char *const kct_figure_names[KCT_NR_FIGURES] = {KCT_FIGURES(NAME)};

#define RESTS_ON(figure, name, needs, or_else) {needs, or_else},
static const struct {
	const char *needs, *or_else;
} rests_on[KCT_NR_FIGURES] = {KCT_FIGURES(RESTS_ON)};

_Static_assert(KCT_NR_FIGURES <= 64, "a bit for each");
_Static_assert(KCT_FIGURE_ORIGIN_XEN == KCT_FIGURE_ORIGIN_UNKNOWN + KCT_ORIGIN_XEN &&
		       KCT_ORIGIN_XEN == KCT_NR_ORIGINS - 1,
	       "a figure for each origin, in their order");

/* Has the run a hook for it? */
static bool is_observed(const struct kct_header *header, const char *evidence)
{
	for (uint32_t i = 0; i < header->nr_hooks; i++)
		if (!strcmp(header->hooks[i].evidence, evidence))
			return strcmp(header->hooks[i].way, "none") != 0 &&
			       strcmp(header->hooks[i].way, "derived") != 0;
	return false;
}

kct_figures kct_figures_shown(const struct kct_header *header)
{
	kct_figures shown = 0;

	for (int i = 0; i < KCT_NR_FIGURES; i++)
		if (is_observed(header, rests_on[i].needs) ||
		    (rests_on[i].or_else && is_observed(header, rests_on[i].or_else)))
			shown |= (kct_figures)1 << i;
	return shown;
}

bool kct_figure_is_shown(kct_figures figures, enum kct_figure figure)
{
	return figures >> figure & 1;
}
