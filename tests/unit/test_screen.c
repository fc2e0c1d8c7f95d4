// SPDX-License-Identifier: GPL-2.0
/* The live view without a terminal: rows of a model, their order, what keys do, what is drawn. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <curses.h>

#include "base/text.h"
#include "screen/screen.h"

#define S     1000000000ULL
#define START (100 * S)

/* ---- a spark line ---- */

static void test_spark(void **unused)
{
	struct kct_spark spark = {0};
	char text[KCT_SPARK_ROOM];

	(void)unused;
	/* Nothing was watched whole yet: a rate is not known. */
	assert_true(kct_spark_rate(&spark, START + 1, START + S) < 0);
	assert_true(kct_spark_rate(&spark, START, START + S) == 0);
	for (int i = 0; i < 30; i++)
		kct_spark_add(&spark, START + 5 * S + (uint64_t)i);
	kct_spark_add(&spark, START + 7 * S);
	/* An event of another CPU's, late. */
	kct_spark_add(&spark, START + 6 * S);
	assert_true(kct_spark_rate(&spark, START, START + 8 * S) == 4);
	/* Of the last ten seconds: 5 and 6 are too old. */
	assert_true(kct_spark_rate(&spark, START, START + 17 * S) == 0.1);
	assert_true(kct_spark_rate(&spark, START, START + 18 * S) == 0);
	/* Seconds 0 to 7 were watched; 5 is the highest, 6 and 7 are low but not nothing. */
	kct_spark_text(text, &spark, START, START + 7 * S, 60, true);
	assert_int_equal(strlen(text), 60);
	assert_string_equal(text + 51, " _____#..");
	/* Six seconds a column: the one before the last has 2 to 7. */
	kct_spark_text(text, &spark, START, START + 13 * S, 10, true);
	assert_string_equal(text, "       _#_");
	kct_spark_text(text, &spark, START, START + 13 * S, 10, false);
	assert_string_equal(text, "       ▁█▁");
	/* A minute later nothing of it is left. */
	kct_spark_add(&spark, START + 100 * S);
	kct_spark_text(text, &spark, START, START + 100 * S, 60, true);
	assert_int_equal(strspn(text, "_"), 59);
	assert_int_equal(text[59], '#');
}

/* ---- a host ---- */

struct host {
	struct kct_header header;
	struct kct_model model;
	struct kct_watch watch;
	struct kct_clocks clocks;
	struct kct_screen screen;
	uint64_t now_ns;
};

static void tell(struct host *host, const union kct_any_event *event, const char *called)
{
	struct kct_vm_name name = {0};

	snprintf(name.name, sizeof(name.name), "%s", called ? called : "");
	snprintf(name.uuid, sizeof(name.uuid), "aa-%" PRIu32, event->event.vm);
	assert_int_equal(kct_model_event(&host->model, event, &name), 0);
	assert_int_equal(kct_watch_event(&host->watch, event), 0);
}

static void add_vm(struct host *host, uint32_t number, const char *called, uint32_t vcpus)
{
	union kct_any_event event = {.vm = {.event = {.ns = START, .vm = number}}};

	event.vm.event.vcpu = KCT_NO_VCPU;
	event.vm.event.kind = KCT_EVENT_VM;
	event.vm.pid = 1000 + number;
	event.vm.masterclock.active = KCT_YES;
	event.vm.masterclock.kernel_ns = START - 10 * S;
	event.vm.masterclock.nr_vcpus = vcpus;
	tell(host, &event, called);
	for (uint32_t i = 0; i < vcpus; i++) {
		memset(&event, 0, sizeof(event));
		event.event = (struct kct_event){
			.ns = START, .vm = number, .vcpu = i, .kind = KCT_EVENT_VCPU};
		tell(host, &event, NULL);
	}
}

static void update(struct host *host, uint32_t vm, uint32_t vcpu, enum kct_cause cause,
		   enum kct_effect effect)
{
	union kct_any_event event = {0};

	event.event = (struct kct_event){
		.ns = host->now_ns, .vm = vm, .vcpu = vcpu, .kind = KCT_EVENT_UPDATE};
	event.update.cause = (uint8_t)cause;
	event.update.effect = (uint8_t)effect;
	event.update.host_clock = 1;
	event.update.after.active = effect == KCT_EFFECT_DISABLED ? KCT_NO : KCT_YES;
	event.update.after.kernel_ns = host->now_ns;
	event.update.after.nr_vcpus = 2;
	tell(host, &event, NULL);
}

static void publish(struct host *host, uint32_t vm, uint32_t vcpu, int64_t drift_ns, bool clock_set)
{
	union kct_any_event event = {0};

	event.event = (struct kct_event){
		.ns = host->now_ns, .vm = vm, .vcpu = vcpu, .kind = KCT_EVENT_PVTI};
	event.pvti.has_old = event.pvti.has_drift = 1;
	event.pvti.drift_ns = drift_ns;
	event.pvti.clock_set = clock_set;
	tell(host, &event, NULL);
}

static void gone(struct host *host, uint32_t vm)
{
	union kct_any_event event = {0};

	event.event = (struct kct_event){
		.ns = host->now_ns, .vm = vm, .vcpu = KCT_NO_VCPU, .kind = KCT_EVENT_VM_GONE};
	tell(host, &event, NULL);
}

static void look(struct host *host)
{
	const struct kct_shot_of of = {&host->header, &host->model, &host->watch, &host->clocks,
				       host->now_ns};
	struct kct_shot shot;

	kct_watch_prune(&host->watch, &host->model);
	assert_int_equal(kct_shot_take(&shot, &of), 0);
	assert_int_equal(kct_screen_take(&host->screen, &shot), 0);
}

static int set_up(void **state)
{
	static const char *const evidence[] = {"request", "values-before"};
	struct host *host = calloc(1, sizeof(*host));

	*state = host;
	if (!host)
		return -1;
	kct_model_init(&host->model);
	kct_screen_init(&host->screen);
	host->watch.since_ns = START;
	host->now_ns = START;
	host->clocks.start = (struct kct_anchor){.boot_ns = START, .base_ns = START};
	for (int i = 0; i < 2; i++) {
		snprintf(host->header.hooks[i].evidence, 24, "%s", evidence[i]);
		snprintf(host->header.hooks[i].way, 24, "kprobe");
		host->header.nr_hooks++;
	}
	add_vm(host, 1, "alpha", 2);
	add_vm(host, 2, "beta", 2);
	add_vm(host, 3, "gamma", 1);
	look(host);
	return 0;
}

static int tear_down(void **state)
{
	struct host *host = *state;

	kct_screen_clear(&host->screen);
	kct_watch_clear(&host->watch);
	kct_model_clear(&host->model);
	free(host);
	return 0;
}

/* The VMs, and behind a dot the vCPUs, as they stand. */
static const char *lines(struct host *host, char text[256])
{
	const struct kct_view *view = &host->screen.view;
	char *to = text;

	*text = '\0';
	for (size_t i = 0; i < view->nr_lines; i++) {
		const struct kct_shot_vm *vm = &host->screen.shot.vms[view->lines[i].vm];

		if (view->lines[i].vcpu < 0)
			to += sprintf(to, "%s%.1s", i ? " " : "", vm->name);
		else
			to += sprintf(to, " .%" PRIu32, vm->vcpus[view->lines[i].vcpu].vcpu);
	}
	return text;
}

static void assert_lines(struct host *host, const char *expected)
{
	char text[256];

	assert_string_equal(lines(host, text), expected);
}

static void press(struct host *host, const char *keys)
{
	for (; *keys; keys++)
		assert_int_equal(kct_screen_key(&host->screen, false, (wint_t)*keys),
				 KCT_ACTION_NONE);
}

static void press_code(struct host *host, wint_t code)
{
	assert_int_equal(kct_screen_key(&host->screen, true, code), KCT_ACTION_NONE);
}

static const struct kct_row *row_of(struct host *host, size_t vm)
{
	return &host->screen.shot.vms[vm].row;
}

/* ---- rows ---- */

static void test_rows(void **state)
{
	struct host *host = *state;
	const struct kct_shot_vm *vm;

	host->now_ns = START + 5 * S;
	update(host, 1, 0, KCT_CAUSE_VCPU_REQUEST, KCT_EFFECT_RESNAPSHOT);
	publish(host, 1, 0, -30, false);
	host->now_ns = START + 6 * S;
	update(host, 1, KCT_NO_VCPU, KCT_CAUSE_SET_CLOCK, KCT_EFFECT_RESNAPSHOT);
	publish(host, 1, 1, 5000, true);
	update(host, KCT_NO_VM, KCT_NO_VCPU, KCT_CAUSE_HYPERV, KCT_EFFECT_INACTIVE);
	host->now_ns = START + 8 * S;
	look(host);
	vm = &host->screen.shot.vms[0];
	assert_int_equal(vm->row.updates, 2);
	assert_int_equal(vm->row.unnecessary, 1);
	assert_int_equal(vm->row.by_cause[KCT_CAUSE_SET_CLOCK], 1);
	assert_true(vm->row.rate == 0.25);
	/* What was asked for is the last jump, and not the largest. */
	assert_int_equal(vm->row.largest.drift_ns, -30);
	assert_int_equal(vm->row.largest.vcpu, 0);
	assert_int_equal(vm->row.largest.cause, KCT_CAUSE_VCPU_REQUEST);
	assert_int_equal(vm->row.last.drift_ns, 5000);
	assert_string_equal(kct_jump_why(&vm->row.last), "set");
	assert_int_equal(vm->row.drift_ns, -30);
	/* The snapshot is that of the last update; another VM's, that which it was found with. */
	assert_true(vm->has_age);
	assert_int_equal(vm->age_ns, 2 * S);
	assert_int_equal(host->screen.shot.vms[1].age_ns, 18 * S);
	assert_int_equal(vm->vcpus[0].unnecessary, 1);
	assert_int_equal(vm->vcpus[1].updates, 0);
	assert_int_equal(host->screen.shot.sum.updates, 3);
	assert_int_equal(host->screen.shot.sum.nobodys, 1);
	assert_int_equal(host->screen.shot.sum.nr_vcpus, 5);
}

/* Of a jump behind no update that was seen, why is not known. */
static void test_jump_of_no_update(void **state)
{
	struct host *host = *state;

	host->now_ns = START + 1;
	publish(host, 2, 0, 7, false);
	look(host);
	assert_string_equal(kct_jump_why(&row_of(host, 1)->last), "?");
	host->now_ns = START + 2;
	update(host, 2, 1, KCT_CAUSE_VCPU_REQUEST, KCT_EFFECT_RESNAPSHOT);
	host->now_ns = START + 3;
	publish(host, 2, 0, 8, false);
	look(host);
	assert_string_equal(kct_jump_why(&row_of(host, 1)->last), "vcpu-request");
	/* That one is told of already. */
	host->now_ns = START + 4;
	publish(host, 2, 0, 9, false);
	look(host);
	assert_string_equal(kct_jump_why(&row_of(host, 1)->last), "?");
}

static void test_unknown(void **state)
{
	struct host *host = *state;
	const struct kct_shot_vm *vm = host->screen.shot.vms;
	char text[KCT_CELL_ROOM];

	assert_string_equal(
		kct_cell(text, KCT_COLUMN_PENDING, &host->screen.shot, vm, NULL, 4, true), "0");
	assert_string_equal(kct_cell(text, KCT_COLUMN_RATE, &host->screen.shot, vm, NULL, 6, true),
			    "?");
	assert_string_equal(kct_cell(text, KCT_COLUMN_LAST, &host->screen.shot, vm, NULL, 6, true),
			    "-");
	host->header.nr_hooks = 0;
	look(host);
	vm = host->screen.shot.vms;
	assert_string_equal(
		kct_cell(text, KCT_COLUMN_PENDING, &host->screen.shot, vm, NULL, 4, true), "?");
	assert_string_equal(
		kct_cell(text, KCT_COLUMN_HYPERV, &host->screen.shot, vm, NULL, 4, true), "?");
}

static void test_off(void **state)
{
	struct host *host = *state;
	char text[KCT_CELL_ROOM];

	snprintf(host->header.clocksource, sizeof(host->header.clocksource), "hpet");
	host->now_ns = START + S;
	update(host, 2, 0, KCT_CAUSE_VCPU_REQUEST, KCT_EFFECT_DISABLED);
	look(host);
	assert_string_equal(kct_cell(text, KCT_COLUMN_CLOCK, &host->screen.shot,
				     &host->screen.shot.vms[1], NULL, 8, true),
			    "inactive");
	/* The update found the TSC: what else is in the way was not read. */
	assert_string_equal(kct_cell(text, KCT_COLUMN_OFF, &host->screen.shot,
				     &host->screen.shot.vms[1], NULL, 8, true),
			    "unknown");
	assert_string_equal(kct_cell(text, KCT_COLUMN_AGE, &host->screen.shot,
				     &host->screen.shot.vms[1], NULL, 8, true),
			    "-");
	assert_int_equal(host->screen.shot.sum.nr_off, 1);
}

/* ---- the zero mark ---- */

static void test_zero(void **state)
{
	struct host *host = *state;

	host->now_ns = START + S;
	update(host, 1, 0, KCT_CAUSE_VCPU_REQUEST, KCT_EFFECT_RESNAPSHOT);
	update(host, 3, 0, KCT_CAUSE_VCPU_REQUEST, KCT_EFFECT_RESNAPSHOT);
	update(host, KCT_NO_VM, KCT_NO_VCPU, KCT_CAUSE_UNKNOWN, KCT_EFFECT_UNKNOWN);
	publish(host, 1, 0, 1000, false);
	assert_int_equal(kct_watch_zero(&host->watch, &host->model, host->now_ns), 0);
	look(host);
	assert_int_equal(host->screen.shot.zero_ns, START + S);
	assert_int_equal(row_of(host, 0)->updates, 0);
	assert_int_equal(row_of(host, 0)->largest.ns, 0);
	assert_int_equal(host->screen.shot.sum.updates, 0);
	host->now_ns = START + 2 * S;
	update(host, 1, 1, KCT_CAUSE_VCPU_REQUEST, KCT_EFFECT_RESNAPSHOT);
	publish(host, 1, 1, -4, false);
	look(host);
	assert_int_equal(row_of(host, 0)->updates, 1);
	assert_int_equal(row_of(host, 0)->unnecessary, 1);
	assert_int_equal(row_of(host, 0)->largest.drift_ns, -4);
	assert_int_equal(row_of(host, 0)->drift_ns, -4);
	assert_int_equal(host->screen.shot.vms[0].vcpus[0].updates, 0);
	assert_int_equal(host->screen.shot.vms[0].vcpus[1].updates, 1);
	/* What the model folds stays out of the sum as far as it was before the mark. */
	gone(host, 3);
	kct_model_fold_gone(&host->model, 0);
	look(host);
	assert_int_equal(host->screen.shot.nr_vms, 2);
	assert_int_equal(host->screen.shot.sum.updates, 1);
	assert_int_equal(host->screen.shot.sum.nr_gone, 1);
}

/* ---- order ---- */

static void test_sort(void **state)
{
	struct host *host = *state;

	assert_lines(host, "a b g");
	host->now_ns = START + S;
	update(host, 3, 0, KCT_CAUSE_VCPU_REQUEST, KCT_EFFECT_RESNAPSHOT);
	update(host, 3, 0, KCT_CAUSE_VCPU_REQUEST, KCT_EFFECT_RESNAPSHOT);
	update(host, 2, 0, KCT_CAUSE_VM_CREATE, KCT_EFFECT_ENABLED);
	publish(host, 1, 0, -3, false);
	publish(host, 2, 0, 2, false);
	host->now_ns = START + 3 * S;
	look(host);
	/* By the rate at first, and the largest first. */
	assert_lines(host, "g b a");
	press(host, "r");
	assert_lines(host, "a b g");
	press(host, "r");
	/* To the side, over those that are on a screen of 80 columns: UPDATES, UNNEC, PEND. */
	press(host, ">");
	assert_int_equal(host->screen.view.sort, KCT_COLUMN_UPDATES);
	press(host, ">");
	assert_int_equal(host->screen.view.sort, KCT_COLUMN_UNNEC);
	assert_lines(host, "g a b");
	press(host, ">>");
	/* A jump's size, whichever way. */
	assert_int_equal(host->screen.view.sort, KCT_COLUMN_LARGEST);
	assert_lines(host, "a b g");
	press(host, "<<<<<<");
	assert_int_equal(host->screen.view.sort, KCT_COLUMN_VM);
	assert_lines(host, "a b g");
	press(host, "<");
	assert_int_equal(host->screen.view.sort, KCT_COLUMN_SPARK);
}

/* What is frozen keeps its place, whatever happens; new VMs come behind. */
static void test_freeze(void **state)
{
	struct host *host = *state;

	host->screen.view.frozen = true;
	host->now_ns = START + S;
	update(host, 3, 0, KCT_CAUSE_VCPU_REQUEST, KCT_EFFECT_RESNAPSHOT);
	add_vm(host, 4, "delta", 1);
	update(host, 4, 0, KCT_CAUSE_VCPU_REQUEST, KCT_EFFECT_RESNAPSHOT);
	host->now_ns = START + 3 * S;
	look(host);
	assert_lines(host, "a b g d");
	assert_int_equal(row_of(host, 2)->updates, 1);
	gone(host, 1);
	kct_model_fold_gone(&host->model, 0);
	look(host);
	assert_lines(host, "b g d");
	/* Until it is sorted by hand, or goes on. */
	press(host, "r");
	press(host, "r");
	assert_lines(host, "g d b");
	host->screen.view.frozen = false;
	look(host);
	assert_lines(host, "g d b");
}

static void test_filter(void **state)
{
	struct host *host = *state;

	press(host, "/");
	assert_int_equal(host->screen.mode, KCT_MODE_FILTER);
	press(host, "A");
	assert_lines(host, "a b g");
	press(host, "m");
	assert_lines(host, "g");
	press(host, "\x7f\x7f");
	press(host, "aa-2");
	assert_lines(host, "b");
	press(host, "\n");
	assert_int_equal(host->screen.mode, KCT_MODE_TABLE);
	look(host);
	assert_lines(host, "b");
	press(host, "/");
	press_code(host, KEY_BACKSPACE);
	press(host, "\b\b\b1003\r");
	assert_lines(host, "g");
	press(host, "/\033");
	assert_lines(host, "a b g");
	/* Part of a PID is no PID. */
	press(host, "/100\n");
	assert_lines(host, "");
	press(host, "/\033");
	gone(host, 2);
	look(host);
	press(host, "x");
	assert_lines(host, "a g");
	press(host, "x");
	assert_lines(host, "a b g");
}

/* ---- the cursor ---- */

static void test_fold(void **state)
{
	struct host *host = *state;

	press_code(host, KEY_DOWN);
	press_code(host, KEY_RIGHT);
	assert_lines(host, "a b .0 .1 g");
	press_code(host, KEY_DOWN);
	assert_int_equal(host->screen.view.at_vcpu, 0);
	press_code(host, KEY_LEFT);
	assert_lines(host, "a b g");
	assert_int_equal(host->screen.view.cursor, 1);
	press(host, "a");
	assert_lines(host, "a .0 .1 b .0 .1 g .0");
	press_code(host, KEY_END);
	assert_int_equal(host->screen.view.cursor, 7);
	press(host, "a");
	assert_lines(host, "a b g");
	assert_int_equal(host->screen.view.at_vm, 3);
	/* It goes with its VM, when that moves. */
	host->now_ns = START + S;
	update(host, 3, 0, KCT_CAUSE_VCPU_REQUEST, KCT_EFFECT_RESNAPSHOT);
	host->now_ns = START + 2 * S;
	look(host);
	assert_lines(host, "g a b");
	assert_int_equal(host->screen.view.cursor, 0);
}

static void test_scroll(void **state)
{
	struct host *host = *state;
	struct kct_view *view = &host->screen.view;

	for (uint32_t i = 4; i <= 1000; i++)
		add_vm(host, i, "more", 0);
	look(host);
	kct_view_scroll(view, 13);
	assert_int_equal(view->top, 0);
	press_code(host, KEY_NPAGE);
	assert_int_equal(view->cursor, kct_screen_height(&host->screen));
	press_code(host, KEY_END);
	kct_view_scroll(view, 13);
	assert_int_equal(view->cursor, 999);
	assert_int_equal(view->top, 987);
	/* On a larger screen nothing is left empty. */
	kct_view_scroll(view, 50);
	assert_int_equal(view->top, 950);
	press_code(host, KEY_HOME);
	kct_view_scroll(view, 50);
	assert_int_equal(view->top, 0);
	press_code(host, KEY_UP);
	assert_int_equal(view->cursor, 0);
}

/* ---- what is drawn ---- */

static void test_layout(void **unused)
{
	struct kct_layout layout;

	(void)unused;
	for (size_t columns = 1; columns < 400; columns++) {
		size_t sum = 0;

		kct_layout_fit(&layout, columns);
		for (int i = 0; i < KCT_NR_COLUMNS; i++)
			sum += layout.width[i] + (i && layout.width[i]);
		if (sum > columns)
			fail_msg("%zu columns on %zu", sum, columns);
		assert_true(layout.width[KCT_COLUMN_VM] > 0);
		if (layout.width[KCT_COLUMN_SPARK])
			assert_int_equal(KCT_SPARK_SECONDS % layout.width[KCT_COLUMN_SPARK], 0);
	}
	/* All that is asked for is on the smallest screen, or in the lines below. */
	kct_layout_fit(&layout, 80);
	assert_true(layout.width[KCT_COLUMN_RATE] && layout.width[KCT_COLUMN_UNNEC] &&
		    layout.width[KCT_COLUMN_PENDING] && layout.width[KCT_COLUMN_SPARK]);
	kct_layout_fit(&layout, 300);
	for (int i = 0; i < KCT_NR_COLUMNS; i++)
		assert_true(layout.width[i] > 0);
	assert_int_equal(layout.width[KCT_COLUMN_SPARK], 60);
}

static void test_numbers(void **unused)
{
	static const struct {
		int64_t ns;
		const char *text;
	} numbers[] = {
		{0, "+0ns"},
		{1, "+1ns"},
		{-9999, "-9999ns"},
		{10000, "+10.0us"},
		{-999940, "-999.9us"},
		{999960, "+1.0ms"},
		{13900000, "+13.9ms"},
		{-2500000000, "-2.5s"},
		{3600000000000, "+3600s"},
	};
	char text[32];

	(void)unused;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		assert_string_equal(kct_ns_text(text, sizeof(text), numbers[i].ns, true),
				    numbers[i].text);
	assert_true(strlen(kct_ns_text(text, sizeof(text), INT64_MIN, true)) <= 8);
	assert_true(strlen(kct_ns_text(text, sizeof(text), INT64_MAX, true)) <= 8);
}

/* All pieces as they are on the screen. */
static void paint(const struct kct_page *page, char *screen)
{
	memset(screen, ' ', (size_t)page->lines * page->columns);
	screen[(size_t)page->lines * page->columns] = '\0';
	for (size_t i = 0; i < page->count; i++) {
		const struct kct_piece *piece = &page->pieces[i];
		size_t length = strlen(piece->text);

		assert_true(piece->line < page->lines);
		assert_true(piece->column + length <= page->columns);
		memcpy(screen + (size_t)piece->line * page->columns + piece->column, piece->text,
		       length);
	}
}

static void draw(struct host *host, char *screen)
{
	const struct kct_status status = {
		.header = &host->header, .mode = "live", .cpu = -1, .events = -1};
	struct kct_page page;

	kct_screen_draw(&host->screen, &status, &page);
	assert_int_equal(page.error, 0);
	paint(&page, screen);
	kct_page_clear(&page);
}

static void test_draw(void **state)
{
	struct host *host = *state;
	char screen[200 * 60 + 1];

	host->screen.ascii = true;
	host->now_ns = START + 5 * S;
	update(host, 2, 1, KCT_CAUSE_VCPU_REQUEST, KCT_EFFECT_RESNAPSHOT);
	publish(host, 2, 1, 13, false);
	host->now_ns = START + 10 * S;
	look(host);
	draw(host, screen);
	assert_non_null(strstr(screen, "3 VMs (0 off, 0 gone), 5 vCPUs, 0 pending"));
	assert_non_null(strstr(screen, "1 updates, 0.1/s, 1 unnecessary"));
	assert_non_null(strstr(screen, "by cause: 1 vcpu-request"));
	assert_non_null(strstr(screen, "lost: none"));
	/* The cursor is on the first row, and the details are of that. */
	assert_non_null(strstr(screen, "beta            active      0.1       1      1    0"));
	assert_non_null(strstr(screen, "largest jump: +13 ns, vCPU 1, 5.0s ago: update by "
				       "vcpu-request (derived)"));
	/* On any screen everything is where it belongs: paint() looks. */
	for (uint16_t lines = 1; lines <= 60; lines++)
		for (uint16_t columns = 1; columns <= 200; columns += 7) {
			host->screen.lines = lines;
			host->screen.columns = columns;
			draw(host, screen);
		}
	host->screen.lines = 60;
	host->screen.columns = 200;
	draw(host, screen);
	assert_non_null(strstr(screen, "vcpu-request       "));
	press(host, "?");
	draw(host, screen);
	assert_non_null(strstr(screen, "zero mark"));
	/* All of it, and of what the last line says, is on the smallest screen. */
	host->screen.lines = 24;
	host->screen.columns = 80;
	draw(host, screen);
	assert_null(strchr(screen, '~'));
	assert_non_null(strstr(screen, "not known: for want of"));
	press(host, "q");
	draw(host, screen);
	assert_non_null(strstr(screen, "w:write"));
	host->screen.replays = true;
	draw(host, screen);
	assert_non_null(strstr(screen, "/:filter"));
}

static void test_losses(void **state)
{
	struct host *host = *state;
	const struct kct_status status = {
		.header = &host->header, .mode = "live", .incomplete = "7 events were lost"};
	struct kct_page page;
	bool found = false;

	kct_screen_draw(&host->screen, &status, &page);
	for (size_t i = 0; i < page.count; i++)
		if (!strcmp(page.pieces[i].text, "LOST: 7 events were lost"))
			found = page.pieces[i].style == KCT_STYLE_BAD;
	assert_true(found);
	kct_page_clear(&page);
}

/* No letter that the terminal does not show, and names keep apart all the same. */
static void test_ascii(void **state)
{
	struct host *host = *state;
	char screen[200 * 60 + 1];

	add_vm(host, 4, "küche", 0);
	add_vm(host, 5, "a-name-that-is-longer-than-any-column-of-this-table-can-be", 0);
	look(host);
	host->screen.ascii = true;
	draw(host, screen);
	for (const char *c = screen; *c; c++)
		assert_true(*c >= ' ' && *c <= '~');
	assert_non_null(strstr(screen, "k\\u00fcche"));
	assert_non_null(strstr(screen, "a-name-that-is~ "));
}

static void test_text_page(void **state)
{
	struct host *host = *state;
	char **text = calloc(100, sizeof(*text));
	char screen[200 * 60 + 1];

	assert_non_null(text);
	for (int i = 0; i < 100; i++)
		assert_true(asprintf(&text[i], "line %d, %060d and its end", i, i) > 0);
	kct_screen_show_events(&host->screen, text, 100);
	host->screen.ascii = true;
	draw(host, screen);
	/* The title, and the last lines. */
	assert_memory_equal(screen, "line 0,", 7);
	assert_non_null(strstr(screen, "line 99,"));
	press_code(host, KEY_RIGHT);
	draw(host, screen);
	assert_non_null(strstr(screen, "99 and its end"));
	press_code(host, KEY_HOME);
	press_code(host, KEY_LEFT);
	draw(host, screen);
	assert_non_null(strstr(screen, "line 1,"));
	assert_null(strstr(screen, "line 99,"));
	press(host, "q");
	assert_int_equal(host->screen.mode, KCT_MODE_TABLE);
	assert_int_equal(kct_screen_key(&host->screen, false, 'q'), KCT_ACTION_QUIT);
}

/* ---- typing a file's name ---- */

static void test_entry(void **state)
{
	struct host *host = *state;

	assert_int_equal(kct_screen_key(&host->screen, false, 'w'), KCT_ACTION_NAME);
	kct_screen_ask_file(&host->screen, "one.jsonl");
	press(host, "\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f");
	assert_int_equal(kct_screen_key(&host->screen, false, '\n'), KCT_ACTION_NONE);
	kct_screen_ask_file(&host->screen, "one.jsonl");
	press(host, "2\001");
	assert_int_equal(kct_screen_key(&host->screen, false, '\n'), KCT_ACTION_WRITE);
	assert_string_equal(host->screen.entry, "one.jsonl2");
	kct_screen_ask_file(&host->screen, "");
	for (int i = 0; i < 2 * KCT_ENTRY_ROOM; i++)
		press(host, "x");
	assert_int_equal(strlen(host->screen.entry), KCT_ENTRY_ROOM - 1);
	press(host, "\033");
	assert_int_equal(host->screen.mode, KCT_MODE_TABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spark),
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test_setup_teardown(test_rows, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_jump_of_no_update, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unknown, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_off, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_zero, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sort, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_freeze, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_filter, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fold, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_scroll, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_draw, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_losses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ascii, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_text_page, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_entry, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
