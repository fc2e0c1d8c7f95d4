/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Protocol Buffers' wire format, as much as a writer needs: a message is built up in memory, field
 * by field. What has no room in it any more is left out, and the message says so.
 */
#ifndef KCT_PICTURE_PROTOBUF_H
#define KCT_PICTURE_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kct_message {
	uint8_t bytes[4096];
	size_t size;
	bool overflow;
};

/* `field` is the number that the schema gives it. int64 is as in the schema: not zigzag. */
void kct_put_uint64(struct kct_message *message, uint32_t field, uint64_t value);
void kct_put_int64(struct kct_message *message, uint32_t field, int64_t value);
void kct_put_fixed64(struct kct_message *message, uint32_t field, uint64_t value);
void kct_put_text(struct kct_message *message, uint32_t field, const char *text);
void kct_put_message(struct kct_message *message, uint32_t field, const struct kct_message *value);

#endif
