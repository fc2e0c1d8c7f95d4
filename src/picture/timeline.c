// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/json.h"
#include "base/wall.h"
#include "model/names.h"
#include "picture/timeline.h"

/* ---- times ---- */

static int64_t since_origin(const struct kct_timeline *timeline, bool target,
			    const struct kct_instant *instant)
{
	const struct kct_migration *m = timeline->migration;
	const struct kct_timeline_end *ends = timeline->ends;

	/* On one side no wall clock is needed. */
	if (target == timeline->origin_on_target)
		return (int64_t)(instant->boot_ns - timeline->origin.boot_ns);
	return kct_between(m, ends[0].side, &timeline->origin, ends[1].side, instant).ns;
}

static void find_origin(struct kct_timeline *timeline)
{
	const struct kct_migration *m = timeline->migration;

	if (m->saved_first.known) {
		timeline->origin = m->saved_first;
		timeline->origin_is = "tsc_saved_first";
	} else if (m->read.known) {
		timeline->origin = m->read;
		timeline->origin_is = "clock_read";
	} else {
		timeline->origin = m->set;
		timeline->origin_is = "clock_set";
		timeline->origin_on_target = true;
	}
}

/* As long before it and after it as it took. */
static void find_window(struct kct_timeline *timeline)
{
	const struct kct_migration *m = timeline->migration;
	int64_t end = since_origin(timeline, true, m->ran.known ? &m->ran : &m->set);

	if (end < KCT_NS_PER_S / 1000)
		end = KCT_NS_PER_S / 1000;
	if (end > INT64_MAX / 4)
		end = INT64_MAX / 4;
	timeline->from = -end;
	timeline->to = 2 * end;
}

/* ---- which events ---- */

static bool make_room(struct kct_drawn_part *part, size_t room)
{
	part->list = calloc(room, sizeof(*part->list));
	part->room = room;
	return part->list != NULL;
}

int kct_timeline_init(struct kct_timeline *timeline, const struct kct_migration *migration,
		      const struct kct_timeline_end ends[2])
{
	*timeline = (struct kct_timeline){.migration = migration, .ends = {ends[0], ends[1]}};
	if (!make_room(&timeline->before, KCT_DRAWN_BEFORE) ||
	    !make_room(&timeline->about, KCT_DRAWN_ABOUT) ||
	    !make_room(&timeline->after, KCT_DRAWN_AFTER))
		return -ENOMEM;
	find_origin(timeline);
	find_window(timeline);
	return 0;
}

static void keep(struct kct_timeline *timeline, const struct kct_drawn *drawn)
{
	struct kct_drawn_part *part = drawn->t < timeline->from ? &timeline->before
				      : drawn->t > timeline->to ? &timeline->after
								: &timeline->about;

	if (part == &timeline->before)
		part->list[part->seen % part->room] = *drawn;
	else if (part->seen < part->room)
		part->list[part->seen] = *drawn;
	part->seen++;
}

void kct_timeline_event(struct kct_timeline *timeline, bool target,
			const union kct_any_event *event)
{
	struct kct_drawn drawn = {.event = *event, .target = target};
	const struct kct_instant instant = {.known = true, .boot_ns = event->event.ns};

	if (event->event.vm != timeline->ends[target].vm->number)
		return;
	drawn.t = since_origin(timeline, target, &instant);
	keep(timeline, &drawn);
}

/* ---- what is drawn of one ---- */

static void set_text(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, json_string(text));
}

static void set_flag(json_t *object, const char *key, bool is)
{
	if (is)
		json_object_set_new(object, key, json_true());
}

/*
 * By how much the clock that a PVTI gives is ahead of the ideal one, which is what the source's
 * last PVTI of the vCPU gives at the same guest TSC. On the target only from its first stable PVTI
 * on: the TSC may be another one before that.
 */
static void set_level(json_t *object, const struct kct_timeline *timeline,
		      const struct kct_drawn *drawn)
{
	const struct kct_migration *m = timeline->migration;
	const struct kct_pvti_event *e = &drawn->event.pvti;
	const struct kct_vcpu_history *from = kct_history_vcpu(m->source, e->event.vcpu);
	const struct kct_vcpu_history *to = kct_history_vcpu(m->target, e->event.vcpu);

	if (m->doubted || !from || !from->pvti_ns || !to || !to->arrival_ns)
		return;
	if (drawn->target && e->event.ns < to->arrival_ns)
		return;
	if (!drawn->target && e->event.ns > from->pvti_ns)
		return;
	json_object_set_new(object, "level_ns",
			    json_integer(kct_pvti_drift(&from->pvti, &e->new_pvti)));
}

static void set_pvti(json_t *object, const struct kct_timeline *timeline,
		     const struct kct_drawn *drawn)
{
	const struct kct_pvti_event *e = &drawn->event.pvti;

	if (e->has_drift)
		json_object_set_new(object, "drift_ns", json_integer(e->drift_ns));
	set_flag(object, "rebased", e->rebased);
	set_flag(object, "clock_set", e->clock_set);
	set_flag(object, "stable", e->new_pvti.flags & KCT_PVTI_TSC_STABLE);
	set_level(object, timeline, drawn);
}

static void set_details(json_t *object, const struct kct_timeline *timeline,
			const struct kct_drawn *drawn)
{
	const union kct_any_event *event = &drawn->event;

	switch (event->event.kind) {
	case KCT_EVENT_UPDATE:
		set_text(object, "cause", kct_cause_names[event->update.cause]);
		set_text(object, "effect", kct_effect_names[event->update.effect]);
		set_flag(object, "derived", event->update.derived);
		break;
	case KCT_EVENT_REQUEST:
		set_text(object, "op", kct_request_op_names[event->request.op]);
		set_text(object, "origin", kct_origin_names[event->request.origin]);
		set_flag(object, "derived", event->request.derived);
		break;
	case KCT_EVENT_PVTI:
		set_pvti(object, timeline, drawn);
		break;
	case KCT_EVENT_TSC_WRITE:
		set_text(object, "ioctl", kct_ioctl_names[event->tsc_write.ioctl]);
		break;
	case KCT_EVENT_SET_CLOCK:
		set_text(object, "ioctl",
			 kct_ioctl_names[event->set_clock.ioctl ? event->set_clock.ioctl
								: KCT_IOCTL_SET_CLOCK]);
		break;
	case KCT_EVENT_IOCTL:
		set_text(object, "ioctl", kct_ioctl_names[event->ioctl.ioctl]);
		break;
	}
}

/* The line without its end. */
static void set_line(json_t *object, const struct kct_timeline_end *end,
		     const union kct_any_event *event, kct_line_writer line)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return;
	line(stream, event, end->vm, end->side->clocks.start.boot_ns);
	if (!fclose(stream) && size)
		json_object_set_new(object, "line", json_stringn(text, size - 1));
	free(text);
}

static void write_event(FILE *out, const struct kct_timeline *timeline,
			const struct kct_drawn *drawn, kct_line_writer line)
{
	const struct kct_event *event = &drawn->event.event;
	json_t *object = json_object();

	json_object_set_new(object, "t_ns", json_integer(drawn->t));
	set_text(object, "side", drawn->target ? "target" : "source");
	json_object_set_new(object, "vcpu",
			    event->vcpu == KCT_NO_VCPU ? json_null() : json_integer(event->vcpu));
	set_text(object, "event", kct_event_names[event->kind]);
	set_details(object, timeline, drawn);
	set_line(object, &timeline->ends[drawn->target], &drawn->event, line);
	json_dumpf(object, out, JSON_COMPACT);
	json_decref(object);
}

/* ---- the object ---- */

static json_t *instant_json(const struct kct_timeline *timeline, bool target,
			    const struct kct_instant *instant)
{
	char wall[KCT_WALL_SIZE];

	if (!instant->known)
		return json_null();
	kct_wall_text(wall,
		      kct_realtime_of_boot(&timeline->ends[target].side->clocks, instant->boot_ns));
	return json_pack("{s:I, s:s, s:b, s:s}", "t_ns",
			 (json_int_t)since_origin(timeline, target, instant), "wall", wall,
			 "derived", instant->derived, "side", target ? "target" : "source");
}

static json_t *instants_json(const struct kct_timeline *timeline)
{
	const struct kct_migration *m = timeline->migration;

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "tsc_saved_first",
			 instant_json(timeline, false, &m->saved_first), "tsc_saved_last",
			 instant_json(timeline, false, &m->saved_last), "clock_read",
			 instant_json(timeline, false, &m->read), "tsc_written_first",
			 instant_json(timeline, true, &m->written_first), "tsc_written_last",
			 instant_json(timeline, true, &m->written_last), "clock_set",
			 instant_json(timeline, true, &m->set), "ran",
			 instant_json(timeline, true, &m->ran));
}

static size_t drawn_of(const struct kct_drawn_part *part)
{
	return part->seen < part->room ? (size_t)part->seen : part->room;
}

static json_t *part_json(const struct kct_drawn_part *part)
{
	return json_pack("{s:I, s:I}", "drawn", (json_int_t)drawn_of(part), "seen",
			 (json_int_t)part->seen);
}

static void write_part(FILE *out, const struct kct_timeline *timeline,
		       const struct kct_drawn_part *part, kct_line_writer line, bool *begun)
{
	size_t count = drawn_of(part);

	for (size_t i = 0; i < count; i++) {
		fputs(*begun ? ",\n" : "\n", out);
		/* Of a ring that was filled, the oldest is where the next would go. */
		write_event(out, timeline, &part->list[(part->seen - count + i) % part->room],
			    line);
		*begun = true;
	}
}

void kct_timeline_write(FILE *out, const struct kct_timeline *timeline, kct_line_writer line)
{
	bool begun = false;
	json_t *object = json_pack(
		"{s:s, s:b, s:I, s:I, s:o, s:{s:o, s:o, s:o}}", "origin", timeline->origin_is,
		"origin_derived", timeline->origin.derived, "from_ns", (json_int_t)timeline->from,
		"to_ns", (json_int_t)timeline->to, "instants", instants_json(timeline), "events_of",
		"before", part_json(&timeline->before), "about", part_json(&timeline->about),
		"after", part_json(&timeline->after));

	fputc('{', out);
	json_dumpf(object, out, JSON_COMPACT | JSON_EMBED);
	json_decref(object);
	fputs(",\"events\":[", out);
	write_part(out, timeline, &timeline->before, line, &begun);
	write_part(out, timeline, &timeline->about, line, &begun);
	write_part(out, timeline, &timeline->after, line, &begun);
	fputs("]}\n", out);
}

void kct_timeline_clear(struct kct_timeline *timeline)
{
	free(timeline->before.list);
	free(timeline->about.list);
	free(timeline->after.list);
}
