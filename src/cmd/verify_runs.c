// SPDX-License-Identifier: GPL-2.0
/* Several runs of the same, since races show only sometimes. */
#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "cmd/apart.h"
#include "cmd/verify.h"
#include "show/runs.h"

static_assert(sizeof(struct kct_measured) <= PIPE_BUF, "a result is written at once");

struct series {
	struct kct_verify *verify;
	struct kct_loop loop;
	struct kct_measured *done;
	size_t nr_done, asked;
	int status;	  /* an enum kct_exit of the run that ended it; 0 */
	char stopped[80]; /* why there are fewer runs than asked for; "" */
};

/* In a process of its own. */
static int run_one(void *context, void *result)
{
	struct series *series = context;
	struct kct_verify *verify = series->verify;
	char path[PATH_MAX];
	int status;

	if (verify->nr_recordings) {
		status = kct_verify_recording(verify, verify->recordings[series->nr_done]);
	} else {
		if (verify->output)
			snprintf(path, sizeof(path), "%s.%zu", verify->output, series->nr_done + 1);
		status = kct_verify_live(verify, verify->output ? path : NULL);
	}
	if (status || verify->unwritten)
		return status ? status : verify->unwritten;
	kct_measure(result, &verify->v.all, verify->v.model, verify->v.shown);
	return 0;
}

static void run_all(struct series *series)
{
	while (series->nr_done < series->asked && !series->status) {
		series->status = kct_apart(&series->loop, run_one, series,
					   &series->done[series->nr_done], sizeof(*series->done));
		if (series->loop.reason)
			snprintf(series->stopped, sizeof(series->stopped), "interrupted");
		else if (series->status)
			snprintf(series->stopped, sizeof(series->stopped),
				 "run %zu ended with exit status %d", series->nr_done + 1,
				 series->status);
		series->nr_done += !series->status;
	}
}

static char *name_of(const struct kct_verify *verify)
{
	char text[64];

	if (verify->nr_recordings) {
		snprintf(text, sizeof(text), "%zu recordings", verify->nr_recordings);
		return strdup(text);
	}
	if (verify->scenario)
		return strdup(verify->scenario);
	return kct_text_dup(verify->live.filter.vm ? verify->live.filter.vm : "the VM", 0);
}

static int show(struct series *series, const struct kct_runs *runs)
{
	const char *stopped = *series->stopped ? series->stopped : NULL;
	struct kct_output out;
	int error = 0, status;

	kct_output_to_standard(&out, STDOUT_FILENO);
	status = kct_output_open(&out, &series->loop, KCT_PATIENCE_FOR_SUMMARY_NS);
	if (status)
		return status;
	if (series->verify->format == KCT_VERIFY_JSON)
		error = kct_show_runs_json(out.stream, runs, stopped);
	else if (series->verify->format == KCT_VERIFY_TAP)
		kct_show_runs_tap(out.stream, runs, stopped);
	else
		error = kct_show_runs(out.stream, runs, stopped);
	status = kct_output_close(&out);
	if (error) {
		kct_error("out of memory");
		return KCT_EXIT_HOST;
	}
	return status;
}

/* What was seen is told, however it ended; but of a series that did not begin there is nothing. */
static int conclude(struct series *series)
{
	struct kct_expectation expected[KCT_MAX_EXPECTATIONS];
	const struct kct_verification *v = &series->verify->v;
	struct kct_runs runs = {
		.expected = expected,
		.nr_expected = v->nr_checked,
		.done = series->done,
		.nr_done = series->nr_done,
		.asked = series->asked,
	};
	char *what = name_of(series->verify);
	int status, written;

	for (size_t i = 0; i < v->nr_checked; i++)
		expected[i] = v->checked[i].expectation;
	runs.what = what ? what : "?";
	written = show(series, &runs);
	free(what);
	status = kct_runs_status(&runs);
	if (status == KCT_EXIT_INCOMPLETE && series->status)
		status = series->status;
	return status ? status : written;
}

int kct_verify_runs(struct kct_verify *verify)
{
	struct series series = {
		.verify = verify,
		.asked = verify->repeat ? verify->repeat : verify->nr_recordings,
	};
	int status = kct_loop_open(&series.loop, 0, 0);

	series.done = calloc(series.asked, sizeof(*series.done));
	if (!series.done) {
		kct_error("out of memory");
		status = KCT_EXIT_HOST;
	}
	if (!status) {
		run_all(&series);
		status = series.nr_done || series.loop.reason ? conclude(&series) : series.status;
	}
	kct_loop_close(&series.loop);
	free(series.done);
	return status;
}
