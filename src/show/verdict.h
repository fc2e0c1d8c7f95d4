/* SPDX-License-Identifier: GPL-2.0 */
/* A verdict with its evidence and what was expected: for people, machines and test runners. */
#ifndef KCT_SHOW_VERDICT_H
#define KCT_SHOW_VERDICT_H

#include <jansson.h>
#include <stdio.h>

#include "model/figures.h"
#include "verdict/runs.h"
#include "model/model.h"

#define KCT_VERIFY_SCHEMA  "kvmclock-trace/verify"
#define KCT_VERIFY_VERSION 1

/* An expectation and what became of it. */
struct kct_checked {
	struct kct_expectation expectation;
	enum kct_outcome outcome;
	char why[160];
};

struct kct_verification {
	const char *what; /* was run, watched or read; printable */
	struct kct_judge *judge;
	const struct kct_model *model; /* for the names of the VMs */
	kct_figures shown;	       /* by the run's hooks */
	struct kct_judgement all;
	struct kct_checked checked[KCT_MAX_EXPECTATIONS];
	size_t nr_checked;
};

void kct_show_verification(FILE *out, const struct kct_verification *v);
/* One object on one line, docs/schema.md. */
void kct_show_verification_json(FILE *out, const struct kct_verification *v);
/* TAP version 13, as kselftest reads it; what is undecided is a SKIP. */
void kct_show_verification_tap(FILE *out, const struct kct_verification *v);

#endif
