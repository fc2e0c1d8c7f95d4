// SPDX-License-Identifier: GPL-2.0
#include "base/json.h"
#include "model/names.h"
#include "record/fields.h"
#include "record/put.h"
#include "record/writer.h"

void kct_write_event(FILE *out, const union kct_any_event *event, const struct kct_vm_name *name)
{
	const struct kct_field *fields = kct_event_fields(event->event.kind);
	struct kct_writing line;

	if (!fields)
		return;
	line.used = 0;
	kct_put(&line, "{\"event\":\"");
	kct_put(&line, kct_event_names[event->event.kind]);
	kct_put(&line, "\",");
	kct_put_fields(&line, kct_common_fields, (const char *)event);
	if (fields->name)
		kct_put(&line, ",");
	kct_put_fields(&line, fields, (const char *)event);
	if (event->event.kind == KCT_EVENT_VM)
		kct_put_vm_name(&line, name);
	kct_put(&line, "}\n");
	fwrite(line.text, 1, line.used, out);
}

/* ---- header and trailer ---- */

void kct_json_set_identity(json_t *object, const struct kct_vm_name *name)
{
	json_object_set_new(object, "name_source", kct_json_text(kct_name_sources[name->source]));
	json_object_set_new(object, "namespace", kct_json_text(name->space));
	json_object_set_new(object, "id", kct_json_text(name->id));
	json_object_set_new(object, "uuid", kct_json_text(name->uuid));
	json_object_set_new(object, "orchestrator",
			    kct_json_text(kct_orchestrators[name->orchestrator]));
	json_object_set_new(object, "vmm", kct_json_text(name->vmm));
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

json_t *kct_json_missed(const struct kct_misses *misses)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < misses->count; i++) {
		const struct kct_missed *missed = &misses->list[i];

		json_array_append_new(
			array,
			json_pack("{s:s, s:o}", "evidence", missed->evidence, "calls",
				  missed->counted ? kct_json_u64(missed->calls) : json_null()));
	}
	return array;
}

json_t *kct_json_passed(const struct kct_passed *passed)
{
	return json_pack("{s:o, s:o, s:o}", "events", kct_json_u64(passed->events), "fields",
			 kct_json_u64(passed->fields), "words", kct_json_u64(passed->words));
}

static json_t *reasons_json(uint32_t reasons)
{
	json_t *array = json_array();

	for (int i = 0; i < KCT_NR_REASONS; i++)
		if (reasons >> i & 1)
			json_array_append_new(array, json_string(kct_reason_names[i]));
	return array;
}

static json_t *trigger_json(const struct kct_segment *segment)
{
	if (!*segment->trigger)
		return json_null();
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o}", "what", kct_json_text(segment->trigger), "ns",
		kct_json_u64(segment->trigger_ns), "vm",
		segment->vm == KCT_NO_VM ? json_null() : json_integer(segment->vm), "value",
		segment->has_value ? json_integer((json_int_t)segment->value) : json_null(),
		"reasons", reasons_json(segment->reasons), "folded", kct_json_u64(segment->folded));
}

static json_t *gap_json(const struct kct_gap *gap)
{
	if (!gap->to_ns)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o}", "from_ns", kct_json_u64(gap->from_ns), "to_ns",
			 kct_json_u64(gap->to_ns), "events", kct_json_u64(gap->events), "why",
			 kct_json_text(gap->why));
}

static json_t *carried_json(const struct kct_lost *carried)
{
	if (!kct_lost_any(carried))
		return json_null();
	return json_pack("{s:o, s:o}", "losses", kct_json_losses(carried->losses), "missed",
			 kct_json_missed(&carried->misses));
}

static json_t *segment_json(const struct kct_segment *segment)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "run_ns", kct_json_u64(segment->run_ns),
			 "sequence", kct_json_u64(segment->sequence), "trigger",
			 trigger_json(segment), "gap", gap_json(&segment->gap), "carried",
			 carried_json(&segment->carried));
}

static bool is_whole(const struct kct_part *part)
{
	return !part->from_ns && !part->to_ns;
}

json_t *kct_json_part(const struct kct_part *part)
{
	if (is_whole(part))
		return json_null();
	return json_pack("{s:o, s:o, s:o}", "from_ns",
			 part->from_ns ? kct_json_u64(part->from_ns) : json_null(), "to_ns",
			 part->to_ns ? kct_json_u64(part->to_ns) : json_null(), "passed_over",
			 kct_json_passed(&part->passed));
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

json_t *kct_json_header(const struct kct_header *header)
{
	json_t *object =
		json_pack("{s:s, s:s, s:i, s:s, s:o, s:s}", "event", "header", "format",
			  KCT_RECORDING_FORMAT, "version", KCT_RECORDING_VERSION, "tool",
			  header->tool, "host", kct_json_host(header), "clock", "CLOCK_BOOTTIME");

	add_anchor(object, "started_ns", &header->started);
	json_object_set_new(object, "command", kct_json_text(header->command));
	if (header->segment.run_ns)
		json_object_set_new(object, "segment", segment_json(&header->segment));
	if (!is_whole(&header->part))
		json_object_set_new(object, "part", kct_json_part(&header->part));
	json_object_set_new(object, "hooks", kct_json_hooks(header));
	return object;
}

void kct_write_header(FILE *out, const struct kct_header *header)
{
	kct_json_print(out, kct_json_header(header));
}

json_t *kct_json_trailer(const struct kct_trailer *trailer)
{
	json_t *object = json_pack("{s:s}", "event", "trailer");

	add_anchor(object, "ended_ns", &trailer->ended);
	json_object_set_new(object, "events", kct_json_u64(trailer->events));
	json_object_set_new(object, "losses", kct_json_losses(trailer->lost.losses));
	json_object_set_new(object, "missed", kct_json_missed(&trailer->lost.misses));
	json_object_set_new(object, "reason", json_string(trailer->reason));
	json_object_set_new(object, "status",
			    trailer->status < 0 ? json_null() : json_integer(trailer->status));
	return object;
}

void kct_write_trailer(FILE *out, const struct kct_trailer *trailer)
{
	kct_json_print(out, kct_json_trailer(trailer));
}
