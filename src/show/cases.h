/* SPDX-License-Identifier: GPL-2.0 */
/* The scenarios of `verify all`: a table for people, JSON, and TAP with a line for each. */
#ifndef KCT_SHOW_CASES_H
#define KCT_SHOW_CASES_H

#include <stdio.h>

#include "verdict/runs.h"

#define KCT_ALL_SCHEMA	"kvmclock-trace/verify-all"
#define KCT_ALL_VERSION 1

/* 0 or -ENOMEM. */
int kct_show_cases(FILE *out, const struct kct_case *cases, size_t nr_cases);
/* One object on one line, docs/schema.md. 0 or -ENOMEM. */
int kct_show_cases_json(FILE *out, const struct kct_case *cases, size_t nr_cases);
/* TAP version 13, as KVM's selftests have it: what is undecided, or skipped, is a SKIP. */
void kct_show_cases_tap(FILE *out, const struct kct_case *cases, size_t nr_cases);

#endif
