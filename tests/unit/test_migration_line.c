// SPDX-License-Identifier: GPL-2.0
/* A migration by KVM_SET_CLOCK_GUEST: a line is asked for, here the source's: 0 is predicted. */
#include "migration_story.h"

/* KVM_SET_CLOCK_GUEST of vCPU 0, at P4 and so much later. */
static void tell_line(struct kct_pvti line, uint64_t later, int64_t offset_before)
{
	union kct_any_event e = event(KCT_EVENT_SET_CLOCK, TARGET, 0, P4_NS + later - 1);

	e.set_clock.ioctl = KCT_IOCTL_SET_CLOCK_GUEST;
	e.set_clock.has_pvti = 1;
	e.set_clock.pvti = line;
	take(&told, &e);
	tell_update(&told, TARGET, P4_NS + later, KCT_CAUSE_SET_CLOCK_GUEST, KCT_EFFECT_ENABLED,
		    active(P4_KERNEL + later, P4_CYCLE + later, offset_before));
}

/* The source's line at P4 */
#define P4_CLOCK (2500 * MS + 300 * US)

static void test_line(void **state)
{
	(void)state;
	tell_source();
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_line(pvti(S, 500 * MS), 0, 12345);
	tell_arrival(P4_TSC, P4_CLOCK);
	migrate_on(true);
	for (size_t i = 0; i < 2; i++)
		check_ns(&vcpu(i)->predicted, 0);
	/* T1 and T2 are of no matter: what is predicted does not rest on them. */
	check_vcpu(0, (struct expected){NOT_KNOWN, NOT_KNOWN, 0, 0, 0, 0, 0, 0});
	assert_true(migration.by_line);
	assert_int_equal(migration.pattern, KCT_PATTERN_CLOCK_GUEST);
	check_instant(&migration.set, P4_NS, false);
	/* The line does not tell when it was saved, nor what the clock was then. */
	check_saved(false, false);
	check_instant(&migration.read, 0, false);
	check_ns(&migration.clock_advance, NOT_KNOWN);
	check_ns(&migration.blackout, NOT_KNOWN);
}

/* What was asked for is predicted, and what was observed beside it is not explained by it. */
static void test_other_line(void **state)
{
	(void)state;
	tell_source();
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_line(pvti(2 * S, 1500 * MS + 7), 0, 12345);
	tell_arrival(P4_TSC, P4_CLOCK + 10);
	migrate_on(true);
	check_vcpu(0, (struct expected){NOT_KNOWN, NOT_KNOWN, 7, 10, 0, 0, 3, 0});
	assert_int_equal(migration.pattern, KCT_PATTERN_CLOCK_GUEST);
}

/* As the series documents it: KVM_SET_CLOCK, and the line to make it exact. The latter counts. */
static void test_clock_and_line(void **state)
{
	(void)state;
	tell_source();
	tell_get_clock(&told, SOURCE, 22 * S + 105 * US, SAVED);
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_set(&told, TARGET, P4_NS - 2, SAVED + 44, REALTIME);
	SET_UPDATE(&told, TARGET, P4_NS - 1, active(P4_KERNEL - 1, P4_CYCLE - 1, 12345));
	tell_line(pvti(S, 500 * MS), 0, (int64_t)(SAVED - P4_KERNEL + 45));
	tell_arrival(P4_TSC, P4_CLOCK);
	migrate_on(true);
	check_vcpu(0, (struct expected){NOT_KNOWN, NOT_KNOWN, 0, 0, 0, 0, 0, 0});
	check_instant(&migration.set, P4_NS, false);
	check_instant(&migration.read, 22 * S + 105 * US, false);
	check_saved(false, true);
	/* From what was read to what is in force: it went on with the TSC. */
	check_ns(&migration.clock_advance, 200 * US);
	check_ns(&migration.blackout, 10 * S + 195 * US);
	assert_false(migration.realtime);
	assert_int_equal(migration.pattern, KCT_PATTERN_CLOCK_GUEST);
}

/* The other way round KVM_SET_CLOCK counts. */
static void test_line_and_clock(void **state)
{
	(void)state;
	tell_source();
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_line(pvti(S, 400 * MS), -MS, 12345);
	tell_set(&told, TARGET, P4_NS - 1, SAVED, 0);
	SET_UPDATE(&told, TARGET, P4_NS, active(P4_KERNEL, P4_CYCLE, 777));
	tell_arrival(P4_TSC, SAVED);
	migrate_on(true);
	check_vcpu(0, (struct expected){100 * US, 300 * US, -200000, -200000, 0, 0, 0, 0});
	assert_false(migration.by_line);
	assert_int_equal(migration.pattern, KCT_PATTERN_CLASSIC);
}

/* It fails after its update, as with another TSC frequency: kvmclock_offset is what it was. */
static void test_refused_line(void **state)
{
	const int64_t offset = (int64_t)(SAVED - P4_KERNEL);

	(void)state;
	for (int by_update = 0; by_update < 2; by_update++) {
		tell_source();
		tell_writes(KCT_IOCTL_SET_TSC);
		tell_setting(SAVED, 0);
		tell_line(pvti(S, 400 * MS), MS, offset);
		if (by_update)
			UNNECESSARY(&told, TARGET, P4_NS + 2 * MS,
				    active(P4_KERNEL + 2 * MS, P4_CYCLE + 2 * MS, offset));
		tell_arrival(P4_TSC + MS, SAVED + MS);
		migrate_on(true);
		check_vcpu(0, (struct expected){100 * US, 300 * US, -200000, -200000, 0, 0, 0, 0});
		check_instant(&migration.set, P4_NS, false);
		assert_int_equal(vcpu(0)->unnecessary, by_update);
		assert_int_equal(migration.pattern, KCT_PATTERN_CLASSIC);
		kct_migration_clear(&migration);
		kct_histories_clear(&told);
	}
	/* Without a setting before it the clock was never set. */
	tell_source();
	tell_line(pvti(S, 400 * MS), 0, 12345);
	tell_arrival(P4_TSC, P4_KERNEL + 12345);
	check_refused(true, "VM 2 is no target: its clock was never set");
}

/* A vCPU whose TSC is 50 us ahead of that of the vCPU whose line was asked for. */
static void test_line_of_another_vcpu(void **state)
{
	(void)state;
	tell_source();
	tell_pvti(&told, SOURCE, 1, 21 * S, pvti(S + 50 * US, 500 * MS));
	tell_offset(0, 32 * S, KCT_IOCTL_SET_TSC, 0, 7);
	tell_offset(1, 32 * S, KCT_IOCTL_SET_TSC, 0, 7 + 50 * US);
	tell_line(pvti(S, 500 * MS + 9), 0, 12345);
	tell_pvti(&told, TARGET, 0, P4_NS + 100, pvti(P4_TSC, P4_CLOCK + 9));
	tell_pvti(&told, TARGET, 1, P4_NS + 200, pvti(P4_TSC + 50 * US, P4_CLOCK + 9));
	migrate_on(true);
	check_ns(&vcpu(0)->predicted, 9);
	check_ns(&vcpu(1)->predicted, 9);
	check_ns(&vcpu(1)->observed, 9);
}

/* KVM_GET_CLOCK_GUEST tells when the clock was read, where nothing else does. */
static void test_line_was_read(void **state)
{
	union kct_any_event e = event(KCT_EVENT_IOCTL, SOURCE, 0, 22 * S + 60 * US);

	(void)state;
	tell_source();
	e.ioctl.ioctl = KCT_IOCTL_GET_CLOCK_GUEST;
	e.ioctl.has_pvti = 1;
	e.ioctl.pvti = pvti(S, 500 * MS);
	take(&told, &e);
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_line(pvti(S, 500 * MS), 0, 12345);
	tell_arrival(P4_TSC, P4_CLOCK);
	migrate_on(true);
	check_saved(false, true);
	check_instant(&migration.read, 22 * S + 60 * US, false);
	check_ns(&migration.blackout, 10 * S + 240 * US);
	check_ns(&migration.clock_advance, NOT_KNOWN);
	assert_int_equal(migration.source->before.count, 1);
	check_step(&migration.source->before, 0, KCT_IOCTL_GET_CLOCK_GUEST, 1, 22 * S + 60 * US,
		   22 * S + 60 * US);
	check_step(&migration.target->before, 1, KCT_IOCTL_SET_CLOCK_GUEST, 1, P4_NS - 1,
		   P4_NS - 1);
}

/* A clock of another guest, by a line. */
static void test_line_of_another_guest(void **state)
{
	(void)state;
	tell_source();
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_line(pvti(S, 9000 * S), 0, 12345);
	tell_arrival(P4_TSC, P4_CLOCK + 9000 * S);
	check_refused(true, "set is +9000 s from the source's at the TSC of vCPU 0: two guests");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_story, end_story)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_line),	   TEST(test_other_line),
		TEST(test_clock_and_line), TEST(test_line_and_clock),
		TEST(test_refused_line),   TEST(test_line_of_another_vcpu),
		TEST(test_line_was_read),  TEST(test_line_of_another_guest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
