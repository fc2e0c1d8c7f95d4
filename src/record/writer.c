// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "model/names.h"
#include "record/fields.h"
#include "record/writer.h"

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

static void write_u64(FILE *out, uint64_t value)
{
	fprintf(out, value > INT64_MAX ? "\"%" PRIu64 "\"" : "%" PRIu64, value);
}

/* A quoted, escaped string; it must be UTF-8, as the names are. */
static void write_string(FILE *out, const char *text)
{
	json_t *string = json_string(text);

	if (!string || json_dumpf(string, out, JSON_ENCODE_ANY))
		fputs("\"?\"", out);
	json_decref(string);
}

/* A text of the kernel's, such as a task's comm, may hold any bytes. */
static void write_kernel_text(FILE *out, const char *at, size_t size)
{
	char text[64];
	size_t i;

	for (i = 0; i < size - 1 && i < sizeof(text) - 1 && at[i]; i++)
		text[i] = isascii(at[i]) && isprint(at[i]) ? at[i] : '?';
	text[i] = '\0';
	write_string(out, text);
}

static void write_name(FILE *out, const struct kct_field *field, uint32_t number)
{
	fprintf(out, "\"%s\"", number < field->size ? field->names[number] : "unknown");
}

static void write_number_or_null(FILE *out, uint32_t value, uint32_t null)
{
	if (value == null)
		fputs("null", out);
	else
		fprintf(out, "%" PRIu32, value);
}

static void write_known(FILE *out, uint8_t known)
{
	fputs(known == KCT_NOT_KNOWN ? "null" : known ? "true" : "false", out);
}

static void write_fields(FILE *out, const struct kct_field *fields, const char *base);

static void write_value(FILE *out, const struct kct_field *field, const char *at)
{
	switch (field->type) {
	case KCT_FIELD_U8:
		fprintf(out, "%u", (uint8_t)*at);
		break;
	case KCT_FIELD_S8:
		fprintf(out, "%d", (int8_t)*at);
		break;
	case KCT_FIELD_U32:
		fprintf(out, "%" PRIu32, get_u32(at));
		break;
	case KCT_FIELD_U64:
		write_u64(out, get_u64(at));
		break;
	case KCT_FIELD_S64:
		fprintf(out, "%" PRId64, (int64_t)get_u64(at));
		break;
	case KCT_FIELD_BOOL:
		fputs(*at ? "true" : "false", out);
		break;
	case KCT_FIELD_KNOWN:
		write_known(out, (uint8_t)*at);
		break;
	case KCT_FIELD_ADDRESS:
		fprintf(out, "\"0x%016" PRIx64 "\"", get_u64(at));
		break;
	case KCT_FIELD_NAME8:
		write_name(out, field, (uint8_t)*at);
		break;
	case KCT_FIELD_NAME32:
		write_name(out, field, get_u32(at));
		break;
	case KCT_FIELD_VM:
		write_number_or_null(out, get_u32(at), KCT_NO_VM);
		break;
	case KCT_FIELD_NUMBER:
		write_number_or_null(out, get_u32(at), KCT_NO_NUMBER);
		break;
	case KCT_FIELD_VCPU:
		write_number_or_null(out, get_u32(at), KCT_NO_VCPU);
		break;
	case KCT_FIELD_TEXT:
		write_kernel_text(out, at, field->size);
		break;
	case KCT_FIELD_OBJECT:
		fputc('{', out);
		write_fields(out, field->fields, at);
		fputc('}', out);
		break;
	}
}

static void write_fields(FILE *out, const struct kct_field *fields, const char *base)
{
	for (const struct kct_field *field = fields; field->name; field++) {
		fprintf(out, "%s\"%s\":", field == fields ? "" : ",", field->name);
		if (field->present && !base[field->present])
			fputs("null", out);
		else
			write_value(out, field, base + field->offset);
	}
}

void kct_write_event(FILE *out, const union kct_any_event *event, const struct kct_vm_name *name)
{
	const struct kct_field *fields = kct_event_fields(event->event.kind);

	if (!fields)
		return;
	fprintf(out, "{\"event\":\"%s\",", kct_event_names[event->event.kind]);
	write_fields(out, kct_common_fields, (const char *)event);
	if (fields->name) {
		fputc(',', out);
		write_fields(out, fields, (const char *)event);
	}
	if (event->event.kind == KCT_EVENT_VM) {
		fputs(",\"name\":", out);
		write_string(out, name ? name->name : "");
		fputs(",\"vmm\":", out);
		write_string(out, name ? name->vmm : "");
		fputs(",\"uuid\":", out);
		write_string(out, name ? name->uuid : "");
	}
	fputs("}\n", out);
}

/* ---- header and trailer ---- */

json_t *kct_json_u64(uint64_t value)
{
	char text[24];

	if (value <= INT64_MAX)
		return json_integer((json_int_t)value);
	snprintf(text, sizeof(text), "%" PRIu64, value);
	return json_string(text);
}

json_t *kct_json_text(const char *text)
{
	json_t *string = text && *text ? json_string(text) : NULL;

	return string ? string : json_null();
}

json_t *kct_json_host(const struct kct_header *header)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name", kct_json_text(header->host),
			 "boot_id", kct_json_text(header->boot_id), "kernel",
			 kct_json_text(header->kernel), "kvm", kct_json_text(header->kvm), "vendor",
			 kct_json_text(header->vendor), "clocksource",
			 kct_json_text(header->clocksource), "tsc_khz",
			 header->tsc_khz ? json_integer(header->tsc_khz) : json_null());
}

json_t *kct_json_hooks(const struct kct_header *header)
{
	json_t *hooks = json_array();

	for (uint32_t i = 0; i < header->nr_hooks; i++) {
		const struct kct_hook *hook = &header->hooks[i];

		json_array_append_new(hooks, json_pack("{s:s, s:s, s:o, s:o}", "evidence",
						       hook->evidence, "way", hook->way, "target",
						       kct_json_text(hook->target), "note",
						       kct_json_text(hook->note)));
	}
	return hooks;
}

json_t *kct_json_losses(const uint64_t losses[KCT_NR_LOSSES])
{
	json_t *object = json_object();

	for (int i = 0; i < KCT_NR_LOSSES; i++)
		json_object_set_new(object, kct_loss_names[i], kct_json_u64(losses[i]));
	return object;
}

static void write_object(FILE *out, json_t *object)
{
	if (object)
		json_dumpf(object, out, JSON_COMPACT);
	fputc('\n', out);
	json_decref(object);
}

/* `boot` is what CLOCK_BOOTTIME is called there. */
static void add_anchor(json_t *object, const char *boot, const struct kct_anchor *anchor)
{
	json_object_set_new(object, boot, kct_json_u64(anchor->boot_ns));
	json_object_set_new(object, "realtime_ns", kct_json_u64(anchor->realtime_ns));
	json_object_set_new(object, "realtime_error_ns",
			    anchor->realtime_error_ns == UINT64_MAX
				    ? json_null()
				    : kct_json_u64(anchor->realtime_error_ns));
	json_object_set_new(object, "kvmclock_base_ns", kct_json_u64(anchor->base_ns));
}

void kct_write_header(FILE *out, const struct kct_header *header)
{
	json_t *object =
		json_pack("{s:s, s:s, s:i, s:s, s:o, s:s}", "event", "header", "format",
			  KCT_RECORDING_FORMAT, "version", KCT_RECORDING_VERSION, "tool",
			  header->tool, "host", kct_json_host(header), "clock", "CLOCK_BOOTTIME");

	add_anchor(object, "started_ns", &header->started);
	json_object_set_new(object, "command", kct_json_text(header->command));
	json_object_set_new(object, "hooks", kct_json_hooks(header));
	write_object(out, object);
}

void kct_write_trailer(FILE *out, const struct kct_trailer *trailer)
{
	json_t *object = json_pack("{s:s}", "event", "trailer");

	add_anchor(object, "ended_ns", &trailer->ended);
	json_object_set_new(object, "events", kct_json_u64(trailer->events));
	json_object_set_new(object, "losses", kct_json_losses(trailer->losses));
	json_object_set_new(object, "reason", json_string(trailer->reason));
	json_object_set_new(object, "status",
			    trailer->status < 0 ? json_null() : json_integer(trailer->status));
	write_object(out, object);
}
