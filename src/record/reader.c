// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "model/names.h"
#include "record/canonical.h"
#include "record/fields.h"
#include "record/reader.h"

void kct_reader_init(struct kct_reader *reader, FILE *in)
{
	memset(reader, 0, sizeof(*reader));
	reader->in = in;
}

static bool __attribute__((format(printf, 2, 3)))
refuse(struct kct_reader *reader, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reader->why, sizeof(reader->why), format, args);
	va_end(args);
	return false;
}

/* ---- values ---- */

static bool get_unsigned(const json_t *value, uint64_t max, uint64_t *out)
{
	const char *text;
	char *end;

	if (json_is_integer(value)) {
		if (json_integer_value(value) < 0)
			return false;
		*out = (uint64_t)json_integer_value(value);
		return *out <= max;
	}
	/* What kct_json_u64() writes of numbers past the signed 64 bits. */
	text = json_string_value(value);
	if (max != UINT64_MAX || !text || *text < '1' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return !errno && !*end && *out > INT64_MAX;
}

static bool put_unsigned(const json_t *value, char *at, size_t size)
{
	uint64_t number;

	if (!get_unsigned(value, size == 8 ? UINT64_MAX : (1ULL << 8 * size) - 1, &number))
		return false;
	memcpy(at, &number, size); /* little endian, as all that KVM on x86 knows */
	return true;
}

static bool put_signed(const json_t *value, char *at, size_t size)
{
	int64_t number = json_integer_value(value);

	if (!json_is_integer(value) || (size == 1 && (number < INT8_MIN || number > INT8_MAX)))
		return false;
	memcpy(at, &number, size);
	return true;
}

static bool put_number_or_null(const json_t *value, char *at, uint32_t null)
{
	uint32_t number = null;

	if (!json_is_null(value) && (!put_unsigned(value, (char *)&number, 4) || number == null))
		return false;
	memcpy(at, &number, sizeof(number));
	return true;
}

static bool put_address(const json_t *value, char *at)
{
	const char *text = json_string_value(value);
	uint64_t number;

	if (!text || strncmp(text, "0x", 2) || strlen(text) != 18 ||
	    strspn(text + 2, "0123456789abcdef") != 16)
		return false;
	number = strtoull(text + 2, NULL, 16);
	memcpy(at, &number, sizeof(number));
	return true;
}

static bool put_name(const struct kct_field *field, const json_t *value, char *at, size_t size)
{
	const char *text = json_string_value(value);
	int number = text ? kct_name_number(field->names, field->size, text) : -1;

	memcpy(at, &number, size);
	return number >= 0;
}

/*
 * The bytes of the character at `c` if it is a control, or a line break or direction override
 * that makes a terminal lie; else 0. The text is UTF-8: the JSON parser takes no other.
 */
static size_t unprintable(const unsigned char *c)
{
	if (*c < 0x20 || *c == 0x7f)
		return 1;
	if (*c == 0xc2 && c[1] < 0xa0)
		return 2;
	return *c == 0xe2 && ((c[1] == 0x80 && c[2] >= 0xa8 && c[2] <= 0xae) ||
			      (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9))
		       ? 3
		       : 0;
}

/* Reports print texts as they are: whatever a made-up recording holds must be fit for that. */
static void make_printable(char *text)
{
	char *to = text;

	while (*text) {
		size_t size = unprintable((const unsigned char *)text);

		*to++ = size ? '?' : *text;
		text += size ? size : 1;
	}
	*to = '\0';
}

/* Too long is refused, not cut: nothing that this program wrote is. */
static bool put_text(const json_t *value, char *at, size_t size)
{
	const char *text = json_string_value(value);

	if (!text || json_string_length(value) >= size || strlen(text) != json_string_length(value))
		return false;
	strcpy(at, text);
	make_printable(at);
	return true;
}

static bool put_fields(struct kct_reader *reader, const struct kct_field *fields,
		       const json_t *object, char *base);

static bool put_value(struct kct_reader *reader, const struct kct_field *field, const json_t *value,
		      char *at)
{
	switch (field->type) {
	case KCT_FIELD_U8:
		return put_unsigned(value, at, 1);
	case KCT_FIELD_U32:
		return put_unsigned(value, at, 4);
	case KCT_FIELD_U64:
		return put_unsigned(value, at, 8);
	case KCT_FIELD_S64:
		return put_signed(value, at, 8);
	case KCT_FIELD_S8:
		return put_signed(value, at, 1);
	case KCT_FIELD_BOOL:
		*at = json_is_true(value);
		return json_is_boolean(value);
	case KCT_FIELD_KNOWN:
		*at = json_is_null(value) ? KCT_NOT_KNOWN : json_is_true(value);
		return json_is_null(value) || json_is_boolean(value);
	case KCT_FIELD_ADDRESS:
		return put_address(value, at);
	case KCT_FIELD_NAME8:
		return put_name(field, value, at, 1);
	case KCT_FIELD_NAME32:
		return put_name(field, value, at, 4);
	case KCT_FIELD_VM:
		return put_number_or_null(value, at, KCT_NO_VM);
	case KCT_FIELD_NUMBER:
		return put_number_or_null(value, at, KCT_NO_NUMBER);
	case KCT_FIELD_VCPU:
		return put_number_or_null(value, at, KCT_NO_VCPU);
	case KCT_FIELD_TEXT:
		return put_text(value, at, field->size);
	case KCT_FIELD_OBJECT:
		return json_is_object(value) && put_fields(reader, field->fields, value, at);
	}
	return false;
}

static bool put_fields(struct kct_reader *reader, const struct kct_field *fields,
		       const json_t *object, char *base)
{
	for (const struct kct_field *field = fields; field->name; field++) {
		const json_t *value = json_object_get(object, field->name);

		if (!value)
			return refuse(reader, "no \"%s\"", field->name);
		if (field->present) {
			base[field->present] = !json_is_null(value);
			if (json_is_null(value))
				continue;
		}
		if (!put_value(reader, field, value, base + field->offset))
			return *reader->why ? false
					    : refuse(reader, "\"%s\" has an impossible value",
						     field->name);
	}
	return true;
}

/* ---- lines ---- */

static bool read_event(struct kct_reader *reader, const json_t *object, int kind)
{
	memset(&reader->event, 0, sizeof(reader->event));
	memset(&reader->name, 0, sizeof(reader->name));
	reader->event.event.kind = kind;
	if (!put_fields(reader, kct_common_fields, object, (char *)&reader->event) ||
	    !put_fields(reader, kct_event_fields(kind), object, (char *)&reader->event))
		return false;
	reader->events++;
	if (kind != KCT_EVENT_VM)
		return true;
	return (put_text(json_object_get(object, "name"), reader->name.name,
			 sizeof(reader->name.name)) &&
		put_text(json_object_get(object, "vmm"), reader->name.vmm,
			 sizeof(reader->name.vmm)) &&
		put_text(json_object_get(object, "uuid"), reader->name.uuid,
			 sizeof(reader->name.uuid))) ||
	       refuse(reader, "a VM without a proper name");
}

static bool text_or_null(const json_t *object, const char *key, char *at, size_t size)
{
	const json_t *value = json_object_get(object, key);

	*at = '\0';
	return json_is_null(value) || put_text(value, at, size);
}

#define TEXT_OR_NULL(object, key, field) text_or_null(object, key, field, sizeof(field))

static bool read_host(struct kct_header *header, const json_t *host)
{
	const json_t *khz = json_object_get(host, "tsc_khz");

	return TEXT_OR_NULL(host, "name", header->host) &&
	       TEXT_OR_NULL(host, "boot_id", header->boot_id) &&
	       TEXT_OR_NULL(host, "kernel", header->kernel) &&
	       TEXT_OR_NULL(host, "kvm", header->kvm) &&
	       TEXT_OR_NULL(host, "vendor", header->vendor) &&
	       TEXT_OR_NULL(host, "clocksource", header->clocksource) &&
	       (json_is_null(khz) || put_unsigned(khz, (char *)&header->tsc_khz, 4));
}

static bool read_hooks(struct kct_header *header, const json_t *hooks)
{
	size_t i;
	json_t *object;

	if (!json_is_array(hooks) || json_array_size(hooks) > KCT_MAX_HOOKS)
		return false;
	json_array_foreach (hooks, i, object) {
		struct kct_hook *hook = &header->hooks[i];

		if (!put_text(json_object_get(object, "evidence"), hook->evidence,
			      sizeof(hook->evidence)) ||
		    !put_text(json_object_get(object, "way"), hook->way, sizeof(hook->way)) ||
		    !TEXT_OR_NULL(object, "target", hook->target) ||
		    !TEXT_OR_NULL(object, "note", hook->note))
			return false;
	}
	header->nr_hooks = json_array_size(hooks);
	return true;
}

/* `boot` is what CLOCK_BOOTTIME is called there. */
static bool read_anchor(struct kct_anchor *anchor, const json_t *object, const char *boot)
{
	const json_t *error = json_object_get(object, "realtime_error_ns");

	anchor->realtime_error_ns = UINT64_MAX;
	return put_unsigned(json_object_get(object, boot), (char *)&anchor->boot_ns, 8) &&
	       put_unsigned(json_object_get(object, "realtime_ns"), (char *)&anchor->realtime_ns,
			    8) &&
	       put_unsigned(json_object_get(object, "kvmclock_base_ns"), (char *)&anchor->base_ns,
			    8) &&
	       (json_is_null(error) || put_unsigned(error, (char *)&anchor->realtime_error_ns, 8));
}

static bool read_header(struct kct_reader *reader, const json_t *object)
{
	struct kct_header *header = &reader->header;
	const json_t *version = json_object_get(object, "version");
	const char *format = json_string_value(json_object_get(object, "format"));

	if (reader->header_seen)
		return refuse(reader, "a second header");
	if (!format || strcmp(format, KCT_RECORDING_FORMAT))
		return refuse(reader, "not a recording of " KCT_RECORDING_FORMAT);
	if (!json_is_integer(version) || json_integer_value(version) != KCT_RECORDING_VERSION)
		return refuse(reader, "format version %" JSON_INTEGER_FORMAT ", this reads %d",
			      json_integer_value(version), KCT_RECORDING_VERSION);
	if (!put_text(json_object_get(object, "tool"), header->tool, sizeof(header->tool)) ||
	    !read_anchor(&header->started, object, "started_ns") ||
	    !TEXT_OR_NULL(object, "command", header->command) ||
	    !read_host(header, json_object_get(object, "host")) ||
	    !read_hooks(header, json_object_get(object, "hooks")))
		return refuse(reader, "a header with a missing or impossible field");
	reader->header_seen = true;
	return true;
}

static bool read_trailer(struct kct_reader *reader, const json_t *object)
{
	struct kct_trailer *trailer = &reader->trailer;
	const json_t *losses = json_object_get(object, "losses");
	const json_t *status = json_object_get(object, "status");

	trailer->status = json_is_null(status) ? -1 : 0;
	for (int i = 0; i < KCT_NR_LOSSES; i++)
		if (!put_unsigned(json_object_get(losses, kct_loss_names[i]),
				  (char *)&trailer->losses[i], 8))
			return refuse(reader, "a trailer without \"%s\"", kct_loss_names[i]);
	if (!read_anchor(&trailer->ended, object, "ended_ns") ||
	    !put_unsigned(json_object_get(object, "events"), (char *)&trailer->events, 8) ||
	    !put_text(json_object_get(object, "reason"), trailer->reason,
		      sizeof(trailer->reason)) ||
	    !(json_is_null(status) || put_unsigned(status, (char *)&trailer->status, 2)))
		return refuse(reader, "a trailer with a missing or impossible field");
	reader->trailer_seen = true;
	return true;
}

static enum kct_line read_object(struct kct_reader *reader, const json_t *object)
{
	const char *word = json_string_value(json_object_get(object, "event"));
	int kind;

	if (!word) {
		refuse(reader, "a line without \"event\"");
		return KCT_LINE_INVALID;
	}
	if (!strcmp(word, "header"))
		return read_header(reader, object) ? KCT_LINE_HEADER : KCT_LINE_INVALID;
	if (!reader->header_seen) {
		refuse(reader, "does not begin with a header");
		return KCT_LINE_INVALID;
	}
	if (reader->trailer_seen) {
		refuse(reader, "a line behind the trailer");
		return KCT_LINE_INVALID;
	}
	if (!strcmp(word, "trailer"))
		return read_trailer(reader, object) ? KCT_LINE_TRAILER : KCT_LINE_INVALID;
	kind = kct_name_number(kct_event_names, KCT_NR_EVENTS, word);
	if (kind < 0) {
		refuse(reader, "an unknown event");
		return KCT_LINE_INVALID;
	}
	return read_event(reader, object, kind) ? KCT_LINE_EVENT : KCT_LINE_INVALID;
}

/* Have more of the file in the buffer; false if there is no more, or no room for it. */
static bool fill(struct kct_reader *reader)
{
	size_t got;

	memmove(reader->buffer, reader->buffer + reader->at, reader->end - reader->at);
	reader->end -= reader->at;
	reader->at = 0;
	got = fread(reader->buffer + reader->end, 1, sizeof(reader->buffer) - reader->end,
		    reader->in);
	reader->end += got;
	return got > 0;
}

/* Why there is no further line. */
static enum kct_line why_no_line(struct kct_reader *reader)
{
	if (reader->end == sizeof(reader->buffer)) {
		refuse(reader, "a line of more than %d bytes", KCT_MAX_LINE);
		return KCT_LINE_INVALID;
	}
	if (ferror(reader->in)) {
		refuse(reader, "%s", strerror(errno));
		return KCT_LINE_INVALID;
	}
	return reader->end ? KCT_LINE_CUT : KCT_LINE_END;
}

/* The next line, with a NUL for its end; NULL if there is none, or not a whole one. */
static char *read_line(struct kct_reader *reader, size_t *length)
{
	char *line, *newline;

	do {
		line = reader->buffer + reader->at;
		newline = memchr(line, '\n', reader->end - reader->at);
	} while (!newline && fill(reader));
	if (!newline)
		return NULL;
	*newline = '\0';
	*length = (size_t)(newline - line);
	reader->at += *length + 1;
	return line;
}

static enum kct_line read_json(struct kct_reader *reader, const char *line, size_t length)
{
	json_error_t error;
	json_t *object = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
	enum kct_line kind = KCT_LINE_INVALID;

	if (json_is_object(object))
		kind = read_object(reader, object);
	else
		refuse(reader, "%s", reader->header_seen ? "not a JSON object" : "not a recording");
	json_decref(object);
	return kind;
}

enum kct_line kct_reader_next(struct kct_reader *reader)
{
	size_t length;
	char *line;

	reader->why[0] = '\0';
	reader->line++;
	line = read_line(reader, &length);
	if (!line)
		return why_no_line(reader);
	if (reader->header_seen && !reader->trailer_seen &&
	    kct_read_canonical(line, length, &reader->event)) {
		reader->events++;
		return KCT_LINE_EVENT;
	}
	return read_json(reader, line, length);
}
