// SPDX-License-Identifier: GPL-2.0
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/text.h"
#include "kvmclock/event.h"
#include "model/names.h"
#include "model/stacks.h"
#include "record/put.h"

static uint32_t get_u32(const char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static uint64_t get_u64(const char *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static void put_bytes(struct kct_writing *to, const char *bytes, size_t size)
{
	size_t room = sizeof(to->text) - to->used;

	size = size < room ? size : room;
	memcpy(to->text + to->used, bytes, size);
	to->used += size;
}

void kct_put(struct kct_writing *to, const char *text)
{
	put_bytes(to, text, strlen(text));
}

/* Two digits at a time: of what a line costs, numbers were the most. */
static void put_unsigned(struct kct_writing *to, uint64_t value)
{
	static const char pairs[] = "00010203040506070809101112131415161718192021222324"
				    "25262728293031323334353637383940414243444546474849"
				    "50515253545556575859606162636465666768697071727374"
				    "75767778798081828384858687888990919293949596979899";
	char text[24], *end = text + sizeof(text), *digit = end;

	for (; value >= 100; value /= 100)
		memcpy(digit -= 2, &pairs[value % 100 * 2], 2);
	if (value >= 10)
		memcpy(digit -= 2, &pairs[value * 2], 2);
	else
		*--digit = (char)('0' + value);
	put_bytes(to, digit, (size_t)(end - digit));
}

static void put_signed(struct kct_writing *to, int64_t value)
{
	if (value < 0)
		kct_put(to, "-");
	put_unsigned(to, kct_magnitude(value));
}

void kct_put_u64(struct kct_writing *to, uint64_t value)
{
	const char *quote = value > INT64_MAX ? "\"" : "";

	kct_put(to, quote);
	put_unsigned(to, value);
	kct_put(to, quote);
}

void kct_put_string(struct kct_writing *to, const char *text)
{
	json_t *string = json_string(text);
	char *quoted = string ? json_dumps(string, JSON_ENCODE_ANY) : NULL;

	kct_put(to, quoted ? quoted : "\"?\"");
	free(quoted);
	json_decref(string);
}

/* A text of the kernel's, such as a task's comm, may hold any bytes. */
static void put_kernel_text(struct kct_writing *to, const char *at, size_t size)
{
	char text[KCT_TEXT_ROOM(64)];

	kct_text(text, sizeof(text), at, strnlen(at, size - 1), KCT_TEXT_NAME);
	kct_put_string(to, text);
}

static void put_name(struct kct_writing *to, const struct kct_field *field, uint32_t number)
{
	kct_put(to, "\"");
	kct_put(to, number < field->size ? field->names[number] : "unknown");
	kct_put(to, "\"");
}

static void put_number_or_null(struct kct_writing *to, uint32_t value, uint32_t null)
{
	if (value == null)
		kct_put(to, "null");
	else
		put_unsigned(to, value);
}

static void put_known(struct kct_writing *to, uint8_t known)
{
	kct_put(to, known == KCT_NOT_KNOWN ? "null" : known ? "true" : "false");
}

static void put_stack(struct kct_writing *to, uint32_t stack)
{
	const char *function = kct_stack_next(stack, NULL), *between = "[";

	if (!function) {
		kct_put(to, "null");
		return;
	}
	for (; function; function = kct_stack_next(stack, function)) {
		kct_put(to, between);
		kct_put_string(to, function);
		between = ",";
	}
	kct_put(to, "]");
}

void kct_put_value(struct kct_writing *to, const struct kct_field *field, const char *at)
{
	switch (field->type) {
	case KCT_FIELD_U8:
		put_unsigned(to, (uint8_t)*at);
		break;
	case KCT_FIELD_S8:
		put_signed(to, (int8_t)*at);
		break;
	case KCT_FIELD_U32:
		put_unsigned(to, get_u32(at));
		break;
	case KCT_FIELD_U64:
		kct_put_u64(to, get_u64(at));
		break;
	case KCT_FIELD_S64:
		put_signed(to, (int64_t)get_u64(at));
		break;
	case KCT_FIELD_BOOL:
		kct_put(to, *at ? "true" : "false");
		break;
	case KCT_FIELD_KNOWN:
		put_known(to, (uint8_t)*at);
		break;
	case KCT_FIELD_NAME8:
		put_name(to, field, (uint8_t)*at);
		break;
	case KCT_FIELD_NAME32:
		put_name(to, field, get_u32(at));
		break;
	case KCT_FIELD_VM:
		put_number_or_null(to, get_u32(at), KCT_NO_VM);
		break;
	case KCT_FIELD_NUMBER:
		put_number_or_null(to, get_u32(at), KCT_NO_NUMBER);
		break;
	case KCT_FIELD_VCPU:
		put_number_or_null(to, get_u32(at), KCT_NO_VCPU);
		break;
	case KCT_FIELD_TEXT:
		put_kernel_text(to, at, field->size);
		break;
	case KCT_FIELD_OBJECT:
		kct_put(to, "{");
		kct_put_fields(to, field->fields, at);
		kct_put(to, "}");
		break;
	case KCT_FIELD_STACK:
		put_stack(to, get_u32(at));
		break;
	}
}

void kct_put_fields(struct kct_writing *to, const struct kct_field *fields, const char *base)
{
	for (const struct kct_field *field = fields; field->name; field++) {
		if (field->asked && !base[field->asked])
			continue;
		/* The first one has no comma before it. */
		put_bytes(to, field->key + (field == fields), field->key_size - (field == fields));
		if (field->present && !base[field->present])
			kct_put(to, "null");
		else
			kct_put_value(to, field, base + field->offset);
	}
}

void kct_put_vm_name(struct kct_writing *to, const struct kct_vm_name *name)
{
	kct_put(to, ",\"name\":");
	kct_put_string(to, name ? name->name : "");
	kct_put(to, ",\"vmm\":");
	kct_put_string(to, name ? name->vmm : "");
	kct_put(to, ",\"uuid\":");
	kct_put_string(to, name ? name->uuid : "");
	kct_put(to, ",\"name_source\":");
	kct_put_string(to, name ? kct_name_sources[name->source] : "");
	kct_put(to, ",\"orchestrator\":");
	kct_put_string(to, name ? kct_orchestrators[name->orchestrator] : "");
	kct_put(to, ",\"namespace\":");
	kct_put_string(to, name ? name->space : "");
	kct_put(to, ",\"id\":");
	kct_put_string(to, name ? name->id : "");
}
