// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <string.h>

#include "model/names.h"
#include "record/ends.h"

static bool __attribute__((format(printf, 2, 3)))
refuse(struct kct_reading *reading, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reading->why, reading->size, format, args);
	va_end(args);
	return false;
}

/* How many of the object's members are not among those names, which end with a NULL. */
static uint64_t count_others(const json_t *object, const char *const *names)
{
	uint64_t others = json_object_size(object);

	for (; *names; names++)
		others -= json_object_get(object, *names) != NULL;
	return others;
}

#define TEXT(object, key, field, flags)                                                            \
	kct_read_text(json_object_get(object, key), field, sizeof(field), flags)
#define TEXT_OR_NULL(object, key, field, flags)                                                    \
	kct_read_text_or_null(object, key, field, sizeof(field), flags)

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

/* ---- losses ---- */

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

/* Reasons that only another release knows; made-up numbers do not wrap. */
static bool read_other_losses(struct kct_lost *lost, const json_t *losses)
{
	const char *reason;
	uint64_t count;
	json_t *value;

	json_object_foreach ((json_t *)losses, reason, value) {
		if (kct_name_number(kct_loss_names, KCT_NR_LOSSES, reason) >= 0)
			continue;
		if (!kct_read_unsigned(value, (char *)&count, sizeof(count)))
			return false;
		if (__builtin_add_overflow(lost->other, count, &lost->other))
			lost->other = UINT64_MAX;
	}
	return true;
}

/* The first release left nothing unwritten: it went on until all was written. */
static bool read_losses(struct kct_lost *lost, const json_t *losses)
{
	for (int i = 0; i < KCT_NR_LOSSES; i++) {
		const json_t *count = json_object_get(losses, kct_loss_names[i]);

		if (!count && i == KCT_LOSS_UNWRITTEN && json_is_object(losses))
			continue;
		if (!kct_read_unsigned(count, (char *)&lost->losses[i], 8))
			return false;
	}
	return true;
}

static bool read_lost(struct kct_lost *lost, const json_t *object)
{
	const json_t *losses = json_object_get(object, "losses");

	return read_losses(lost, losses) && read_other_losses(lost, losses) &&
	       read_missed(&lost->misses, json_object_get(object, "missed"));
}

/* ---- the header ---- */

static bool read_gap(struct kct_gap *gap, const json_t *object)
{
	if (json_is_null(object))
		return true;
	return kct_read_unsigned(json_object_get(object, "from_ns"), (char *)&gap->from_ns, 8) &&
	       kct_read_unsigned(json_object_get(object, "to_ns"), (char *)&gap->to_ns, 8) &&
	       kct_read_unsigned(json_object_get(object, "events"), (char *)&gap->events, 8) &&
	       TEXT(object, "why", gap->why, 0);
}

/* A word that only another release knows tells this one nothing. */
static void read_reasons(struct kct_segment *segment, const json_t *array)
{
	const json_t *word;
	size_t i;

	json_array_foreach (array, i, word) {
		const char *text = json_string_value(word);
		int number = text ? kct_name_number(kct_reason_names, KCT_NR_REASONS, text) : -1;

		if (number >= 0)
			segment->reasons |= 1U << number;
	}
}

static bool read_trigger(struct kct_segment *segment, const json_t *object)
{
	const json_t *vm = json_object_get(object, "vm"), *value = json_object_get(object, "value");

	if (json_is_null(object))
		return true;
	segment->has_value = json_is_integer(value);
	segment->value = json_integer_value(value);
	read_reasons(segment, json_object_get(object, "reasons"));
	return TEXT(object, "what", segment->trigger, 0) &&
	       kct_read_unsigned(json_object_get(object, "ns"), (char *)&segment->trigger_ns, 8) &&
	       (json_is_null(vm) || kct_read_unsigned(vm, (char *)&segment->vm, 4)) &&
	       kct_read_unsigned(json_object_get(object, "folded"), (char *)&segment->folded, 8);
}

/* Only what a flight recorder wrote has it. */
static bool read_segment(struct kct_segment *segment, const json_t *object)
{
	const json_t *carried = json_object_get(object, "carried");

	if (!object)
		return true;
	if (json_is_object(carried) && !read_lost(&segment->carried, carried))
		return false;
	return kct_read_unsigned(json_object_get(object, "run_ns"), (char *)&segment->run_ns, 8) &&
	       kct_read_unsigned(json_object_get(object, "sequence"), (char *)&segment->sequence,
				 8) &&
	       read_trigger(segment, json_object_get(object, "trigger")) &&
	       read_gap(&segment->gap, json_object_get(object, "gap"));
}

static bool read_passed(struct kct_passed *passed, const json_t *object)
{
	return kct_read_unsigned(json_object_get(object, "events"), (char *)&passed->events, 8) &&
	       kct_read_unsigned(json_object_get(object, "fields"), (char *)&passed->fields, 8) &&
	       kct_read_unsigned(json_object_get(object, "words"), (char *)&passed->words, 8);
}

/* Only what is a part of a recording has it. */
static bool read_part(struct kct_part *part, const json_t *object)
{
	const json_t *from = json_object_get(object, "from_ns"),
		     *to = json_object_get(object, "to_ns");

	if (!object)
		return true;
	return (json_is_null(from) || kct_read_unsigned(from, (char *)&part->from_ns, 8)) &&
	       (json_is_null(to) || kct_read_unsigned(to, (char *)&part->to_ns, 8)) &&
	       read_passed(&part->passed, json_object_get(object, "passed_over"));
}

bool kct_read_header(struct kct_header *header, const json_t *object, struct kct_reading *reading)
{
	static const char *const names[] = {"event",
					    "format",
					    "version",
					    "tool",
					    "host",
					    "clock",
					    "started_ns",
					    "realtime_ns",
					    "realtime_error_ns",
					    "kvmclock_base_ns",
					    "command",
					    "hooks",
					    "segment",
					    "part",
					    NULL};
	const json_t *version = json_object_get(object, "version");
	const char *format = json_string_value(json_object_get(object, "format"));

	if (!format || strcmp(format, KCT_RECORDING_FORMAT))
		return refuse(reading, "not a recording of " KCT_RECORDING_FORMAT);
	if (!json_is_integer(version) || json_integer_value(version) != KCT_RECORDING_VERSION)
		return refuse(reading, "format version %" JSON_INTEGER_FORMAT ", this reads %d",
			      json_integer_value(version), KCT_RECORDING_VERSION);
	memset(header, 0, sizeof(*header));
	if (!TEXT(object, "tool", header->tool, 0) ||
	    !read_anchor(&header->started, object, "started_ns") ||
	    !TEXT_OR_NULL(object, "command", header->command, 0) ||
	    !read_host(header, json_object_get(object, "host")) ||
	    !read_hooks(header, json_object_get(object, "hooks")) ||
	    !read_segment(&header->segment, json_object_get(object, "segment")) ||
	    !read_part(&header->part, json_object_get(object, "part")))
		return refuse(reading, "a header with a missing or impossible field");
	reading->passed.fields += count_others(object, names);
	return true;
}

bool kct_read_trailer(struct kct_trailer *trailer, const json_t *object,
		      struct kct_reading *reading)
{
	static const char *const names[] = {"event",
					    "ended_ns",
					    "realtime_ns",
					    "realtime_error_ns",
					    "kvmclock_base_ns",
					    "events",
					    "losses",
					    "missed",
					    "reason",
					    "status",
					    NULL};
	const json_t *status = json_object_get(object, "status");

	memset(trailer, 0, sizeof(*trailer));
	trailer->status = json_is_null(status) ? -1 : 0;
	if (!read_lost(&trailer->lost, object) ||
	    !read_anchor(&trailer->ended, object, "ended_ns") ||
	    !kct_read_unsigned(json_object_get(object, "events"), (char *)&trailer->events, 8) ||
	    !TEXT(object, "reason", trailer->reason, 0) ||
	    !(json_is_null(status) || kct_read_unsigned(status, (char *)&trailer->status, 2)))
		return refuse(reading, "a trailer with a missing or impossible field");
	reading->passed.fields += count_others(object, names);
	return true;
}
