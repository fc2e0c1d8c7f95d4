// SPDX-License-Identifier: GPL-2.0
#include <stdbool.h>
#include <string.h>

#include "base/number.h"
#include "monitor/exposition.h"

#define NS_PER_S 1000000000U

static const char *suffix_of(enum kct_family_type type)
{
	return type == KCT_COUNTER ? "_total" : type == KCT_INFO ? "_info" : "";
}

/* The older format gives a family the name of its samples, and knows no type "info". */
void kct_family(struct kct_exposition *to, const char *name, enum kct_family_type type,
		const char *unit, const char *help)
{
	static const char *const types[] = {"counter", "gauge", "histogram", "info"};
	const char *suffix = to->open ? "" : suffix_of(type);

	to->name = name;
	to->type = type;
	fprintf(to->out, "# TYPE %s%s %s\n", name, suffix,
		to->open || type != KCT_INFO ? types[type] : "gauge");
	if (unit && to->open)
		fprintf(to->out, "# UNIT %s %s\n", name, unit);
	fprintf(to->out, "# HELP %s%s %s\n", name, suffix, help);
}

/* Names that others chose: their printable form has only these three to be escaped. */
static void write_value(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', out);
		if (*text == '\n')
			fputs("\\n", out);
		else
			putc(*text, out);
	}
}

static void begin(const struct kct_exposition *to, const char *suffix, const char *const *labels)
{
	char separator = '{';

	fprintf(to->out, "%s%s", to->name, suffix);
	for (; labels && labels[0]; labels += 2) {
		fprintf(to->out, "%c%s=\"", separator, labels[0]);
		write_value(to->out, labels[1]);
		putc('"', to->out);
		separator = ',';
	}
	if (separator == ',')
		putc('}', to->out);
	putc(' ', to->out);
}

void kct_sample_of(struct kct_exposition *to, const char *suffix, const char *const *labels,
		   uint64_t value)
{
	begin(to, suffix, labels);
	fprintf(to->out, "%" PRIu64 "\n", value);
}

void kct_sample(struct kct_exposition *to, const char *const *labels, uint64_t value)
{
	kct_sample_of(to, suffix_of(to->type), labels, value);
}

/* Exactly: a double has not room for the ns of a year. */
static void write_seconds(FILE *out, bool negative, uint64_t ns)
{
	fprintf(out, "%s%" PRIu64 ".%09" PRIu64 "\n", negative ? "-" : "", ns / NS_PER_S,
		ns % NS_PER_S);
}

void kct_sample_of_ns(struct kct_exposition *to, const char *suffix, const char *const *labels,
		      uint64_t ns)
{
	begin(to, suffix, labels);
	write_seconds(to->out, false, ns);
}

void kct_sample_ns(struct kct_exposition *to, const char *const *labels, uint64_t ns)
{
	kct_sample_of_ns(to, suffix_of(to->type), labels, ns);
}

void kct_sample_signed_ns(struct kct_exposition *to, const char *const *labels, int64_t ns)
{
	begin(to, suffix_of(to->type), labels);
	write_seconds(to->out, ns < 0, kct_magnitude(ns));
}

void kct_exposition_end(struct kct_exposition *to)
{
	if (to->open)
		fputs("# EOF\n", to->out);
}
