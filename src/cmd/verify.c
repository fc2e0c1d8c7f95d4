// SPDX-License-Identifier: GPL-2.0
#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/span.h"
#include "cmd/verify.h"
#include "base/number.h"
#include "base/error.h"

enum {
	OPTION_EXPECT = 0x300,
	OPTION_RECORDING,
	OPTION_TAP,
	OPTION_BISECT,
	OPTION_REPEAT,
	OPTION_WORKLOAD = 0x400, /* and its enum kct_workload_option */
};

/* ---- options ---- */

static const struct argp_option own_options[] = {
	{"expect", OPTION_EXPECT, "WHAT", 0,
	 "A verdict, unnecessary=N, drift<=DURATION or pvti=identical; may be given again", 0},
	{"recording", OPTION_RECORDING, "FILE", 0,
	 "Judge a recording; - is standard input; given again, several runs", 0},
	{"output", 'o', "FILE", 0, "Keep a recording of the run; with --repeat FILE.1, FILE.2, ...",
	 0},
	{"repeat", OPTION_REPEAT, "N", 0, "Do it N times, and tell how far the runs lie apart", 0},
	{"json", 'j', NULL, 0, "One JSON object", 0},
	{"tap", OPTION_TAP, NULL, 0, "TAP, as kernel test runners read it", 0},
	{"kselftest", OPTION_TAP, NULL, OPTION_ALIAS, NULL, 0},
	{"bisect", OPTION_BISECT, NULL, 0, "Exit as 'git bisect run' wants it", 0},
};
/* Of which each has its result in memory. */
#define MAX_RUNS 100000
#define NR_OWN	 (sizeof(own_options) / sizeof(own_options[0]))

/* Our own, and those of the workload, which are handed on to it. */
static struct argp_option all_options[NR_OWN + KCT_WORKLOAD_OPTIONS + 1];

static void list_options(void)
{
	size_t count = NR_OWN;

	memcpy(all_options, own_options, sizeof(own_options));
	for (int i = 0; i < KCT_WORKLOAD_OPTIONS; i++) {
		const struct kct_workload_option_info *info = &kct_workload_option_info[i];

		if (i == KCT_WORKLOAD_HOLD)
			continue;
		all_options[count++] = (struct argp_option){
			.name = info->name,
			.key = OPTION_WORKLOAD + i,
			.arg = info->arg,
			.doc = info->help,
			.group = 4,
		};
	}
}

static void add_word(struct kct_verify *verify, const char *word)
{
	if (verify->nr_words + 1 < KCT_MAX_WORKLOAD_ARGS)
		verify->command[verify->nr_words] = strdup(word);
	if (!verify->command[verify->nr_words++])
		verify->failed = true;
}

static void add_workload_option(struct kct_verify *verify, int option, const char *text)
{
	char word[128];

	snprintf(word, sizeof(word), text ? "--%s=%s" : "--%s",
		 kct_workload_option_info[option].name, text);
	add_word(verify, word);
}

static void take_expectation(struct kct_verify *verify, const char *text, struct argp_state *state)
{
	struct kct_checked *checked = &verify->v.checked[verify->v.nr_checked];

	if (verify->v.nr_checked == KCT_MAX_EXPECTATIONS)
		argp_error(state, "more than %d expectations", KCT_MAX_EXPECTATIONS);
	else if (kct_expect_parse(text, &checked->expectation))
		argp_error(state,
			   "'%s' is not a verdict, unnecessary=N, drift<=DURATION or "
			   "pvti=identical",
			   text);
	verify->v.nr_checked++;
}

static bool is_scenario(const char *text)
{
	for (unsigned int i = 0; kct_scenario_at(i); i++)
		if (!strcmp(kct_scenario_at(i)->name, text))
			return true;
	return false;
}

static error_t take_scenario(struct kct_verify *verify, const char *text, struct argp_state *state)
{
	if (verify->scenario)
		argp_error(state, "one scenario at a time");
	verify->all = !strcmp(text, "all");
	if (!verify->all && !is_scenario(text))
		argp_error(state, "there is no scenario '%s'", text);
	verify->scenario = text;
	return 0;
}

/* One of three things is verified, and each takes what belongs to it. */
static error_t check_options(struct kct_verify *verify, struct argp_state *state)
{
	bool recorded = verify->nr_recordings;
	int subjects = !!verify->scenario + recorded +
		       (!verify->scenario && !recorded && kct_filter_is_set(&verify->live.filter));

	if (subjects != 1)
		argp_error(state, "verify a SCENARIO, a --vm or --pid, or a --recording");
	if (!verify->scenario && verify->nr_words > (verify->duration ? 4 : 3))
		argp_error(state, "the workload's options go with a SCENARIO");
	if (!verify->scenario && !recorded && !verify->duration)
		argp_error(state, "for how long? --duration");
	if (verify->all && verify->nr_words > (verify->change_clocksource ? 4 : 3))
		argp_error(state, "all takes none of the workload's options but "
				  "--change-clocksource");
	if (verify->bisect && !verify->v.nr_checked && !verify->all)
		argp_error(state, "what is good? --bisect goes with --expect");
	if (!recorded && kct_span_is_set(&verify->span))
		argp_error(state, "--since and --until go with a --recording");
	if (recorded && (verify->output || verify->duration || verify->repeat))
		argp_error(state, "a --recording takes neither --output, --duration nor --repeat");
	if (recorded && verify->live.session_options.stacks)
		argp_error(state, "a --recording has its stacks, or has none: no --stack");
	return 0;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct kct_verify *verify = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = state->child_inputs[1] = &verify->live;
		state->child_inputs[2] = &verify->span;
		return 0;
	case OPTION_EXPECT:
		take_expectation(verify, text, state);
		return 0;
	case OPTION_RECORDING:
		verify->recordings[verify->nr_recordings++] = text;
		return 0;
	case OPTION_REPEAT:
		if (kct_parse_number(text, 1, MAX_RUNS, &verify->repeat))
			argp_error(state, "--repeat takes a number from 1 to %d", MAX_RUNS);
		return 0;
	case 'o':
		verify->output = text;
		return 0;
	case 'j':
		verify->format = KCT_VERIFY_JSON;
		return 0;
	case OPTION_TAP:
		verify->format = KCT_VERIFY_TAP;
		return 0;
	case OPTION_BISECT:
		verify->bisect = true;
		return 0;
	case ARGP_KEY_ARG:
		return take_scenario(verify, text, state);
	case ARGP_KEY_END:
		return check_options(verify, state);
	}
	if (key < OPTION_WORKLOAD || key >= OPTION_WORKLOAD + KCT_WORKLOAD_OPTIONS)
		return ARGP_ERR_UNKNOWN;
	if (verify->nr_words == KCT_MAX_WORKLOAD_ARGS - 1)
		argp_error(state, "too many options for the workload");
	if (key == OPTION_WORKLOAD + KCT_WORKLOAD_DURATION)
		verify->duration = text;
	if (key == OPTION_WORKLOAD + KCT_WORKLOAD_CHANGE_CLOCKSOURCE)
		verify->change_clocksource = true;
	add_workload_option(verify, key - OPTION_WORKLOAD, text);
	return 0;
}

/* ---- the outcome ---- */

static int check_expectations(struct kct_verification *v)
{
	int status = v->all.verdict == KCT_VERDICT_INCONCLUSIVE ? KCT_EXIT_INCOMPLETE : KCT_EXIT_OK;

	for (size_t i = 0; i < v->nr_checked; i++) {
		struct kct_checked *checked = &v->checked[i];

		checked->outcome = kct_expect_check(&checked->expectation, &v->all, checked->why,
						    sizeof(checked->why));
		if (checked->outcome == KCT_FAILS)
			status = KCT_EXIT_FAILED;
		else if (checked->outcome == KCT_UNDECIDED && status == KCT_EXIT_OK)
			status = KCT_EXIT_INCOMPLETE;
	}
	return status;
}

static int conclude(struct kct_verify *verify, FILE *out)
{
	int status = check_expectations(&verify->v);

	if (verify->format == KCT_VERIFY_JSON)
		kct_show_verification_json(out, &verify->v);
	else if (verify->format == KCT_VERIFY_TAP)
		kct_show_verification_tap(out, &verify->v);
	else
		kct_show_verification(out, &verify->v);
	return status;
}

static int run_once(struct kct_verify *verify)
{
	struct kct_output verdict = {0};
	int status, written;

	if (verify->nr_recordings) {
		status = kct_verify_recording(verify, verify->recordings[0]);
		return status ? status : conclude(verify, stdout);
	}
	status = kct_verify_live(verify, verify->output);
	if (!status) {
		kct_output_to_standard(&verdict, STDOUT_FILENO);
		status = kct_output_open(&verdict, &verify->live.loop, KCT_PATIENCE_FOR_SUMMARY_NS);
	}
	if (!status)
		status = conclude(verify, verdict.stream);
	written = kct_output_close(&verdict);
	if (status)
		return status;
	return verify->unwritten ? verify->unwritten : written;
}

/* For git bisect run: what does not say good or bad is skipped, and what never could ends it. */
#define BISECT_SKIP 125
#define BISECT_END  255

static int bisect_status(int status)
{
	switch (status) {
	case KCT_EXIT_OK:
	case KCT_EXIT_FAILED:
		return status;
	case KCT_EXIT_USAGE:
		return BISECT_END;
	}
	return BISECT_SKIP;
}

/* Also of options that cannot be parsed. */
static bool is_for_bisect(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--bisect"))
			return true;
	return false;
}

/* The workload is this program: its VMs go by its name, not by that of the link. */
static const char *own_path(char *path, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", path, size - 1);

	if (length <= 0)
		return program_invocation_name;
	path[length] = '\0';
	return path;
}

static bool is_for_several(const struct kct_verify *verify)
{
	return verify->repeat || verify->nr_recordings > 1;
}

static int run(struct kct_verify *verify)
{
	if (verify->all)
		return kct_verify_all(verify);
	return is_for_several(verify) ? kct_verify_runs(verify) : run_once(verify);
}

int cmd_verify(int argc, char **argv)
{
	static const struct argp_child children[] = {
		{&kct_live_argp, 0, NULL, 0},
		{&kct_stack_argp, 0, NULL, 0},
		{&kct_span_argp, 0, NULL, 0},
		{0},
	};
	static const struct argp argp = {
		.options = all_options,
		.parser = parse,
		.args_doc = "[SCENARIO|all]",
		.doc = "Does this kernel take unnecessary masterclock snapshots? Runs a SCENARIO "
		       "of "
		       "the workload under trace, or all of them, watches a VM for a --duration, "
		       "or reads a "
		       "--recording, and gives a verdict: nothing-to-suppress, suppressed, "
		       "coalesced, per-vcpu or inconclusive. Exit status 0: what was expected "
		       "holds; 1: it does not; 4: the evidence cannot decide. With --bisect 0, "
		       "1, 125 for what cannot be decided or traced, and 255 for wrong usage. Of "
		       "several runs (--repeat) the worst counts.",
		.children = children,
	};
	struct kct_verify verify = {0};
	char path[PATH_MAX];
	int status;

	list_options();
	kct_live_init(&verify.live);
	add_word(&verify, own_path(path, sizeof(path)));
	add_word(&verify, "workload");
	add_word(&verify, "");
	verify.recordings = calloc((size_t)argc, sizeof(*verify.recordings));
	if (!verify.recordings) {
		kct_error("out of memory");
		return KCT_EXIT_HOST;
	}
	if (is_for_bisect(argc, argv))
		argp_err_exit_status = BISECT_END;
	if (argp_parse(&argp, argc, argv, 0, NULL, &verify))
		return KCT_EXIT_USAGE;
	verify.v.judge = kct_judge_new();
	if (verify.scenario && verify.command[2]) {
		free(verify.command[2]);
		verify.command[2] = strdup(verify.scenario);
	}
	if (!verify.v.judge || verify.failed || (verify.scenario && !verify.command[2])) {
		kct_error("out of memory");
		status = KCT_EXIT_HOST;
	} else {
		status = run(&verify);
	}
	for (int i = 0; i < KCT_MAX_WORKLOAD_ARGS; i++)
		free(verify.command[i]);
	free(verify.recordings);
	free(verify.what);
	kct_recording_clear(&verify.read);
	kct_judge_free(verify.v.judge);
	kct_live_close(&verify.live);
	return verify.bisect ? bisect_status(status) : status;
}
