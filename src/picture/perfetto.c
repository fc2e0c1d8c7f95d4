// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "kvmclock/account.h"
#include "base/text.h"
#include "base/tree.h"
#include "model/names.h"
#include "model/stacks.h"
#include "picture/perfetto.h"
#include "picture/protobuf.h"
#include "record/fields.h"

/* Numbers of fields in Perfetto's schema; tests/picture/perfetto.proto has these messages. */
enum { TRACE_PACKET = 1 };
enum {
	PACKET_CLOCK_SNAPSHOT = 6,
	PACKET_TIMESTAMP = 8,
	PACKET_SEQUENCE = 10,
	PACKET_TRACK_EVENT = 11,
	PACKET_CLOCK_ID = 58,
	PACKET_TRACK_DESCRIPTOR = 60,
	PACKET_MACHINE = 98,
};
enum { SNAPSHOT_CLOCKS = 1, CLOCK_ID = 1, CLOCK_TIME = 2 };
enum { REALTIME = 1, BOOTTIME = 6, TSC = 9 }; /* BuiltinClock */
enum { TRACK_UUID = 1, TRACK_NAME = 2, TRACK_PARENT = 5, TRACK_COUNTER = 8 };
enum { COUNTER_UNIT = 3, COUNTER_UNIT_NAME = 6 };
enum { UNIT_NS = 1, UNIT_COUNT = 2 };
enum {
	EVENT_ANNOTATION = 4,
	EVENT_TYPE = 9,
	EVENT_TRACK = 11,
	EVENT_CATEGORY = 22,
	EVENT_NAME = 23,
	EVENT_VALUE = 30,
	EVENT_FLOW = 47,
	EVENT_LAST_OF_FLOW = 48,
};
enum { TYPE_INSTANT = 3, TYPE_COUNTER = 4 };
enum { VALUE_BOOL = 2, VALUE_UINT = 3, VALUE_INT = 4, VALUE_TEXT = 6, VALUE_NAME = 10 };

struct vcpu {
	uint32_t id; /* first: the key in its tree */
	uint64_t track, drift_track;
	int64_t drift;
	bool pending;
	/* A request that waits for an update: only then a flow begins with it. */
	union kct_any_event request;
	bool has_request;
	uint64_t flow; /* of an update that waits for a PVTI; 0 */
};

struct vm {
	uint32_t number; /* first: the key in its tree */
	uint64_t track, pending_track, unnecessary_track, age_track;
	uint64_t pending, unnecessary;
	void *vcpus;
};

/* ---- packets ---- */

static uint64_t time_of(const struct kct_perfetto *trace, uint64_t boot_ns)
{
	if (!strcmp(trace->first.boot_id, trace->header.boot_id))
		return boot_ns;
	return boot_ns - trace->header.started.boot_ns + trace->header.started.realtime_ns -
	       trace->first.started.realtime_ns + trace->first.started.boot_ns;
}

static void write_packet(struct kct_perfetto *trace, uint32_t field, const struct kct_message *what,
			 uint64_t boot_ns)
{
	struct kct_message packet = {0}, whole = {0};

	if (boot_ns) {
		kct_put_uint64(&packet, PACKET_TIMESTAMP, time_of(trace, boot_ns));
		kct_put_uint64(&packet, PACKET_CLOCK_ID, BOOTTIME);
	}
	kct_put_uint64(&packet, PACKET_SEQUENCE, trace->machine + 1);
	if (trace->machine)
		kct_put_uint64(&packet, PACKET_MACHINE, trace->machine);
	kct_put_message(&packet, field, what);
	kct_put_message(&whole, TRACE_PACKET, &packet);
	trace->failed |= whole.overflow;
	fwrite(whole.bytes, 1, whole.size, trace->out);
}

/* ---- clocks ---- */

static void put_clock(struct kct_message *snapshot, uint32_t id, uint64_t time)
{
	struct kct_message clock = {0};

	kct_put_uint64(&clock, CLOCK_ID, id);
	kct_put_uint64(&clock, CLOCK_TIME, time);
	kct_put_message(snapshot, SNAPSHOT_CLOCKS, &clock);
}

/* Of one machine: the times of another are counted by the first one's clocks. */
static void write_clocks(struct kct_perfetto *trace, uint64_t boot_ns, uint64_t realtime_ns,
			 uint64_t tsc)
{
	struct kct_message snapshot = {0};

	put_clock(&snapshot, BOOTTIME, boot_ns);
	put_clock(&snapshot, REALTIME, realtime_ns);
	if (tsc)
		put_clock(&snapshot, TSC, tsc);
	write_packet(trace, PACKET_CLOCK_SNAPSHOT, &snapshot, 0);
}

/* ---- tracks ---- */

static uint64_t write_track(struct kct_perfetto *trace, uint64_t uuid, uint64_t parent,
			    const char *name, int unit, const char *unit_name)
{
	struct kct_message track = {0}, counter = {0};

	if (!uuid)
		uuid = ++trace->tracks;
	kct_put_uint64(&track, TRACK_UUID, uuid);
	kct_put_text(&track, TRACK_NAME, name);
	if (parent)
		kct_put_uint64(&track, TRACK_PARENT, parent);
	if (unit) {
		kct_put_uint64(&counter, COUNTER_UNIT, (uint64_t)unit);
		if (unit_name)
			kct_put_text(&counter, COUNTER_UNIT_NAME, unit_name);
		kct_put_message(&track, TRACK_COUNTER, &counter);
	}
	write_packet(trace, PACKET_TRACK_DESCRIPTOR, &track, 0);
	return uuid;
}

static void write_counter(struct kct_perfetto *trace, uint64_t track, uint64_t boot_ns,
			  int64_t value)
{
	struct kct_message event = {0};

	kct_put_uint64(&event, EVENT_TYPE, TYPE_COUNTER);
	kct_put_uint64(&event, EVENT_TRACK, track);
	kct_put_int64(&event, EVENT_VALUE, value);
	write_packet(trace, PACKET_TRACK_EVENT, &event, boot_ns);
}

static struct vm *find_vm(struct kct_perfetto *trace, uint32_t number)
{
	const struct vm new = {.number = number};
	char name[24];
	bool added;
	struct vm *vm = kct_tree_find_or_add(&trace->vms, &new, sizeof(new), &added);

	if (!vm)
		trace->failed = true;
	if (!vm || !added)
		return vm;
	snprintf(name, sizeof(name), "vm#%" PRIu32, number);
	vm->track = write_track(trace, 0, trace->host_track, name, 0, NULL);
	vm->pending_track =
		write_track(trace, 0, vm->track, "requests pending", UNIT_COUNT, "requests");
	vm->unnecessary_track =
		write_track(trace, 0, vm->track, "unnecessary updates", UNIT_COUNT, "updates");
	vm->age_track = write_track(trace, 0, vm->track, "snapshot age", UNIT_NS, NULL);
	return vm;
}

static struct vcpu *find_vcpu(struct kct_perfetto *trace, struct vm *vm, uint32_t id)
{
	const struct vcpu new = {.id = id};
	char name[32];
	bool added;
	struct vcpu *vcpu = kct_tree_find_or_add(&vm->vcpus, &new, sizeof(new), &added);

	if (!vcpu)
		trace->failed = true;
	if (!vcpu || !added)
		return vcpu;
	snprintf(name, sizeof(name), "vCPU %" PRIu32, id);
	vcpu->track = write_track(trace, 0, vm->track, name, 0, NULL);
	snprintf(name, sizeof(name), "drift of vCPU %" PRIu32, id);
	vcpu->drift_track = write_track(trace, 0, vm->track, name, UNIT_NS, NULL);
	return vcpu;
}

/* ---- the fields of an event ---- */

static uint64_t unsigned_at(const char *at, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, at, size);
	return value;
}

static void put_fields(struct kct_message *event, const struct kct_field *fields, const char *base,
		       const char *prefix);

static void put_word(struct kct_message *annotation, const struct kct_field *field, uint64_t number)
{
	kct_put_text(annotation, VALUE_TEXT,
		     number < field->size ? field->names[number] : "unknown");
}

/* So much of a stack that the rest of its event has room in a message, too. */
#define STACK_ROOM 1024

/* A value that is not known is left out. */
static void put_value(struct kct_message *annotation, const struct kct_field *field, const char *at)
{
	char text[KCT_TEXT_ROOM(64)], stack[STACK_ROOM];

	switch (field->type) {
	case KCT_FIELD_U8:
		kct_put_uint64(annotation, VALUE_UINT, (uint8_t)*at);
		break;
	case KCT_FIELD_S8:
		kct_put_int64(annotation, VALUE_INT, (int8_t)*at);
		break;
	case KCT_FIELD_U64:
		kct_put_uint64(annotation, VALUE_UINT, unsigned_at(at, 8));
		break;
	case KCT_FIELD_S64:
		kct_put_int64(annotation, VALUE_INT, (int64_t)unsigned_at(at, 8));
		break;
	case KCT_FIELD_BOOL:
	case KCT_FIELD_KNOWN:
		kct_put_uint64(annotation, VALUE_BOOL, *at != 0);
		break;
	case KCT_FIELD_TEXT:
		/* It may be the kernel's, and then holds any bytes. */
		kct_text(text, sizeof(text), at, strnlen(at, field->size), 0);
		kct_put_text(annotation, VALUE_TEXT, text);
		break;
	case KCT_FIELD_NAME8:
		put_word(annotation, field, (uint8_t)*at);
		break;
	case KCT_FIELD_NAME32:
		put_word(annotation, field, unsigned_at(at, 4));
		break;
	case KCT_FIELD_STACK:
		kct_stack_text(stack, sizeof(stack), (uint32_t)unsigned_at(at, 4));
		kct_put_text(annotation, VALUE_TEXT, stack);
		break;
	default:
		kct_put_uint64(annotation, VALUE_UINT, unsigned_at(at, 4));
	}
}

static bool is_known(const struct kct_field *field, const char *base)
{
	const char *at = base + field->offset;

	if ((field->present && !base[field->present]) || (field->asked && !base[field->asked]))
		return false;
	if (field->type == KCT_FIELD_STACK)
		return unsigned_at(at, 4);
	if (field->type == KCT_FIELD_KNOWN)
		return *at != KCT_NOT_KNOWN;
	if (field->type == KCT_FIELD_NUMBER || field->type == KCT_FIELD_VCPU)
		return (uint32_t)unsigned_at(at, 4) != KCT_NO_NUMBER;
	if (field->type == KCT_FIELD_VM)
		return (uint32_t)unsigned_at(at, 4) != KCT_NO_VM;
	return true;
}

static void put_field(struct kct_message *event, const struct kct_field *field, const char *base,
		      const char *prefix)
{
	struct kct_message annotation = {0};
	char name[64];

	snprintf(name, sizeof(name), "%s%s", prefix, field->name);
	if (field->type == KCT_FIELD_OBJECT) {
		strcat(name, ".");
		put_fields(event, field->fields, base + field->offset, name);
		return;
	}
	kct_put_text(&annotation, VALUE_NAME, name);
	put_value(&annotation, field, base + field->offset);
	kct_put_message(event, EVENT_ANNOTATION, &annotation);
}

static void put_fields(struct kct_message *event, const struct kct_field *fields, const char *base,
		       const char *prefix)
{
	for (const struct kct_field *field = fields; field->name; field++)
		if (is_known(field, base))
			put_field(event, field, base, prefix);
}

static void event_name(char *text, size_t size, const union kct_any_event *event)
{
	const char *kind = kct_event_names[event->event.kind];

	switch (event->event.kind) {
	case KCT_EVENT_UPDATE:
		snprintf(text, size, "%s %s %s", kind, kct_cause_names[event->update.cause],
			 kct_effect_names[event->update.effect]);
		break;
	case KCT_EVENT_REQUEST:
		snprintf(text, size, "%s %s", kind, kct_request_op_names[event->request.op]);
		break;
	default:
		snprintf(text, size, "%s", kind);
	}
}

static void write_event(struct kct_perfetto *trace, const union kct_any_event *event,
			const struct vm *vm, const struct vcpu *vcpu, uint32_t flow_field,
			uint64_t flow)
{
	struct kct_message message = {0};
	char name[80];

	event_name(name, sizeof(name), event);
	kct_put_uint64(&message, EVENT_TYPE, TYPE_INSTANT);
	kct_put_uint64(&message, EVENT_TRACK,
		       vcpu ? vcpu->track
		       : vm ? vm->track
			    : trace->host_track);
	kct_put_text(&message, EVENT_CATEGORY, kct_event_names[event->event.kind]);
	kct_put_text(&message, EVENT_NAME, name);
	if (flow)
		kct_put_fixed64(&message, flow_field, flow);
	put_fields(&message, kct_common_fields, (const char *)event, "");
	put_fields(&message, kct_event_fields(event->event.kind), (const char *)event, "");
	write_packet(trace, PACKET_TRACK_EVENT, &message, event->event.ns);
}

/* ---- what an event changes ---- */

static void set_pending(struct kct_perfetto *trace, struct vm *vm, struct vcpu *vcpu, bool pending,
			uint64_t boot_ns)
{
	if (vcpu->pending == pending)
		return;
	vcpu->pending = pending;
	vm->pending += pending ? 1 : -1ULL;
	write_counter(trace, vm->pending_track, boot_ns, (int64_t)vm->pending);
}

/* The request that waits, without or with a flow. */
static void release(struct kct_perfetto *trace, struct vm *vm, struct vcpu *vcpu, uint64_t flow)
{
	if (vcpu->has_request)
		write_event(trace, &vcpu->request, vm, vcpu, EVENT_FLOW, flow);
	vcpu->has_request = false;
}

static void on_request(struct kct_perfetto *trace, struct vm *vm, struct vcpu *vcpu,
		       const union kct_any_event *event)
{
	bool made = event->request.op == KCT_REQUEST_MADE;

	release(trace, vm, vcpu, 0);
	if (made) {
		vcpu->request = *event;
		vcpu->has_request = true;
	} else {
		write_event(trace, event, vm, vcpu, 0, 0);
	}
	set_pending(trace, vm, vcpu, made, event->event.ns);
}

static void count_update(struct kct_perfetto *trace, struct vm *vm,
			 const struct kct_update_event *e)
{
	if (kct_is_unnecessary(e))
		write_counter(trace, vm->unnecessary_track, e->event.ns,
			      (int64_t)++vm->unnecessary);
	if (e->before.active == KCT_YES && e->after.kernel_ns != e->before.kernel_ns)
		write_counter(trace, vm->age_track, e->event.ns,
			      (int64_t)(e->after.kernel_ns - e->before.kernel_ns));
	if (e->after.active == KCT_YES) {
		if (e->effect != KCT_EFFECT_SUPPRESSED)
			write_counter(trace, vm->age_track, e->event.ns, 0);
		trace->anchor = e->after;
	}
}

static void on_update(struct kct_perfetto *trace, struct vm *vm, struct vcpu *vcpu,
		      const union kct_any_event *event)
{
	uint64_t flow = 0;

	if (vcpu && vcpu->has_request && event->update.cause == KCT_CAUSE_VCPU_REQUEST) {
		flow = ++trace->flows;
		release(trace, vm, vcpu, flow);
		vcpu->flow = flow;
	}
	write_event(trace, event, vm, vcpu, EVENT_FLOW, flow);
	if (vcpu)
		set_pending(trace, vm, vcpu, false, event->event.ns);
	count_update(trace, vm, &event->update);
}

static void on_pvti(struct kct_perfetto *trace, struct vm *vm, struct vcpu *vcpu,
		    const union kct_any_event *event)
{
	write_event(trace, event, vm, vcpu, EVENT_LAST_OF_FLOW, vcpu->flow);
	vcpu->flow = 0;
	if (!event->pvti.has_drift)
		return;
	vcpu->drift = (int64_t)((uint64_t)vcpu->drift + (uint64_t)event->pvti.drift_ns);
	write_counter(trace, vcpu->drift_track, event->event.ns, vcpu->drift);
}

static void on_vm(struct kct_perfetto *trace, struct vm *vm, const union kct_any_event *event,
		  const struct kct_vm_name *name)
{
	char label[KCT_VM_LABEL_SIZE];

	if (name && *name->name) {
		kct_vm_name_label(name, label, sizeof(label));
		write_track(trace, vm->track, trace->host_track, label, 0, NULL);
	}
	if (event->vm.masterclock.active == KCT_YES)
		trace->anchor = event->vm.masterclock;
	write_event(trace, event, vm, NULL, 0, 0);
}

static void begin_machine(struct kct_perfetto *trace, const struct kct_header *header)
{
	char name[sizeof(header->host) + 8];

	trace->begun = true;
	trace->header = *header;
	if (!trace->machine)
		trace->first = *header;
	snprintf(name, sizeof(name), "host %s", *header->host ? header->host : "?");
	trace->host_track = write_track(trace, 0, 0, name, 0, NULL);
	if (!trace->machine)
		write_clocks(trace, header->started.boot_ns, header->started.realtime_ns, 0);
}

void kct_perfetto_event(struct kct_perfetto *trace, const struct kct_header *header,
			const union kct_any_event *event, const struct kct_vm_name *name)
{
	struct vcpu *vcpu = NULL;
	struct vm *vm = NULL;

	if (!trace->begun)
		begin_machine(trace, header);
	if (event->event.vm != KCT_NO_VM)
		vm = find_vm(trace, event->event.vm);
	if (vm && event->event.vcpu != KCT_NO_VCPU)
		vcpu = find_vcpu(trace, vm, event->event.vcpu);
	if (vm && event->event.kind == KCT_EVENT_VM)
		on_vm(trace, vm, event, name);
	else if (vm && event->event.kind == KCT_EVENT_UPDATE)
		on_update(trace, vm, vcpu, event);
	else if (vcpu && event->event.kind == KCT_EVENT_REQUEST)
		on_request(trace, vm, vcpu, event);
	else if (vcpu && event->event.kind == KCT_EVENT_PVTI)
		on_pvti(trace, vm, vcpu, event);
	else
		write_event(trace, event, vm, vcpu, 0, 0);
	if (vcpu && event->event.kind == KCT_EVENT_VCPU)
		set_pending(trace, vm, vcpu, event->vcpu.pending, event->event.ns);
}

/* ---- from one machine to the next ---- */

struct flush {
	struct kct_perfetto *trace;
	struct vm *vm;
};

static void flush_vcpu(void *item, void *context)
{
	struct flush *flush = context;

	release(flush->trace, flush->vm, item, 0);
}

static void flush_vm(void *item, void *context)
{
	struct flush flush = {context, item};

	kct_tree_each(&flush.vm->vcpus, flush_vcpu, &flush);
}

static void free_vm(void *item)
{
	struct vm *vm = item;

	tdestroy(vm->vcpus, free);
	free(vm);
}

void kct_perfetto_begin(struct kct_perfetto *trace, FILE *out)
{
	trace->out = out;
	trace->begun = false;
	trace->anchor = (struct kct_masterclock){0};
}

bool kct_perfetto_end(struct kct_perfetto *trace, const struct kct_header *header,
		      const struct kct_trailer *trailer)
{
	const struct kct_clocks clocks = {header->started, trailer->ended,
					  trailer->ended.boot_ns != 0};
	uint64_t boot_ns;

	if (!trace->begun)
		begin_machine(trace, header);
	kct_tree_each(&trace->vms, flush_vm, trace);
	tdestroy(trace->vms, free_vm);
	trace->vms = NULL;
	if (!trace->machine && trace->anchor.active == KCT_YES && trace->anchor.cycle_now) {
		boot_ns = kct_boot_of_base(&clocks, trace->anchor.kernel_ns);
		write_clocks(trace, boot_ns, kct_realtime_of_boot(&clocks, boot_ns),
			     trace->anchor.cycle_now);
	}
	if (!trace->machine && clocks.has_end)
		write_clocks(trace, trailer->ended.boot_ns, trailer->ended.realtime_ns, 0);
	trace->machine++;
	return !trace->failed;
}
