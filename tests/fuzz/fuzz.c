// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "fuzz.h"

#define MAX_WORDS 16

void fuzz_wrong(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "WRONG: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

void fuzz_file_set(struct fuzz_file *file, const uint8_t *data, size_t size)
{
	if (!*file->path) {
		file->fd = memfd_create("fuzz", MFD_CLOEXEC);
		snprintf(file->path, sizeof(file->path), "/proc/self/fd/%d", file->fd);
	}
	if (ftruncate(file->fd, 0) || pwrite(file->fd, data, size, 0) != (ssize_t)size)
		fuzz_wrong("no room for a file of %zu bytes", size);
}

/* ---- what is said ---- */

static FILE *own_out, *own_err, *caught;

void fuzz_catch(struct fuzz_said *said)
{
	memset(said, 0, sizeof(*said));
	own_out = stdout;
	own_err = stderr;
	stdout = open_memstream(&said->out, &said->out_size);
	caught = open_memstream(&said->err, &said->err_size);
	stderr = caught;
	kct_error_guard_stderr(); /* as main() does */
}

void fuzz_release(void)
{
	fclose(stdout);
	fclose(stderr);
	fclose(caught);
	stdout = own_out;
	stderr = own_err;
}

void fuzz_forget(struct fuzz_said *said)
{
	free(said->out);
	free(said->err);
}

/* ---- judging ---- */

/* Controls but the line feed, and characters that change the direction of what is around them. */
static bool may_mislead(const unsigned char *c, const unsigned char *end)
{
	if ((*c < 0x20 && *c != '\n') || *c == 0x7f)
		return true;
	if (*c == 0xc2)
		return c + 1 < end && c[1] < 0xa0;
	return *c == 0xe2 && c + 2 < end &&
	       ((c[1] == 0x80 && c[2] >= 0xa8 && c[2] <= 0xae) ||
		(c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9));
}

void fuzz_check_printable(const char *what, const char *text, size_t size)
{
	const unsigned char *begin = (const unsigned char *)text, *end = begin + size;
	json_t *string = json_stringn(text, size); /* of UTF-8 only */

	if (!string)
		fuzz_wrong("%s is not UTF-8:\n%s", what, text);
	json_decref(string);
	for (const unsigned char *c = begin; c < end; c++)
		if (may_mislead(c, end))
			fuzz_wrong("%s has a byte 0x%02x for the terminal at %zu:\n%s", what, *c,
				   (size_t)(c - begin), text);
}

static void check_json(const struct fuzz_said *said)
{
	char *rest = said->out, *line;
	json_error_t error;

	if (said->out_size && said->out[said->out_size - 1] != '\n')
		fuzz_wrong("its last line has no end:\n%s", said->out);
	while ((line = strsep(&rest, "\n")) && rest) {
		json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, &error);

		if (!json_is_object(object))
			fuzz_wrong("not JSON: %s\n%s", error.text, line);
		json_decref(object);
	}
}

static void check_errors(const struct fuzz_said *said)
{
	const char *line = said->err, *end;

	if (said->status == KCT_EXIT_USAGE && !said->err_size)
		fuzz_wrong("it is refused without a word");
	for (; *line; line = end + 1) {
		end = strchr(line, '\n');
		if (!end)
			fuzz_wrong("the last line of stderr has no end:\n%s", said->err);
		if (strncmp(line, KCT_PROGRAM ": ", strlen(KCT_PROGRAM ": ")))
			fuzz_wrong("a line of stderr that is not the program's:\n%s", said->err);
	}
}

void fuzz_judge(const struct fuzz_said *said, const char *statuses, bool json)
{
	if (said->status < 0 || said->status > 9 || !strchr(statuses, '0' + said->status))
		fuzz_wrong("status %d, not one of %s:\n%s", said->status, statuses, said->err);
	fuzz_check_printable("its output", said->out, said->out_size);
	fuzz_check_printable("its error", said->err, said->err_size);
	check_errors(said);
	if (json)
		check_json(said);
}

void fuzz_command(int (*command)(int, char **), const char *const *words, const char *statuses)
{
	char copies[MAX_WORDS][64], *argv[MAX_WORDS + 1];
	struct fuzz_said said;
	bool json = false;
	int argc = 0;

	/* argp reorders the words, and may write into them. */
	for (; words[argc] && argc < MAX_WORDS; argc++) {
		snprintf(copies[argc], sizeof(copies[argc]), "%s", words[argc]);
		argv[argc] = copies[argc];
		json |= !strcmp(words[argc], "--json");
	}
	argv[argc] = NULL;
	fuzz_catch(&said);
	said.status = command(argc, argv);
	fuzz_release();
	fuzz_judge(&said, statuses, json);
	fuzz_forget(&said);
}

void fuzz_two_files(const uint8_t *data, size_t size, struct fuzz_file files[2])
{
	const uint8_t *line = memmem(data, size, "\n==\n", 4);
	size_t first = line ? (size_t)(line - data) + 1 : size;
	size_t second = line ? first + 3 : 0;

	fuzz_file_set(&files[0], data, first);
	fuzz_file_set(&files[1], data + second, size - second);
}
