// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "picture/protobuf.h"

enum wire_type { VARINT = 0, I64 = 1, LEN = 2 };

static void put_byte(struct kct_message *message, uint8_t byte)
{
	if (message->size == sizeof(message->bytes))
		message->overflow = true;
	else
		message->bytes[message->size++] = byte;
}

static void put_varint(struct kct_message *message, uint64_t value)
{
	for (; value > 0x7f; value >>= 7)
		put_byte(message, (uint8_t)(value | 0x80));
	put_byte(message, (uint8_t)value);
}

static void put_tag(struct kct_message *message, uint32_t field, enum wire_type type)
{
	put_varint(message, (uint64_t)field << 3 | type);
}

static void put_bytes(struct kct_message *message, uint32_t field, const void *bytes, size_t size)
{
	put_tag(message, field, LEN);
	put_varint(message, size);
	if (size > sizeof(message->bytes) - message->size) {
		message->overflow = true;
		return;
	}
	memcpy(message->bytes + message->size, bytes, size);
	message->size += size;
}

void kct_put_uint64(struct kct_message *message, uint32_t field, uint64_t value)
{
	put_tag(message, field, VARINT);
	put_varint(message, value);
}

void kct_put_int64(struct kct_message *message, uint32_t field, int64_t value)
{
	kct_put_uint64(message, field, (uint64_t)value);
}

void kct_put_fixed64(struct kct_message *message, uint32_t field, uint64_t value)
{
	put_tag(message, field, I64);
	for (int i = 0; i < 8; i++)
		put_byte(message, (uint8_t)(value >> 8 * i));
}

void kct_put_text(struct kct_message *message, uint32_t field, const char *text)
{
	put_bytes(message, field, text, strlen(text));
}

void kct_put_message(struct kct_message *message, uint32_t field, const struct kct_message *value)
{
	message->overflow |= value->overflow;
	put_bytes(message, field, value->bytes, value->size);
}
