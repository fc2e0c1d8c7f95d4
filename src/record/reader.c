// SPDX-License-Identifier: GPL-2.0
#include <jansson.h>
#include <stdarg.h>
#include <string.h>

#include "model/names.h"
#include "record/canonical.h"
#include "record/fields.h"
#include "record/reader.h"
#include "record/values.h"

void kct_reader_init(struct kct_reader *reader, FILE *in)
{
	memset(reader, 0, sizeof(*reader));
	kct_lines_init(&reader->lines, in);
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

#define TEXT(object, key, field, flags)                                                            \
	kct_read_text(json_object_get(object, key), field, sizeof(field), flags)
#define TEXT_OR_NULL(object, key, field, flags)                                                    \
	kct_read_text_or_null(object, key, field, sizeof(field), flags)

/* A text that earlier recordings of 0.1.0 do not have is "". */
static bool text_or_none(const json_t *object, const char *key, char *at, size_t size)
{
	const json_t *value = json_object_get(object, key);

	*at = '\0';
	return !value || kct_read_text(value, at, size, KCT_TEXT_NAME);
}

#define TEXT_OR_NONE(object, key, field) text_or_none(object, key, field, sizeof(field))

/* One that only a newer release knows is no reason to refuse the rest. */
static uint8_t word_or_unknown(const char *const *words, int count, const char *text)
{
	int number = kct_name_number(words, count, text);

	return number < 0 ? 0 : (uint8_t)number;
}

static bool read_name(struct kct_vm_name *name, const json_t *object)
{
	char source[40], orchestrator[40];

	if (!TEXT(object, "name", name->name, KCT_TEXT_NAME) ||
	    !TEXT(object, "vmm", name->vmm, KCT_TEXT_NAME) ||
	    !TEXT(object, "uuid", name->uuid, KCT_TEXT_NAME) ||
	    !TEXT_OR_NONE(object, "name_source", source) ||
	    !TEXT_OR_NONE(object, "orchestrator", orchestrator) ||
	    !TEXT_OR_NONE(object, "namespace", name->space) ||
	    !TEXT_OR_NONE(object, "id", name->id))
		return false;
	name->source = word_or_unknown(kct_name_sources, KCT_NR_NAME_SOURCES, source);
	name->orchestrator = word_or_unknown(kct_orchestrators, KCT_NR_ORCHESTRATORS, orchestrator);
	return true;
}

static bool read_event(struct kct_reader *reader, const json_t *object, int kind)
{
	char *event = (char *)&reader->event;

	memset(&reader->event, 0, sizeof(reader->event));
	memset(&reader->name, 0, sizeof(reader->name));
	reader->event.event.kind = kind;
	if (!kct_read_fields(kct_common_fields, object, event, reader->why, sizeof(reader->why)) ||
	    !kct_read_fields(kct_event_fields(kind), object, event, reader->why,
			     sizeof(reader->why)))
		return false;
	reader->events++;
	if (kind != KCT_EVENT_VM)
		return true;
	return read_name(&reader->name, object) || refuse(reader, "a VM without a proper name");
}

static bool read_host(struct kct_header *header, const json_t *host)
{
	const json_t *khz = json_object_get(host, "tsc_khz");

	return TEXT_OR_NULL(host, "name", header->host, KCT_TEXT_NAME) &&
	       TEXT_OR_NULL(host, "boot_id", header->boot_id, 0) &&
	       TEXT_OR_NULL(host, "kernel", header->kernel, 0) &&
	       TEXT_OR_NULL(host, "kvm", header->kvm, 0) &&
	       TEXT_OR_NULL(host, "vendor", header->vendor, 0) &&
	       TEXT_OR_NULL(host, "clocksource", header->clocksource, 0) &&
	       (json_is_null(khz) || kct_read_unsigned(khz, (char *)&header->tsc_khz, 4));
}

static bool read_hooks(struct kct_header *header, const json_t *hooks)
{
	size_t i;
	json_t *object;

	if (!json_is_array(hooks) || json_array_size(hooks) > KCT_MAX_HOOKS)
		return false;
	json_array_foreach (hooks, i, object) {
		struct kct_hook *hook = &header->hooks[i];

		if (!TEXT(object, "evidence", hook->evidence, 0) ||
		    !TEXT(object, "way", hook->way, 0) ||
		    !TEXT_OR_NULL(object, "target", hook->target, 0) ||
		    !TEXT_OR_NULL(object, "note", hook->note, 0))
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
	return kct_read_unsigned(json_object_get(object, boot), (char *)&anchor->boot_ns, 8) &&
	       kct_read_unsigned(json_object_get(object, "realtime_ns"),
				 (char *)&anchor->realtime_ns, 8) &&
	       kct_read_unsigned(json_object_get(object, "kvmclock_base_ns"),
				 (char *)&anchor->base_ns, 8) &&
	       (json_is_null(error) ||
		kct_read_unsigned(error, (char *)&anchor->realtime_error_ns, 8));
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
	if (!TEXT(object, "tool", header->tool, 0) ||
	    !read_anchor(&header->started, object, "started_ns") ||
	    !TEXT_OR_NULL(object, "command", header->command, 0) ||
	    !read_host(header, json_object_get(object, "host")) ||
	    !read_hooks(header, json_object_get(object, "hooks")))
		return refuse(reader, "a header with a missing or impossible field");
	reader->header_seen = true;
	return true;
}

/* Recordings of the first release have none. */
static bool read_missed(struct kct_misses *misses, const json_t *array)
{
	size_t i;
	json_t *object;

	if (array && (!json_is_array(array) || json_array_size(array) > KCT_MAX_HOOKS))
		return false;
	json_array_foreach (array, i, object) {
		struct kct_missed *missed = &misses->list[i];
		const json_t *calls = json_object_get(object, "calls");

		missed->counted = !json_is_null(calls);
		if (!TEXT(object, "evidence", missed->evidence, 0) ||
		    (missed->counted && !kct_read_unsigned(calls, (char *)&missed->calls, 8)))
			return false;
	}
	misses->count = (uint32_t)json_array_size(array);
	return true;
}

/* The first release left nothing unwritten: it went on until all was written. */
static bool read_losses(struct kct_reader *reader, const json_t *losses)
{
	for (int i = 0; i < KCT_NR_LOSSES; i++) {
		const json_t *lost = json_object_get(losses, kct_loss_names[i]);

		if (!lost && i == KCT_LOSS_UNWRITTEN && json_is_object(losses))
			continue;
		if (!kct_read_unsigned(lost, (char *)&reader->trailer.losses[i], 8))
			return refuse(reader, "a trailer without \"%s\"", kct_loss_names[i]);
	}
	return true;
}

static bool read_trailer(struct kct_reader *reader, const json_t *object)
{
	struct kct_trailer *trailer = &reader->trailer;
	const json_t *status = json_object_get(object, "status");

	trailer->status = json_is_null(status) ? -1 : 0;
	if (!read_losses(reader, json_object_get(object, "losses")))
		return false;
	if (!read_missed(&trailer->misses, json_object_get(object, "missed")) ||
	    !read_anchor(&trailer->ended, object, "ended_ns") ||
	    !kct_read_unsigned(json_object_get(object, "events"), (char *)&trailer->events, 8) ||
	    !TEXT(object, "reason", trailer->reason, 0) ||
	    !(json_is_null(status) || kct_read_unsigned(status, (char *)&trailer->status, 2)))
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

/* Why there is no further line. */
static enum kct_line why_no_line(struct kct_reader *reader, enum kct_lines_end end)
{
	switch (end) {
	case KCT_LINES_END:
		return KCT_LINE_END;
	case KCT_LINES_CUT:
		return KCT_LINE_CUT;
	case KCT_LINES_TOO_LONG:
		refuse(reader, "a line of more than %d bytes", KCT_MAX_LINE);
		break;
	default:
		refuse(reader, "%s", strerror(reader->lines.error));
	}
	return KCT_LINE_INVALID;
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
	enum kct_lines_end end;
	size_t length;
	char *line;

	reader->why[0] = '\0';
	line = kct_lines_next(&reader->lines, &length, &end);
	if (!line)
		return why_no_line(reader, end);
	if (reader->header_seen && !reader->trailer_seen &&
	    kct_read_canonical(line, length, &reader->event)) {
		reader->events++;
		return KCT_LINE_EVENT;
	}
	return read_json(reader, line, length);
}
