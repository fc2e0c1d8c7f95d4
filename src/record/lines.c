// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include "record/lines.h"

void kct_lines_init(struct kct_lines *lines, FILE *in)
{
	lines->in = in;
	lines->count = 0;
	lines->at = lines->end = 0;
	lines->error = 0;
}

/* Have more of the file in the buffer; false if there is no more, or no room for it. */
static bool fill(struct kct_lines *lines)
{
	size_t got;

	memmove(lines->buffer, lines->buffer + lines->at, lines->end - lines->at);
	lines->end -= lines->at;
	lines->at = 0;
	got = fread(lines->buffer + lines->end, 1, sizeof(lines->buffer) - lines->end, lines->in);
	/* It may have read something first: the error is met again later, without its number. */
	if (ferror(lines->in) && !lines->error)
		lines->error = errno;
	lines->end += got;
	return got > 0;
}

static enum kct_lines_end why_no_line(const struct kct_lines *lines)
{
	if (lines->end == sizeof(lines->buffer))
		return KCT_LINES_TOO_LONG;
	if (lines->error)
		return KCT_LINES_FAILED;
	return lines->end ? KCT_LINES_CUT : KCT_LINES_END;
}

char *kct_lines_next(struct kct_lines *lines, size_t *length, enum kct_lines_end *end)
{
	char *line, *newline;

	lines->count++;
	do {
		line = lines->buffer + lines->at;
		newline = memchr(line, '\n', lines->end - lines->at);
	} while (!newline && fill(lines));
	if (!newline) {
		*end = why_no_line(lines);
		return NULL;
	}
	*newline = '\0';
	*length = (size_t)(newline - line);
	lines->at += *length + 1;
	*end = KCT_LINES_GO_ON;
	return line;
}
