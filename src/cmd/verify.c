// SPDX-License-Identifier: GPL-2.0
#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/live.h"
#include "base/duration.h"
#include "base/error.h"
#include "base/text.h"
#include "record/load.h"
#include "record/writer.h"
#include "show/report.h"
#include "show/verdict.h"
#include "workload/workload.h"

enum {
	OPTION_EXPECT = 0x300,
	OPTION_RECORDING,
	OPTION_TAP,
	OPTION_BISECT,
	OPTION_WORKLOAD = 0x400, /* and its enum kct_workload_option */
};

#define MAX_WORKLOAD_ARGS (KCT_WORKLOAD_OPTIONS + 8)

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_TAP };

struct verify {
	struct kct_live live;
	struct kct_verification v;
	enum format format;
	const char *scenario, *recording, *output, *duration;
	struct kct_output kept, verdict; /* --output, and where the verdict goes after a run */
	/* The command that runs the scenario; the options in it are ours. */
	char *command[MAX_WORKLOAD_ARGS];
	int nr_words;
	struct kct_recording read;
	char *what;  /* the printable form of the subject; ours */
	bool failed; /* out of memory */
	bool bisect;
};

/* ---- options ---- */

static const struct argp_option own_options[] = {
	{"expect", OPTION_EXPECT, "WHAT", 0,
	 "A verdict, unnecessary=N, drift<=DURATION or pvti=identical; may be given again", 0},
	{"recording", OPTION_RECORDING, "FILE", 0, "Judge a recording; - is standard input", 0},
	{"output", 'o', "FILE", 0, "Keep a recording of the run", 0},
	{"json", 'j', NULL, 0, "One JSON object", 0},
	{"tap", OPTION_TAP, NULL, 0, "TAP, as kernel test runners read it", 0},
	{"kselftest", OPTION_TAP, NULL, OPTION_ALIAS, NULL, 0},
	{"bisect", OPTION_BISECT, NULL, 0, "Exit as 'git bisect run' wants it", 0},
};
#define NR_OWN (sizeof(own_options) / sizeof(own_options[0]))

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

static void add_word(struct verify *verify, const char *word)
{
	if (verify->nr_words + 1 < MAX_WORKLOAD_ARGS)
		verify->command[verify->nr_words] = strdup(word);
	if (!verify->command[verify->nr_words++])
		verify->failed = true;
}

static void add_workload_option(struct verify *verify, int option, const char *text)
{
	char word[128];

	snprintf(word, sizeof(word), text ? "--%s=%s" : "--%s",
		 kct_workload_option_info[option].name, text);
	add_word(verify, word);
}

static void take_expectation(struct verify *verify, const char *text, struct argp_state *state)
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

static error_t take_scenario(struct verify *verify, const char *text, struct argp_state *state)
{
	if (verify->scenario)
		argp_error(state, "one scenario at a time");
	if (!is_scenario(text))
		argp_error(state, "there is no scenario '%s'", text);
	verify->scenario = text;
	return 0;
}

/* One of three things is verified, and each takes what belongs to it. */
static error_t check_options(struct verify *verify, struct argp_state *state)
{
	int subjects = !!verify->scenario + !!verify->recording +
		       (!verify->scenario && !verify->recording &&
			kct_filter_is_set(&verify->live.filter));

	if (subjects != 1)
		argp_error(state, "verify a SCENARIO, a --vm or --pid, or a --recording");
	if (!verify->scenario && verify->nr_words > (verify->duration ? 4 : 3))
		argp_error(state, "the workload's options go with a SCENARIO");
	if (!verify->scenario && !verify->recording && !verify->duration)
		argp_error(state, "for how long? --duration");
	if (verify->bisect && !verify->v.nr_checked)
		argp_error(state, "what is good? --bisect goes with --expect");
	if (verify->recording && (verify->output || verify->duration))
		argp_error(state, "a --recording takes neither --output nor --duration");
	return 0;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct verify *verify = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &verify->live;
		return 0;
	case OPTION_EXPECT:
		take_expectation(verify, text, state);
		return 0;
	case OPTION_RECORDING:
		verify->recording = text;
		return 0;
	case 'o':
		verify->output = text;
		return 0;
	case 'j':
		verify->format = FORMAT_JSON;
		return 0;
	case OPTION_TAP:
		verify->format = FORMAT_TAP;
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
	if (verify->nr_words == MAX_WORKLOAD_ARGS - 1)
		argp_error(state, "too many options for the workload");
	if (key == OPTION_WORKLOAD + KCT_WORKLOAD_DURATION)
		verify->duration = text;
	add_workload_option(verify, key - OPTION_WORKLOAD, text);
	return 0;
}

/* ---- events ---- */

static void judge(struct verify *verify, const union kct_any_event *event)
{
	if (kct_judge_event(verify->v.judge, event))
		verify->failed = true;
}

static void on_start(struct kct_live *live)
{
	struct verify *verify = live->context;

	kct_judge_anchor(verify->v.judge, live->header.started.boot_ns,
			 live->header.started.realtime_ns);
	if (verify->output)
		kct_write_header(verify->kept.stream, &live->header);
}

static void on_event(struct kct_live *live, const union kct_any_event *event,
		     const struct kct_vm_name *name)
{
	struct verify *verify = live->context;

	judge(verify, event);
	if (verify->output)
		kct_write_event(verify->kept.stream, event, name);
}

static bool on_recorded(void *context, const union kct_any_event *event,
			const struct kct_vm_name *name)
{
	struct verify *verify = context;

	if (!kct_filter_event(&verify->live.filter, event, name))
		return false;
	kct_judge_anchor(verify->v.judge, verify->read.header.started.boot_ns,
			 verify->read.header.started.realtime_ns);
	judge(verify, event);
	return true;
}

/* ---- the three subjects ---- */

static void name_subject(struct verify *verify, const char *text)
{
	verify->what = kct_text_dup(text, 0);
	verify->v.what = verify->what ? verify->what : "?";
}

static int prepare_live(struct verify *verify)
{
	struct kct_live *live = &verify->live;

	live->session_options.emitted_kinds = ~0U;
	live->context = verify;
	live->on_start = on_start;
	live->on_event = on_event;
	live->output = verify->output ? &verify->kept : NULL;
	live->keep_gone = KCT_KEEP_ALL; /* the judge knows all of them */
	if (verify->scenario) {
		name_subject(verify, verify->scenario);
		live->command = verify->command;
		live->only_command = true;
		live->silent_command = true;
	} else {
		name_subject(verify, live->filter.vm ? live->filter.vm : "the VM");
		if (kct_parse_duration(verify->duration, &live->duration_ns) ||
		    !live->duration_ns) {
			kct_error("'%s' is not a duration such as 250ms, 10s or 2m",
				  verify->duration);
			return KCT_EXIT_USAGE;
		}
	}
	return 0;
}

static int run_live(struct verify *verify)
{
	struct kct_live *live = &verify->live;
	int status = kct_live_run(live);

	if (status)
		return status;
	if (verify->output && !kct_output_settle(&verify->kept))
		kct_write_trailer(verify->kept.stream, &live->trailer);
	if (live->trailer.status > 0) {
		kct_error("the workload failed with exit status %d", live->trailer.status);
		return live->trailer.status == KCT_EXIT_USAGE ? KCT_EXIT_USAGE : KCT_EXIT_HOST;
	}
	if (verify->scenario && strcmp(live->trailer.reason, "command"))
		kct_judge_doubt(verify->v.judge, "the workload did not come to its end");
	kct_judge_losses(verify->v.judge, &live->model);
	kct_judge_hooks(verify->v.judge, &live->header);
	verify->v.model = &live->model;
	verify->v.shown = kct_figures_shown(&live->header);
	return 0;
}

static int read_recording(struct verify *verify)
{
	struct kct_recording *recording = &verify->read;
	int status;

	name_subject(verify, verify->recording);
	status = kct_load(verify->recording, recording, on_recorded, verify);
	if (status == KCT_EXIT_USAGE)
		return status;
	if (!recording->whole)
		kct_judge_doubt(verify->v.judge, recording->incomplete);
	kct_judge_losses(verify->v.judge, &recording->model);
	kct_judge_hooks(verify->v.judge, &recording->header);
	verify->v.model = &recording->model;
	verify->v.shown = kct_figures_shown(&recording->header);
	return 0;
}

/* ---- the outcome ---- */

static int conclude(struct verify *verify)
{
	struct kct_verification *v = &verify->v;
	FILE *out = verify->verdict.stream ? verify->verdict.stream : stdout;
	int status = KCT_EXIT_OK;

	if (verify->failed)
		kct_judge_doubt(v->judge, "out of memory");
	v->all = kct_judge_all(v->judge);
	if (v->all.verdict == KCT_VERDICT_INCONCLUSIVE)
		status = KCT_EXIT_INCOMPLETE;
	for (size_t i = 0; i < v->nr_checked; i++) {
		struct kct_checked *checked = &v->checked[i];

		checked->outcome = kct_expect_check(&checked->expectation, &v->all, checked->why,
						    sizeof(checked->why));
		if (checked->outcome == KCT_FAILS)
			status = KCT_EXIT_FAILED;
		else if (checked->outcome == KCT_UNDECIDED && status == KCT_EXIT_OK)
			status = KCT_EXIT_INCOMPLETE;
	}
	if (verify->format == FORMAT_JSON)
		kct_show_verification_json(out, v);
	else if (verify->format == FORMAT_TAP)
		kct_show_verification_tap(out, v);
	else
		kct_show_verification(out, v);
	return status;
}

static int prepare(struct verify *verify)
{
	int error = prepare_live(verify);

	if (!error && verify->output)
		error = kct_output_to_path(&verify->kept, verify->output, verify->live.duration_ns);
	return error;
}

static int run(struct verify *verify)
{
	int status = verify->recording ? 0 : prepare(verify), written;

	if (!status)
		status = verify->recording ? read_recording(verify) : run_live(verify);
	written = kct_output_close(&verify->kept);
	if (!status && !verify->recording) {
		kct_output_to_standard(&verify->verdict, STDOUT_FILENO);
		status = kct_output_open(&verify->verdict, &verify->live.loop,
					 KCT_PATIENCE_FOR_SUMMARY_NS);
	}
	if (!status)
		status = conclude(verify);
	written |= kct_output_close(&verify->verdict);
	kct_recording_clear(&verify->read);
	return status ? status : written;
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

int cmd_verify(int argc, char **argv)
{
	static const struct argp_child children[] = {{&kct_live_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		.options = all_options,
		.parser = parse,
		.args_doc = "[SCENARIO]",
		.doc = "Does this kernel take unnecessary masterclock snapshots? Runs a SCENARIO "
		       "of "
		       "the workload under trace, watches a VM for a --duration, or reads a "
		       "--recording, and gives a verdict: nothing-to-suppress, suppressed, "
		       "coalesced, per-vcpu or inconclusive. Exit status 0: what was expected "
		       "holds; 1: it does not; 4: the evidence cannot decide. With --bisect 0, "
		       "1, 125 for what cannot be decided or traced, and 255 for wrong usage.",
		.children = children,
	};
	struct verify verify = {0};
	char path[PATH_MAX];
	int status;

	list_options();
	kct_live_init(&verify.live);
	add_word(&verify, own_path(path, sizeof(path)));
	add_word(&verify, "workload");
	add_word(&verify, "");
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
	for (int i = 0; i < MAX_WORKLOAD_ARGS; i++)
		free(verify.command[i]);
	free(verify.what);
	kct_judge_free(verify.v.judge);
	kct_live_close(&verify.live);
	return verify.bisect ? bisect_status(status) : status;
}
