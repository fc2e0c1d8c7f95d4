// SPDX-License-Identifier: GPL-2.0
/* What there is to be changed, by name. */
#include <errno.h>
#include <string.h>

#include "whatif/whatif.h"

#define TEXT(name, text, symbol) text,
const char *const kct_change_names[KCT_NR_CHANGES] = {KCT_CHANGES(TEXT)};

static int find(const char *text, size_t length)
{
	for (int i = 0; i < KCT_NR_CHANGES; i++)
		if (strlen(kct_change_names[i]) == length &&
		    !strncmp(kct_change_names[i], text, length))
			return i;
	return -1;
}

int kct_changes_parse(const char *text, kct_changes *changes, const char **bad, int *bad_length)
{
	size_t length;
	int number;

	*changes = 0;
	for (;; text += length + 1) {
		length = strcspn(text, ",");
		number = find(text, length);
		*bad = text;
		*bad_length = (int)length;
		if (number < 0 || *changes >> number & 1)
			return -EINVAL;
		*changes |= (kct_changes)1 << number;
		if (!text[length])
			return 0;
	}
}
