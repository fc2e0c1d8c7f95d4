// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "attach/symbols.h"

static bool is_cold(const char *suffix)
{
	const char *cold = strstr(suffix, ".cold");

	/* Also ".cold.1", of older compilers. */
	return cold && (!cold[5] || cold[5] == '.');
}

int kct_symbol_find(const char *path, const char *name, struct kct_symbol *symbol)
{
	FILE *file = fopen(path, "re");
	size_t length = strlen(name);
	char line[512], text[256], type;

	memset(symbol, 0, sizeof(*symbol));
	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		/* "address type name [module]"; t and T are text, W and w weak text */
		if (sscanf(line, "%*s %c %255s", &type, text) != 2 || !strchr("tTwW", type) ||
		    strncmp(text, name, length))
			continue;
		if (!text[length]) {
			symbol->exact++;
		} else if (text[length] == '.' && !is_cold(text + length)) {
			symbol->clones++;
			snprintf(symbol->clone, sizeof(symbol->clone), "%.63s", text);
		}
	}
	fclose(file);
	return 0;
}

void kct_symbol_problem(const char *path, const char *name, char *text, size_t size)
{
	struct kct_symbol symbol;

	*text = '\0';
	if (kct_symbol_find(path, name, &symbol))
		return;
	if (symbol.exact > 1)
		snprintf(text, size, "%u functions are called %s", symbol.exact, name);
	else if (symbol.exact && symbol.clones)
		snprintf(text, size, "some calls go to %s instead, with other arguments",
			 symbol.clone);
	else if (symbol.clones)
		snprintf(text, size, "the compiler left only %s, with other arguments",
			 symbol.clone);
	else if (!symbol.exact)
		snprintf(text, size, "this kernel has no function %s out of line", name);
}
