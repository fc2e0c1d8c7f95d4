// SPDX-License-Identifier: GPL-2.0
/*
 * The reader, line by line. What it took must be written and read again as the same, by both of its
 * ways: the JSON parser, and the one for lines in the writer's own bytes. (threat-01)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "record/canonical.h"
#include "record/reader.h"
#include "record/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A line, and the line that it becomes by being read. */
static char texts[2][2 * KCT_MAX_LINE];

static size_t write_line(const struct kct_reader *reader, enum kct_line line, char *text)
{
	FILE *out = fmemopen(text, sizeof(texts[0]), "w");
	size_t size;

	if (line == KCT_LINE_HEADER)
		kct_write_header(out, &reader->header);
	else if (line == KCT_LINE_TRAILER)
		kct_write_trailer(out, &reader->trailer);
	else
		kct_write_event(out, &reader->event, &reader->name);
	if (fflush(out))
		fuzz_wrong("a line that is longer than two of the longest");
	size = (size_t)ftell(out);
	fclose(out);
	return size;
}

static void check(const struct kct_reader *first, enum kct_line line)
{
	static struct kct_reader again;
	size_t size = write_line(first, line, texts[0]);
	FILE *in = fmemopen(texts[0], size, "r");

	kct_reader_init(&again, in);
	again.header_seen = line != KCT_LINE_HEADER; /* it must come before anything else */
	if (kct_reader_next(&again) != line)
		fuzz_wrong("its own line is refused: %s\n%.*s", again.why, (int)size, texts[0]);
	fclose(in);
	if (write_line(&again, line, texts[1]) != size || memcmp(texts[0], texts[1], size))
		fuzz_wrong("read again, it is another:\n%s%s", texts[0], texts[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct kct_reader reader;
	FILE *in = fmemopen((void *)data, size, "r");
	enum kct_line line;

	kct_reader_init(&reader, in);
	while ((line = kct_reader_next(&reader)) < KCT_LINE_END) {
		if (line != KCT_LINE_PASSED) /* of which there is nothing to write */
			check(&reader, line);
	}
	if (line == KCT_LINE_INVALID)
		fuzz_check_printable("the reason", reader.why, strlen(reader.why));
	fclose(in);
	return 0;
}
