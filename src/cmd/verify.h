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
	uint64_t repeat; /* 0: one run, and what it was in full */
	bool bisect;
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
	int unwritten; /* an enum kct_exit: the recording could not be kept, which has been said */
};

/*
 * One run of the scenario, of the watch over a VM, or a recording; its recording goes to `output`
 * if that is not NULL. 0, and verify->v is judged; or an enum kct_exit, said.
 */
int kct_verify_live(struct kct_verify *verify, const char *output);
int kct_verify_recording(struct kct_verify *verify, const char *path);

/* Several, each in a process of its own, and what they come to. An enum kct_exit. */
int kct_verify_runs(struct kct_verify *verify);

#endif
