/* SPDX-License-Identifier: GPL-2.0 */
/* Several runs of a scenario, with their spread: for people, machines and test runners. */
#ifndef KCT_SHOW_RUNS_H
#define KCT_SHOW_RUNS_H

#include <jansson.h>
#include <stdio.h>

#include "verdict/runs.h"

#define KCT_RUNS_SCHEMA	 "kvmclock-trace/verify-runs"
#define KCT_RUNS_VERSION 1

/* 0 or -ENOMEM. */
int kct_show_runs(FILE *out, const struct kct_runs *runs);
/* One object on one line, docs/schema.md. 0 or -ENOMEM; the object itself, NULL when out of it. */
int kct_show_runs_json(FILE *out, const struct kct_runs *runs);
json_t *kct_runs_json(const struct kct_runs *runs);
/* TAP version 13: a line for each expectation, of all runs together. */
void kct_show_runs_tap(FILE *out, const struct kct_runs *runs);

/* A description in TAP: a '#' would begin a directive, such as SKIP. */
void kct_put_tap_description(FILE *out, const char *text);

/* {VERDICT: runs that have it}: a new reference. */
json_t *kct_verdicts_json(const struct kct_runs *runs);

#endif
