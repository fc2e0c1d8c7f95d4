// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "base/text.h"
#include "kvmclock/event.h"
#include "model/names.h"
#include "model/stacks.h"
#include "record/values.h"

static bool get_unsigned(const json_t *value, uint64_t max, uint64_t *out)
{
	const char *text;

	if (json_is_integer(value)) {
		if (json_integer_value(value) < 0)
			return false;
		*out = (uint64_t)json_integer_value(value);
		return *out <= max;
	}
	/* What kct_json_u64() writes of numbers past the signed 64 bits. */
	text = json_string_value(value);
	return max == UINT64_MAX && text && *text != '0' &&
	       !kct_parse_number(text, (uint64_t)INT64_MAX + 1, UINT64_MAX, out);
}

bool kct_read_unsigned(const json_t *value, char *at, size_t size)
{
	uint64_t number;

	if (!get_unsigned(value, size == 8 ? UINT64_MAX : (1ULL << 8 * size) - 1, &number))
		return false;
	memcpy(at, &number, size); /* little endian, as all that KVM on x86 knows */
	return true;
}

static bool read_signed(const json_t *value, char *at, size_t size)
{
	int64_t number = json_integer_value(value);

	if (!json_is_integer(value) || (size == 1 && (number < INT8_MIN || number > INT8_MAX)))
		return false;
	memcpy(at, &number, size);
	return true;
}

static bool read_number_or_null(const json_t *value, char *at, uint32_t null)
{
	uint32_t number = null;

	if (!json_is_null(value) &&
	    (!kct_read_unsigned(value, (char *)&number, 4) || number == null))
		return false;
	memcpy(at, &number, sizeof(number));
	return true;
}

/* A word of another release is what is called "unknown", where there is such a thing. */
static bool read_name(struct kct_reading *reading, const struct kct_field *field,
		      const json_t *value, char *at, size_t size)
{
	const char *text = json_string_value(value);
	int number = text ? kct_name_number(field->names, field->size, text) : 0;

	if (number < 0) {
		number = kct_name_number(field->names, field->size, "unknown");
		reading->opaque |= number < 0;
		reading->passed.words++;
	}
	memcpy(at, &number, size);
	return text != NULL;
}

static const char *string_of(const json_t *value)
{
	const char *text = json_string_value(value);

	return text && strlen(text) == json_string_length(value) ? text : NULL;
}

/*
 * Whatever a made-up recording holds is as fit to be shown as what this program wrote. Too long is
 * refused: nothing that this program wrote is.
 */
bool kct_read_text(const json_t *value, char *at, size_t size, unsigned int flags)
{
	const char *text = string_of(value);

	if (!text || strlen(text) >= size)
		return false;
	kct_text(at, size, text, strlen(text), flags | KCT_TEXT_AGAIN);
	return true;
}

/* The bytes that the kernel had, of their printable form. */
static bool read_kernel_text(const json_t *value, char *at, size_t size)
{
	const char *text = string_of(value);

	return text && kct_text_back(at, size, text);
}

bool kct_read_text_or_null(const json_t *object, const char *key, char *at, size_t size,
			   unsigned int flags)
{
	const json_t *value = json_object_get(object, key);

	*at = '\0';
	return json_is_null(value) || kct_read_text(value, at, size, flags);
}

static bool __attribute__((format(printf, 2, 3)))
refuse(struct kct_reading *reading, const char *format, ...)
{
	va_list args;

	/* Of an object within an object, the inner one's reason is the better one. */
	if (reading->refused)
		return false;
	va_start(args, format);
	vsnprintf(reading->why, reading->size, format, args);
	va_end(args);
	reading->refused = true;
	return false;
}

static bool read_object(struct kct_reading *reading, const struct kct_field *fields,
			const json_t *object, char *base)
{
	size_t known = 0;

	if (!json_is_object(object) || !kct_read_fields(fields, object, base, reading, &known))
		return false;
	reading->passed.fields += json_object_size(object) - known;
	return true;
}

/* A stack that has no room has no number: kct_stack_settle(). */
static bool read_stack(const json_t *value, char *at)
{
	struct kct_frames frames = {.count = 0};
	char name[KCT_FRAME_SIZE];
	const json_t *function;
	uint32_t number = 0;
	size_t i;

	if (!json_is_null(value)) {
		json_array_foreach (value, i, function)
			if (!kct_read_text(function, name, sizeof(name), KCT_TEXT_NAME) || !*name ||
			    !kct_frames_add(&frames, name))
				return false;
		if (!frames.count)
			return false;
		number = kct_stack_number(&frames);
	}
	memcpy(at, &number, sizeof(number));
	return true;
}

static bool read_value(struct kct_reading *reading, const struct kct_field *field,
		       const json_t *value, char *at)
{
	switch (field->type) {
	case KCT_FIELD_U8:
		return kct_read_unsigned(value, at, 1);
	case KCT_FIELD_U32:
		return kct_read_unsigned(value, at, 4);
	case KCT_FIELD_U64:
		return kct_read_unsigned(value, at, 8);
	case KCT_FIELD_S64:
		return read_signed(value, at, 8);
	case KCT_FIELD_S8:
		return read_signed(value, at, 1);
	case KCT_FIELD_BOOL:
		*at = json_is_true(value);
		return json_is_boolean(value);
	case KCT_FIELD_KNOWN:
		*at = json_is_null(value) ? KCT_NOT_KNOWN : json_is_true(value);
		return json_is_null(value) || json_is_boolean(value);
	case KCT_FIELD_NAME8:
		return read_name(reading, field, value, at, 1);
	case KCT_FIELD_NAME32:
		return read_name(reading, field, value, at, 4);
	case KCT_FIELD_VM:
		return read_number_or_null(value, at, KCT_NO_VM);
	case KCT_FIELD_NUMBER:
		return read_number_or_null(value, at, KCT_NO_NUMBER);
	case KCT_FIELD_VCPU:
		return read_number_or_null(value, at, KCT_NO_VCPU);
	case KCT_FIELD_TEXT:
		return read_kernel_text(value, at, field->size);
	case KCT_FIELD_OBJECT:
		return read_object(reading, field->fields, value, at);
	case KCT_FIELD_STACK:
		return read_stack(value, at);
	}
	return false;
}

/* The event is all 0 so far, which is the first of the names and the flag of what is null. */
static void read_absent(const struct kct_field *field, char *base)
{
	if (field->type == KCT_FIELD_NUMBER)
		read_number_or_null(json_null(), base + field->offset, KCT_NO_NUMBER);
}

bool kct_read_fields(const struct kct_field *fields, const json_t *object, char *base,
		     struct kct_reading *reading, size_t *known)
{
	for (const struct kct_field *field = fields; field->name; field++) {
		const json_t *value = json_object_get(object, field->name);

		if (!value && field->added) {
			read_absent(field, base);
			continue;
		}
		if (!value)
			return refuse(reading, "no \"%s\"", field->name);
		++*known;
		if (field->present) {
			base[field->present] = !json_is_null(value);
			if (json_is_null(value))
				continue;
		}
		if (!read_value(reading, field, value, base + field->offset))
			return refuse(reading, "\"%s\" has an impossible value", field->name);
	}
	return true;
}
