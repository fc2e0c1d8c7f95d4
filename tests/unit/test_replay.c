// SPDX-License-Identifier: GPL-2.0
/* A replay's time, the tape of its events, and the last events as a recording. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "monitor/recent.h"
#include "record/reader.h"
#include "screen/replay.h"
#include "screen/tape.h"

#define S     1000000000ULL
#define START (50 * S)

/* ---- time ---- */

static void test_play(void **unused)
{
	struct kct_replay replay;

	(void)unused;
	kct_replay_init(&replay, START, START + 100 * S, 7 * S);
	kct_replay_go_on(&replay, 9 * S);
	assert_int_equal(replay.at_ns, START + 2 * S);
	kct_replay_faster(&replay);
	assert_string_equal(kct_replay_speed_text(&replay), "x2");
	kct_replay_go_on(&replay, 10 * S);
	assert_int_equal(replay.at_ns, START + 4 * S);
	for (int i = 0; i < 2; i++)
		kct_replay_slower(&replay);
	assert_string_equal(kct_replay_speed_text(&replay), "x1/2");
	/* Also the half of a nanosecond is not lost. */
	for (uint64_t i = 1; i <= 10; i++)
		kct_replay_go_on(&replay, 10 * S + i);
	assert_int_equal(replay.at_ns, START + 4 * S + 5);
	for (int i = 0; i < 50; i++)
		kct_replay_slower(&replay);
	assert_string_equal(kct_replay_speed_text(&replay), "x1/100000");
	kct_replay_go_on(&replay, 11 * S + 10);
	assert_int_equal(replay.at_ns, START + 4 * S + 5 + 10000);
	for (int i = 0; i < 50; i++)
		kct_replay_faster(&replay);
	assert_string_equal(kct_replay_speed_text(&replay), "x3600");
}

static void test_pause(void **unused)
{
	struct kct_replay replay;

	(void)unused;
	kct_replay_init(&replay, START, START + 10 * S, 0);
	kct_replay_go_on(&replay, S);
	kct_replay_pause(&replay, true, S);
	kct_replay_go_on(&replay, 5 * S);
	assert_int_equal(replay.at_ns, START + S);
	kct_replay_pause(&replay, false, 6 * S);
	kct_replay_go_on(&replay, 7 * S);
	assert_int_equal(replay.at_ns, START + 2 * S);
	kct_replay_go_to(&replay, 0);
	assert_int_equal(replay.at_ns, START);
	kct_replay_go_to(&replay, UINT64_MAX);
	assert_int_equal(replay.at_ns, START + 10 * S);
}

static void test_end(void **unused)
{
	struct kct_replay replay;

	(void)unused;
	kct_replay_init(&replay, START, START + 10 * S, 0);
	for (int i = 0; i < 50; i++)
		kct_replay_faster(&replay);
	/* So long that the time is no number any more. */
	kct_replay_go_on(&replay, UINT64_MAX / 2);
	assert_int_equal(replay.at_ns, START + 10 * S);
	assert_true(replay.paused);
	/* To go on there is to begin again. */
	kct_replay_pause(&replay, false, UINT64_MAX / 2);
	assert_int_equal(replay.at_ns, START);
	/* A recording that ends before it begins is one of an instant. */
	kct_replay_init(&replay, START, START - S, 0);
	assert_int_equal(replay.end_ns, START);
}

/* ---- the tape ---- */

static union kct_any_event published(uint64_t ns, uint32_t vm, int64_t drift_ns, int has_drift)
{
	union kct_any_event event;

	memset(&event, 0, sizeof(event));
	event.event = (struct kct_event){.ns = ns, .vm = vm, .vcpu = 0, .kind = KCT_EVENT_PVTI};
	event.pvti.drift_ns = drift_ns;
	event.pvti.has_drift = (uint8_t)has_drift;
	event.pvti.has_old = 1;
	event.pvti.new_pvti.system_time = ns;
	return event;
}

static union kct_any_event vm_event(uint64_t ns, uint32_t number)
{
	union kct_any_event event;

	memset(&event, 0, sizeof(event));
	event.event = (struct kct_event){
		.ns = ns, .vm = number, .vcpu = KCT_NO_VCPU, .kind = KCT_EVENT_VM};
	event.vm.pid = 77;
	event.vm.created = 1;
	event.vm.create_effect = KCT_EFFECT_INACTIVE;
	event.vm.masterclock.active = KCT_NO;
	return event;
}

static union kct_any_event vcpu_event(uint64_t ns, uint32_t vm)
{
	union kct_any_event event;

	memset(&event, 0, sizeof(event));
	event.event = (struct kct_event){.ns = ns, .vm = vm, .vcpu = 0, .kind = KCT_EVENT_VCPU};
	return event;
}

static void test_tape(void **unused)
{
	static const uint64_t times[] = {10, 20, 15, 20, 30};
	struct kct_vm_name called = {.name = "one"};
	const struct kct_vm_name *name;
	union kct_any_event event, got;
	struct kct_tape tape = {0};

	(void)unused;
	event = vm_event(5, 1);
	kct_tape_add(&tape, &event, &called);
	for (size_t i = 0; i < 5; i++) {
		event = published(times[i], 1, (int64_t)i, i != 3);
		kct_tape_add(&tape, &event, NULL);
	}
	assert_int_equal(tape.count, 6);
	kct_tape_get(&tape, 0, &got, &name);
	assert_int_equal(got.vm.pid, 77);
	assert_string_equal(name->name, "one");
	kct_tape_get(&tape, 3, &got, &name);
	assert_null(name);
	/* Whole, and with its own time; that of the tape never goes back. */
	event = published(15, 1, 2, 1);
	assert_memory_equal(&got, &event, sizeof(event));
	assert_int_equal(kct_tape_ns(&tape, 3), 20);
	assert_int_equal(kct_tape_until(&tape, 4), 0);
	assert_int_equal(kct_tape_until(&tape, 10), 2);
	assert_int_equal(kct_tape_until(&tape, 19), 2);
	assert_int_equal(kct_tape_until(&tape, 20), 5);
	assert_int_equal(kct_tape_until(&tape, 1000), 6);
	/* No drift, one that is not claimed, and a VM are no jumps. */
	assert_false(kct_tape_is_jump(&tape, 0));
	assert_false(kct_tape_is_jump(&tape, 1));
	assert_true(kct_tape_is_jump(&tape, 2));
	assert_false(kct_tape_is_jump(&tape, 4));
	assert_true(kct_tape_is_jump(&tape, 5));
	kct_tape_clear(&tape);
}

/* ---- the last events ---- */

struct written {
	char *text;
	size_t size;
	struct kct_reader *reader;
	FILE *in;
};

static void write_and_read(struct written *w, const struct kct_recent *recent,
			   struct kct_recent_span *span)
{
	FILE *out = open_memstream(&w->text, &w->size);

	assert_non_null(out);
	assert_int_equal(kct_recent_write(recent, out, span), 0);
	fclose(out);
	w->in = fmemopen(w->text, w->size, "r");
	w->reader = malloc(sizeof(*w->reader));
	assert_non_null(w->reader);
	kct_reader_init(w->reader, w->in);
}

static void free_written(struct written *w)
{
	fclose(w->in);
	free(w->reader);
	free(w->text);
}

static void expect_event(struct written *w, enum kct_event_kind kind, uint64_t ns)
{
	assert_int_equal(kct_reader_next(w->reader), KCT_LINE_EVENT);
	assert_int_equal(w->reader->event.event.kind, kind);
	assert_int_equal(w->reader->event.event.ns, ns);
}

static void test_recent(void **unused)
{
	struct kct_header header = {.tool = "1", .host = "h", .started = {.boot_ns = START}};
	struct kct_recent_span span = {
		.header = &header, .from_ns = START + 9, .now_ns = START + 20};
	struct kct_vm_name called = {.name = "one", .vmm = "qemu"};
	struct kct_lost lost = {0};
	struct kct_recent recent;
	union kct_any_event event;
	struct written w;

	(void)unused;
	assert_int_equal(kct_recent_init(&recent, 4), 0);
	event = vm_event(START + 1, 1);
	assert_int_equal(kct_recent_event(&recent, &event, &called), 0);
	event = vcpu_event(START + 2, 1);
	assert_int_equal(kct_recent_event(&recent, &event, NULL), 0);
	for (uint64_t i = 3; i <= 12; i++) {
		event = published(START + i, 1, 1, 1);
		assert_int_equal(kct_recent_event(&recent, &event, NULL), 0);
		lost.losses[KCT_LOSS_RING_FULL] = i;
		kct_recent_mark(&recent, START + i, &lost);
	}
	assert_int_equal(recent.count, 4);
	/* From 9 on, though 9 to 12 are all that is held. */
	write_and_read(&w, &recent, &span);
	assert_int_equal(kct_reader_next(w.reader), KCT_LINE_HEADER);
	assert_int_equal(w.reader->header.started.boot_ns, START + 9);
	/* The VM ran already, and its vCPU has the PVTI of the last event before. */
	expect_event(&w, KCT_EVENT_VM, START + 1);
	assert_int_equal(w.reader->event.vm.created, 0);
	assert_string_equal(w.reader->name.name, "one");
	expect_event(&w, KCT_EVENT_VCPU, START + 8);
	assert_int_equal(w.reader->event.vcpu.pvti.system_time, START + 8);
	for (uint64_t i = 9; i <= 12; i++)
		expect_event(&w, KCT_EVENT_PVTI, START + i);
	assert_int_equal(kct_reader_next(w.reader), KCT_LINE_TRAILER);
	assert_int_equal(w.reader->trailer.events, 6);
	assert_int_equal(w.reader->trailer.ended.boot_ns, START + 20);
	/* What was lost before it is not its loss. */
	assert_int_equal(w.reader->trailer.lost.losses[KCT_LOSS_RING_FULL], 3);
	assert_int_equal(kct_reader_next(w.reader), KCT_LINE_END);
	assert_int_equal(span.events, 4);
	free_written(&w);
	/* The same from later on: what is before is in the state. */
	span.from_ns = START + 12;
	write_and_read(&w, &recent, &span);
	assert_int_equal(kct_reader_next(w.reader), KCT_LINE_HEADER);
	expect_event(&w, KCT_EVENT_VM, START + 1);
	expect_event(&w, KCT_EVENT_VCPU, START + 11);
	expect_event(&w, KCT_EVENT_PVTI, START + 12);
	assert_int_equal(kct_reader_next(w.reader), KCT_LINE_TRAILER);
	assert_int_equal(w.reader->trailer.lost.losses[KCT_LOSS_RING_FULL], 0);
	free_written(&w);
	/* And from before all that is held: it begins with that. */
	span.from_ns = START;
	write_and_read(&w, &recent, &span);
	assert_int_equal(span.began_ns, START + 9);
	free_written(&w);
	kct_recent_clear(&recent);
}

/* Where nothing was dropped it has the whole run. */
static void test_recent_whole(void **unused)
{
	struct kct_header header = {.tool = "1", .host = "h", .started = {.boot_ns = START}};
	struct kct_recent_span span = {.header = &header, .from_ns = 0, .now_ns = START + 20};
	union kct_any_event event = vm_event(START + 1, 1);
	struct kct_recent recent;
	struct written w;

	(void)unused;
	assert_int_equal(kct_recent_init(&recent, 4), 0);
	write_and_read(&w, &recent, &span);
	assert_int_equal(kct_reader_next(w.reader), KCT_LINE_HEADER);
	assert_int_equal(kct_reader_next(w.reader), KCT_LINE_TRAILER);
	free_written(&w);
	assert_int_equal(kct_recent_event(&recent, &event, NULL), 0);
	write_and_read(&w, &recent, &span);
	assert_int_equal(kct_reader_next(w.reader), KCT_LINE_HEADER);
	assert_int_equal(w.reader->header.started.boot_ns, START);
	expect_event(&w, KCT_EVENT_VM, START + 1);
	assert_int_equal(w.reader->event.vm.created, 1);
	assert_int_equal(kct_reader_next(w.reader), KCT_LINE_TRAILER);
	assert_int_equal(w.reader->trailer.events, 1);
	free_written(&w);
	kct_recent_clear(&recent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_play),   cmocka_unit_test(test_pause),
		cmocka_unit_test(test_end),    cmocka_unit_test(test_tape),
		cmocka_unit_test(test_recent), cmocka_unit_test(test_recent_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
