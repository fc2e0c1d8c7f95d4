// SPDX-License-Identifier: GPL-2.0
/*
 * What is written is read back, bit for bit; and what is written is what the format says. The
 * structs are filled by hand, every member of them: one that no field of the table carries comes
 * back as zero.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "kvmclock/event.h"
#include "model/names.h"
#include "model/stacks.h"
#include "record/fields.h"
#include "base/json.h"
#include "record/reader.h"
#include "record/writer.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define U64_MAX	     18446744073709551615ULL
#define S64_MAX	     9223372036854775807LL
#define S64_MIN	     (-S64_MAX - 1)
#define U32_MAX	     4294967295U

static const struct kct_header header = {.tool = "0.1.0"};
static struct kct_reader reader;

/* ---- a recording in memory ---- */

struct memory {
	FILE *out;
	char *text;
	size_t size;
};

static void open_memory(struct memory *memory)
{
	memory->out = open_memstream(&memory->text, &memory->size);
	assert_non_null(memory->out);
}

/* Read what was written; the caller closes the result and frees memory->text. */
static FILE *read_memory(struct memory *memory)
{
	FILE *in;

	assert_int_equal(fclose(memory->out), 0);
	in = fmemopen(memory->text, memory->size, "r");
	assert_non_null(in);
	kct_reader_init(&reader, in);
	return in;
}

static void expect_line(enum kct_line kind)
{
	enum kct_line line = kct_reader_next(&reader);

	if (line != kind)
		print_error("line %lu: %s\n", (unsigned long)reader.lines.count, reader.why);
	assert_int_equal(line, kind);
}

/* ---- events ---- */

#define NAME                                                                                       \
	{                                                                                          \
		"qemu", "web", "6fe0e5e1-9b0c-4b6f-8a3d-0f3a1f5f9d10", KCT_NAME_NOVA,              \
			KCT_OPENSTACK, "demo", "instance-0000002a"                                 \
	}

static const struct kct_masterclock clock_zero = {0};
static const struct kct_masterclock clock_most = {U64_MAX, U64_MAX, S64_MAX, KCT_NOT_KNOWN,
						  U32_MAX};
static const struct kct_masterclock clock_least = {1ULL << 63, S64_MAX, S64_MIN, KCT_YES, 1};
static const struct kct_conditions not_off = {0};
static const struct kct_conditions off_most = {U32_MAX, 1, 1, 1, 1, 1, {0}};
static const struct kct_conditions off_least = {0, 1, 0, KCT_NOT_KNOWN, 0, KCT_NOT_KNOWN, {0}};
static const struct kct_pvti pvti_zero = {0};
static const struct kct_pvti pvti_most = {U64_MAX, U64_MAX, U32_MAX, 127, 255, 0};
static const struct kct_pvti pvti_least = {1ULL << 63, (1ULL << 63) - 1, 1, -128, 1, 0};

#define EVENT(kind, ns, vm, vcpu, tid)                                                             \
	{                                                                                          \
		ns, vm, vcpu, tid, KCT_EVENT_##kind                                                \
	}
#define ZERO(kind) EVENT(kind, 0, KCT_NO_VM, 0, 0)
#define MOST(kind) EVENT(kind, U64_MAX, U32_MAX, U32_MAX - 1, U32_MAX)
#define NONE(kind) EVENT(kind, 1ULL << 63, KCT_NO_VM, KCT_NO_VCPU, 1)

/* Numbers of the two stacks that make_stacks() makes. */
enum { SHORT = 1, LONG };

static const struct kct_vm_event vms[] = {
	{.event = ZERO(VM)},
	{MOST(VM), U64_MAX, clock_most, off_most, U32_MAX, U32_MAX, 1, KCT_NR_EFFECTS - 1,
	 "fifteen letters"},
	{NONE(VM), 1ULL << 63, clock_least, not_off, 1, 2, 0, 1, "\"quoted\\\""},
};
static const struct kct_vcpu_event vcpus[] = {
	{.event = ZERO(VCPU)},
	{MOST(VCPU), pvti_most, U64_MAX, U64_MAX, U32_MAX, 1, 1, 0},
	{NONE(VCPU), pvti_least, 1ULL << 63, 1, 1, 1, 0, 0},
	{MOST(VCPU), pvti_zero, S64_MAX, S64_MAX, 1, 0, 1, 0},
	{MOST(VCPU), pvti_zero, 1, 0, 1, 1, 1, 0},
};
static const struct kct_update_event updates[] = {
	{.event = ZERO(UPDATE)},
	{MOST(UPDATE),
	 clock_most,
	 clock_least,
	 off_most,
	 KCT_NR_CAUSES - 1,
	 KCT_NR_EFFECTS - 1,
	 1,
	 1,
	 KCT_NO_NUMBER,
	 LONG,
	 KCT_STACK_CUT,
	 {0}},
	{NONE(UPDATE),
	 clock_least,
	 clock_most,
	 off_least,
	 1,
	 2,
	 0,
	 KCT_NOT_KNOWN,
	 U32_MAX - 1,
	 0,
	 0,
	 {0}},
	{NONE(UPDATE), clock_zero, clock_most, not_off, 2, 1, 1, 0, 1, 0, KCT_STACK_NOT_TAKEN, {0}},
	{NONE(UPDATE), clock_zero, clock_most, not_off, 2, 1, 1, 0, 1, SHORT, KCT_STACK_WHOLE, {0}},
};
static const struct kct_request_event requests[] = {
	{.event = ZERO(REQUEST)},
	{MOST(REQUEST), KCT_REQUEST_CLEARED, KCT_NR_ORIGINS - 1, 1, 0, 0},
	{NONE(REQUEST), KCT_REQUEST_MADE, 1, 0, KCT_STACK_FOUND_LATER, 0},
	{NONE(REQUEST), KCT_REQUEST_MADE, 1, 0, KCT_STACK_WHOLE, SHORT},
	{MOST(REQUEST), KCT_REQUEST_MADE, 1, 0, KCT_STACK_CUT, LONG},
};
static const struct kct_pvti_event pvtis[] = {
	{.event = ZERO(PVTI)},
	{MOST(PVTI), pvti_most, pvti_least, S64_MAX, 1, 1, 1, 1, 1, {0}},
	{NONE(PVTI), pvti_least, pvti_most, S64_MIN, 1, 1, 0, 0, 0, {0}},
	{MOST(PVTI), pvti_least, pvti_most, 0, 1, 0, 1, 0, 0, {0}},
	{MOST(PVTI), pvti_zero, pvti_most, 0, 0, 0, 0, 1, 0, {0}},
	{MOST(PVTI), pvti_zero, pvti_zero, 0, 1, 1, 0, 0, 1, {0}},
	{MOST(PVTI), pvti_zero, pvti_zero, -1, 0, 1, 0, 0, 0, {0}},
};
static const struct kct_tsc_write_event tsc_writes[] = {
	{.event = ZERO(TSC_WRITE)},
	{MOST(TSC_WRITE), U64_MAX, 1ULL << 63, U64_MAX, KCT_NR_IOCTLS - 1, 1, {0}},
	{NONE(TSC_WRITE), 1, S64_MAX, 0, 1, 0, {0}},
	{NONE(TSC_WRITE), 1, 2, 0, 2, 1, {0}},
};
static const struct kct_tsc_track_event tsc_tracks[] = {
	{.event = ZERO(TSC_TRACK)},
	{MOST(TSC_TRACK), U64_MAX, U32_MAX, U32_MAX, U32_MAX, 1, KCT_NOT_KNOWN, 0, U32_MAX, 0},
	{NONE(TSC_TRACK), S64_MAX, 1, 2, 3, 0, KCT_YES, 0, 1, 0},
};
static const struct kct_set_clock_event set_clocks[] = {
	{.event = ZERO(SET_CLOCK), .nr_pending_after = 0},
	{MOST(SET_CLOCK),
	 U64_MAX,
	 U64_MAX,
	 U32_MAX,
	 U32_MAX,
	 U32_MAX,
	 U32_MAX - 1,
	 1,
	 KCT_NR_IOCTLS - 1,
	 1,
	 {0},
	 pvti_most},
	{NONE(SET_CLOCK), 1ULL << 63, S64_MAX, 4, 1, 2, KCT_NO_NUMBER, 1, 1, 0, {0}, pvti_zero},
	{NONE(SET_CLOCK), 0, 0, 0, 1, 2, 3, 0, 2, 1, {0}, pvti_least},
	{NONE(SET_CLOCK), 0, 0, 0, 1, 2, 3, 1, 0, 0, {0}, pvti_zero},
};
static const struct kct_ioctl_event ioctls[] = {
	{.event = ZERO(IOCTL)},
	{MOST(IOCTL),
	 U64_MAX,
	 1ULL << 63,
	 U64_MAX,
	 U64_MAX,
	 U64_MAX,
	 U32_MAX,
	 KCT_NR_IOCTLS - 1,
	 1,
	 1,
	 1,
	 U32_MAX - 1,
	 1,
	 {0},
	 pvti_most},
	{NONE(IOCTL), 1, 0, 0, 0, 0, 0, 1, 1, 0, 0, KCT_NO_NUMBER, 0, {0}, pvti_zero},
	{MOST(IOCTL), 0, S64_MAX, 0, 0, 0, 0, 2, 0, 1, 0, 1, 1, {0}, pvti_least},
	{NONE(IOCTL), 0, 0, 1, 2, 3, 4, 3, 0, 0, 1, 0, 0, {0}, pvti_zero},
};
static const struct kct_vm_gone_event goners[] = {
	{ZERO(VM_GONE)}, {MOST(VM_GONE)}, {NONE(VM_GONE)}};

#define KIND(list)                                                                                 \
	{                                                                                          \
		list, COUNT(list), sizeof((list)[0])                                               \
	}
static const struct {
	const void *events;
	size_t count, size;
} kinds[KCT_NR_EVENTS] = {
	[KCT_EVENT_VM] = KIND(vms),
	[KCT_EVENT_VCPU] = KIND(vcpus),
	[KCT_EVENT_UPDATE] = KIND(updates),
	[KCT_EVENT_REQUEST] = KIND(requests),
	[KCT_EVENT_PVTI] = KIND(pvtis),
	[KCT_EVENT_TSC_WRITE] = KIND(tsc_writes),
	[KCT_EVENT_TSC_TRACK] = KIND(tsc_tracks),
	[KCT_EVENT_SET_CLOCK] = KIND(set_clocks),
	[KCT_EVENT_IOCTL] = KIND(ioctls),
	[KCT_EVENT_VM_GONE] = KIND(goners),
};

static int make_stacks(void **state)
{
	struct kct_frames frames = {.count = 0};
	char name[2 * KCT_FRAME_SIZE];

	(void)state;
	kct_frames_add(&frames, "__kvm_synchronize_tsc");
	kct_frames_add(&frames, "kvm_arch_vcpu_create.part.0");
	if (kct_stack_number(&frames) != SHORT)
		return -1;
	frames.count = frames.used = 0;
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	while (kct_frames_add(&frames, frames.count % 2 ? name : "a \"b\" \x01"))
		;
	return kct_stack_number(&frames) != LONG;
}

static union kct_any_event example(uint32_t kind, size_t i)
{
	union kct_any_event event;

	memset(&event, 0, sizeof(event));
	memcpy(&event, (const char *)kinds[kind].events + i * kinds[kind].size, kinds[kind].size);
	return event;
}

static void test_events(void **state)
{
	const struct kct_vm_name name = NAME;
	struct memory memory;
	uint64_t total = 0;
	FILE *in;

	(void)state;
	open_memory(&memory);
	kct_write_header(memory.out, &header);
	for (uint32_t kind = 0; kind < KCT_NR_EVENTS; kind++)
		for (size_t i = 0; i < kinds[kind].count; i++) {
			union kct_any_event event = example(kind, i);

			kct_write_event(memory.out, &event, &name);
		}
	in = read_memory(&memory);
	expect_line(KCT_LINE_HEADER);
	for (uint32_t kind = 0; kind < KCT_NR_EVENTS; kind++)
		for (size_t i = 0; i < kinds[kind].count; i++, total++) {
			union kct_any_event event = example(kind, i);

			expect_line(KCT_LINE_EVENT);
			if (memcmp(&reader.event, &event, sizeof(event)))
				print_error("%s, example %zu\n", kct_event_names[kind], i);
			assert_memory_equal(&reader.event, &event, sizeof(event));
			if (kind == KCT_EVENT_VM)
				assert_memory_equal(&reader.name, &name, sizeof(name));
		}
	expect_line(KCT_LINE_END);
	assert_int_equal(reader.events, total);
	fclose(in);
	free(memory.text);
}

/* No member is there that the examples leave zero: else the test above would not see it lost. */
static void test_examples_fill_every_byte(void **state)
{
	/* Bytes at the end of each that are padding on purpose, or always zero, by hand. */
	static const struct {
		uint32_t kind;
		size_t from, size;
	} pads[] = {
		{KCT_EVENT_VCPU, offsetof(struct kct_vcpu_event, pad), 2},
		{KCT_EVENT_VCPU, offsetof(struct kct_vcpu_event, pvti.pad), 2},
		{KCT_EVENT_REQUEST, offsetof(struct kct_request_event, stack) + 1, 3},
		{KCT_EVENT_UPDATE, offsetof(struct kct_update_event, stack) + 1, 3},
		{KCT_EVENT_UPDATE, offsetof(struct kct_update_event, pad), 3},
		{KCT_EVENT_PVTI, offsetof(struct kct_pvti_event, pad), 3},
		{KCT_EVENT_PVTI, offsetof(struct kct_pvti_event, old_pvti.pad), 2},
		{KCT_EVENT_PVTI, offsetof(struct kct_pvti_event, new_pvti.pad), 2},
		{KCT_EVENT_TSC_TRACK, offsetof(struct kct_tsc_track_event, pad), 2},
		{KCT_EVENT_TSC_WRITE, offsetof(struct kct_tsc_write_event, pad), 6},
		{KCT_EVENT_VM, offsetof(struct kct_vm_event, conditions.pad), 7},
		{KCT_EVENT_UPDATE, offsetof(struct kct_update_event, conditions.pad), 7},
		{KCT_EVENT_TSC_TRACK, offsetof(struct kct_tsc_track_event, pad2), 4},
		{KCT_EVENT_SET_CLOCK, offsetof(struct kct_set_clock_event, pad),
		 sizeof(((struct kct_set_clock_event *)0)->pad)},
		{KCT_EVENT_SET_CLOCK, offsetof(struct kct_set_clock_event, pvti.pad), 2},
		{KCT_EVENT_IOCTL, offsetof(struct kct_ioctl_event, pad), 3},
		{KCT_EVENT_IOCTL, offsetof(struct kct_ioctl_event, pvti.pad), 2},
	};

	(void)state;
	for (uint32_t kind = 0; kind < KCT_NR_EVENTS; kind++) {
		unsigned char seen[sizeof(union kct_any_event)] = {0};

		for (size_t i = 0; i < kinds[kind].count; i++) {
			union kct_any_event event = example(kind, i);

			for (size_t at = 0; at < kinds[kind].size; at++)
				seen[at] |= ((unsigned char *)&event)[at];
		}
		for (size_t i = 0; i < COUNT(pads); i++)
			if (pads[i].kind == kind)
				memset(seen + pads[i].from, 1, pads[i].size);
		/* Small enumerations in 32 bits, and the NUL that ends a text. */
		for (size_t at = 0; at < kinds[kind].size; at++) {
			bool small = at >= offsetof(struct kct_event, kind) &&
				     at < sizeof(struct kct_event);

			if (kind == KCT_EVENT_VM)
				small |= at >= offsetof(struct kct_vm_event, created);
			small |=
				(kind == KCT_EVENT_VM &&
				 at / 4 == offsetof(struct kct_vm_event, masterclock.active) / 4) ||
				(kind == KCT_EVENT_UPDATE &&
				 (at / 4 == offsetof(struct kct_update_event, before.active) / 4 ||
				  at / 4 == offsetof(struct kct_update_event, after.active) / 4));
			if (!seen[at] && !small)
				print_error("%s, byte %zu\n", kct_event_names[kind], at);
			assert_true(seen[at] || small);
		}
	}
}

static void test_sizes(void **state)
{
	(void)state;
	for (uint32_t kind = 0; kind < KCT_NR_EVENTS; kind++) {
		assert_int_equal(kct_event_size(kind), kinds[kind].size);
		assert_true(kct_event_size(kind) <= sizeof(union kct_any_event));
		assert_non_null(kct_event_fields(kind));
	}
	assert_int_equal(kct_event_size(KCT_NR_EVENTS), 0);
	assert_null(kct_event_fields(KCT_NR_EVENTS));
	assert_null(kct_event_fields(U32_MAX));
}

/* Texts that the kernel gives are any bytes; what is written can be read. */
static void test_kernel_text(void **state)
{
	union kct_any_event event = example(KCT_EVENT_VM, 1);
	struct memory memory;
	FILE *in;

	(void)state;
	memcpy(event.vm.comm, "\x01\x7f\x80\xff\n\"\\\xc3\xa4:0123456789", 16); /* no NUL */
	open_memory(&memory);
	kct_write_header(memory.out, &header);
	kct_write_event(memory.out, &event, NULL);
	in = read_memory(&memory);
	expect_line(KCT_LINE_HEADER);
	expect_line(KCT_LINE_EVENT);
	assert_string_equal(reader.event.vm.comm, "\x01\x7f\x80\xff\n\"\\\xc3\xa4:01234");
	assert_string_equal(reader.name.name, "");
	fclose(in);
	free(memory.text);
}

/* ---- the text itself ---- */

static const struct {
	uint32_t kind;
	size_t example;
	const char *text;
} lines[] = {
	{KCT_EVENT_VM, 2,
	 "{\"event\":\"vm\",\"ns\":\"9223372036854775808\",\"vm\":null,\"vcpu\":null,\"tid\":1,"
	 "\"token\":\"9223372036854775808\",\"pid\":1,\"creator\":2,"
	 "\"created\":0,\"create_effect\":\"enabled\",\"comm\":\"\\\"quoted\\\\\\\\\\\"\","
	 "\"state\":{"
	 "\"masterclock\":\"active\",\"master_kernel_ns\":\"9223372036854775808\","
	 "\"master_cycle_now\":9223372036854775807,\"kvmclock_offset\":-9223372036854775808,"
	 "\"nr_vcpus\":1},\"conditions\":null,\"name\":\"web\",\"vmm\":\"qemu\","
	 "\"uuid\":\"6fe0e5e1-9b0c-4b6f-8a3d-0f3a1f5f9d10\",\"name_source\":\"nova\","
	 "\"orchestrator\":\"openstack\",\"namespace\":\"demo\",\"id\":\"instance-0000002a\"}\n"},
	{KCT_EVENT_VCPU, 3,
	 "{\"event\":\"vcpu\",\"ns\":\"18446744073709551615\",\"vm\":4294967295,"
	 "\"vcpu\":4294967294,\"tid\":4294967295,\"pending\":true,"
	 "\"tsc_offset\":9223372036854775807,\"tsc_khz\":1,"
	 "\"tsc_generation\":9223372036854775807,\"pvti\":null}\n"},
	{KCT_EVENT_VCPU, 2,
	 "{\"event\":\"vcpu\",\"ns\":\"9223372036854775808\",\"vm\":null,\"vcpu\":null,\"tid\":1,"
	 "\"pending\":false,\"tsc_offset\":-9223372036854775808,\"tsc_khz\":1,"
	 "\"tsc_generation\":1,\"pvti\":{"
	 "\"tsc_timestamp\":\"9223372036854775808\",\"system_time\":9223372036854775807,"
	 "\"tsc_to_system_mul\":1,\"tsc_shift\":-128,\"flags\":1}}\n"},
	{KCT_EVENT_REQUEST, 1,
	 "{\"event\":\"request\",\"ns\":\"18446744073709551615\",\"vm\":4294967295,"
	 "\"vcpu\":4294967294,\"tid\":4294967295,\"op\":\"cleared\",\"origin\":\"xen\","
	 "\"derived\":true}\n"},
	{KCT_EVENT_TSC_WRITE, 1,
	 "{\"event\":\"tsc-write\",\"ns\":\"18446744073709551615\",\"vm\":4294967295,"
	 "\"vcpu\":4294967294,\"tid\":4294967295,\"old_offset\":-1,"
	 "\"new_offset\":-9223372036854775808,\"ioctl\":\"set-clock-guest\","
	 "\"tsc\":\"18446744073709551615\"}\n"},
	{KCT_EVENT_IOCTL, 1,
	 "{\"event\":\"ioctl\",\"ns\":\"18446744073709551615\",\"vm\":4294967295,"
	 "\"vcpu\":4294967294,\"tid\":4294967295,\"ioctl\":\"set-clock-guest\","
	 "\"tsc\":\"18446744073709551615\",\"tsc_offset\":-9223372036854775808,"
	 "\"clock\":\"18446744073709551615\",\"realtime\":\"18446744073709551615\","
	 "\"host_tsc\":\"18446744073709551615\",\"flags\":4294967295,"
	 "\"pvti\":{\"tsc_timestamp\":\"18446744073709551615\","
	 "\"system_time\":\"18446744073709551615\",\"tsc_to_system_mul\":4294967295,"
	 "\"tsc_shift\":127,\"flags\":255},\"nr_pending\":4294967294}\n"},
	{KCT_EVENT_IOCTL, 2,
	 "{\"event\":\"ioctl\",\"ns\":\"9223372036854775808\",\"vm\":null,\"vcpu\":null,"
	 "\"tid\":1,\"ioctl\":\"create-vcpu\",\"tsc\":1,\"tsc_offset\":null,"
	 "\"clock\":null,\"realtime\":null,\"host_tsc\":null,\"flags\":null,"
	 "\"pvti\":null,\"nr_pending\":null}\n"},
	{KCT_EVENT_SET_CLOCK, 3,
	 "{\"event\":\"set-clock\",\"ns\":\"9223372036854775808\",\"vm\":null,"
	 "\"vcpu\":null,\"tid\":1,\"clock\":null,\"realtime\":null,\"flags\":null,"
	 "\"nr_vcpus\":1,\"nr_pending\":2,\"nr_pending_after\":3,\"ioctl\":\"run\","
	 "\"pvti\":{\"tsc_timestamp\":\"9223372036854775808\","
	 "\"system_time\":9223372036854775807,\"tsc_to_system_mul\":1,\"tsc_shift\":-128,"
	 "\"flags\":1}}\n"},
	{KCT_EVENT_IOCTL, 3,
	 "{\"event\":\"ioctl\",\"ns\":\"18446744073709551615\",\"vm\":4294967295,"
	 "\"vcpu\":4294967294,\"tid\":4294967295,\"ioctl\":\"run\",\"tsc\":null,"
	 "\"tsc_offset\":9223372036854775807,\"clock\":null,\"realtime\":null,"
	 "\"host_tsc\":null,\"flags\":null,"
	 "\"pvti\":{\"tsc_timestamp\":\"9223372036854775808\","
	 "\"system_time\":9223372036854775807,\"tsc_to_system_mul\":1,\"tsc_shift\":-128,"
	 "\"flags\":1},\"nr_pending\":1}\n"},
	{KCT_EVENT_TSC_TRACK, 1,
	 "{\"event\":\"tsc-track\",\"ns\":\"18446744073709551615\",\"vm\":4294967295,"
	 "\"vcpu\":4294967294,\"tid\":4294967295,\"generation\":\"18446744073709551615\","
	 "\"nr_matched\":4294967295,\"nr_vcpus\":4294967295,\"host_clock\":4294967295,"
	 "\"use_master_clock\":true,\"pending\":null,\"tsc_khz\":4294967295}\n"},
	{KCT_EVENT_UPDATE, 2,
	 "{\"event\":\"update\",\"ns\":\"9223372036854775808\",\"vm\":null,\"vcpu\":null,"
	 "\"tid\":1,\"cause\":\"vm-create\",\"effect\":\"disabled\",\"cause_derived\":false,"
	 "\"offset_matched\":null,\"host_clock\":4294967294,"
	 "\"before\":{\"masterclock\":\"active\",\"master_kernel_ns\":\"9223372036854775808\","
	 "\"master_cycle_now\":9223372036854775807,\"kvmclock_offset\":-9223372036854775808,"
	 "\"nr_vcpus\":1},"
	 "\"after\":{\"masterclock\":\"unknown\",\"master_kernel_ns\":\"18446744073709551615\","
	 "\"master_cycle_now\":\"18446744073709551615\","
	 "\"kvmclock_offset\":9223372036854775807,\"nr_vcpus\":4294967295},"
	 "\"conditions\":{\"nr_matched\":0,\"tsc_matched\":false,\"tsc_backwards\":null,"
	 "\"old_kvmclock\":false,\"tsc_protected\":null}}\n"},
	{KCT_EVENT_VM_GONE, 0,
	 "{\"event\":\"vm-gone\",\"ns\":0,\"vm\":null,\"vcpu\":0,\"tid\":0}\n"},
};

static void test_text(void **state)
{
	const struct kct_vm_name name = NAME;

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		union kct_any_event event = example(lines[i].kind, lines[i].example);
		struct memory memory;

		open_memory(&memory);
		kct_write_event(memory.out, &event, &name);
		fclose(memory.out);
		assert_string_equal(memory.text, lines[i].text);
		free(memory.text);
	}
}

/* ---- recordings from before a field was added ---- */

static void test_old_set_clock(void **state)
{
	const struct kct_set_clock_event expected = {
		.event = EVENT(SET_CLOCK, 7, 2, KCT_NO_VCPU, 9),
		.clock = 5,
		.nr_vcpus = 4,
		.nr_pending = 3,
		.nr_pending_after = 1,
		.has_data = 1,
	};
	struct memory memory;
	FILE *in;

	(void)state;
	open_memory(&memory);
	kct_write_header(memory.out, &header);
	fputs("{\"event\":\"set-clock\",\"ns\":7,\"vm\":2,\"vcpu\":null,\"tid\":9,"
	      "\"clock\":5,\"realtime\":0,\"flags\":0,\"nr_vcpus\":4,\"nr_pending\":3,"
	      "\"nr_pending_after\":1}\n",
	      memory.out);
	in = read_memory(&memory);
	expect_line(KCT_LINE_HEADER);
	expect_line(KCT_LINE_EVENT);
	assert_memory_equal(&reader.event.set_clock, &expected, sizeof(expected));
	fclose(in);
	free(memory.text);
}

static void test_old_ioctl(void **state)
{
	const struct kct_ioctl_event expected = {
		.event = EVENT(IOCTL, 7, 2, 1, 9),
		.tsc = 5,
		.ioctl = KCT_IOCTL_GET_TSC,
		.has_tsc = 1,
		.nr_pending = KCT_NO_NUMBER,
	};
	struct memory memory;
	FILE *in;

	(void)state;
	open_memory(&memory);
	kct_write_header(memory.out, &header);
	fputs("{\"event\":\"ioctl\",\"ns\":7,\"vm\":2,\"vcpu\":1,\"tid\":9,"
	      "\"ioctl\":\"get-tsc\",\"tsc\":5,\"tsc_offset\":null,\"clock\":null,"
	      "\"realtime\":null,\"host_tsc\":null,\"flags\":null}\n",
	      memory.out);
	in = read_memory(&memory);
	expect_line(KCT_LINE_HEADER);
	expect_line(KCT_LINE_EVENT);
	assert_memory_equal(&reader.event.ioctl, &expected, sizeof(expected));
	fclose(in);
	free(memory.text);
}

static void test_u64(void **state)
{
	static const struct {
		uint64_t value;
		const char *text;
	} cases[] = {{0, "0"},
		     {S64_MAX, "9223372036854775807"},
		     {1ULL << 63, "\"9223372036854775808\""},
		     {U64_MAX, "\"18446744073709551615\""}};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *json = kct_json_u64(cases[i].value);
		char *text = json_dumps(json, JSON_ENCODE_ANY);

		assert_string_equal(text, cases[i].text);
		free(text);
		json_decref(json);
	}
}

/* ---- header and trailer ---- */

static void fill(char *text, size_t size, char with)
{
	memset(text, with, size - 1);
	text[size - 1] = '\0';
}

#define FILL(field, with) fill(field, sizeof(field), with)

static void full_header(struct kct_header *full)
{
	memset(full, 0, sizeof(*full));
	FILL(full->tool, 'a');
	FILL(full->host, 'b');
	FILL(full->boot_id, 'c');
	FILL(full->kernel, 'd');
	FILL(full->kvm, 'e');
	FILL(full->vendor, 'f');
	FILL(full->clocksource, 'g');
	FILL(full->command, '\\');
	full->tsc_khz = U32_MAX;
	full->started.boot_ns = U64_MAX;
	full->started.realtime_ns = 1ULL << 63;
	full->started.base_ns = U64_MAX - 1;
	full->started.realtime_error_ns = U64_MAX;
	full->nr_hooks = KCT_MAX_HOOKS;
	for (int i = 0; i < KCT_MAX_HOOKS; i++) {
		FILL(full->hooks[i].evidence, 'A' + (char)(i % 26));
		FILL(full->hooks[i].way, 'h');
		FILL(full->hooks[i].target, 'i');
		FILL(full->hooks[i].note, '"');
	}
}

static void check_header(const struct kct_header *written)
{
	struct memory memory;
	FILE *in;

	open_memory(&memory);
	kct_write_header(memory.out, written);
	in = read_memory(&memory);
	expect_line(KCT_LINE_HEADER);
	assert_memory_equal(&reader.header, written, sizeof(*written));
	expect_line(KCT_LINE_END);
	fclose(in);
	free(memory.text);
}

static void test_header(void **state)
{
	struct kct_header written;

	(void)state;
	memset(&written, 0, sizeof(written));
	check_header(&written);
	full_header(&written);
	check_header(&written);
	strcpy(written.host, "h\xc3\xb6st");
	memset(written.host + 6, 0, sizeof(written.host) - 6);
	check_header(&written);
}

/* Of a flight recorder's. */
static void test_segment(void **state)
{
	struct kct_header written;
	struct kct_segment *segment = &written.segment;

	(void)state;
	memset(&written, 0, sizeof(written));
	segment->run_ns = U64_MAX;
	segment->sequence = 1ULL << 63;
	check_header(&written);
	strcpy(segment->trigger, "jump");
	segment->vm = 3;
	segment->trigger_ns = U64_MAX;
	segment->has_value = true;
	segment->value = INT64_MIN;
	segment->reasons = 3;
	segment->folded = 9;
	segment->gap.from_ns = 1;
	segment->gap.to_ns = U64_MAX;
	segment->gap.events = 7;
	strcpy(segment->gap.why, "no space");
	check_header(&written);
	for (int i = 0; i < KCT_NR_LOSSES; i++)
		segment->carried.losses[i] = U64_MAX - (uint64_t)i;
	check_header(&written);
	segment->carried.misses.count = 1;
	strcpy(segment->carried.misses.list[0].evidence, "pvti");
	segment->carried.misses.list[0].counted = true;
	segment->carried.misses.list[0].calls = 5;
	check_header(&written);
}

static void test_header_text(void **state)
{
	struct kct_header written = {.tool = "0.1.0",
				     .host = "h",
				     .kernel = "6.12",
				     .started = {5, 1ULL << 63, 6, 7},
				     .nr_hooks = 1,
				     .hooks = {{"update", "none", "", "a \"note\""}}};
	struct memory memory;

	(void)state;
	open_memory(&memory);
	kct_write_header(memory.out, &written);
	fclose(memory.out);
	assert_string_equal(
		memory.text,
		"{\"event\":\"header\",\"format\":\"kvmclock-trace\",\"version\":1,"
		"\"tool\":\"0.1.0\",\"host\":{\"name\":\"h\",\"boot_id\":null,\"kernel\":\"6.12\","
		"\"kvm\":null,\"vendor\":null,\"clocksource\":null,\"tsc_khz\":null},"
		"\"clock\":\"CLOCK_BOOTTIME\",\"started_ns\":5,"
		"\"realtime_ns\":\"9223372036854775808\",\"realtime_error_ns\":7,"
		"\"kvmclock_base_ns\":6,\"command\":null,\"hooks\":[{"
		"\"evidence\":\"update\",\"way\":\"none\",\"target\":null,"
		"\"note\":\"a \\\"note\\\"\"}]}\n");
	free(memory.text);
}

static void check_trailer(const struct kct_trailer *written)
{
	struct memory memory;
	FILE *in;

	open_memory(&memory);
	kct_write_header(memory.out, &header);
	kct_write_trailer(memory.out, written);
	in = read_memory(&memory);
	expect_line(KCT_LINE_HEADER);
	expect_line(KCT_LINE_TRAILER);
	assert_memory_equal(&reader.trailer, written, sizeof(*written));
	expect_line(KCT_LINE_END);
	fclose(in);
	free(memory.text);
}

static void test_trailer(void **state)
{
	static const int32_t statuses[] = {-1, 0, 1, 127, 255};
	struct kct_trailer written;

	(void)state;
	memset(&written, 0, sizeof(written));
	for (size_t i = 0; i < COUNT(statuses); i++) {
		written.status = statuses[i];
		check_trailer(&written);
	}
	written.ended = (struct kct_anchor){U64_MAX, 1ULL << 63, 1, U64_MAX};
	written.events = 1ULL << 63;
	for (int i = 0; i < KCT_NR_LOSSES; i++)
		written.lost.losses[i] = U64_MAX - (uint64_t)i;
	FILL(written.reason, 'r');
	written.lost.misses.count = KCT_MAX_HOOKS;
	for (uint32_t i = 0; i < KCT_MAX_HOOKS; i++) {
		struct kct_missed *missed = &written.lost.misses.list[i];

		FILL(missed->evidence, 'A' + (char)(i % 26));
		missed->counted = i % 2;
		missed->calls = i % 2 ? U64_MAX - i : 0;
	}
	check_trailer(&written);
}

/* ---- words ---- */

static void check_names(const char *const *names, int count)
{
	for (int i = 0; i < count; i++) {
		assert_non_null(names[i]);
		assert_true(*names[i]);
		assert_int_equal(strspn(names[i], "abcdefghijklmnopqrstuvwxyz-"), strlen(names[i]));
		assert_int_equal(kct_name_number(names, count, names[i]), i);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(names[i], names[k]);
	}
	assert_int_equal(kct_name_number(names, count, ""), -1);
	assert_int_equal(kct_name_number(names, count, "no such word"), -1);
}

static void test_vocabulary(void **state)
{
	(void)state;
	check_names(kct_event_names, KCT_NR_EVENTS);
	check_names(kct_cause_names, KCT_NR_CAUSES);
	check_names(kct_effect_names, KCT_NR_EFFECTS);
	check_names(kct_origin_names, KCT_NR_ORIGINS);
	check_names(kct_ioctl_names, KCT_NR_IOCTLS);
	check_names(kct_loss_names, KCT_NR_LOSSES);
	check_names(kct_request_op_names, 2);
	check_names(kct_masterclock_names, 3);
	/* A reader tells header and trailer by the same key. */
	assert_int_equal(kct_name_number(kct_event_names, KCT_NR_EVENTS, "header"), -1);
	assert_int_equal(kct_name_number(kct_event_names, KCT_NR_EVENTS, "trailer"), -1);
}

/* The words that recordings of version 1 have: a change makes old recordings unreadable. */
static void test_words_stay(void **state)
{
	static const char *const events[] = {"vm",    "vcpu",	   "update",	"request",
					     "pvti",  "tsc-write", "tsc-track", "set-clock",
					     "ioctl", "vm-gone"};
	static const char *const ioctls[] = {
		"unknown",	  "create-vcpu",    "run",	 "get-tsc",   "set-tsc",
		"get-tsc-offset", "set-tsc-offset", "get-clock", "set-clock", "paused"};
	static const char *const causes[] = {
		"unknown",	   "vm-create",	   "set-clock", "set-clock-realtime",
		"set-clock-guest", "vcpu-request", "hyperv"};
	static const char *const effects[] = {"unknown",    "enabled",	  "disabled",
					      "resnapshot", "suppressed", "inactive"};
	static const char *const origins[] = {"unknown",    "vcpu-create", "tsc-write",
					      "tsc-offset", "system-time", "clocksource",
					      "resume",	    "hyperv",	   "xen"};

	(void)state;
	for (size_t i = 0; i < COUNT(events); i++)
		assert_true(kct_name_number(kct_event_names, KCT_NR_EVENTS, events[i]) >= 0);
	for (size_t i = 0; i < COUNT(ioctls); i++)
		assert_true(kct_name_number(kct_ioctl_names, KCT_NR_IOCTLS, ioctls[i]) >= 0);
	for (size_t i = 0; i < COUNT(causes); i++)
		assert_true(kct_name_number(kct_cause_names, KCT_NR_CAUSES, causes[i]) >= 0);
	for (size_t i = 0; i < COUNT(effects); i++)
		assert_true(kct_name_number(kct_effect_names, KCT_NR_EFFECTS, effects[i]) >= 0);
	for (size_t i = 0; i < COUNT(origins); i++)
		assert_true(kct_name_number(kct_origin_names, KCT_NR_ORIGINS, origins[i]) >= 0);
}

/* ---- padding ---- */

/* No compiler, of the host or for BPF, adds a byte to a struct that crosses the boundary. */
static void test_padding(void **state)
{
	static const char *const compilers[] = {"cc", "clang -target bpf"};
	int checked = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(compilers); i++) {
		char command[512];

		snprintf(command, sizeof(command), "command -v %.*s >/dev/null",
			 (int)strcspn(compilers[i], " "), compilers[i]);
		if (system(command))
			continue;
		snprintf(command, sizeof(command),
			 "echo '#include \"kvmclock/account.h\"' | %s -Werror=padded -fsyntax-only "
			 "-x c -Iinclude -I/usr/include/$(cc -print-multiarch) -",
			 compilers[i]);
		if (system(command))
			print_error("by %s\n", compilers[i]);
		assert_int_equal(system(command), 0);
		checked++;
	}
	if (!checked) {
		print_message("# there is no compiler\n");
		skip();
	}
}

/* ---- a file that cannot be read to its end ---- */

/* A header at the first read, an error at all others. */
static ssize_t read_header_only(void *cookie, char *buffer, size_t size)
{
	struct memory *memory = cookie;
	size_t length = memory->size;

	assert_true(length < size);
	if (!length) {
		errno = EIO;
		return -1;
	}
	memcpy(buffer, memory->text, length);
	memory->size = 0;
	return (ssize_t)length;
}

static void test_read_error(void **state)
{
	const cookie_io_functions_t functions = {.read = read_header_only};
	struct memory memory;
	FILE *in;

	(void)state;
	open_memory(&memory);
	kct_write_header(memory.out, &header);
	assert_int_equal(fclose(memory.out), 0);
	in = fopencookie(&memory, "r", functions);
	assert_non_null(in);
	kct_reader_init(&reader, in);
	expect_line(KCT_LINE_HEADER);
	errno = 0; /* whoever was called since has had it */
	expect_line(KCT_LINE_INVALID);
	assert_string_equal(reader.why, strerror(EIO));
	fclose(in);
	free(memory.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events),	    cmocka_unit_test(test_examples_fill_every_byte),
		cmocka_unit_test(test_sizes),	    cmocka_unit_test(test_kernel_text),
		cmocka_unit_test(test_text),	    cmocka_unit_test(test_u64),
		cmocka_unit_test(test_header),	    cmocka_unit_test(test_segment),
		cmocka_unit_test(test_header_text), cmocka_unit_test(test_trailer),
		cmocka_unit_test(test_vocabulary),  cmocka_unit_test(test_words_stay),
		cmocka_unit_test(test_padding),	    cmocka_unit_test(test_old_set_clock),
		cmocka_unit_test(test_old_ioctl),   cmocka_unit_test(test_read_error),
	};

	return cmocka_run_group_tests(tests, make_stacks, NULL);
}
