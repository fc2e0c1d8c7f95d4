// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "model/names.h"
#include "model/stacks.h"
#include "record/flat.h"
#include "record/writer.h"

/* A path that is longer, as it is shown, is cut. */
#define PATH_ROOM 4096

void kct_flat_begin(struct kct_flat *flat, FILE *out, const char *path,
		    const struct kct_recording *recording)
{
	flat->out = out;
	flat->path = path;
	flat->recording = recording;
	flat->events = 0;
	flat->begun = false;
}

static void put_text_or_null(struct kct_writing *to, const char *text)
{
	if (text && *text)
		kct_put_string(to, text);
	else
		kct_put(to, "null");
}

static void put_who(struct kct_flat *flat)
{
	const struct kct_header *header = &flat->recording->header;
	struct kct_writing *to = &flat->who;
	char path[PATH_ROOM];

	kct_text(path, sizeof(path), flat->path, strlen(flat->path), 0);
	to->used = 0;
	kct_put(to, "{\"recording\":");
	kct_put_string(to, path);
	kct_put(to, ",\"host\":");
	put_text_or_null(to, header->host);
	kct_put(to, ",\"boot_id\":");
	put_text_or_null(to, header->boot_id);
}

/* ---- events ---- */

/*
 * The wall clock at that time. Only by the start of its segment, since the end is not known yet;
 * CLOCK_BOOTTIME is disciplined as the wall clock is, so that they differ where that was set.
 */
static void put_realtime(struct kct_writing *to, const struct kct_recording *recording, uint64_t ns)
{
	const struct kct_clocks clocks = {.start = recording->anchor};

	if (clocks.start.realtime_ns)
		kct_put_u64(to, kct_realtime_of_boot(&clocks, ns));
	else
		kct_put(to, "null");
}

/* The name comes with the VM's introduction, which the model has not taken in yet. */
static void put_vm(struct kct_writing *to, const struct kct_model *model,
		   const union kct_any_event *event, const struct kct_vm_name *name)
{
	if (event->event.kind != KCT_EVENT_VM) {
		const struct kct_vm *vm = kct_model_find_vm(model, event->event.vm);

		name = vm ? &vm->name : NULL;
	}
	kct_put(to, ",\"vm_name\":");
	put_text_or_null(to, name ? name->name : NULL);
	kct_put(to, ",\"vm_uuid\":");
	put_text_or_null(to, name ? name->uuid : NULL);
}

/* A text where a recording has a list. */
static void put_stack(struct kct_writing *to, const char *at)
{
	char text[KCT_STACK_ROOM];
	uint32_t stack;

	memcpy(&stack, at, sizeof(stack));
	kct_stack_text(text, sizeof(text), stack);
	put_text_or_null(to, text);
}

/* A member of an object has that one's name before its own; of one that is null, all are. */
static void put_flat(struct kct_writing *to, const struct kct_field *fields, const char *base,
		     const char *object, bool is_null)
{
	for (const struct kct_field *field = fields; field->name; field++) {
		bool none = is_null || (field->present && !base[field->present]);

		if (field->asked && !base[field->asked])
			continue;
		if (field->type == KCT_FIELD_OBJECT) {
			put_flat(to, field->fields, base + field->offset, field->name, none);
			continue;
		}
		kct_put(to, ",\"");
		kct_put(to, object);
		kct_put(to, *object ? "_" : "");
		kct_put(to, field->name);
		kct_put(to, "\":");
		if (none)
			kct_put(to, "null");
		else if (field->type == KCT_FIELD_STACK)
			put_stack(to, base + field->offset);
		else
			kct_put_value(to, field, base + field->offset);
	}
}

static void begin_row(struct kct_flat *flat)
{
	fwrite(flat->who.text, 1, flat->who.used, flat->out);
}

static void write_header(struct kct_flat *flat);

void kct_flat_event(struct kct_flat *flat, const union kct_any_event *event,
		    const struct kct_vm_name *name)
{
	struct kct_writing row;

	if (!flat->begun)
		write_header(flat);
	row.used = 0;
	kct_put(&row, ",\"event\":\"");
	kct_put(&row, kct_event_names[event->event.kind]);
	kct_put(&row, "\",\"realtime_ns\":");
	put_realtime(&row, flat->recording, event->event.ns);
	put_vm(&row, &flat->recording->model, event, name);
	put_flat(&row, kct_common_fields, (const char *)event, "", false);
	put_flat(&row, kct_event_fields(event->event.kind), (const char *)event, "", false);
	if (event->event.kind == KCT_EVENT_VM)
		kct_put_vm_name(&row, name);
	kct_put(&row, "}\n");
	begin_row(flat);
	fwrite(row.text, 1, row.used, flat->out);
	flat->events++;
}

/* ---- header and trailer ---- */

static void flatten(json_t *row, const char *name, const json_t *value);

static void flatten_member(json_t *row, const char *object, const char *key, const json_t *value)
{
	char *name;

	if (asprintf(&name, "%s%s%s", object, *object ? "_" : "", key) < 0)
		return;
	/* Words such as ring-full. */
	for (char *c = name; (c = strchr(c, '-'));)
		*c = '_';
	flatten(row, name, value);
	free(name);
}

/* Of a list, each is called by the evidence that it is about. */
static void flatten(json_t *row, const char *name, const json_t *value)
{
	const json_t *member;
	const char *key;
	size_t i;

	if (json_is_object(value)) {
		json_object_foreach ((json_t *)value, key, member)
			if (strcmp(key, "evidence"))
				flatten_member(row, name, key, member);
	} else if (json_is_array(value)) {
		json_array_foreach (value, i, member)
			flatten_member(row, name,
				       json_string_value(json_object_get(member, "evidence")),
				       member);
	} else {
		json_object_set(row, name, (json_t *)value);
	}
}

/* Release `object`, and write what it has as a row. */
static void write_row(struct kct_flat *flat, json_t *object)
{
	json_t *row = json_object();
	char *text;

	flatten(row, "", object);
	text = json_dumps(row, JSON_COMPACT | JSON_EMBED);
	begin_row(flat);
	fprintf(flat->out, ",%s}\n", text ? text : "\"event\":null");
	free(text);
	json_decref(row);
	json_decref(object);
}

static void write_header(struct kct_flat *flat)
{
	json_t *header = kct_json_header(&flat->recording->header);
	json_t *host = json_object_get(header, "host");

	/* Each row has them, under shorter names. */
	json_object_del(host, "name");
	json_object_del(host, "boot_id");
	/* It is the same in all, and in events another thing. */
	json_object_del(header, "clock");
	put_who(flat);
	write_row(flat, header);
	flat->begun = true;
}

static json_t *trailer_of(const struct kct_recording *recording)
{
	struct kct_trailer trailer = recording->trailer;

	/* Without one nobody knows how it ended, nor what was lost. */
	if (!trailer.ended.boot_ns)
		return json_pack("{s:s}", "event", "trailer");
	trailer.lost = recording->model.lost;
	return kct_json_trailer(&trailer);
}

void kct_flat_end(struct kct_flat *flat, bool unreadable)
{
	const struct kct_recording *recording = flat->recording;
	bool complete = !unreadable && !*recording->incomplete;
	const char *why = unreadable ? "it could not be read" : recording->incomplete;
	json_t *trailer;

	if (!flat->begun && *recording->header.tool)
		write_header(flat);
	put_who(flat);
	trailer = trailer_of(recording);
	kct_json_set_u64(trailer, "events", flat->events);
	json_object_set_new(trailer, "complete", json_boolean(complete));
	json_object_set_new(trailer, "incomplete_why", kct_json_text(why));
	json_object_set_new(trailer, "passed_over", kct_json_passed(&recording->model.passed));
	write_row(flat, trailer);
}
