// SPDX-License-Identifier: GPL-2.0
/* Which setting of its VM's clock a PVTI shows, however many came before it was traced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "kvmclock/setting.h"

#define BEGIN_NS 1000000ULL
#define STEP_NS	 700 /* between snapshots */
#define MANY	 (5 * KCT_PAST_SETTINGS)

/* A VM with a masterclock, as KVM keeps it. */
struct vm {
	struct kct_settings settings;
	struct kct_clock_now now;
};

static struct vm new_vm(void)
{
	return (struct vm){.now = {.last_ns = BEGIN_NS, .masterclock = 1}};
}

/* What a PVTI has that is made now. */
static uint64_t pvti(const struct vm *vm)
{
	return vm->now.last_ns + (uint64_t)vm->now.clock_offset;
}

static void set(struct vm *vm, int64_t jump_ns)
{
	kct_setting_begins(&vm->settings, &vm->now, vm->now.last_ns + STEP_NS);
	vm->now.last_ns += STEP_NS;
	vm->now.clock_offset += jump_ns;
}

/* An update for a vCPU's request. */
static void update(struct vm *vm)
{
	vm->now.last_ns += STEP_NS;
}

static uint32_t shown(const struct vm *vm, uint64_t system_time, uint32_t before)
{
	return kct_setting_shown(&vm->settings, &vm->now, system_time, before);
}

static void test_newest(void **state)
{
	struct vm vm = new_vm();

	(void)state;
	assert_int_equal(shown(&vm, pvti(&vm), 0), 0);
	for (uint32_t i = 1; i <= MANY; i++) {
		set(&vm, i % 2 ? 1000 : -300);
		assert_int_equal(shown(&vm, pvti(&vm), 0), i);
		update(&vm);
		assert_int_equal(shown(&vm, pvti(&vm), 0), i);
	}
}

/* A vCPU is preempted while all the others take a snapshot each, again and again. */
static void test_many_snapshots(void **state)
{
	struct vm vm = new_vm();
	uint64_t unset = pvti(&vm), first_set;

	(void)state;
	for (int i = 0; i < MANY; i++)
		update(&vm);
	set(&vm, 1000000000);
	first_set = pvti(&vm);
	for (int i = 0; i < MANY; i++)
		update(&vm);
	assert_int_equal(shown(&vm, unset, 0), 0);
	assert_int_equal(shown(&vm, first_set, 0), 1);
	assert_int_equal(shown(&vm, pvti(&vm), 0), 1);
}

/* Setting by setting, each with a snapshot of its own: whichever way the clock goes. */
static void check_kept(int64_t jump_ns)
{
	uint64_t of[MANY + 1];
	struct vm vm = new_vm();

	of[0] = pvti(&vm);
	for (uint32_t i = 1; i <= MANY; i++) {
		set(&vm, jump_ns);
		of[i] = pvti(&vm);
		for (uint32_t back = 0; back <= KCT_PAST_SETTINGS && back <= i; back++)
			assert_int_equal(shown(&vm, of[i - back], 0), i - back);
	}
}

static void test_kept(void **state)
{
	(void)state;
	check_kept(1000000000);
	check_kept(-1);
	check_kept(-300);
	check_kept(INT64_MIN / MANY);
}

/* Older than what is kept: it is not taken for the newest, which is then still to come. */
static void test_older(void **state)
{
	struct vm vm = new_vm();
	uint64_t old;
	uint32_t before;

	(void)state;
	set(&vm, 1000000000);
	set(&vm, 1000000000);
	old = pvti(&vm);
	for (int i = 0; i < MANY; i++)
		set(&vm, 1000000000);
	before = shown(&vm, old, 1);
	assert_true(before >= 2 && before <= MANY + 1);
	assert_int_equal(shown(&vm, pvti(&vm), before), MANY + 2);
}

/* It is the one that is a setting before all that are kept: nothing else is possible. */
static void test_just_older(void **state)
{
	struct vm vm = new_vm();
	uint64_t old;

	(void)state;
	set(&vm, 1000000000);
	old = pvti(&vm);
	for (int i = 0; i <= KCT_PAST_SETTINGS; i++)
		set(&vm, 1000000000);
	assert_int_equal(shown(&vm, old, 1), 1);
}

static void test_no_masterclock(void **state)
{
	struct vm vm = new_vm();

	(void)state;
	vm.now.masterclock = 0;
	for (int i = 0; i < MANY; i++)
		set(&vm, 1000000000);
	assert_int_equal(shown(&vm, pvti(&vm) + 12345, 0), MANY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_newest),	   cmocka_unit_test(test_many_snapshots),
		cmocka_unit_test(test_kept),	   cmocka_unit_test(test_older),
		cmocka_unit_test(test_just_older), cmocka_unit_test(test_no_masterclock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
