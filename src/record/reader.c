// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <string.h>

#include "model/names.h"
#include "model/stacks.h"
#include "record/canonical.h"
#include "record/ends.h"
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

static const char *const name_fields[] = {"name",	  "vmm",       "uuid", "name_source",
					  "orchestrator", "namespace", "id"};

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

/* ---- events ---- */

/* There may have been no room for its stack. */
static void settle_stack(union kct_any_event *event)
{
	uint32_t *stack;
	uint8_t *note = kct_event_stack(event, &stack);

	if (note)
		*note = (uint8_t)kct_stack_settle(*stack, *note);
}

static size_t count_name_fields(const json_t *object)
{
	size_t count = 0;

	for (size_t i = 0; i < sizeof(name_fields) / sizeof(name_fields[0]); i++)
		count += json_object_get(object, name_fields[i]) != NULL;
	return count;
}

/* All that is wanted of an event that this release does not know: which VM it is about. */
static enum kct_line pass_over(struct kct_reader *reader, const json_t *object)
{
	struct kct_event *event = &reader->event.event;

	memset(&reader->event, 0, sizeof(reader->event));
	event->kind = KCT_NR_EVENTS;
	if (!kct_read_unsigned(json_object_get(object, "vm"), (char *)&event->vm,
			       sizeof(event->vm)))
		event->vm = KCT_NO_VM;
	reader->passed = (struct kct_passed){.events = 1};
	reader->events++;
	return KCT_LINE_PASSED;
}

static enum kct_line read_event(struct kct_reader *reader, const json_t *object, int kind)
{
	struct kct_reading reading = {.why = reader->why, .size = sizeof(reader->why)};
	char *event = (char *)&reader->event;
	size_t known = 1; /* "event" */

	memset(&reader->event, 0, sizeof(reader->event));
	memset(&reader->name, 0, sizeof(reader->name));
	reader->event.event.kind = kind;
	if (!kct_read_fields(kct_common_fields, object, event, &reading, &known) ||
	    !kct_read_fields(kct_event_fields(kind), object, event, &reading, &known))
		return KCT_LINE_INVALID;
	if (reading.opaque)
		return pass_over(reader, object);
	if (kind == KCT_EVENT_VM) {
		if (!read_name(&reader->name, object)) {
			refuse(reader, "a VM without a proper name");
			return KCT_LINE_INVALID;
		}
		known += count_name_fields(object);
	}
	settle_stack(&reader->event);
	reader->events++;
	reader->passed = reading.passed;
	reader->passed.fields += json_object_size(object) - known;
	return KCT_LINE_EVENT;
}

/* ---- lines ---- */

/* Behind a segment of a flight recorder there may be the next one. */
static bool may_begin(struct kct_reader *reader)
{
	if (reader->header_seen && !reader->header.segment.sequence)
		return refuse(reader, "a second header");
	return true;
}

static enum kct_line read_header(struct kct_reader *reader, const json_t *object)
{
	struct kct_reading reading = {.why = reader->why, .size = sizeof(reader->why)};
	struct kct_header header;

	if (!may_begin(reader) || !kct_read_header(&header, object, &reading))
		return KCT_LINE_INVALID;
	if (reader->header_seen && !header.segment.sequence) {
		refuse(reader, "a second header");
		return KCT_LINE_INVALID;
	}
	reader->header = header;
	reader->header_seen = true;
	reader->trailer_seen = false;
	reader->events = 0;
	reader->passed = reading.passed;
	return KCT_LINE_HEADER;
}

static enum kct_line read_trailer(struct kct_reader *reader, const json_t *object)
{
	struct kct_reading reading = {.why = reader->why, .size = sizeof(reader->why)};

	if (!kct_read_trailer(&reader->trailer, object, &reading))
		return KCT_LINE_INVALID;
	reader->trailer_seen = true;
	reader->passed = reading.passed;
	return KCT_LINE_TRAILER;
}

enum kct_line kct_reader_object(struct kct_reader *reader, const json_t *object)
{
	const char *word = json_string_value(json_object_get(object, "event"));
	int kind;

	if (!word) {
		refuse(reader, "a line without \"event\"");
		return KCT_LINE_INVALID;
	}
	if (!strcmp(word, "header"))
		return read_header(reader, object);
	if (!reader->header_seen) {
		refuse(reader, "does not begin with a header");
		return KCT_LINE_INVALID;
	}
	if (reader->trailer_seen) {
		refuse(reader, "a line behind the trailer");
		return KCT_LINE_INVALID;
	}
	if (!strcmp(word, "trailer"))
		return read_trailer(reader, object);
	kind = kct_name_number(kct_event_names, KCT_NR_EVENTS, word);
	return kind < 0 ? pass_over(reader, object) : read_event(reader, object, kind);
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
		refuse(reader, "%s",
		       reader->lines.error == EBADMSG ? "what was compressed is damaged here"
						      : strerror(reader->lines.error));
	}
	return KCT_LINE_INVALID;
}

static enum kct_line read_json(struct kct_reader *reader, const char *line, size_t length)
{
	json_error_t error;
	json_t *object = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
	enum kct_line kind = KCT_LINE_INVALID;

	if (json_is_object(object))
		kind = kct_reader_object(reader, object);
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
	reader->passed = (struct kct_passed){0};
	line = kct_lines_next(&reader->lines, &length, &end);
	if (!line)
		return why_no_line(reader, end);
	reader->line = line;
	reader->length = length;
	if (reader->header_seen && !reader->trailer_seen &&
	    kct_read_canonical(line, length, &reader->event)) {
		settle_stack(&reader->event);
		reader->events++;
		return KCT_LINE_EVENT;
	}
	return read_json(reader, line, length);
}
