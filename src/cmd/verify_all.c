// SPDX-License-Identifier: GPL-2.0
/* Every scenario in which a kernel could take snapshots that nobody needs, one after another. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cmd/verify.h"
#include "show/cases.h"

#define MAX_WORDS 4

/*
 * What a kernel could do that takes no snapshot but for what needs one. Requests from before the
 * clock was set need none, nor do vCPUs that join, or TSCs that agree. Where all TSCs are written
 * anew afterwards, one snapshot would do for all vCPUs.
 */
static const struct scenario {
	const char *name;
	const char *words[MAX_WORDS]; /* for the workload */
	const char *expected;
	bool changes_host;
} scenarios[] = {
	{"migrate", {"migrate"}, "unnecessary=0", false},
	{"migrate-one-reg", {"migrate", "--one-reg"}, "unnecessary=0", false},
	{"migrate-offset", {"migrate", "--tsc-offset", "--realtime"}, "unnecessary=0", false},
	{"migrate-documented", {"migrate-documented"}, "unnecessary<=1", false},
	{"migrate-clock-first", {"migrate", "--clock-first"}, "unnecessary<=1", false},
	{"migrate-clock-guest", {"migrate", "--clock-guest"}, "unnecessary=0", false},
	{"migrate-clock-twice", {"migrate", "--burst=2"}, "unnecessary=0", false},
	{"migrate-vcpus-added", {"migrate", "--add=2"}, "unnecessary=0", false},
	{"save-restore", {"save-restore"}, "unnecessary=0", false},
	{"hotplug", {"hotplug"}, "unnecessary=0", false},
	{"set-clock", {"set-clock"}, "unnecessary=0", false},
	{"tsc-race", {"tsc-race"}, "unnecessary<=10", false},
	{"guest-tsc", {"guest-tsc"}, "unnecessary=0", false},
	{"odd-tsc", {"odd-tsc"}, "unnecessary=0", false},
	{"steady", {"steady"}, "unnecessary=0", false},
	{"churn", {"churn", "--vms=10"}, "unnecessary=0", false},
	{"clocksource", {"clocksource", "--change-clocksource"}, "unnecessary=0", true},
};
#define NR_SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))

struct all {
	struct kct_verify *verify;
	struct kct_loop loop;
	int status; /* an enum kct_exit: nothing can be traced here; 0 */
	size_t nr_expected;
	/* Of each scenario; its runs are ours. */
	struct kct_case cases[NR_SCENARIOS];
	struct kct_expectation expected[NR_SCENARIOS][KCT_MAX_EXPECTATIONS];
	char stopped[NR_SCENARIOS][80];
	size_t nr_cases;
};

/* The program and "workload" are there; 0 or -1, out of memory. */
static int set_command(struct kct_verify *verify, const struct scenario *scenario)
{
	const int first = 2;

	verify->scenario = scenario->name;
	for (int i = 0; i <= MAX_WORDS; i++) {
		const char *word = i < MAX_WORDS ? scenario->words[i] : NULL;

		free(verify->command[first + i]);
		verify->command[first + i] = word ? strdup(word) : NULL;
		if (word && !verify->command[first + i])
			return -1;
	}
	return 0;
}

static void expect(struct all *all, struct kct_case *one, const struct scenario *scenario)
{
	const struct kct_verification *v = &all->verify->v;
	struct kct_expectation *expected = all->expected[all->nr_cases];

	one->runs.expected = expected;
	one->runs.nr_expected = v->nr_checked ? v->nr_checked : 1;
	for (size_t i = 0; i < v->nr_checked; i++)
		expected[i] = v->checked[i].expectation;
	if (!v->nr_checked)
		kct_expect_parse(scenario->expected, &expected[0]);
}

/* What was interrupted, or could not be, is told as such; what comes after it is not tried. */
static int run_case(struct all *all, const struct scenario *scenario)
{
	struct kct_verify *verify = all->verify;
	struct kct_case *one = &all->cases[all->nr_cases];
	struct kct_series series = {
		.verify = verify,
		.loop = &all->loop,
		.asked = verify->repeat ? verify->repeat : 1,
		.status = all->loop.reason ? KCT_EXIT_INCOMPLETE : all->status,
		.stopped = "not tried",
	};
	char output[PATH_MAX];

	if (verify->output) {
		snprintf(output, sizeof(output), "%s.%s", verify->output, scenario->name);
		series.output = output;
	}
	if (set_command(verify, scenario)) {
		kct_error("out of memory");
		return KCT_EXIT_HOST;
	}
	if (!series.status)
		kct_series_run(&series);
	expect(all, one, scenario);
	memcpy(all->stopped[all->nr_cases], series.stopped, sizeof(series.stopped));
	one->skipped = series.skipped;
	one->runs.what = scenario->name;
	one->runs.asked = series.asked;
	one->runs.done = series.done;
	one->runs.nr_done = series.nr_done;
	one->runs.stopped = series.status ? all->stopped[all->nr_cases] : NULL;
	all->nr_cases++;
	return all->loop.reason ? 0 : series.status;
}

static int show(struct all *all)
{
	struct kct_output out;
	int error = 0, status = kct_verify_open_output(&out, &all->loop);

	if (status)
		return status;
	if (all->verify->format == KCT_VERIFY_JSON)
		error = kct_show_cases_json(out.stream, all->cases, all->nr_cases);
	else if (all->verify->format == KCT_VERIFY_TAP)
		kct_show_cases_tap(out.stream, all->cases, all->nr_cases);
	else
		error = kct_show_cases(out.stream, all->cases, all->nr_cases);
	status = kct_output_close(&out);
	if (error) {
		kct_error("out of memory");
		return KCT_EXIT_HOST;
	}
	return status;
}

static int run_all(struct all *all)
{
	int status, written;

	for (size_t i = 0; i < NR_SCENARIOS; i++) {
		if (scenarios[i].changes_host && !all->verify->change_clocksource)
			continue;
		status = run_case(all, &scenarios[i]);
		/* As it was with the first it would be with all. */
		if (status && all->nr_cases <= 1)
			return status;
		all->status = all->status ? all->status : status;
	}
	written = show(all);
	status = kct_cases_status(all->cases, all->nr_cases);
	if (status == KCT_EXIT_INCOMPLETE && all->status)
		status = all->status;
	return status ? status : written;
}

int kct_verify_all(struct kct_verify *verify)
{
	struct all *all = calloc(1, sizeof(*all));
	int status;

	if (!all) {
		kct_error("out of memory");
		return KCT_EXIT_HOST;
	}
	/* Once, and not by each scenario. */
	if (access("/dev/kvm", R_OK | W_OK)) {
		kct_error("/dev/kvm: %s", strerror(errno));
		free(all);
		return KCT_EXIT_HOST;
	}
	all->verify = verify;
	verify->can_skip = true;
	status = kct_loop_open(&all->loop, 0, 0);
	if (!status)
		status = run_all(all);
	kct_loop_close(&all->loop);
	for (size_t i = 0; i < all->nr_cases; i++)
		free((struct kct_measured *)all->cases[i].runs.done);
	free(all);
	return status;
}
