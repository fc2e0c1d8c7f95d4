// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "model/names.h"
#include "model/stacks.h"
#include "record/canonical.h"
#include "record/fields.h"

/* Go past a text, if it is what comes next; behind a line is a NUL, which is in no text. */
static bool take(const char **at, const char *text)
{
	const char *c = *at;

	while (*text)
		if (*c++ != *text++)
			return false;
	*at = c;
	return true;
}

static bool take_quoted(const char **at, const char *text)
{
	const char *c = *at;

	if (!take(&c, "\"") || !take(&c, text) || !take(&c, "\""))
		return false;
	*at = c;
	return true;
}

/* What a signed 64 bits' integer may be in JSON, but -0 and the least. */
static bool take_number(const char **at, int64_t *number)
{
	const char *c = *at + (**at == '-'), *first = c;
	uint64_t sum = 0;

	/* 19 digits fit into 64 bits. */
	while (*c >= '0' && *c <= '9' && c < first + 19)
		sum = 10 * sum + (uint64_t)(*c++ - '0');
	if (c == first || sum > INT64_MAX || (*first == '0' && c != *at + 1))
		return false;
	*number = **at == '-' ? -(int64_t)sum : (int64_t)sum;
	*at = c;
	return true;
}

static bool take_unsigned(const char **at, char *to, size_t size)
{
	int64_t number;

	if (!take_number(at, &number) || number < 0 || (size < 8 && number >> 8 * size))
		return false;
	memcpy(to, &number, size);
	return true;
}

static bool take_signed(const char **at, char *to, size_t size)
{
	int64_t number;

	if (!take_number(at, &number) || (size == 1 && number != (int8_t)number))
		return false;
	memcpy(to, &number, size);
	return true;
}

static bool take_number_or_null(const char **at, char *to, uint32_t null)
{
	if (!take(at, "null"))
		return take_unsigned(at, to, sizeof(null)) && memcmp(to, &null, sizeof(null)) != 0;
	memcpy(to, &null, sizeof(null));
	return true;
}

static bool take_bool(const char **at, char *to)
{
	*to = take(at, "true");
	return *to || take(at, "false");
}

static bool take_known(const char **at, char *to)
{
	if (!take(at, "null"))
		return take_bool(at, to);
	*to = KCT_NOT_KNOWN;
	return true;
}

static bool take_name(const char **at, const struct kct_field *field, char *to, size_t size)
{
	for (int number = 0; number < field->size; number++)
		if (take_quoted(at, field->names[number])) {
			memcpy(to, &number, size);
			return true;
		}
	return false;
}

/* A name as kernels' functions have them, which JSON writes as it is; no longer than `size`. */
static bool take_function(const char **at, char *name, size_t size)
{
	const char *c = *at;
	size_t length = 0;

	if (!take(&c, "\""))
		return false;
	while (isalnum((unsigned char)c[length]) || (c[length] && strchr("._?$", c[length])))
		length++;
	if (!length || length >= size || c[length] != '"')
		return false;
	memcpy(name, c, length);
	name[length] = '\0';
	*at = c + length + 1;
	return true;
}

static bool take_stack(const char **at, char *to)
{
	struct kct_frames frames = {.count = 0};
	char name[KCT_FRAME_SIZE];
	uint32_t number = 0;

	if (!take(at, "null")) {
		if (!take(at, "["))
			return false;
		do {
			if (!take_function(at, name, sizeof(name)) ||
			    !kct_frames_add(&frames, name))
				return false;
		} while (take(at, ","));
		if (!take(at, "]"))
			return false;
		number = kct_stack_number(&frames);
	}
	memcpy(to, &number, sizeof(number));
	return true;
}

static bool take_fields(const char **at, const struct kct_field *fields, char *base);

static bool take_value(const char **at, const struct kct_field *field, char *to)
{
	switch (field->type) {
	case KCT_FIELD_U8:
		return take_unsigned(at, to, 1);
	case KCT_FIELD_U32:
		return take_unsigned(at, to, 4);
	case KCT_FIELD_U64:
		return take_unsigned(at, to, 8);
	case KCT_FIELD_S8:
		return take_signed(at, to, 1);
	case KCT_FIELD_S64:
		return take_signed(at, to, 8);
	case KCT_FIELD_BOOL:
		return take_bool(at, to);
	case KCT_FIELD_KNOWN:
		return take_known(at, to);
	case KCT_FIELD_NAME8:
		return take_name(at, field, to, 1);
	case KCT_FIELD_NAME32:
		return take_name(at, field, to, 4);
	case KCT_FIELD_VM:
		return take_number_or_null(at, to, KCT_NO_VM);
	case KCT_FIELD_NUMBER:
		return take_number_or_null(at, to, KCT_NO_NUMBER);
	case KCT_FIELD_VCPU:
		return take_number_or_null(at, to, KCT_NO_VCPU);
	case KCT_FIELD_OBJECT:
		return take(at, "{") && take_fields(at, field->fields, to) && take(at, "}");
	case KCT_FIELD_STACK:
		return take_stack(at, to);
	default:
		return false; /* texts: only a VM's introduction has them, and there are few */
	}
}

/* Is that the field that comes next? One that has to be asked for may not be there. */
static bool is_next(const char *at, const struct kct_field *field)
{
	return take(&at, ",") && take_quoted(&at, field->name);
}

static bool take_fields(const char **at, const struct kct_field *fields, char *base)
{
	for (const struct kct_field *field = fields; field->name; field++) {
		if (field->asked && !is_next(*at, field))
			continue;
		if ((field != fields && !take(at, ",")) || !take_quoted(at, field->name) ||
		    !take(at, ":"))
			return false;
		if (field->present) {
			base[field->present] = !take(at, "null");
			if (!base[field->present])
				continue;
		}
		if (!take_value(at, field, base + field->offset))
			return false;
	}
	return true;
}

static bool take_kind(const char **at, uint32_t *kind)
{
	for (*kind = 0; *kind < KCT_NR_EVENTS; ++*kind)
		if (take_quoted(at, kct_event_names[*kind]))
			return true;
	return false;
}

bool kct_read_canonical(const char *line, size_t length, union kct_any_event *event)
{
	const struct kct_field *fields;
	const char *at = line;
	uint32_t kind;

	if (!take(&at, "{\"event\":") || !take_kind(&at, &kind))
		return false;
	memset(event, 0, sizeof(*event));
	event->event.kind = kind;
	fields = kct_event_fields(kind);
	if (!take(&at, ",") || !take_fields(&at, kct_common_fields, (char *)event))
		return false;
	if (fields->name && (!take(&at, ",") || !take_fields(&at, fields, (char *)event)))
		return false;
	return take(&at, "}") && at == line + length;
}
