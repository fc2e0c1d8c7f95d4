// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>

#include "base/json.h"
#include "show/runs.h"

/* ---- for people ---- */

static void show_inconclusive(FILE *out, const struct kct_runs *runs)
{
	for (size_t i = 0; i < runs->nr_done; i++)
		if (runs->done[i].all.verdict == KCT_VERDICT_INCONCLUSIVE)
			fprintf(out, "run %zu: inconclusive: %s\n", i + 1, runs->done[i].all.why);
}

static void show_verdicts(FILE *out, const struct kct_runs *runs)
{
	size_t count[KCT_NR_VERDICTS];
	const char *between = "";

	kct_runs_count(runs, count);
	fputs("verdicts: ", out);
	for (int v = 0; v < KCT_NR_VERDICTS; v++) {
		if (!count[v])
			continue;
		fprintf(out, "%s%zu %s", between, count[v], kct_verdict_names[v]);
		between = ", ";
	}
	fputs(runs->nr_done ? "\n" : "none\n", out);
}

static int show_spread(FILE *out, const struct kct_runs *runs)
{
	size_t count[KCT_NR_VERDICTS];

	kct_runs_count(runs, count);
	fprintf(out, "%-24s %14s %14s %14s  of %zu conclusive runs\n", "", "MIN", "MEDIAN", "MAX",
		runs->nr_done - count[KCT_VERDICT_INCONCLUSIVE]);
	for (int m = 0; m < KCT_NR_MEASURES; m++) {
		struct kct_spread s;

		if (kct_spread(&s, runs->done, runs->nr_done, m))
			return -ENOMEM;
		if (s.known)
			fprintf(out, "%-24s %14" PRId64 " %14" PRId64 " %14" PRId64 "\n",
				kct_measure_names[m], s.min, s.median, s.max);
		else
			fprintf(out, "%-24s %14s %14s %14s\n", kct_measure_names[m], "?", "?", "?");
	}
	return 0;
}

/* "holds in 3 of 5 runs, does not in 1, cannot be decided in 1: " and why. */
static void put_tally(FILE *out, const struct kct_runs *runs, const struct kct_tally *tally)
{
	fprintf(out, "holds in %zu of %zu runs", tally->count[KCT_HOLDS], runs->nr_done);
	if (tally->count[KCT_FAILS])
		fprintf(out, ", does not in %zu", tally->count[KCT_FAILS]);
	if (tally->count[KCT_UNDECIDED])
		fprintf(out, ", cannot be decided in %zu", tally->count[KCT_UNDECIDED]);
	if (*tally->why)
		fprintf(out, ": %s", tally->why);
}

int kct_show_runs(FILE *out, const struct kct_runs *runs)
{
	fprintf(out, "%s: %zu of %zu runs%s%s\n", runs->what, runs->nr_done, runs->asked,
		runs->stopped ? ": " : "", runs->stopped ? runs->stopped : "");
	show_inconclusive(out, runs);
	if (runs->nr_done && show_spread(out, runs))
		return -ENOMEM;
	show_verdicts(out, runs);
	fprintf(out, "verdict: %s%s%s\n", kct_verdict_names[kct_runs_verdict(runs)],
		runs->stopped ? ": " : "", runs->stopped ? runs->stopped : "");
	for (size_t i = 0; i < runs->nr_expected; i++) {
		struct kct_tally tally;

		kct_runs_check(runs, i, &tally);
		fprintf(out, "expected %s: ", runs->expected[i].text);
		put_tally(out, runs, &tally);
		fputc('\n', out);
	}
	return 0;
}

/* ---- for machines ---- */

static json_t *outcome_json(enum kct_outcome outcome)
{
	return outcome == KCT_UNDECIDED ? json_null() : json_boolean(outcome == KCT_HOLDS);
}

json_t *kct_verdicts_json(const struct kct_runs *runs)
{
	json_t *verdicts = json_object();
	size_t count[KCT_NR_VERDICTS];

	kct_runs_count(runs, count);
	for (int v = 0; v < KCT_NR_VERDICTS; v++)
		kct_json_set_u64(verdicts, kct_verdict_names[v], count[v]);
	return verdicts;
}

static json_t *expected_json(const struct kct_runs *runs)
{
	json_t *expected = json_array();

	for (size_t i = 0; i < runs->nr_expected; i++) {
		struct kct_tally tally;

		kct_runs_check(runs, i, &tally);
		json_array_append_new(expected,
				      json_pack("{s:s, s:o, s:I, s:I, s:I, s:o}", "expected",
						runs->expected[i].text, "holds",
						outcome_json(tally.outcome), "held",
						(json_int_t)tally.count[KCT_HOLDS], "failed",
						(json_int_t)tally.count[KCT_FAILS], "undecided",
						(json_int_t)tally.count[KCT_UNDECIDED], "why",
						kct_json_text(tally.why)));
	}
	return expected;
}

static json_t *figures_json(const struct kct_measured *run)
{
	json_t *figures = json_object();

	for (int m = 0; m < KCT_NR_MEASURES; m++)
		json_object_set_new(figures, kct_measure_names[m],
				    run->known[m] ? json_integer((json_int_t)run->value[m])
						  : json_null());
	return figures;
}

static json_t *each_json(const struct kct_runs *runs)
{
	json_t *each = json_array();

	for (size_t i = 0; i < runs->nr_done; i++)
		json_array_append_new(each, json_pack("{s:s, s:o, s:o}", "verdict",
						      kct_verdict_names[runs->done[i].all.verdict],
						      "why", kct_json_text(runs->done[i].all.why),
						      "figures", figures_json(&runs->done[i])));
	return each;
}

/* NULL when out of memory. */
static json_t *spread_json(const struct kct_runs *runs)
{
	json_t *all = json_object();

	for (int m = 0; m < KCT_NR_MEASURES; m++) {
		struct kct_spread s;

		if (kct_spread(&s, runs->done, runs->nr_done, m)) {
			json_decref(all);
			return NULL;
		}
		json_object_set_new(all, kct_measure_names[m],
				    s.known ? json_pack("{s:I, s:I, s:I}", "min", (json_int_t)s.min,
							"median", (json_int_t)s.median, "max",
							(json_int_t)s.max)
					    : json_null());
	}
	return all;
}

json_t *kct_runs_json(const struct kct_runs *runs)
{
	json_t *spread = spread_json(runs);
	bool judged = runs->nr_expected;

	if (!spread)
		return NULL;
	return json_pack("{s:s, s:i, s:s, s:I, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "schema",
			 KCT_RUNS_SCHEMA, "version", KCT_RUNS_VERSION, "what", runs->what, "asked",
			 (json_int_t)runs->asked, "stopped", kct_json_text(runs->stopped),
			 "verdict", kct_verdict_names[kct_runs_verdict(runs)], "verdicts",
			 kct_verdicts_json(runs), "holds",
			 judged ? outcome_json(kct_runs_outcome(runs)) : json_null(), "expected",
			 expected_json(runs), "spread", spread, "runs", each_json(runs));
}

int kct_show_runs_json(FILE *out, const struct kct_runs *runs)
{
	json_t *object = kct_runs_json(runs);

	if (!object)
		return -ENOMEM;
	kct_json_print(out, object);
	return 0;
}

/* ---- for test runners ---- */

void kct_put_tap_description(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '#')
			fputc('\\', out);
		fputc(*text, out);
	}
}

/* What failed has failed; but what held in those runs that there were may not be passed. */
static enum kct_outcome outcome_of(const struct kct_runs *runs, const struct kct_tally *tally)
{
	if (tally->outcome == KCT_HOLDS && runs->nr_done < runs->asked)
		return KCT_UNDECIDED;
	return tally->outcome;
}

void kct_show_runs_tap(FILE *out, const struct kct_runs *runs)
{
	fprintf(out, "TAP version 13\n1..%zu\n", runs->nr_expected);
	for (size_t i = 0; i < runs->nr_expected; i++) {
		enum kct_outcome outcome;
		struct kct_tally tally;

		kct_runs_check(runs, i, &tally);
		outcome = outcome_of(runs, &tally);
		fprintf(out, "%sok %zu ", outcome == KCT_FAILS ? "not " : "", i + 1);
		kct_put_tap_description(out, runs->what);
		fprintf(out, ": %s", runs->expected[i].text);
		if (outcome == KCT_UNDECIDED)
			fprintf(out, " # SKIP %s", runs->stopped ? runs->stopped : tally.why);
		fputs("\n# ", out);
		put_tally(out, runs, &tally);
		fputc('\n', out);
	}
}
