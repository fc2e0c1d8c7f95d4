/* SPDX-License-Identifier: GPL-2.0 */
/* Several runs of a scenario, with their spread: for people, machines and test runners. */
#ifndef KCT_SHOW_RUNS_H
#define KCT_SHOW_RUNS_H

#include <jansson.h>
#include <stdio.h>

#include "verdict/runs.h"

#define KCT_RUNS_SCHEMA	 "kvmclock-trace/verify-runs"
#define KCT_RUNS_VERSION 1

/* `stopped` is why there are fewer runs than asked for; NULL. All give 0 or -ENOMEM. */
int kct_show_runs(FILE *out, const struct kct_runs *runs, const char *stopped);
/* One object on one line, docs/schema.md. */
int kct_show_runs_json(FILE *out, const struct kct_runs *runs, const char *stopped);
/* TAP version 13: a line for each expectation, of all runs together. */
void kct_show_runs_tap(FILE *out, const struct kct_runs *runs, const char *stopped);

/* A description in TAP: a '#' would begin a directive, such as SKIP. */
void kct_put_tap_description(FILE *out, const char *text);

#endif
