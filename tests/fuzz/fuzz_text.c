// SPDX-License-Identifier: GPL-2.0
/*
 * threat-04. Text that others wrote, made printable: as a name or not by the first byte, cut to as
 * much room as the second says. The printable form leads back to the text, stays what it is when it
 * is made printable again, and fits wherever it is to fit.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(const char *what, const char *text, size_t length)
{
	if (strlen(text) != length)
		fuzz_wrong("%s has another length than it says", what);
	if (strchr(text, '\n'))
		fuzz_wrong("%s has two lines: %s", what, text);
	fuzz_check_printable(what, text, length);
}

static void check_back(const char *form, const char *text, size_t size)
{
	char *back = malloc(size + 1);

	if (!kct_text_back(back, size + 1, form) || memcmp(back, text, size))
		fuzz_wrong("it does not lead back: %s", form);
	free(back);
}

static void check_again(const char *form, size_t length, unsigned int flags)
{
	char *again = malloc(KCT_TEXT_ROOM(length));

	kct_text(again, KCT_TEXT_ROOM(length), form, length, flags | KCT_TEXT_AGAIN);
	if (strcmp(again, form))
		fuzz_wrong("made printable again it is another: %s, %s", form, again);
	free(again);
}

static void check_column(const char *form, size_t columns)
{
	char *out = malloc(KCT_COLUMN_ROOM(columns));

	kct_text_column(out, form, columns);
	check_line("a column", out, strlen(out));
	if (kct_text_width(out) != columns)
		fuzz_wrong("%zu columns, not %zu: %s", kct_text_width(out), columns, out);
	free(out);
}

static void check_cut(const char *text, size_t size, unsigned int flags, size_t room)
{
	char *out = malloc(room);

	check_line("what was cut", out, kct_text(out, room, text, size, flags));
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 2;
	unsigned int flags;
	size_t length;
	char *form;

	if (size < 2)
		return 0;
	flags = data[0] & KCT_TEXT_NAME;
	size -= 2;
	form = malloc(KCT_TEXT_ROOM(size));
	length = kct_text(form, KCT_TEXT_ROOM(size), text, size, flags);
	check_line("the form", form, length);
	check_back(form, text, size);
	check_again(form, length, flags);
	check_column(form, 1 + data[1] % 100);
	check_cut(text, size, flags, 4 + data[1] % 64);
	free(form);
	return 0;
}
