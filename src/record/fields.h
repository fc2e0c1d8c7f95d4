/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fields of each event: one table, from which an event is written as a JSON line and read
 * back. The names are those of docs/schema.md.
 */
#ifndef KCT_RECORD_FIELDS_H
#define KCT_RECORD_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kct_field_type {
	KCT_FIELD_U8,
	KCT_FIELD_U32,
	KCT_FIELD_U64, /* a decimal string where JSON readers' signed 64 bits do not hold it */
	KCT_FIELD_S64,
	KCT_FIELD_S8,
	KCT_FIELD_BOOL,	 /* a byte */
	KCT_FIELD_KNOWN, /* a byte, enum kct_known: true, false, null */
	KCT_FIELD_NAME8, /* a byte, by its text in `names` */
	KCT_FIELD_NAME32,
	KCT_FIELD_VM,	  /* a u32: null is KCT_NO_VM */
	KCT_FIELD_NUMBER, /* a u32: null is KCT_NO_NUMBER */
	KCT_FIELD_VCPU,	  /* a u32: null is KCT_NO_VCPU */
	KCT_FIELD_TEXT,	  /* `size` bytes, NUL-terminated */
	KCT_FIELD_OBJECT, /* a struct, by its own table in `fields` */
	KCT_FIELD_STACK, /* a u32, number of a stack (model/stacks.h): an array of names, or null */
};

struct kct_field {
	const char *name;
	const char *key; /* `,"name":` */
	uint16_t key_size;
	enum kct_field_type type;
	uint16_t offset; /* in the event, or in the struct */
	uint16_t size;	 /* of a text; number of names */
	/* Offset of the byte that says whether there is a value (null in JSON if not); 0: always.
	 */
	uint16_t present;
	/* Offset of the byte that says whether it was asked for: else it is not even null; 0:
	 * always.
	 */
	uint16_t asked;
	const char *const *names;
	const struct kct_field *fields; /* ends with a NULL name */
	/* A recording from before it was added does not have it: null then, or the first name. */
	bool added;
};

/* What every event begins with, and what each kind adds; both end with a NULL name. */
extern const struct kct_field kct_common_fields[];
/* NULL if `kind` is not a kct_event_kind. */
const struct kct_field *kct_event_fields(uint32_t kind);
/* The bytes of an event of that kind; 0 if there is no such kind. */
size_t kct_event_size(uint32_t kind);

#endif
