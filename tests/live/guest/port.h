/* SPDX-License-Identifier: GPL-2.0 */
/* Lines of text to the debug port. */
#ifndef GUEST_PORT_H
#define GUEST_PORT_H

#include <stdint.h>

struct line {
	char text[160];
	uint32_t length;
};

void line_text(struct line *line, const char *text);
void line_unsigned(struct line *line, uint64_t value);
void line_signed(struct line *line, int64_t value);

/* As a whole, also where several vCPUs write at once. */
void line_write(struct line *line);

#endif
