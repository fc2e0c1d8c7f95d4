// SPDX-License-Identifier: GPL-2.0
/*
 * The fast way to read an event gives what the JSON parser gives, or leaves the line to it. A space
 * in front of a line changes nothing of what it says, and makes the parser read it: so each line,
 * and each of many faulty ones, is read both ways.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "record/canonical.h"
#include "record/reader.h"
#include "record/writer.h"

static const struct kct_header header = {.tool = "0.1.0"};

/* An event of that kind whose bytes are all 0 (no value is there), or 1 (each one is). */
static union kct_any_event example(uint32_t kind, int byte)
{
	union kct_any_event event;

	memset(&event, byte, sizeof(event));
	event.event.kind = kind;
	return event;
}

static char *line_of(const union kct_any_event *event, size_t *length)
{
	char *line;
	FILE *out = open_memstream(&line, length);

	assert_non_null(out);
	kct_write_event(out, event, NULL);
	assert_int_equal(fclose(out), 0);
	line[--*length] = '\0'; /* its newline */
	return line;
}

static void each_example(void (*visit)(void *context, const char *line, size_t length),
			 void *context)
{
	for (uint32_t kind = 0; kind < KCT_NR_EVENTS; kind++)
		for (int byte = 0; byte < 2; byte++) {
			union kct_any_event event = example(kind, byte);
			size_t length;
			char *line = line_of(&event, &length);

			visit(context, line, length);
			free(line);
		}
}

/* ---- what is written is read the fast way ---- */

static void read_example(void *context, const char *line, size_t length)
{
	union kct_any_event event;
	int *read = context;

	*read += kct_read_canonical(line, length, &event);
	assert_false(kct_read_canonical(line, length + 1, &event));
}

static void test_all_kinds(void **state)
{
	int read = 0;

	(void)state;
	each_example(read_example, &read);
	/* All but the introduction of a VM, which has texts. */
	assert_int_equal(read, 2 * (KCT_NR_EVENTS - 1));
}

/* ---- both ways ---- */

static void write_pair(FILE *out, const char *line, size_t length)
{
	fwrite(line, 1, length, out);
	fputs("\n ", out);
	fwrite(line, 1, length, out);
	fputc('\n', out);
}

/* The line with bytes replaced, put in and left out at each place. */
static void write_variants(void *context, const char *line, size_t length)
{
	static const char bytes[] = "\0 \"0-9.,}{\\xe\x80";
	char *changed = malloc(length + 1);

	assert_non_null(changed);
	write_pair(context, line, length);
	for (size_t at = 0; at < length; at++) {
		memcpy(changed, line, at);
		memcpy(changed + at, line + at + 1, length - at - 1);
		write_pair(context, changed, length - 1);
		for (size_t i = 0; i < sizeof(bytes) - 1; i++) {
			changed[at] = bytes[i];
			memcpy(changed + at + 1, line + at + 1, length - at - 1);
			write_pair(context, changed, length);
			memcpy(changed + at + 1, line + at, length - at);
			write_pair(context, changed, length + 1);
		}
	}
	free(changed);
}

/* Read the same line once more, the other way. */
static void expect_same(struct kct_reader *reader, enum kct_line kind)
{
	union kct_any_event event = reader->event;
	uint64_t events = reader->events;
	char why[sizeof(reader->why)];

	strcpy(why, reader->why);
	assert_int_equal(kct_reader_next(reader), kind);
	assert_string_equal(reader->why, why);
	if (kind != KCT_LINE_EVENT)
		return;
	assert_int_equal(reader->events, events + 1);
	assert_memory_equal(&reader->event, &event, sizeof(event));
}

static void test_both_ways(void **state)
{
	static struct kct_reader reader;
	enum kct_line kind;
	size_t size;
	char *text;
	FILE *file = open_memstream(&text, &size);

	(void)state;
	assert_non_null(file);
	kct_write_header(file, &header);
	each_example(write_variants, file);
	assert_int_equal(fclose(file), 0);
	file = fmemopen(text, size, "r");
	assert_non_null(file);
	kct_reader_init(&reader, file);
	assert_int_equal(kct_reader_next(&reader), KCT_LINE_HEADER);
	while ((kind = kct_reader_next(&reader)) != KCT_LINE_END)
		expect_same(&reader, kind);
	fclose(file);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_kinds),
		cmocka_unit_test(test_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
