/* SPDX-License-Identifier: GPL-2.0 */
/*
 * JSON values into the bytes of a struct. Each function is false for a value that cannot be, NULL
 * included, and then may have left anything in its place.
 */
#ifndef KCT_RECORD_VALUES_H
#define KCT_RECORD_VALUES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "record/fields.h"

/* A number into an unsigned integer of `size` bytes. */
bool kct_read_unsigned(const json_t *value, char *at, size_t size);
/*
 * A string that fits, with its NUL, into `size` bytes. Its printable form may be cut. `flags` may
 * be KCT_TEXT_NAME.
 */
bool kct_read_text(const json_t *value, char *at, size_t size, unsigned int flags);
/* The same of a member of an object, and "" for null. */
bool kct_read_text_or_null(const json_t *object, const char *key, char *at, size_t size,
			   unsigned int flags);
/* An object into a struct, by its table. What is wrong with it is told in `why`. */
bool kct_read_fields(const struct kct_field *fields, const json_t *object, char *base, char *why,
		     size_t why_size);

#endif
