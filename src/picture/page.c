// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include "picture/assets.h"
#include "picture/page.h"

static const struct {
	const char *name, *script, *hash;
} pages[] = {
	[KCT_PAGE_MIGRATION] = {"migration", KCT_MIGRATION_JS, KCT_MIGRATION_JS_HASH},
	[KCT_PAGE_REPORT] = {"report", KCT_REPORT_JS, KCT_REPORT_JS_HASH},
};

/* In a text, a character that markup would begin with. */
static const char *escape_text(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	}
	return NULL;
}

/* In JSON it only stands in strings. A script ends with the first "</script", wherever that is. */
static const char *escape_json(char c)
{
	return c == '<' ? "\\u003c" : NULL;
}

typedef const char *(*escape)(char c);

static void write_escaped(FILE *out, const char *text, size_t size, escape escape)
{
	size_t from = 0;

	for (size_t i = 0; i < size; i++) {
		const char *instead = escape(text[i]);

		if (!instead)
			continue;
		fwrite(text + from, 1, i - from, out);
		fputs(instead, out);
		from = i + 1;
	}
	fwrite(text + from, 1, size - from, out);
}

void kct_page_open(FILE *out, enum kct_page page, const char *title)
{
	size_t length = 0;

	while (title[length])
		length++;
	fprintf(out,
		"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		"style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		"<meta name=\"color-scheme\" content=\"light dark\">\n<title>",
		KCT_PAGE_CSS_HASH, pages[page].hash);
	write_escaped(out, title, length, escape_text);
	fprintf(out, "</title>\n<style>%s</style>\n</head>\n<body class=\"%s\">\n<main>\n<h1>",
		KCT_PAGE_CSS, pages[page].name);
	write_escaped(out, title, length, escape_text);
	fputs("</h1>\n<noscript><p>The script in this file draws a picture. Without it, this is "
	      "what there is to read.</p></noscript>\n<div id=\"picture\"></div>\n",
	      out);
}

struct part {
	FILE *out;
	escape escape;
	const char *tail;
};

static ssize_t write_part(void *cookie, const char *bytes, size_t size)
{
	struct part *part = cookie;

	write_escaped(part->out, bytes, size, part->escape);
	return (ssize_t)size;
}

static int close_part(void *cookie)
{
	struct part *part = cookie;

	fputs(part->tail, part->out);
	free(part);
	return 0;
}

static FILE *open_part(FILE *out, escape escape, const char *tail)
{
	static const cookie_io_functions_t functions = {.write = write_part, .close = close_part};
	struct part *part = malloc(sizeof(*part));
	FILE *stream;

	if (!part)
		return NULL;
	*part = (struct part){out, escape, tail};
	stream = fopencookie(part, "w", functions);
	if (!stream)
		free(part);
	return stream;
}

FILE *kct_page_text(FILE *out)
{
	fputs("<details id=\"text\" open><summary>As text</summary>\n<pre tabindex=\"0\">", out);
	return open_part(out, escape_text, "</pre>\n</details>\n");
}

FILE *kct_page_data(FILE *out, const char *id)
{
	fprintf(out, "<script type=\"application/json\" id=\"%s\">", id);
	return open_part(out, escape_json, "</script>\n");
}

void kct_page_close(FILE *out, enum kct_page page)
{
	fprintf(out, "</main>\n<script>%s</script>\n</body>\n</html>\n", pages[page].script);
}
