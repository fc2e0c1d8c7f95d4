/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A line of JSON is put together in memory: to print each of its values costs ten times as much.
 */
#ifndef KCT_RECORD_PUT_H
#define KCT_RECORD_PUT_H

#include <stddef.h>
#include <stdint.h>

#include "model/name.h"
#include "record/fields.h"
#include "record/recording.h"

/* `used` is 0 at first. What does not fit is left out; no event is that long. */
struct kct_writing {
	size_t used;
	char text[KCT_MAX_LINE];
};

void kct_put(struct kct_writing *to, const char *text);
/* As kct_json_u64() has it. */
void kct_put_u64(struct kct_writing *to, uint64_t value);
/* A quoted, escaped string; it must be UTF-8, as printable forms are. */
void kct_put_string(struct kct_writing *to, const char *text);
/* The value of a field that is there, which lies at `at`. */
void kct_put_value(struct kct_writing *to, const struct kct_field *field, const char *at);
/* Members, without the braces around them. */
void kct_put_fields(struct kct_writing *to, const struct kct_field *fields, const char *base);
/* Those that a VM's introduction has behind its fields; NULL: it has no name. */
void kct_put_vm_name(struct kct_writing *to, const struct kct_vm_name *name);

#endif
