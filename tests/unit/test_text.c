// SPDX-License-Identifier: GPL-2.0
/* Text that others wrote, made printable. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <cmocka.h>

#include "base/text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void assert_form(const char *text, size_t size, unsigned int flags, const char *form)
{
	char *exact = malloc(size ? size : 1), out[512];

	assert_non_null(exact);
	memcpy(exact, text, size);
	assert_int_equal(kct_text(out, sizeof(out), exact, size, flags), strlen(form));
	free(exact);
	assert_string_equal(out, form);
	/* A form that is made printable again stays what it is. */
	assert_int_equal(kct_text(out, sizeof(out), form, strlen(form), flags | KCT_TEXT_AGAIN),
			 strlen(form));
	assert_string_equal(out, form);
}

static const struct {
	const char *text, *form;
} forms[] = {
	{"", ""},
	{"web-1.example", "web-1.example"},
	{"Gr\u00f6\u00dfe \u0141\u00f3d\u017a", "Gr\u00f6\u00dfe \u0141\u00f3d\u017a"},
	{"\u4e3b\u673a \u30b5\u30fc\u30d0 \uc11c\ubc84",
	 "\u4e3b\u673a \u30b5\u30fc\u30d0 \uc11c\ubc84"},
	{"\U0001f427", "\U0001f427"},
	{"a\\b", "a\\\\b"},
	/* what acts on a terminal */
	{"\033[2J", "\\u001b[2J"},
	{"a\nb\tc\rd\be\a", "a\\u000ab\\u0009c\\u000dd\\u0008e\\u0007"},
	{"\x7f", "\\u007f"},
	{"\xc2\x9b"
	 "31m",
	 "\\u009b31m"},
	{"\xc2\x85", "\\u0085"},
	/* bytes that are not UTF-8 */
	{"\xff\xfe", "\\xff\\xfe"},
	{"a\xc3", "a\\xc3"},
	{"\x9b", "\\x9b"},
	{"\xc0\xaf", "\\xc0\\xaf"},
	{"\xed\xa0\x80", "\\xed\\xa0\\x80"},
	{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
	{"\xe2\x80", "\\xe2\\x80"},
	/* lines, directions, and what cannot be seen */
	{"a\u2028b\u2029c", "a\\u2028b\\u2029c"},
	{"\u202egnp.exe", "\\u202egnp.exe"},
	{"\u200f\u200e\u2066\u2069\u061c", "\\u200f\\u200e\\u2066\\u2069\\u061c"},
	{"\u05d0\u05d1", "\\u05d0\\u05d1"},
	{"\u0645\u0635\u0631", "\\u0645\\u0635\\u0631"},
	{"we\u200bb", "we\\u200bb"},
	{"we\u00adb", "we\\u00adb"},
	{"we\ufeffb\u2060", "we\\ufeffb\\u2060"},
	{"\u3164\u115f", "\\u3164\\u115f"},
	{"a\u00a0b\u2003c\u3000d", "a\\u00a0b\\u2003c\\u3000d"},
	{"\U000e0041", "\\U000e0041"},
	/* what combines: one letter of two characters */
	{"e\u0301", "e\\u0301"},
	{"\u1112\u1161\u11ab", "\\u1112\\u1161\\u11ab"},
	{"\U0001f468\u200d\U0001f469", "\U0001f468\\u200d\U0001f469"},
	{"\U0001f44d\U0001f3fd", "\U0001f44d\\U0001f3fd"},
	{"\u2764\ufe0f", "\\u2764\\ufe0f"},
	/* twins of ASCII */
	{"\uff57\uff45\uff42", "\\uff57\\uff45\\uff42"},
	{"\U0001d430", "\\U0001d430"},
	{"web\u20101\u2212\u2013", "web\\u20101\\u2212\\u2013"},
	{"a\u2215b\u2044c", "a\\u2215b\\u2044c"},
	{"it\u2019s", "it\\u2019s"},
	{"cut\u2026", "cut\\u2026"},
	{"\u0251\u0261", "\\u0251\\u0261"},
};

static void test_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(forms); i++) {
		assert_form(forms[i].text, strlen(forms[i].text), 0, forms[i].form);
		assert_form(forms[i].text, strlen(forms[i].text), KCT_TEXT_NAME, forms[i].form);
	}
	assert_form("a\0b", 3, 0, "a\\u0000b");
}

/* Letters that are fine by themselves, but not where they make one name look like another. */
static void test_names(void **state)
{
	static const struct {
		const char *text, *form;
	} names[] = {
		{"\u043f\u043e\u0447\u0442\u0430", "\u043f\u043e\u0447\u0442\u0430"},
		{"\u03b4\u03bf\u03ba\u03b9\u03bc\u03ae", "\u03b4\u03bf\u03ba\u03b9\u03bc\u03ae"},
		/* a Cyrillic a in a Latin word, and a Latin a in a Cyrillic one */
		{"p\u0430ypal", "p\\u0430ypal"},
		{"\u043f\u043e\u0447\u0442a", "\\u043f\\u043e\\u0447\\u0442a"},
		/* all of them look like Latin ones */
		{"\u0441\u043e\u0441\u043e", "\\u0441\\u043e\\u0441\\u043e"},
		{"\u0391\u0392-1", "\\u0391\\u0392-1"},
		{"1\u041e", "1\\u041e"},
		/* Greek among Cyrillic */
		{"\u043f\u03bf\u0447\u0442\u0430", "\\u043f\\u03bf\\u0447\\u0442\\u0430"},
		/* the letters of an escape are not of its alphabet */
		{"\u043f\u200b", "\u043f\\u200b"},
		{"\u043f\\", "\u043f\\\\"},
		/* spaces that cannot be seen in a column */
		{" web", "\\u0020web"},
		{"web ", "web\\u0020"},
		{"we b", "we b"},
		{"we  b", "we\\u0020\\u0020b"},
		{" ", "\\u0020"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		assert_form(names[i].text, strlen(names[i].text), KCT_TEXT_NAME, names[i].form);
	assert_form("p\u0430ypal  ", 9, 0, "p\u0430ypal  ");
}

static void test_again(void **state)
{
	static const char claimed[] = "a\\b\033\u2026";
	char out[64];

	(void)state;
	kct_text(out, sizeof(out), claimed, strlen(claimed), KCT_TEXT_AGAIN);
	assert_string_equal(out, "a\\b\\u001b\u2026");
}

/* A form that has no room ends in an ellipsis, behind a whole character or escape. */
static void test_cut(void **state)
{
	static const struct {
		const char *text;
		size_t room;
		const char *form;
	} cuts[] = {
		{"abcdef", 7, "abcdef"},
		{"abcdefg", 7, "abc\u2026"},
		{"abc", 4, "abc"},
		{"abcd", 4, "\u2026"},
		{"ab\u4e3b\u673a", 9, "ab\u4e3b\u673a"},
		{"ab\u4e3b\u673a", 8, "ab\u2026"},
		{"ab\033cd", 11, "ab\\u001bcd"},
		{"ab\033cd", 10, "ab\u2026"},
		{"\U0001f427\U0001f427", 8, "\U0001f427\u2026"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cuts); i++) {
		char *out = malloc(cuts[i].room);
		size_t length;

		assert_non_null(out);
		length = kct_text(out, cuts[i].room, cuts[i].text, strlen(cuts[i].text), 0);
		assert_string_equal(out, cuts[i].form);
		assert_int_equal(length, strlen(cuts[i].form));
		free(out);
	}
}

static void test_columns(void **state)
{
	static const struct {
		const char *text;
		size_t width, columns;
		const char *column;
	} rows[] = {
		{"", 0, 3, "   "},
		{"web", 3, 5, "web  "},
		{"web", 3, 3, "web"},
		{"web1", 4, 3, "we\u2026"},
		{"\u00e4\u00f6\u00fc", 3, 4, "\u00e4\u00f6\u00fc "},
		{"\u4e3b\u673a", 4, 4, "\u4e3b\u673a"},
		{"\u4e3b\u673a", 4, 3, "\u4e3b\u2026"},
		{"a\u4e3b\u673a", 5, 3, "a\u2026 "},
		{"\U0001f427\U0001f427", 4, 6, "\U0001f427\U0001f427  "},
		{"cut\u2026", 4, 4, "cut\u2026"},
		{"web", 3, 1, "\u2026"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *out = malloc(KCT_COLUMN_ROOM(rows[i].columns));

		assert_non_null(out);
		assert_int_equal(kct_text_width(rows[i].text), rows[i].width);
		assert_string_equal(kct_text_column(out, rows[i].text, rows[i].columns),
				    rows[i].column);
		free(out);
	}
}

/* The C library's opinion of each character that is shown. */
static void test_widths(void **state)
{
	mbstate_t shift = {0};
	size_t nr_shown = 0;
	char text[8], form[64];

	(void)state;
	if (!setlocale(LC_CTYPE, "C.UTF-8")) {
		print_message("this C library has no C.UTF-8\n");
		skip();
	}
	for (uint32_t point = 1; point < 0x110000; point++) {
		size_t size = wcrtomb(text, (wchar_t)point, &shift);

		if (size == (size_t)-1) { /* half of a pair */
			memset(&shift, 0, sizeof(shift));
			continue;
		}
		text[size] = '\0';
		kct_text(form, sizeof(form), text, size, 0);
		if (strcmp(form, text))
			continue;
		nr_shown++;
		if ((int)kct_text_width(text) != wcwidth((wchar_t)point))
			fail_msg("U+%04x has %d columns, not %zu", point, wcwidth((wchar_t)point),
				 kct_text_width(text));
	}
	setlocale(LC_CTYPE, "C");
	assert_true(nr_shown > 70000);
}

static size_t decode(const char *form, char *text);

/* Whatever the bytes: one line of whole characters, and no two forms are the same. */
static void test_noise(void **state)
{
	static const char *const words[] = {"\\",     "x41",	      "\xe2\x80\xae", "\xc3",
					    "\xa4",   "\xf0\x9f\x90", "\xa7",	      "u001b",
					    "\033",   "\u0430",	      "  ",	      "a",
					    "\u4e3b", "\n",	      "\u2026"};
	unsigned int seed = 7;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		char text[256], form[KCT_TEXT_ROOM(sizeof(text))], back[256];
		unsigned int flags = round & 1 ? KCT_TEXT_NAME : 0;
		size_t size = 0;

		while (size < 200 && rand_r(&seed) % 10) {
			const char *word = words[(size_t)rand_r(&seed) % COUNT(words)];

			memcpy(text + size, word, strlen(word));
			size += strlen(word);
			if (rand_r(&seed) % 4 == 0)
				text[size++] = (char)rand_r(&seed);
		}
		kct_text(form, sizeof(form), text, size, flags);
		for (const char *c = form; *c; c++)
			assert_true((uint8_t)*c >= 0x20 && *c != 0x7f);
		assert_int_equal(decode(form, back), size);
		assert_memory_equal(back, text, size);
	}
}

static size_t put_character(uint32_t point, char *to)
{
	size_t size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;

	if (size == 1) {
		*to = (char)point;
		return 1;
	}
	for (size_t i = size - 1; i > 0; i--, point >>= 6)
		to[i] = (char)(0x80 | (point & 0x3f));
	*to = (char)(0xf00U >> size | point);
	return size;
}

/* The text that a form is of. */
static size_t decode(const char *form, char *text)
{
	char *to = text, digits[9] = "";

	while (*form) {
		size_t length = form[0] != '\\'	 ? 0
				: form[1] == 'x' ? 2
				: form[1] == 'u' ? 4
				: form[1] == 'U' ? 8
						 : 0;
		uint32_t value;

		if (!length) {
			form += *form == '\\';
			*to++ = *form++;
			continue;
		}
		memcpy(digits, form + 2, length);
		digits[length] = '\0';
		value = (uint32_t)strtoul(digits, NULL, 16);
		if (form[1] == 'x')
			*to++ = (char)value;
		else
			to += put_character(value, to);
		form += 2 + length;
	}
	return (size_t)(to - text);
}

/* 64 KB of what takes the most room. */
static void test_long(void **state)
{
	size_t size = 65536;
	char *text = malloc(size + 1), *form, name[128];

	(void)state;
	assert_non_null(text);
	memset(text, 0x1b, size);
	text[size] = '\0';
	form = kct_text_dup(text, KCT_TEXT_NAME);
	assert_non_null(form);
	assert_int_equal(strlen(form), 6 * size);
	kct_text(name, sizeof(name), text, size, KCT_TEXT_NAME);
	assert_int_equal(strlen(name), 6 * 20 + 3);
	free(form);
	free(text);
}

/* ---- on a terminal that shows nothing but ASCII ---- */

static void test_ascii(void **unused)
{
	char out[64];

	(void)unused;
	kct_text(out, sizeof(out), "k\xc3\xbc \\x 漢", strlen("k\xc3\xbc \\x 漢"),
		 KCT_TEXT_AGAIN | KCT_TEXT_ASCII);
	assert_string_equal(out, "k\\u00fc \\x \\u6f22");
}

static void test_behind(void **unused)
{
	(void)unused;
	assert_string_equal(kct_text_behind("abc", 0), "abc");
	assert_string_equal(kct_text_behind("abc", 2), "c");
	assert_string_equal(kct_text_behind("abc", 9), "");
	/* A letter of two columns goes whole. */
	assert_string_equal(kct_text_behind("漢b", 1), "b");
	assert_string_equal(kct_text_behind("漢b", 2), "b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ascii),	cmocka_unit_test(test_behind),
		cmocka_unit_test(test_forms),	cmocka_unit_test(test_names),
		cmocka_unit_test(test_again),	cmocka_unit_test(test_cut),
		cmocka_unit_test(test_columns), cmocka_unit_test(test_widths),
		cmocka_unit_test(test_noise),	cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
