// SPDX-License-Identifier: GPL-2.0
#include "cpu.h"
#include "port.h"

#define DEBUG_PORT 0x402
#define DIGITS	   20 /* of 2^64 */

static uint32_t lock;

static void line_char(struct line *line, char c)
{
	if (line->length < sizeof(line->text))
		line->text[line->length++] = c;
}

void line_text(struct line *line, const char *text)
{
	while (*text)
		line_char(line, *text++);
}

/* By 16 bits at a time: a division of 64 bits would need a library. The remainder. */
static uint32_t divide_by_ten(uint64_t *value)
{
	uint64_t quotient = 0;
	uint32_t part, rest = 0;
	int shift;

	for (shift = 48; shift >= 0; shift -= 16) {
		part = rest << 16 | (*value >> shift & 0xffff);
		quotient = quotient << 16 | part / 10;
		rest = part % 10;
	}
	*value = quotient;
	return rest;
}

void line_unsigned(struct line *line, uint64_t value)
{
	char digits[DIGITS];
	int nr = 0;

	do {
		digits[nr++] = '0' + divide_by_ten(&value);
	} while (value);
	while (nr)
		line_char(line, digits[--nr]);
}

void line_signed(struct line *line, int64_t value)
{
	line_text(line, value < 0 ? "-" : "+");
	line_unsigned(line, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

/* In one instruction, so that QEMU is asked once and not for each character. */
static void write_out(const char *text, uint32_t length)
{
	asm volatile("rep outsb" : "+S"(text), "+c"(length) : "d"(DEBUG_PORT) : "memory");
}

void line_write(struct line *line)
{
	line_char(line, '\n');
	while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE))
		relax();
	write_out(line->text, line->length);
	__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
}
