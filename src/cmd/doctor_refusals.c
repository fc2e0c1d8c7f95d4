// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/doctor.h"
#include "model/names.h"

#define MAX_REFUSALS (KCT_MAX_EVIDENCE * KCT_MAX_WAYS)
#define COLUMNS	     80
#define INDENT	     8

/* Ways that were refused for one reason. */
struct refusal {
	const char *why, *help;
	size_t order;
	size_t gain; /* pieces of evidence that are not observed now */
};

struct refusals {
	struct refusal list[MAX_REFUSALS];
	size_t count;
};

const char *kct_doctor_help(const struct kct_way *way, const struct kct_attempt *attempt)
{
	if (way->method == KCT_INLINED && attempt->error == -ENOENT)
		return "install the kernel's debug symbols and give --debuginfo";
	switch (attempt->error) {
	case -EPERM:
	case -EACCES:
		if (way->method == KCT_TRACE_EVENT)
			return "CAP_PERFMON, and a tracefs that may be read, or CAP_SYS_ADMIN";
		return way->method == KCT_FENTRY
			       ? "a kernel that lets functions be traced (no lockdown), if even "
				 "root is refused"
			       : "CAP_BPF and CAP_PERFMON, and no lockdown for confidentiality";
	case -EXDEV:
		return "the host's PID namespace (docker run --pid=host)";
	case -EOPNOTSUPP:
		return "a kernel with CONFIG_KPROBES and CONFIG_KPROBE_EVENTS";
	}
	return NULL;
}

static bool is_refused(const struct kct_attempt *attempt)
{
	return attempt->tried && attempt->error;
}

static bool is_observed(const struct kct_plan_row *row)
{
	return row->chosen >= 0 && row->evidence->ways[row->chosen].method != KCT_DERIVED;
}

static bool is_of(const struct refusal *refusal, const struct kct_way *way,
		  const struct kct_attempt *attempt)
{
	const char *help = kct_doctor_help(way, attempt);

	return is_refused(attempt) && !strcmp(refusal->why, attempt->why) &&
	       (help == refusal->help || (help && refusal->help && !strcmp(help, refusal->help)));
}

static struct refusal *refusal_of(struct refusals *all, const struct kct_way *way,
				  const struct kct_attempt *attempt)
{
	struct refusal *new = &all->list[all->count];

	for (size_t i = 0; i < all->count; i++)
		if (is_of(&all->list[i], way, attempt))
			return &all->list[i];
	*new = (struct refusal){attempt->why, kct_doctor_help(way, attempt), all->count, 0};
	all->count++;
	return new;
}

static void collect(struct refusals *all, const struct kct_plan *plan)
{
	for (size_t i = 0; i < plan->nr_rows; i++) {
		const struct kct_plan_row *row = &plan->rows[i];

		for (size_t j = 0; j < row->evidence->nr_ways; j++)
			if (is_refused(&row->attempts[j]))
				refusal_of(all, &row->evidence->ways[j], &row->attempts[j])->gain +=
					!is_observed(row);
	}
}

static int by_gain(const void *a, const void *b)
{
	const struct refusal *x = a, *y = b;

	if (!x->help != !y->help)
		return x->help ? -1 : 1;
	if (x->gain != y->gain)
		return x->gain > y->gain ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

/* A word of a list that goes over lines, each from the same column on. */
static void put_word(const char *word, size_t *column, bool is_first)
{
	if (!is_first && *column + strlen(word) + 2 > COLUMNS) {
		printf(",\n%*s", INDENT, "");
		*column = INDENT;
	} else if (!is_first) {
		*column += (size_t)printf(", ");
	}
	*column += (size_t)printf("%s", word);
}

/* Which evidence cannot be had by that method for this reason. */
static void show_what(const struct kct_plan *plan, const struct refusal *refusal,
		      enum kct_method method)
{
	size_t column = 0;

	for (size_t i = 0; i < plan->nr_rows; i++) {
		const struct kct_plan_row *row = &plan->rows[i];

		for (size_t j = 0; j < row->evidence->nr_ways; j++) {
			const struct kct_way *way = &row->evidence->ways[j];
			bool is_first = !column;

			if (way->method != method || !is_of(refusal, way, &row->attempts[j]))
				continue;
			if (is_first)
				column = (size_t)printf("%*sby %s: ", INDENT, "",
							kct_method_names[method]);
			put_word(row->evidence->name, &column, is_first);
			break; /* a way may be there twice */
		}
	}
	if (column)
		putchar('\n');
}

void kct_doctor_show_refusals(const struct kct_plan *plan)
{
	struct refusals all = {.count = 0};

	collect(&all, plan);
	if (!all.count)
		return;
	qsort(all.list, all.count, sizeof(*all.list), by_gain);
	puts("\nrefused, first what keeps the most from being observed:");
	for (size_t i = 0; i < all.count; i++) {
		printf("    %s\n", all.list[i].why);
		for (enum kct_method method = 0; method < KCT_NR_METHODS; method++)
			show_what(plan, &all.list[i], method);
		if (all.list[i].help)
			printf("%*swhat would help: %s\n", INDENT, "", all.list[i].help);
	}
}
