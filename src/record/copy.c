// SPDX-License-Identifier: GPL-2.0
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "record/copy.h"
#include "record/writer.h"

static void keep(struct kct_copy *copy, char **kept, const struct kct_reader *reader)
{
	free(*kept);
	*kept = strndup(reader->line, reader->length);
	copy->failed |= !*kept;
}

static void write_line(struct kct_copy *copy, const char *line, size_t length)
{
	fwrite(line, 1, length, copy->out);
	fputc('\n', copy->out);
}

/* A line with other values of some members, which are released. */
static void write_changed(struct kct_copy *copy, const char *line, size_t length, json_t *changes)
{
	json_t *object = json_loadb(line, length, 0, NULL);

	if (!object || json_object_update(object, changes))
		copy->failed = true;
	else
		kct_json_print(copy->out, json_incref(object));
	json_decref(object);
	json_decref(changes);
}

/* ---- header and trailer ---- */

static void write_trailer(struct kct_copy *copy)
{
	uint64_t events = copy->events + copy->missing;

	if (copy->trailer)
		write_changed(copy, copy->trailer, strlen(copy->trailer),
			      json_pack("{s:o}", "events", kct_json_u64(events)));
	free(copy->trailer);
	copy->trailer = NULL;
}

/* That of a segment; a recording that is none is the first one of a run of its own. */
static json_t *segment_of(const struct kct_copy *copy, const json_t *header)
{
	json_t *segment = json_deep_copy(json_object_get(header, "segment"));
	json_t *started = json_object_get(header, "started_ns");

	if (!copy->as_segments)
		return segment;
	if (!segment)
		segment = json_pack("{s:O, s:i, s:n, s:n, s:n}", "run_ns", started, "sequence", 1,
				    "trigger", "gap", "carried");
	else if (!json_integer_value(json_object_get(segment, "sequence")))
		json_object_set_new(segment, "sequence", json_integer(1));
	return segment;
}

/* `as`: which part it is of; NULL: as it is. */
static void write_header(struct kct_copy *copy, const char *line, size_t length,
			 const struct kct_header *as)
{
	json_t *changes = json_object(), *header = json_loadb(line, length, 0, NULL);
	json_t *segment = segment_of(copy, header);

	if (as && (as->part.from_ns || as->part.to_ns))
		json_object_set_new(changes, "part", kct_json_part(&as->part));
	if (segment && as && !as->segment.gap.to_ns)
		json_object_set_new(segment, "gap", json_null());
	if (segment)
		json_object_set_new(changes, "segment", segment);
	write_changed(copy, line, length, changes);
	json_decref(header);
}

void kct_copy_header(struct kct_copy *copy, const struct kct_reader *reader)
{
	if (copy->begun) {
		write_trailer(copy);
		write_header(copy, reader->line, reader->length, NULL);
	} else {
		keep(copy, &copy->header, reader);
		free(copy->trailer);
		copy->trailer = NULL;
	}
	copy->events = 0;
}

void kct_copy_begin(struct kct_copy *copy, const struct kct_header *header)
{
	if (!copy->header)
		return;
	write_header(copy, copy->header, strlen(copy->header), header);
	copy->begun = true;
}

void kct_copy_trailer(struct kct_copy *copy, const struct kct_reader *reader)
{
	keep(copy, &copy->trailer, reader);
	copy->missing = reader->trailer.events - reader->events;
}

void kct_copy_end(struct kct_copy *copy, bool sound)
{
	if (sound && !copy->begun)
		return;
	if (sound)
		write_trailer(copy);
	free(copy->trailer);
	copy->trailer = NULL;
}

void kct_copy_clear(struct kct_copy *copy)
{
	free(copy->header);
	free(copy->trailer);
	copy->header = copy->trailer = NULL;
}

/* ---- events ---- */

void kct_copy_event(struct kct_copy *copy, const struct kct_reader *reader, bool settled)
{
	if (settled)
		write_changed(copy, reader->line, reader->length,
			      json_pack("{s:i, s:s}", "created", 0, "create_effect", "unknown"));
	else
		write_line(copy, reader->line, reader->length);
	copy->events++;
}

void kct_copy_state(struct kct_copy *copy, const union kct_any_event *event,
		    const struct kct_vm_name *name)
{
	kct_write_event(copy->out, event, name);
	copy->events++;
}
