/* SPDX-License-Identifier: GPL-2.0 */
/* The summary per VM, for people and for machines. Nothing is computed here but sums. */
#ifndef KCT_SHOW_REPORT_H
#define KCT_SHOW_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "model/model.h"
#include "model/run.h"

#define KCT_REPORT_SCHEMA  "kvmclock-trace/report"
#define KCT_REPORT_VERSION 1

struct kct_report {
	const struct kct_header *header;
	const struct kct_model *model;
	bool part;		/* of what was traced: kct_is_part() */
	uint64_t ended_ns;	/* CLOCK_BOOTTIME; 0 if the recording does not tell */
	const char *incomplete; /* why the evidence is not whole; NULL if it is */
};

/* Why the evidence in the model is not whole, in `text`; NULL if it is. */
const char *kct_incomplete(const struct kct_model *model, char *text, size_t size);
/* One line: how much was lost, and why; of what the kernel skipped, which evidence. */
void kct_show_losses(FILE *out, const struct kct_model *model);

/* One line: what another release wrote and this one passed over; none if there is nothing. */
void kct_show_passed(FILE *out, const struct kct_passed *passed);

/* A stack on one line, the innermost function first; or why there is none. */
void kct_show_stack(FILE *out, uint32_t stack, enum kct_stack_note note);
/* Which stacks the updates and requests of each VM had; nothing where they were not asked for. */
void kct_show_stacks(FILE *out, const struct kct_model *model);
/* The same as a list; null where they were not asked for. */
json_t *kct_stack_counts_json(const struct kct_model *model, const struct kct_stack_counts *counts);

/* `verbose` adds a line for each vCPU. */
void kct_show_report(FILE *out, const struct kct_report *report, bool verbose);
/* One object on one line, docs/report.schema.json. */
void kct_show_report_json(FILE *out, const struct kct_report *report);

/* Only the table, a line a VM; what `stat` prints at each interval. */
void kct_show_table(FILE *out, const struct kct_header *header, const struct kct_model *model,
		    bool verbose);

/* What a VM goes by in a table: its name, or its number where it was never introduced. */
void kct_show_name(char *text, size_t size, const struct kct_vm *vm);

#endif
