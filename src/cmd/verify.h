/* SPDX-License-Identifier: GPL-2.0 */
/* `verify`: what is to be verified, one run of it, and several. */
#ifndef KCT_CMD_VERIFY_H
#define KCT_CMD_VERIFY_H

#include "cmd/live.h"
#include "record/load.h"
#include "show/verdict.h"
#include "workload/workload.h"

#define KCT_MAX_WORKLOAD_ARGS (KCT_WORKLOAD_OPTIONS + 8)

enum kct_verify_format { KCT_VERIFY_TEXT, KCT_VERIFY_JSON, KCT_VERIFY_TAP };

struct kct_verify {
	/* ---- options ---- */
	enum kct_verify_format format;
	const char *scenario, *output, *duration;
	const char **recordings; /* ours */
	size_t nr_recordings;
	struct kct_span span; /* of each of them */
	uint64_t repeat;      /* 0: one run, and what it was in full */
	bool bisect;
	bool all;		 /* every scenario that has an expectation */
	bool change_clocksource; /* of this host may one of them */
	/* The command that runs the scenario; the options in it are ours. */
	char *command[KCT_MAX_WORKLOAD_ARGS];
	int nr_words;

	/* ---- one run ---- */
	struct kct_live live;
	struct kct_verification v;
	struct kct_output kept; /* its recording */
	struct kct_recording read;
	char *what;    /* the printable form of the subject; ours */
	bool failed;   /* out of memory */
	bool can_skip; /* what the workload cannot do is no error: then `skipped` is set */
	bool skipped;
	int unwritten; /* an enum kct_exit: the recording could not be kept, which has been said */
};

/*
 * One run of the scenario, of the watch over a VM, or a recording; its recording goes to `output`
 * if that is not NULL. 0, and verify->v is judged; or an enum kct_exit, said.
 */
int kct_verify_live(struct kct_verify *verify, const char *output);
int kct_verify_recording(struct kct_verify *verify, const char *path);

/* Runs of one thing, each in a process of its own. */
struct kct_series {
	struct kct_verify *verify;
	struct kct_loop *loop; /* whose end ends it */
	const char *output;    /* their recordings go to that and a number; NULL: nowhere */
	size_t asked;
	struct kct_measured *done; /* ours: free() */
	size_t nr_done;
	bool skipped;	  /* the workload cannot do it here */
	int status;	  /* an enum kct_exit of a run that could not be, and ended it; 0 */
	char stopped[80]; /* why there are fewer runs than asked for; "" */
};

/* Fills the rest of it. */
void kct_series_run(struct kct_series *series);

/* The runs of --repeat, or those of several recordings, and what they come to. */
int kct_verify_runs(struct kct_verify *verify);
/* Every scenario, with what is expected of it. An enum kct_exit, as all of these. */
int kct_verify_all(struct kct_verify *verify);

/* Where what is shown of several runs goes; 0 or an enum kct_exit, said. */
int kct_verify_open_output(struct kct_output *out, struct kct_loop *loop);

#endif
