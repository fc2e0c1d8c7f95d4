// SPDX-License-Identifier: GPL-2.0
/* Stacks by their numbers, and how many of each a model has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "model/model.h"
#include "model/stacks.h"

/* ---- numbers and names ---- */

/* The stack of these functions, which end with NULL. */
static uint32_t number_of(const char *const *names)
{
	struct kct_frames frames = {.count = 0};

	for (; *names; names++)
		assert_true(kct_frames_add(&frames, *names));
	return kct_stack_number(&frames);
}

#define STACK(...) number_of((const char *const[]){__VA_ARGS__, NULL})

static void test_numbers(void **state)
{
	uint32_t one = STACK("f", "g", "h"), other = STACK("f", "gh");
	const char *name;

	(void)state;
	assert_int_not_equal(one, 0);
	assert_int_not_equal(one, other);
	assert_int_equal(STACK("f", "g", "h"), one);
	assert_int_equal(STACK("f", "gh"), other);
	name = kct_stack_next(one, NULL);
	assert_string_equal(name, "f");
	name = kct_stack_next(one, name);
	assert_string_equal(name, "g");
	name = kct_stack_next(one, name);
	assert_string_equal(name, "h");
	assert_null(kct_stack_next(one, name));
	assert_null(kct_stack_next(0, NULL));
	assert_null(kct_stack_next(UINT32_MAX, NULL));
}

static void test_frames(void **state)
{
	char name[2 * KCT_FRAME_SIZE], text[KCT_STACK_ROOM];
	struct kct_frames frames = {.count = 0};
	uint32_t number;

	(void)state;
	assert_int_equal(kct_stack_number(&frames), 0);
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	for (int i = 0; i < KCT_MAX_FRAMES; i++)
		assert_true(kct_frames_add(&frames, name));
	assert_false(kct_frames_add(&frames, "one too many"));
	number = kct_stack_number(&frames);
	assert_int_equal(strlen(kct_stack_next(number, NULL)), KCT_FRAME_SIZE - 1);
	/* The largest of all has room, and a smaller room cuts between names. */
	kct_stack_text(text, sizeof(text), number);
	assert_int_equal(strlen(text), KCT_MAX_FRAMES * (KCT_FRAME_SIZE - 1) +
					       (KCT_MAX_FRAMES - 1) * strlen(" < "));
	assert_null(strstr(text, " < \xe2\x80\xa6"));
	kct_stack_text(text, 24, STACK("first", "second", "third", "fourth"));
	assert_string_equal(text, "first < second < \xe2\x80\xa6");
	kct_stack_text(text, sizeof(text), STACK("first", "second"));
	assert_string_equal(text, "first < second");
	kct_stack_text(text, sizeof(text), 0);
	assert_string_equal(text, "");
}

/* A module may have any name in it. */
static void test_printable(void **state)
{
	uint32_t number = STACK("a\033[2Jb");

	(void)state;
	assert_string_equal(kct_stack_next(number, NULL), "a\\u001b[2Jb");
}

static void test_settled(void **state)
{
	(void)state;
	assert_int_equal(kct_stack_settle(1, KCT_STACK_CUT), KCT_STACK_CUT);
	assert_int_equal(kct_stack_settle(0, KCT_STACK_CUT), KCT_STACK_NO_ROOM);
	assert_int_equal(kct_stack_settle(0, KCT_STACK_WHOLE), KCT_STACK_NO_ROOM);
	assert_int_equal(kct_stack_settle(0, KCT_STACK_NOT_TAKEN), KCT_STACK_NOT_TAKEN);
	assert_int_equal(kct_stack_settle(0, KCT_STACK_NOT_ASKED), KCT_STACK_NOT_ASKED);
}

/* ---- in a model ---- */

static void take(struct kct_model *model, uint32_t kind, uint32_t vm, uint32_t stack,
		 enum kct_stack_note note)
{
	union kct_any_event e = {.event = {.ns = 1, .vm = vm, .vcpu = 0, .kind = kind}};
	uint32_t *number;

	if (kind == KCT_EVENT_UPDATE)
		e.update.event.vcpu = KCT_NO_VCPU;
	*kct_event_stack(&e, &number) = (uint8_t)note;
	*number = stack;
	assert_int_equal(kct_model_event(model, &e, NULL), 0);
}

#define REQUEST(vm, stack, note) take(&model, KCT_EVENT_REQUEST, vm, stack, KCT_STACK_##note)
#define UPDATE(vm, stack, note)	 take(&model, KCT_EVENT_UPDATE, vm, stack, KCT_STACK_##note)

static void check_line(const struct kct_stack_line *line, bool update, uint32_t stack,
		       enum kct_stack_note note, uint64_t count)
{
	assert_int_equal(line->update, update);
	assert_int_equal(line->stack, stack);
	assert_int_equal(line->note, note);
	assert_int_equal(line->count, count);
}

static void test_folded_by_vm(void **state)
{
	uint32_t f = STACK("f", "g"), h = STACK("h", "g");
	struct kct_stack_line *lines;
	struct kct_model model;

	(void)state;
	kct_model_init(&model);
	assert_false(kct_model_has_stacks(&model));
	REQUEST(1, 0, NOT_ASKED);
	assert_false(kct_model_has_stacks(&model));
	UPDATE(1, f, WHOLE);
	REQUEST(1, f, WHOLE);
	REQUEST(1, h, WHOLE);
	REQUEST(1, h, CUT);
	REQUEST(1, h, WHOLE);
	REQUEST(1, 0, FOUND_LATER);
	REQUEST(1, 0, FOUND_LATER);
	REQUEST(1, 0, FOUND_LATER);
	REQUEST(2, h, WHOLE);
	UPDATE(KCT_NO_VM, h, WHOLE);
	assert_true(kct_model_has_stacks(&model));
	lines = kct_stack_lines(&kct_model_find_vm(&model, 1)->stacks);
	assert_int_equal(kct_model_find_vm(&model, 1)->stacks.nr_lines, 5);
	check_line(&lines[0], false, 0, KCT_STACK_FOUND_LATER, 3);
	check_line(&lines[1], false, h, KCT_STACK_WHOLE, 2);
	check_line(&lines[2], false, f, KCT_STACK_WHOLE, 1);
	check_line(&lines[3], false, h, KCT_STACK_CUT, 1);
	check_line(&lines[4], true, f, KCT_STACK_WHOLE, 1);
	free(lines);
	lines = kct_stack_lines(&model.nobodys_stacks);
	assert_int_equal(model.nobodys_stacks.nr_lines, 1);
	check_line(&lines[0], true, h, KCT_STACK_WHOLE, 1);
	free(lines);
	assert_int_equal(model.nr_stack_lines, 7);
	kct_model_clear(&model);
	assert_null(kct_stack_lines(&model.nobodys_stacks));
}

static void test_bounds(void **state)
{
	char name[32];
	struct kct_model model;
	const struct kct_vm *vm;

	(void)state;
	kct_model_init(&model);
	for (int i = 0; i < KCT_MAX_LINES_OF_VM + 10; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		REQUEST(1, STACK(name), WHOLE);
	}
	REQUEST(1, STACK("f0"), WHOLE);
	vm = kct_model_find_vm(&model, 1);
	assert_int_equal(vm->stacks.nr_lines, KCT_MAX_LINES_OF_VM);
	assert_int_equal(vm->stacks.left_out, 10);
	for (uint32_t i = 2; model.nr_stack_lines < KCT_MAX_STACK_LINES; i++)
		for (int j = 0; j < KCT_MAX_LINES_OF_VM; j++) {
			snprintf(name, sizeof(name), "f%d", j);
			REQUEST(i, STACK(name), WHOLE);
		}
	REQUEST(1000000, STACK("f0"), WHOLE);
	vm = kct_model_find_vm(&model, 1000000);
	assert_int_equal(vm->stacks.nr_lines, 0);
	assert_int_equal(vm->stacks.left_out, 1);
	/* What a VM had that is forgotten is room for another one. */
	kct_model_drop_vm(&model, 2);
	REQUEST(1000000, STACK("f0"), WHOLE);
	assert_int_equal(vm->stacks.nr_lines, 1);
	kct_model_clear(&model);
}

static void test_gone(void **state)
{
	uint32_t f = STACK("f", "g");
	union kct_any_event gone = {
		.event = {.vm = 1, .vcpu = KCT_NO_VCPU, .kind = KCT_EVENT_VM_GONE}};
	struct kct_stack_line *lines;
	struct kct_model model;

	(void)state;
	kct_model_init(&model);
	REQUEST(1, f, WHOLE);
	REQUEST(1, f, WHOLE);
	REQUEST(2, f, WHOLE);
	kct_model_event(&model, &gone, NULL);
	gone.event.vm = 2;
	kct_model_event(&model, &gone, NULL);
	kct_model_fold_gone(&model, 0);
	assert_int_equal(model.nr_stack_lines, 1);
	lines = kct_stack_lines(&model.folded_stacks);
	check_line(&lines[0], false, f, KCT_STACK_WHOLE, 3);
	free(lines);
	kct_model_clear(&model);
}

/* The last of all: from here on there is no room. */
static void test_no_room(void **state)
{
	char name[32];

	(void)state;
	for (int i = 0; i < KCT_MAX_STACKS; i++) {
		snprintf(name, sizeof(name), "many%d", i);
		STACK(name);
	}
	assert_int_equal(STACK("one", "more"), 0);
	assert_int_not_equal(STACK("f", "g"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),	     cmocka_unit_test(test_frames),
		cmocka_unit_test(test_printable),    cmocka_unit_test(test_settled),
		cmocka_unit_test(test_folded_by_vm), cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_gone),	     cmocka_unit_test(test_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
