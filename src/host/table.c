// SPDX-License-Identifier: GPL-2.0
/*
 * The user's own names, /etc/kvmclock-trace/names: on a line what the VM is known by (its UUID,
 * name, id, or SPACE/NAME; no blanks), and what it is to be called.
 */
#include "host/inside.h"

#define TABLE_MAX  (1024 * 1024)
#define TABLE_PATH "etc/kvmclock-trace/names"

static struct kct_piece trim(struct kct_piece text)
{
	while (text.size && memchr(" \t\r", *text.at, 3))
		text = kct_piece_skip(text, 1);
	while (text.size && memchr(" \t\r", text.at[text.size - 1], 3))
		text.size--;
	return text;
}

static bool line_is_of(const struct kct_vm_name *name, struct kct_piece *line)
{
	struct kct_piece key = *line;
	char word[256];

	for (key.size = 0; key.size < line->size; key.size++)
		if (memchr(" \t", key.at[key.size], 2))
			break;
	if (!key.size || *key.at == '#' || key.size >= sizeof(word))
		return false;
	memcpy(word, key.at, key.size);
	word[key.size] = '\0';
	*line = trim(kct_piece_skip(*line, key.size));
	return line->size && kct_vm_name_is(name, word);
}

/* Read anew for each VM: so it may be changed at any time, and costs nothing where there is none.
 */
void kct_name_from_table(struct kct_vm_name *name, int root)
{
	static char buffer[TABLE_MAX];
	struct kct_piece rest = kct_read_small(root, TABLE_PATH, 0, buffer, sizeof(buffer), NULL);

	while (rest.size > 0) {
		struct kct_piece line = trim(kct_piece_cut(&rest, '\n'));

		if (!line_is_of(name, &line))
			continue;
		PUT(name->name, line);
		name->source = KCT_NAME_TABLE;
		return;
	}
}
