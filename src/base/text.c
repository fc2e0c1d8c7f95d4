// SPDX-License-Identifier: GPL-2.0
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define ELLIPSIS       "\u2026"
#define ELLIPSIS_POINT 0x2026

enum script { OTHER, LATIN, GREEK, CYRILLIC };

/*
 * The characters that are shown as they are, and how many columns each takes. Left out of these
 * alphabets is what combines, is unassigned, or has a twin elsewhere.
 */
static const struct {
	uint32_t first, last;
	uint8_t width;
	uint8_t script;
} shown[] = {
	{' ', '@', 1, OTHER},	      {'A', 'Z', 1, LATIN},
	{'[', '`', 1, OTHER},	      {'a', 'z', 1, LATIN},
	{'{', '~', 1, OTHER},	      {0xc0, 0xd6, 1, LATIN},
	{0xd8, 0xf6, 1, LATIN},	      {0xf8, 0x137, 1, LATIN},
	{0x139, 0x13e, 1, LATIN},     {0x141, 0x148, 1, LATIN},
	{0x14a, 0x17e, 1, LATIN},     {0x386, 0x386, 1, GREEK},
	{0x388, 0x38a, 1, GREEK},     {0x38c, 0x38c, 1, GREEK},
	{0x38e, 0x3a1, 1, GREEK},     {0x3a3, 0x3ce, 1, GREEK},
	{0x400, 0x45f, 1, CYRILLIC},  {0x490, 0x4bf, 1, CYRILLIC},
	{0x4d0, 0x4f9, 1, CYRILLIC},  {0x1ea0, 0x1ef9, 1, LATIN}, /* Vietnamese */
	{0x3005, 0x3005, 2, OTHER},   {0x300c, 0x300f, 2, OTHER},
	{0x3041, 0x3096, 2, OTHER}, /* kana */
	{0x30a1, 0x30fa, 2, OTHER},   {0x30fc, 0x30fc, 2, OTHER},
	{0x3400, 0x4dbf, 2, OTHER},				  /* Han */
	{0x4e00, 0x9ffc, 2, OTHER},   {0xac00, 0xd7a3, 2, OTHER}, /* Hangul */
	{0x1f300, 0x1f320, 2, OTHER}, /* emoji that are wide without a selector */
	{0x1f32d, 0x1f335, 2, OTHER}, {0x1f337, 0x1f37c, 2, OTHER},
	{0x1f37e, 0x1f393, 2, OTHER}, {0x1f3a0, 0x1f3ca, 2, OTHER},
	{0x1f3e0, 0x1f3f0, 2, OTHER}, {0x1f400, 0x1f43e, 2, OTHER},
	{0x1f442, 0x1f4fc, 2, OTHER}, {0x1f4ff, 0x1f53d, 2, OTHER},
	{0x1f550, 0x1f567, 2, OTHER}, {0x1f5fb, 0x1f64f, 2, OTHER},
	{0x1f680, 0x1f6c5, 2, OTHER}, {0x1f90c, 0x1f93a, 2, OTHER},
	{0x1f947, 0x1f978, 2, OTHER}, {0x1f97a, 0x1f9cb, 2, OTHER},
	{0x1f9cd, 0x1f9ff, 2, OTHER}, {0x20000, 0x2a6dd, 2, OTHER}, /* Han again */
};

/* Letters of other alphabets that pass for a Latin one. */
static const char look_alikes[] = "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαγεηικνορςτυχω"
				  "АВЕЗКМНОРСТУХЅІЈҮҺаекорсухѕіјүһ";

/* A text with what it holds, on which it depends how its letters are shown. */
struct text {
	const char *at;
	size_t size;
	unsigned int flags;
	bool has[CYRILLIC + 1]; /* letters of a script */
	bool has_plain;		/* Greek or Cyrillic letters without a look-alike */
};

/* Bytes of the UTF-8 character that the text begins with, and its code point; 0 if it is none. */
static size_t take_character(const char *text, size_t size, uint32_t *point)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint8_t lead = (uint8_t)*text;
	size_t length = lead < 0x80 ? 1 : lead < 0xc0 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

	if (length == 0 || lead > 0xf4 || length > size)
		return 0;
	*point = length == 1 ? lead : lead & (0x7fU >> length);
	for (size_t i = 1; i < length; i++) {
		uint8_t byte = (uint8_t)text[i];

		if ((byte & 0xc0) != 0x80)
			return 0;
		*point = *point << 6 | (byte & 0x3f);
	}
	if (*point < least[length] || *point > 0x10ffff || (*point >= 0xd800 && *point <= 0xdfff))
		return 0;
	return length;
}

/* The row of `shown` that has the character; -1 if none has. */
static int row_of(uint32_t point)
{
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		if (point >= shown[i].first && point <= shown[i].last)
			return (int)i;
	return -1;
}

static bool has_look_alike(const char *letter, size_t size)
{
	return memmem(look_alikes, sizeof(look_alikes) - 1, letter, size) != NULL;
}

/* The bytes of the escape at `i`, whose letters are none of the text's; 0 if there is none. */
static size_t escape_at(const struct text *text, size_t i)
{
	if (!(text->flags & KCT_TEXT_AGAIN) || text->at[i] != '\\' || i + 1 == text->size)
		return 0;
	switch (text->at[i + 1]) {
	case 'x':
		return sizeof("\\xNN") - 1;
	case 'u':
		return sizeof("\\uNNNN") - 1;
	case 'U':
		return sizeof("\\UNNNNNNNN") - 1;
	}
	return sizeof("\\\\") - 1;
}

static void look_at_letters(struct text *text)
{
	for (size_t i = 0, size; i < text->size; i += size ? size : 1) {
		uint32_t point;
		int row;

		size = escape_at(text, i);
		if (size)
			continue;
		size = take_character(text->at + i, text->size - i, &point);
		row = size ? row_of(point) : -1;
		if (row < 0)
			continue;
		text->has[shown[row].script] = true;
		if (shown[row].script > LATIN && !has_look_alike(text->at + i, size))
			text->has_plain = true;
	}
}

/* Is this space one that can be seen, or one that ends a name or follows another? */
static bool space_is_visible(const struct text *text, size_t i)
{
	return i > 0 && i + 1 < text->size && text->at[i - 1] != ' ' && text->at[i + 1] != ' ';
}

static bool passes_for_another(const struct text *text, enum script script)
{
	return script > LATIN &&
	       (text->has[LATIN] || (text->has[GREEK] && text->has[CYRILLIC]) || !text->has_plain);
}

static bool is_shown(const struct text *text, size_t i, uint32_t point)
{
	int row = row_of(point);

	if (text->flags & KCT_TEXT_ASCII && point >= 0x80)
		return false;
	if (point == ELLIPSIS_POINT && text->flags & KCT_TEXT_AGAIN)
		return true;
	if (row < 0)
		return false;
	if (!(text->flags & KCT_TEXT_NAME))
		return true;
	return point == ' ' ? space_is_visible(text, i)
			    : !passes_for_another(text, shown[row].script);
}

/*
 * The printable form of what the text has at `i`, without a NUL, at most 10 bytes: the number of
 * them, and in *taken how many bytes it is of.
 */
static size_t print_character(const struct text *text, size_t i, char form[12], size_t *taken)
{
	uint32_t point;

	*taken = take_character(text->at + i, text->size - i, &point);
	if (!*taken) {
		*taken = 1;
		return (size_t)sprintf(form, "\\x%02x", (uint8_t)text->at[i]);
	}
	if (point == '\\' && !(text->flags & KCT_TEXT_AGAIN))
		return (size_t)sprintf(form, "\\\\");
	if (!is_shown(text, i, point))
		return (size_t)sprintf(form, point > 0xffff ? "\\U%08x" : "\\u%04x", point);
	memcpy(form, text->at + i, *taken);
	return *taken;
}

size_t kct_text(char *out, size_t room, const char *text, size_t size, unsigned int flags)
{
	struct text all = {.at = text, .size = size, .flags = flags};
	size_t used = 0, fits = 0, taken, length;
	char form[12];

	if (flags & KCT_TEXT_NAME)
		look_at_letters(&all);
	for (size_t i = 0; i < size; i += taken) {
		length = print_character(&all, i, form, &taken);
		if (used + length >= room) {
			memcpy(out + fits, ELLIPSIS, sizeof(ELLIPSIS));
			return fits + sizeof(ELLIPSIS) - 1;
		}
		memcpy(out + used, form, length);
		used += length;
		if (used + sizeof(ELLIPSIS) <= room)
			fits = used;
	}
	out[used] = '\0';
	return used;
}

char *kct_text_dup(const char *text, unsigned int flags)
{
	size_t size = strlen(text);
	char *out = malloc(KCT_TEXT_ROOM(size) + sizeof(ELLIPSIS));

	if (out)
		kct_text(out, KCT_TEXT_ROOM(size) + sizeof(ELLIPSIS), text, size, flags);
	return out;
}

/* The UTF-8 of a code point; 0 bytes if there is no such one. */
static size_t put_character(uint32_t point, char *to)
{
	size_t size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;

	if (point > 0x10ffff)
		return 0;
	if (size == 1) {
		*to = (char)point;
		return 1;
	}
	for (size_t i = size - 1; i > 0; i--, point >>= 6)
		to[i] = (char)(0x80 | (point & 0x3f));
	*to = (char)(0xf00U >> size | point);
	return size;
}

/* What the form begins with, in `text`: its bytes, and in *taken those of the form. */
static size_t take_back(const char *form, char text[4], size_t *taken)
{
	size_t digits = form[1] == 'x' ? 2 : form[1] == 'u' ? 4 : form[1] == 'U' ? 8 : 0, size;
	char number[9] = "";
	uint32_t point;

	*text = *form;
	*taken = 1;
	if (*form != '\\')
		return 1;
	if (!digits) {
		*taken += form[1] == '\\';
		return 1;
	}
	strncpy(number, form + 2, digits);
	if (strspn(number, "0123456789abcdef") != digits)
		return 1;
	point = (uint32_t)strtoul(number, NULL, 16);
	size = digits == 2 ? 1 : put_character(point, text);
	if (digits == 2)
		*text = (char)point;
	*taken = size ? 2 + digits : 1;
	return size ? size : 1;
}

bool kct_text_back(char *text, size_t room, const char *form)
{
	size_t used = 0, size, taken;
	char piece[4];

	for (; *form; form += taken) {
		size = take_back(form, piece, &taken);
		if (used + size >= room)
			return false;
		memcpy(text + used, piece, size);
		used += size;
	}
	text[used] = '\0';
	return true;
}

/* Columns and bytes of the first character; of no known one, a byte and a column. */
static size_t first_width(const char *text, size_t *bytes)
{
	uint32_t point;
	int row;

	*bytes = take_character(text, strlen(text), &point);
	row = *bytes ? row_of(point) : -1;
	if (!*bytes)
		*bytes = 1;
	return row < 0 ? 1 : shown[row].width;
}

size_t kct_text_width(const char *text)
{
	size_t width = 0, bytes;

	for (; *text; text += bytes)
		width += first_width(text, &bytes);
	return width;
}

const char *kct_text_behind(const char *text, size_t columns)
{
	size_t bytes, width;

	for (; *text && columns; text += bytes) {
		width = first_width(text, &bytes);
		columns -= width < columns ? width : columns;
	}
	return text;
}

const char *kct_text_column(char *out, const char *text, size_t columns)
{
	bool cut = kct_text_width(text) > columns;
	size_t bytes, width, used = 0, left = columns - cut;

	while (*text && (width = first_width(text, &bytes)) <= left) {
		memcpy(out + used, text, bytes);
		used += bytes;
		text += bytes;
		left -= width;
	}
	if (cut)
		used += (size_t)sprintf(out + used, ELLIPSIS);
	memset(out + used, ' ', left);
	out[used + left] = '\0';
	return out;
}
