// SPDX-License-Identifier: GPL-2.0
#include "kvmclock/event.h"
#include "model/names.h"
#include "record/fields.h"

/* What a line has before the value. */
#define NAME(json_name)                                                                            \
	.name = json_name, .key = ",\"" json_name "\":", .key_size = sizeof(json_name) + 3
#define OFFSET(type, member) ((uint16_t)offsetof(struct type, member))
#define FIELD(struct_name, member, json_name, kind)                                                \
	{                                                                                          \
		.type = KCT_FIELD_##kind, .offset = OFFSET(struct_name, member), NAME(json_name)   \
	}
#define OPTIONAL(struct_name, member, json_name, kind, flag)                                       \
	{                                                                                          \
		.type = KCT_FIELD_##kind, .offset = OFFSET(struct_name, member),                   \
		.present = OFFSET(struct_name, flag), NAME(json_name)                              \
	}
#define NAMED(struct_name, member, json_name, kind, texts)                                         \
	{                                                                                          \
		.type = KCT_FIELD_##kind, .offset = OFFSET(struct_name, member), .names = texts,   \
		.size = sizeof(texts) / sizeof((texts)[0]), NAME(json_name)                        \
	}
#define ADDED(struct_name, member, json_name, kind)                                                \
	{                                                                                          \
		.type = KCT_FIELD_##kind, .offset = OFFSET(struct_name, member), .added = true,    \
		NAME(json_name)                                                                    \
	}
#define ADDED_NAMED(struct_name, member, json_name, kind, texts)                                   \
	{                                                                                          \
		.type = KCT_FIELD_##kind, .offset = OFFSET(struct_name, member), .names = texts,   \
		.size = sizeof(texts) / sizeof((texts)[0]), .added = true, NAME(json_name)         \
	}
#define ADDED_OBJECT(struct_name, member, json_name, table, flag)                                  \
	{                                                                                          \
		.type = KCT_FIELD_OBJECT, .offset = OFFSET(struct_name, member), .fields = table,  \
		.present = OFFSET(struct_name, flag), .added = true, NAME(json_name)               \
	}
#define OBJECT(struct_name, member, json_name, table)                                              \
	{                                                                                          \
		.type = KCT_FIELD_OBJECT, .offset = OFFSET(struct_name, member), .fields = table,  \
		NAME(json_name)                                                                    \
	}
#define OPTIONAL_OBJECT(struct_name, member, json_name, table, flag)                               \
	{                                                                                          \
		.type = KCT_FIELD_OBJECT, .offset = OFFSET(struct_name, member), .fields = table,  \
		.present = OFFSET(struct_name, flag), NAME(json_name)                              \
	}
#define STACK(struct_name)                                                                         \
	{.type = KCT_FIELD_STACK,                                                                  \
	 .offset = OFFSET(struct_name, stack),                                                     \
	 .asked = OFFSET(struct_name, stack_note),                                                 \
	 .added = true,                                                                            \
	 NAME("stack")},                                                                           \
	{                                                                                          \
		.type = KCT_FIELD_NAME8, .offset = OFFSET(struct_name, stack_note),                \
		.names = kct_stack_note_names, .size = KCT_NR_STACK_NOTES,                         \
		.asked = OFFSET(struct_name, stack_note), .added = true, NAME("stack_note")        \
	}
#define END                                                                                        \
	{                                                                                          \
		.name = NULL                                                                       \
	}

const struct kct_field kct_common_fields[] = {
	FIELD(kct_event, ns, "ns", U64),
	FIELD(kct_event, vm, "vm", VM),
	FIELD(kct_event, vcpu, "vcpu", VCPU),
	FIELD(kct_event, tid, "tid", U32),
	END,
};

static const struct kct_field pvti_line[] = {
	FIELD(kct_pvti, tsc_timestamp, "tsc_timestamp", U64),
	FIELD(kct_pvti, system_time, "system_time", U64),
	FIELD(kct_pvti, tsc_to_system_mul, "tsc_to_system_mul", U32),
	FIELD(kct_pvti, tsc_shift, "tsc_shift", S8),
	FIELD(kct_pvti, flags, "flags", U8),
	END,
};

static const struct kct_field masterclock[] = {
	NAMED(kct_masterclock, active, "masterclock", NAME32, kct_masterclock_names),
	FIELD(kct_masterclock, kernel_ns, "master_kernel_ns", U64),
	FIELD(kct_masterclock, cycle_now, "master_cycle_now", U64),
	FIELD(kct_masterclock, clock_offset, "kvmclock_offset", S64),
	FIELD(kct_masterclock, nr_vcpus, "nr_vcpus", U32),
	END,
};

static const struct kct_field conditions[] = {
	FIELD(kct_conditions, nr_matched, "nr_matched", U32),
	FIELD(kct_conditions, tsc_matched, "tsc_matched", KNOWN),
	FIELD(kct_conditions, tsc_backwards, "tsc_backwards", KNOWN),
	FIELD(kct_conditions, old_kvmclock, "old_kvmclock", KNOWN),
	FIELD(kct_conditions, tsc_protected, "tsc_protected", KNOWN),
	END,
};

static const struct kct_field vm[] = {
	FIELD(kct_vm_event, token, "token", U64),
	FIELD(kct_vm_event, pid, "pid", NUMBER),
	FIELD(kct_vm_event, creator, "creator", U32),
	FIELD(kct_vm_event, created, "created", U32),
	NAMED(kct_vm_event, create_effect, "create_effect", NAME32, kct_effect_names),
	{.type = KCT_FIELD_TEXT,
	 .offset = OFFSET(kct_vm_event, comm),
	 .size = sizeof(((struct kct_vm_event *)0)->comm),
	 NAME("comm")},
	OBJECT(kct_vm_event, masterclock, "state", masterclock),
	ADDED_OBJECT(kct_vm_event, conditions, "conditions", conditions, conditions.known),
	END,
};

static const struct kct_field vcpu[] = {
	FIELD(kct_vcpu_event, pending, "pending", BOOL),
	FIELD(kct_vcpu_event, tsc_offset, "tsc_offset", S64),
	FIELD(kct_vcpu_event, tsc_khz, "tsc_khz", U32),
	ADDED(kct_vcpu_event, tsc_generation, "tsc_generation", U64),
	OPTIONAL_OBJECT(kct_vcpu_event, pvti, "pvti", pvti_line, has_pvti),
	END,
};

static const struct kct_field update[] = {
	NAMED(kct_update_event, cause, "cause", NAME8, kct_cause_names),
	NAMED(kct_update_event, effect, "effect", NAME8, kct_effect_names),
	FIELD(kct_update_event, derived, "cause_derived", BOOL),
	FIELD(kct_update_event, matched, "offset_matched", KNOWN),
	FIELD(kct_update_event, host_clock, "host_clock", NUMBER),
	OBJECT(kct_update_event, before, "before", masterclock),
	OBJECT(kct_update_event, after, "after", masterclock),
	ADDED_OBJECT(kct_update_event, conditions, "conditions", conditions, conditions.known),
	STACK(kct_update_event),
	END,
};

static const struct kct_field request[] = {
	NAMED(kct_request_event, op, "op", NAME8, kct_request_op_names),
	NAMED(kct_request_event, origin, "origin", NAME8, kct_origin_names),
	FIELD(kct_request_event, derived, "derived", BOOL),
	STACK(kct_request_event),
	END,
};

static const struct kct_field pvti[] = {
	OPTIONAL_OBJECT(kct_pvti_event, old_pvti, "old", pvti_line, has_old),
	OBJECT(kct_pvti_event, new_pvti, "new", pvti_line),
	OPTIONAL(kct_pvti_event, drift_ns, "drift_ns", S64, has_drift),
	FIELD(kct_pvti_event, rebased, "rebased", BOOL),
	FIELD(kct_pvti_event, clock_set, "clock_set", BOOL),
	FIELD(kct_pvti_event, negative_delta, "negative_delta", BOOL),
	END,
};

static const struct kct_field tsc_write[] = {
	FIELD(kct_tsc_write_event, old_offset, "old_offset", S64),
	FIELD(kct_tsc_write_event, new_offset, "new_offset", S64),
	NAMED(kct_tsc_write_event, ioctl, "ioctl", NAME8, kct_ioctl_names),
	OPTIONAL(kct_tsc_write_event, tsc, "tsc", U64, has_tsc),
	END,
};

static const struct kct_field tsc_track[] = {
	FIELD(kct_tsc_track_event, generation, "generation", U64),
	FIELD(kct_tsc_track_event, nr_matched, "nr_matched", U32),
	FIELD(kct_tsc_track_event, nr_vcpus, "nr_vcpus", U32),
	FIELD(kct_tsc_track_event, host_clock, "host_clock", U32),
	FIELD(kct_tsc_track_event, masterclock, "use_master_clock", BOOL),
	FIELD(kct_tsc_track_event, pending, "pending", KNOWN),
	ADDED(kct_tsc_track_event, tsc_khz, "tsc_khz", U32),
	END,
};

static const struct kct_field set_clock[] = {
	OPTIONAL(kct_set_clock_event, clock, "clock", U64, has_data),
	OPTIONAL(kct_set_clock_event, realtime, "realtime", U64, has_data),
	OPTIONAL(kct_set_clock_event, flags, "flags", U32, has_data),
	FIELD(kct_set_clock_event, nr_vcpus, "nr_vcpus", U32),
	FIELD(kct_set_clock_event, nr_pending, "nr_pending", NUMBER),
	FIELD(kct_set_clock_event, nr_pending_after, "nr_pending_after", NUMBER),
	ADDED_NAMED(kct_set_clock_event, ioctl, "ioctl", NAME8, kct_ioctl_names),
	ADDED_OBJECT(kct_set_clock_event, pvti, "pvti", pvti_line, has_pvti),
	END,
};

static const struct kct_field ioctl[] = {
	NAMED(kct_ioctl_event, ioctl, "ioctl", NAME8, kct_ioctl_names),
	OPTIONAL(kct_ioctl_event, tsc, "tsc", U64, has_tsc),
	OPTIONAL(kct_ioctl_event, tsc_offset, "tsc_offset", S64, has_offset),
	OPTIONAL(kct_ioctl_event, clock, "clock", U64, has_clock),
	OPTIONAL(kct_ioctl_event, realtime, "realtime", U64, has_clock),
	OPTIONAL(kct_ioctl_event, host_tsc, "host_tsc", U64, has_clock),
	OPTIONAL(kct_ioctl_event, flags, "flags", U32, has_clock),
	ADDED_OBJECT(kct_ioctl_event, pvti, "pvti", pvti_line, has_pvti),
	ADDED(kct_ioctl_event, nr_pending, "nr_pending", NUMBER),
	END,
};

static const struct kct_field vm_gone[] = {END};

static const struct {
	const struct kct_field *fields;
	size_t size;
} kinds[KCT_NR_EVENTS] = {
	[KCT_EVENT_VM] = {vm, sizeof(struct kct_vm_event)},
	[KCT_EVENT_VCPU] = {vcpu, sizeof(struct kct_vcpu_event)},
	[KCT_EVENT_UPDATE] = {update, sizeof(struct kct_update_event)},
	[KCT_EVENT_REQUEST] = {request, sizeof(struct kct_request_event)},
	[KCT_EVENT_PVTI] = {pvti, sizeof(struct kct_pvti_event)},
	[KCT_EVENT_TSC_WRITE] = {tsc_write, sizeof(struct kct_tsc_write_event)},
	[KCT_EVENT_TSC_TRACK] = {tsc_track, sizeof(struct kct_tsc_track_event)},
	[KCT_EVENT_SET_CLOCK] = {set_clock, sizeof(struct kct_set_clock_event)},
	[KCT_EVENT_IOCTL] = {ioctl, sizeof(struct kct_ioctl_event)},
	[KCT_EVENT_VM_GONE] = {vm_gone, sizeof(struct kct_vm_gone_event)},
};

const struct kct_field *kct_event_fields(uint32_t kind)
{
	return kind < KCT_NR_EVENTS ? kinds[kind].fields : NULL;
}

size_t kct_event_size(uint32_t kind)
{
	return kind < KCT_NR_EVENTS ? kinds[kind].size : 0;
}
