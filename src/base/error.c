// SPDX-License-Identifier: GPL-2.0
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"

static int patience_ms = -1;

void kct_error_patience(int ms)
{
	patience_ms = ms;
}

void kct_error(const char *format, ...)
{
	struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
	char *message = NULL, *line = NULL;
	va_list args;

	if (patience_ms >= 0 && poll(&out, 1, patience_ms) == 0)
		return;
	va_start(args, format);
	if (vasprintf(&message, format, args) < 0)
		message = NULL;
	va_end(args);
	if (message)
		line = kct_text_dup(message, KCT_TEXT_AGAIN);
	fflush(stdout);
	fprintf(stderr, KCT_PROGRAM ": %s\n", line ? line : "out of memory");
	free(line);
	free(message);
}

/* ---- what libraries write ---- */

/*
 * How long the line is that the text begins with. A message that begins with the program's name is
 * one line, whatever line ends an argument quoted in it has.
 */
static size_t line_length(const char *text, size_t size)
{
	const char *end = memchr(text, '\n', size);

	if (size > strlen(KCT_PROGRAM) && !strncmp(text, KCT_PROGRAM, strlen(KCT_PROGRAM)))
		return text[size - 1] == '\n' ? size - 1 : size;
	return end ? (size_t)(end - text) : size;
}

/* All of one call of printf() comes at once, up to BUFSIZ bytes. */
static ssize_t write_printable(void *real, const char *text, size_t size)
{
	for (size_t done = 0; done < size;) {
		size_t length = line_length(text + done, size - done);
		char *line = malloc(KCT_TEXT_ROOM(length));

		if (line) {
			kct_text(line, KCT_TEXT_ROOM(length), text + done, length, KCT_TEXT_AGAIN);
			fputs(line, real);
		}
		free(line);
		done += length;
		if (done < size && text[done++] == '\n')
			fputc('\n', real);
	}
	return (ssize_t)size;
}

void kct_error_guard_stderr(void)
{
	static const cookie_io_functions_t functions = {.write = write_printable};
	FILE *guarded = fopencookie(stderr, "w", functions);

	if (!guarded)
		return;
	setvbuf(guarded, NULL, _IONBF, 0);
	stderr = guarded;
}
