// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "show/kernels.h"
#include "show/runs.h"

#define COLUMN 24

/* ---- the conclusion ---- */

/* What a reader of a commit message wants to know of first; the others are counted. */
static const enum kct_measure headlines[] = {
	KCT_MEASURE_NEW_SNAPSHOTS,   KCT_MEASURE_UPDATES,	    KCT_MEASURE_PVTI_MOVED,
	KCT_MEASURE_NEGATIVE_DELTAS, KCT_MEASURE_DRIFT_MAX_FORWARD, KCT_MEASURE_DRIFT_MAX_BACKWARD,
};
#define NR_HEADLINES (sizeof(headlines) / sizeof(headlines[0]))

static void put_range(FILE *out, const struct kct_spread *s)
{
	if (s->min == s->max)
		fprintf(out, "%" PRId64, s->min);
	else
		fprintf(out, "%" PRId64 "..%" PRId64, s->min, s->max);
}

static bool is_headline(enum kct_measure measure)
{
	for (size_t i = 0; i < NR_HEADLINES; i++)
		if (headlines[i] == measure)
			return true;
	return false;
}

/* Of the others, how many are outside. */
static size_t count_others(const struct kct_kernel *kernel, const struct kct_kernel *base)
{
	size_t count = 0;

	for (int m = 0; m < KCT_NR_MEASURES; m++)
		count += !is_headline(m) && kct_is_outside(kernel, base, m) == KCT_YES;
	return count;
}

static void put_figures(FILE *out, const struct kct_kernel *kernel, const struct kct_kernel *base)
{
	const char *between = "";
	size_t others = count_others(kernel, base);

	for (size_t i = 0; i < NR_HEADLINES; i++) {
		enum kct_measure m = headlines[i];

		if (kct_is_outside(kernel, base, m) != KCT_YES)
			continue;
		fprintf(out, "%s%s ", between, kct_measure_names[m]);
		put_range(out, &base->spread[m]);
		fputs(" -> ", out);
		put_range(out, &kernel->spread[m]);
		between = ", ";
	}
	if (others)
		fprintf(out, "%s%zu other figure%s", *between ? " and " : "", others,
			others > 1 ? "s" : "");
	else if (!*between)
		fputs("no figure", out);
}

static const char *verdict_of(const struct kct_kernel *kernel)
{
	return kct_verdict_names[kct_runs_verdict(&kernel->runs)];
}

static void put_conclusion(FILE *out, const struct kct_kernels *kernels,
			   const struct kct_kernel *kernel)
{
	const struct kct_kernel *base = &kernels->list[0];

	fprintf(out, "%s%s%s against %s: verdict %s", kernels->scenario,
		*kernels->scenario ? ": " : "", kernel->label, base->label, verdict_of(base));
	if (strcmp(verdict_of(base), verdict_of(kernel)))
		fprintf(out, " -> %s", verdict_of(kernel));
	if (base->runs.nr_done == 1 && kernel->runs.nr_done == 1) {
		fputs("; one run of each says nothing of the noise", out);
		return;
	}
	fputs("; ", out);
	put_figures(out, kernel, base);
	fprintf(out, " outside what %zu and %zu runs differ by themselves", base->runs.nr_done,
		kernel->runs.nr_done);
}

/* ---- for people ---- */

static void put_right(FILE *out, const char *text)
{
	size_t width = kct_text_width(text);
	char column[KCT_COLUMN_ROOM(COLUMN)];

	if (width > COLUMN)
		fprintf(out, " %s", kct_text_column(column, text, COLUMN));
	else
		fprintf(out, " %*s%s", (int)(COLUMN - width), "", text);
}

/* "3 2..5 *": the median, how far they lie apart, and that it is outside. */
static void put_figure(FILE *out, const struct kct_kernel *kernel, const struct kct_kernel *base,
		       enum kct_measure measure)
{
	const struct kct_spread *s = &kernel->spread[measure];
	const char *mark = kct_is_outside(kernel, base, measure) == KCT_YES ? " *" : "";
	char text[80] = "?";

	if (s->known && s->min == s->max)
		snprintf(text, sizeof(text), "%" PRId64 "%s", s->median, mark);
	else if (s->known)
		snprintf(text, sizeof(text), "%" PRId64 " %" PRId64 "..%" PRId64 "%s", s->median,
			 s->min, s->max, mark);
	if (strlen(text) > COLUMN)
		fprintf(out, " %s", text); /* a number is not cut */
	else
		put_right(out, text);
}

static void show_heads(FILE *out, const struct kct_kernels *kernels)
{
	char runs[32];

	fprintf(out, "%-24s", "");
	for (size_t i = 0; i < kernels->count; i++)
		put_right(out, kernels->list[i].label);
	fprintf(out, "\n%-24s", "kernel");
	for (size_t i = 0; i < kernels->count; i++) {
		const char *release = kernels->list[i].release;

		put_right(out, !release ? "several" : *release ? release : "?");
	}
	fprintf(out, "\n%-24s", "runs");
	for (size_t i = 0; i < kernels->count; i++) {
		snprintf(runs, sizeof(runs), "%zu", kernels->list[i].runs.nr_done);
		put_right(out, runs);
	}
	fprintf(out, "\n%-24s", "verdict");
	for (size_t i = 0; i < kernels->count; i++)
		put_right(out, verdict_of(&kernels->list[i]));
	fputc('\n', out);
}

void kct_show_kernels(FILE *out, const struct kct_kernels *kernels)
{
	show_heads(out, kernels);
	for (int m = 0; m < KCT_NR_MEASURES; m++) {
		fprintf(out, "%-24s", kct_measure_names[m]);
		for (size_t i = 0; i < kernels->count; i++)
			put_figure(out, &kernels->list[i], &kernels->list[0], m);
		fputc('\n', out);
	}
	fprintf(out, "* outside what the runs of this kernel and of %s differ by themselves\n",
		kernels->list[0].label);
	for (size_t i = 1; i < kernels->count; i++) {
		fputs("conclusion: ", out);
		put_conclusion(out, kernels, &kernels->list[i]);
		fputc('\n', out);
	}
	fprintf(out, "by: %s\n", kernels->command);
}

/* ---- for machines ---- */

static json_t *outside_json(enum kct_known outside)
{
	return outside == KCT_NOT_KNOWN ? json_null() : json_boolean(outside == KCT_YES);
}

static json_t *figures_json(const struct kct_kernel *kernel, const struct kct_kernel *base)
{
	json_t *figures = json_object();

	for (int m = 0; m < KCT_NR_MEASURES; m++) {
		const struct kct_spread *s = &kernel->spread[m];
		json_t *figure = json_null();

		if (s->known)
			figure = json_pack("{s:I, s:I, s:I, s:o}", "min", (json_int_t)s->min,
					   "median", (json_int_t)s->median, "max",
					   (json_int_t)s->max, "outside",
					   outside_json(kct_is_outside(kernel, base, m)));
		json_object_set_new(figures, kct_measure_names[m], figure);
	}
	return figures;
}

static json_t *conclusion_json(const struct kct_kernels *kernels, const struct kct_kernel *kernel)
{
	json_t *json = json_null();
	char *text = NULL;
	size_t size = 0;
	FILE *out;

	if (kernel == kernels->list)
		return json;
	out = open_memstream(&text, &size);
	if (!out)
		return json;
	put_conclusion(out, kernels, kernel);
	if (!fclose(out))
		json = kct_json_text(text);
	free(text);
	return json;
}

static json_t *kernel_json(const struct kct_kernels *kernels, const struct kct_kernel *kernel,
			   json_t *recordings)
{
	return json_pack("{s:s, s:o, s:s, s:o, s:o, s:o, s:o}", "label", kernel->label, "kernel",
			 kct_json_text(kernel->release), "verdict", verdict_of(kernel), "verdicts",
			 kct_verdicts_json(&kernel->runs), "figures",
			 figures_json(kernel, &kernels->list[0]), "conclusion",
			 conclusion_json(kernels, kernel), "recordings", recordings);
}

void kct_show_kernels_json(FILE *out, const struct kct_kernels *kernels, json_t **recordings)
{
	json_t *list = json_array();

	for (size_t i = 0; i < kernels->count; i++)
		json_array_append_new(list, kernel_json(kernels, &kernels->list[i], recordings[i]));
	kct_json_print(out, json_pack("{s:s, s:i, s:o, s:s, s:o}", "schema", KCT_KERNELS_SCHEMA,
				      "version", KCT_KERNELS_VERSION, "scenario",
				      kct_json_text(kernels->scenario), "command", kernels->command,
				      "kernels", list));
}
