// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "show/cases.h"
#include "show/runs.h"

#define CANNOT "this host or kernel cannot do it"

/* The expectations, one after another. */
static void put_expected(FILE *out, const struct kct_runs *runs)
{
	for (size_t i = 0; i < runs->nr_expected; i++)
		fprintf(out, "%s%s", i ? ", " : "", runs->expected[i].text);
}

/* Why all of them do not hold: of the first that does not, or cannot be decided. */
static void find_why(const struct kct_case *one, enum kct_outcome outcome, char *why, size_t size)
{
	const struct kct_runs *runs = &one->runs;

	*why = '\0';
	if (one->skipped || (outcome == KCT_UNDECIDED && runs->stopped)) {
		snprintf(why, size, "%s", one->skipped ? CANNOT : runs->stopped);
		return;
	}
	for (size_t i = 0; i < runs->nr_expected; i++) {
		struct kct_tally tally;

		kct_runs_check(runs, i, &tally);
		if (tally.outcome != outcome)
			continue;
		if (runs->asked > 1 && outcome == KCT_FAILS)
			snprintf(why, size, "in %zu of %zu runs: %s", tally.count[outcome],
				 runs->nr_done, tally.why);
		else
			snprintf(why, size, "%s", tally.why);
		return;
	}
}

/* ---- for people ---- */

/* The spread of a figure, or what it was if it was that in all runs. */
static int put_figure(FILE *out, const struct kct_runs *runs, enum kct_measure measure, int width)
{
	struct kct_spread s;
	char text[48] = "?";

	if (kct_spread(&s, runs->done, runs->nr_done, measure))
		return -ENOMEM;
	if (s.known && s.min == s.max)
		snprintf(text, sizeof(text), "%" PRId64, s.min);
	else if (s.known)
		snprintf(text, sizeof(text), "%" PRId64 "..%" PRId64, s.min, s.max);
	fprintf(out, " %*s", width, text);
	return 0;
}

static int show_case(FILE *out, const struct kct_case *one)
{
	static const char *const words[] = {
		[KCT_HOLDS] = "holds",
		[KCT_FAILS] = "does not hold",
		[KCT_UNDECIDED] = "cannot be decided",
	};
	const struct kct_runs *runs = &one->runs;
	enum kct_outcome outcome = kct_runs_outcome(runs);
	char why[256];

	find_why(one, outcome, why, sizeof(why));
	fprintf(out, "%-22s %-19s", runs->what,
		one->skipped ? "-" : kct_verdict_names[kct_runs_verdict(runs)]);
	if (put_figure(out, runs, KCT_MEASURE_UPDATES, 9) ||
	    put_figure(out, runs, KCT_MEASURE_NEW_SNAPSHOTS, 9) ||
	    put_figure(out, runs, KCT_MEASURE_DRIFT_MAX_BACKWARD, 14) ||
	    put_figure(out, runs, KCT_MEASURE_DRIFT_MAX_FORWARD, 14))
		return -ENOMEM;
	fputs("  ", out);
	put_expected(out, runs);
	fprintf(out, ": %s%s%s\n", one->skipped ? "skipped" : words[outcome], *why ? ": " : "",
		why);
	return 0;
}

int kct_show_cases(FILE *out, const struct kct_case *cases, size_t nr_cases)
{
	size_t count[KCT_UNDECIDED + 1] = {0}, skipped = 0;

	fprintf(out, "%-22s %-19s %9s %9s %14s %14s  %s\n", "SCENARIO", "VERDICT", "UPDATES", "NEW",
		"BACKWARD ns", "FORWARD ns", "EXPECTED");
	for (size_t i = 0; i < nr_cases; i++) {
		if (show_case(out, &cases[i]))
			return -ENOMEM;
		if (cases[i].skipped)
			skipped++;
		else
			count[kct_runs_outcome(&cases[i].runs)]++;
	}
	fprintf(out, "%zu scenarios: %zu hold, %zu do not, %zu cannot be decided, %zu skipped\n",
		nr_cases, count[KCT_HOLDS], count[KCT_FAILS], count[KCT_UNDECIDED], skipped);
	return 0;
}

/* ---- for machines ---- */

static json_t *holds_json(const struct kct_case *cases, size_t nr_cases)
{
	int status = kct_cases_status(cases, nr_cases);

	if (status == KCT_EXIT_OK || status == KCT_EXIT_FAILED)
		return json_boolean(status == KCT_EXIT_OK);
	return json_null();
}

int kct_show_cases_json(FILE *out, const struct kct_case *cases, size_t nr_cases)
{
	json_t *array = json_array();

	for (size_t i = 0; i < nr_cases; i++) {
		json_t *result = cases[i].skipped ? json_null() : kct_runs_json(&cases[i].runs);

		if (!result) {
			json_decref(array);
			return -ENOMEM;
		}
		json_array_append_new(
			array, json_pack("{s:s, s:o, s:o}", "scenario", cases[i].runs.what,
					 "skipped", kct_json_text(cases[i].skipped ? CANNOT : NULL),
					 "result", result));
	}
	kct_json_print(out, json_pack("{s:s, s:i, s:o, s:o}", "schema", KCT_ALL_SCHEMA, "version",
				      KCT_ALL_VERSION, "holds", holds_json(cases, nr_cases),
				      "scenarios", array));
	return 0;
}

/* ---- for test runners ---- */

static void put_tap(FILE *out, size_t number, const struct kct_case *one)
{
	enum kct_outcome outcome = kct_runs_outcome(&one->runs);
	char why[256];

	find_why(one, outcome, why, sizeof(why));
	fprintf(out, "%sok %zu ", !one->skipped && outcome == KCT_FAILS ? "not " : "", number);
	kct_put_tap_description(out, one->runs.what);
	fputs(": ", out);
	put_expected(out, &one->runs);
	if (one->skipped || outcome == KCT_UNDECIDED)
		fprintf(out, " # SKIP %s", why);
	fputc('\n', out);
	if (!one->skipped)
		fprintf(out, "# %s%s%s\n", kct_verdict_names[kct_runs_verdict(&one->runs)],
			*why ? ": " : "", why);
}

void kct_show_cases_tap(FILE *out, const struct kct_case *cases, size_t nr_cases)
{
	fprintf(out, "TAP version 13\n1..%zu\n", nr_cases);
	for (size_t i = 0; i < nr_cases; i++)
		put_tap(out, i + 1, &cases[i]);
}
