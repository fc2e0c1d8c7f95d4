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

/* What comes from the other process. */
struct result {
	struct kct_measured measured;
	bool skipped;
};
static_assert(sizeof(struct result) <= PIPE_BUF, "a result is written at once");

/* In a process of its own. */
static int run_one(void *context, void *data)
{
	const struct kct_series *series = context;
	struct kct_verify *verify = series->verify;
	struct result *result = data;
	char path[PATH_MAX];
	int status;

	if (verify->nr_recordings) {
		status = kct_verify_recording(verify, verify->recordings[series->nr_done]);
	} else {
		if (series->output)
			snprintf(path, sizeof(path), "%s.%zu", series->output, series->nr_done + 1);
		status = kct_verify_live(verify, series->output ? path : NULL);
	}
	result->skipped = verify->skipped;
	if (status || verify->unwritten)
		return status ? status : verify->unwritten;
	if (!verify->skipped)
		kct_measure(&result->measured, &verify->v.all, verify->v.model, verify->v.shown);
	return 0;
}

static void stop(struct kct_series *series)
{
	if (series->loop->reason)
		snprintf(series->stopped, sizeof(series->stopped), "interrupted");
	else
		snprintf(series->stopped, sizeof(series->stopped),
			 "run %zu ended with exit status %d", series->nr_done + 1, series->status);
}

void kct_series_run(struct kct_series *series)
{
	series->done = calloc(series->asked, sizeof(*series->done));
	if (!series->done) {
		kct_error("out of memory");
		series->status = KCT_EXIT_HOST;
	}
	while (!series->status && !series->skipped && series->nr_done < series->asked) {
		struct result result = {0};

		series->status = kct_apart(series->loop, run_one, series, &result, sizeof(result));
		if (series->status)
			break;
		series->skipped = result.skipped;
		if (!result.skipped)
			series->done[series->nr_done++] = result.measured;
	}
	if (series->status)
		stop(series);
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

int kct_verify_open_output(struct kct_output *out, struct kct_loop *loop)
{
	kct_output_to_standard(out, STDOUT_FILENO);
	return kct_output_open(out, loop, KCT_PATIENCE_FOR_SUMMARY_NS);
}

static int show(const struct kct_series *series, const struct kct_runs *runs)
{
	struct kct_output out;
	int error = 0, status = kct_verify_open_output(&out, series->loop);

	if (status)
		return status;
	if (series->verify->format == KCT_VERIFY_JSON)
		error = kct_show_runs_json(out.stream, runs);
	else if (series->verify->format == KCT_VERIFY_TAP)
		kct_show_runs_tap(out.stream, runs);
	else
		error = kct_show_runs(out.stream, runs);
	status = kct_output_close(&out);
	if (error) {
		kct_error("out of memory");
		return KCT_EXIT_HOST;
	}
	return status;
}

/* What was seen is told, however it ended; but of a series that did not begin there is nothing. */
static int conclude(const struct kct_series *series)
{
	struct kct_expectation expected[KCT_MAX_EXPECTATIONS];
	const struct kct_verification *v = &series->verify->v;
	char *what = name_of(series->verify);
	const struct kct_runs runs = {
		.what = what ? what : "?",
		.expected = expected,
		.nr_expected = v->nr_checked,
		.done = series->done,
		.nr_done = series->nr_done,
		.asked = series->asked,
		.stopped = *series->stopped ? series->stopped : NULL,
	};
	int status, written;

	for (size_t i = 0; i < v->nr_checked; i++)
		expected[i] = v->checked[i].expectation;
	written = show(series, &runs);
	free(what);
	status = kct_runs_status(&runs);
	if (status == KCT_EXIT_INCOMPLETE && series->status)
		status = series->status;
	return status ? status : written;
}

int kct_verify_runs(struct kct_verify *verify)
{
	struct kct_loop loop;
	struct kct_series series = {
		.verify = verify,
		.loop = &loop,
		.output = verify->output,
		.asked = verify->repeat ? verify->repeat : verify->nr_recordings,
	};
	int status = kct_loop_open(&loop, 0, 0);

	if (!status) {
		kct_series_run(&series);
		status = series.nr_done || loop.reason ? conclude(&series) : series.status;
	}
	kct_loop_close(&loop);
	free(series.done);
	return status;
}
