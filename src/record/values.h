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

#include "model/run.h"
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
/* What is told of an object that is read. */
struct kct_reading {
	char *why; /* what is wrong with it */
	size_t size;
	struct kct_passed passed; /* fields and words of another release, added to what is there */
	/* One of these words has no number that means "unknown": nothing can be made of the object.
	 */
	bool opaque;
	/* ---- inside ---- */
	bool refused;
};

/*
 * An object into a struct, by its table. Members that are in no table are left for the caller to
 * count: *known is the number of those that are.
 */
bool kct_read_fields(const struct kct_field *fields, const json_t *object, char *base,
		     struct kct_reading *reading, size_t *known);

#endif
