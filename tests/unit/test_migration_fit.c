// SPDX-License-Identifier: GPL-2.0
/* Two VMs that are no migration: in this direction, at this time, or of one guest. */
#include "migration_story.h"

/* ---- none at all ---- */

static void test_not_a_target(void **state)
{
	(void)state;
	tell_source();
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_arrival(P4_TSC, SAVED);
	check_refused(true, "VM 2 is no target: its clock was never set");
}

static void test_not_a_source(void **state)
{
	(void)state;
	tell_vcpu(&told, SOURCE, 0, 20 * S, 0, NULL);
	tell_target_at(P4_NS);
	check_refused(true, "VM 1 is no source: no PVTI of it was seen");
}

/* The source's clock was published after the target's was set: on one host not by a nanosecond. */
static void test_not_after_each_other(void **state)
{
	(void)state;
	tell_story();
	tell_pvti(&told, SOURCE, 1, P4_NS, pvti(S, 500 * MS));
	migrate_on(true);
	kct_migration_clear(&migration);
	tell_pvti(&told, SOURCE, 1, P4_NS + 1, pvti(S, 500 * MS));
	check_refused(true, "published 0.000000 s after the target's was set");
	tell_pvti(&told, SOURCE, 1, P4_NS + 2 * S, pvti(S, 500 * MS));
	check_refused(true, "published 2.000000 s after the target's was set");
}

/* On two by more than their clocks may be wrong; or, where nobody knows that, by a minute. */
static void test_not_after_each_other_on_two_hosts(void **state)
{
	(void)state;
	other_host(2 * MS, 5 * MS);
	tell_source();
	tell_target_at(1000 * S + P4_NS); /* 3 ms later by the wall clocks */
	tell_pvti(&told, SOURCE, 1, P4_NS + 10 * MS, pvti(S, 500 * MS));
	migrate_on(false);
	kct_migration_clear(&migration);
	tell_pvti(&told, SOURCE, 1, P4_NS + 10 * MS + 1, pvti(S, 500 * MS));
	check_refused(false, "published 0.007000 s after the target's was set");
	to.clocks.end.realtime_error_ns = UINT64_MAX;
	tell_pvti(&told, SOURCE, 1, P4_NS + 60 * S + 3 * MS, pvti(S, 500 * MS));
	migrate_on(false);
	kct_migration_clear(&migration);
	tell_pvti(&told, SOURCE, 1, P4_NS + 60 * S + 3 * MS + 1, pvti(S, 500 * MS));
	check_refused(false, "published 60.000000 s after the target's was set");
}

/* ---- two guests ---- */

/* Take everything back, for another try. */
static void retell(void)
{
	kct_migration_clear(&migration);
	kct_histories_clear(&told);
}

/* A source that ran on after its TSC was saved, as after a migration that failed. */
static void test_source_ran_on(void **state)
{
	(void)state;
	tell_story();
	tell_pvti(&told, SOURCE, 1, 25 * S, pvti(SAVED_TSC + LATE, SAVED));
	migrate_on(true);
	kct_migration_clear(&migration);
	tell_pvti(&told, SOURCE, 1, 25 * S, pvti(SAVED_TSC + LATE + 1, SAVED));
	check_refused(true, "the TSC of vCPU 1 on the target lies 0.000000 s before the source's "
			    "last PVTI");
	tell_pvti(&told, SOURCE, 1, 25 * S, pvti(SAVED_TSC + LATE + 2 * S, SAVED));
	check_refused(true, "lies 2.000000 s before the source's last PVTI");
	assert_null(migration.vcpus);
	/* A PVTI that is no line tells nothing. */
	tell_pvti(&told, SOURCE, 1, 25 * S, unstable(SAVED_TSC + LATE + 2 * S, SAVED));
	migrate_on(true);
}

/* It is seen also where the target never ran. */
static void test_source_ran_on_and_target_did_not(void **state)
{
	(void)state;
	tell_source();
	tell_pvti(&told, SOURCE, 0, 25 * S, pvti(4 * S, 3500 * MS));
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_setting(SAVED, 0);
	check_refused(true, "the TSC of vCPU 0 on the target lies 1.000000 s before");
}

/* A TSC of `tsc` cycles, which the source had, or would have, at TSC + 19 s of CLOCK_BOOTTIME. */
static void tell_tsc(uint64_t tsc)
{
	tell_source();
	tell_write(&told, TARGET, 0, 32 * S, KCT_IOCTL_SET_TSC, tsc);
	tell_setting(SAVED, 0);
	tell_pvti(&told, TARGET, 0, 33 * S, pvti(tsc, SAVED));
}

/* Later than P4, by more than clocks may be wrong and a minute: never. */
static void test_tsc_of_the_future(void **state)
{
	const uint64_t limit = P4_NS - 19 * S + 60 * S;

	(void)state;
	tell_tsc(limit);
	migrate_on(true);
	retell();
	tell_tsc(limit + 1);
	check_refused(true, "vCPU 0 on the target is one that the source would have come to 60 s "
			    "after the target's clock was set");
	from.clocks.start.realtime_error_ns = 2 * MS;
	to.clocks.start.realtime_error_ns = 5 * MS;
	retell();
	tell_tsc(limit + 7 * MS);
	migrate_on(false);
	retell();
	tell_tsc(limit + 7 * MS + 1);
	check_refused(false, "would have come to 60 s after");
	to.clocks.start.realtime_error_ns = UINT64_MAX;
	retell();
	tell_tsc(limit + 60 * S);
	migrate_on(false);
	retell();
	tell_tsc(limit + 60 * S + 1);
	check_refused(false, "would have come to 120 s after");
}

/* How far the clock may be from the line: an hour, and from the last PVTI (of vCPU 1) to P4. */
#define FARTHEST (3600 * S + P4_NS - (21 * S + 1))

static void tell_clock(uint64_t clock)
{
	tell_source();
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_setting(clock, 0);
	tell_arrival(P4_TSC, clock);
}

static void test_clock_of_another(void **state)
{
	(void)state;
	tell_clock(2500 * MS + FARTHEST);
	migrate_on(true);
	retell();
	tell_clock(2500 * MS + FARTHEST + 1);
	check_refused(true, "set is +3611 s from the source's at the TSC of vCPU 0: two guests");
	retell();
	tell_clock(2500 * MS + LATE - FARTHEST); /* 40 us nearer to vCPU 0's line */
	migrate_on(true);
	retell();
	tell_clock(2500 * MS + LATE - FARTHEST - 1);
	check_refused(true, "set is -3611 s from the source's at the TSC of vCPU 1: two guests");
	retell();
	tell_clock(2500 * MS + (1ULL << 63));
	check_refused(true, "set is -9223372037 s from");
	/* What is compared is the clock that was saved, where that was seen. */
	retell();
	tell_clock(2500 * MS + FARTHEST + S);
	tell_get_clock(&told, SOURCE, 22 * S, SAVED);
	migrate_on(true);
}

/* Published after P4 by clocks that may be wrong: the guest was not away at all, then. */
static void tell_no_gap(uint64_t clock)
{
	tell_source();
	tell_pvti(&told, SOURCE, 1, P4_NS + MS, pvti(S, 500 * MS));
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_setting(clock, 0);
	tell_arrival(P4_TSC, clock);
}

static void test_clock_of_another_and_no_gap(void **state)
{
	(void)state;
	from.clocks.start.realtime_error_ns = 2 * MS;
	to.clocks = from.clocks;
	tell_no_gap(2500 * MS + 3600 * S);
	migrate_on(false);
	retell();
	tell_no_gap(2500 * MS + 3600 * S + 1);
	check_refused(false, "set is +3600 s from the source's at the TSC of vCPU 0");
	from.clocks.start.realtime_error_ns = 1;
	to.clocks = from.clocks;
	check_refused(false, "published 0.001000 s after");
}

/* Where TSCs are not saved, it is the clock in force at P4; and the TSC may be a minute early. */
static void tell_offsets(uint64_t tsc, uint64_t clock)
{
	const struct kct_pvti line = pvti(20000 * S, 19999 * S);

	tell_source_of(&line, 2);
	tell_writes(KCT_IOCTL_SET_TSC_OFFSET);
	tell_setting(clock, REALTIME);
	tell_arrival(tsc, clock);
}

static void test_offsets_of_another(void **state)
{
	(void)state;
	tell_offsets(19940 * S, 19939 * S);
	migrate_on(true);
	retell();
	tell_offsets(19940 * S - 1, 19939 * S);
	check_refused(true, "the TSC of vCPU 0 on the target lies 60.000000 s before");
	retell();
	tell_offsets(90000 * S, 89999 * S); /* no matter how far: it says when P4 was */
	migrate_on(true);
	retell();
	tell_offsets(20010 * S, 20009 * S + FARTHEST);
	migrate_on(true);
	retell();
	tell_offsets(20010 * S, 20009 * S + FARTHEST + 1);
	check_refused(true, "set is +3611 s from the source's at the TSC of vCPU 0");
	retell();
	tell_offsets(20010 * S, 20009 * S - FARTHEST - 1);
	check_refused(true, "set is -3611 s from the source's at the TSC of vCPU 0");
}

/* Of a vCPU with neither a TSC that was saved nor a snapshot nothing can be said. */
static void test_offsets_and_unknown_snapshot(void **state)
{
	const struct kct_pvti line = pvti(20000 * S, 19999 * S);

	(void)state;
	tell_source_of(&line, 2);
	tell_writes(KCT_IOCTL_SET_TSC_OFFSET);
	tell_setting(20009 * S, REALTIME);
	tell_pvti(&told, TARGET, 0, 33 * S, pvti(20010 * S, 20009 * S));
	tell_pvti(&told, TARGET, 1, 33 * S, pvti(20010 * S, 20009 * S + 1));
	migrate_on(true);
	check_ns(&vcpu(0)->predicted, 0);
	check_ns(&vcpu(1)->predicted, NOT_KNOWN);
	check_ns(&vcpu(1)->observed, 1);
}

/* A VM that was a target itself, and then a source: what is told of it is what came last. */
static void test_target_and_then_source(void **state)
{
	(void)state;
	tell_write(&told, SOURCE, 0, 20 * S, KCT_IOCTL_SET_TSC, 100 * MS);
	SET_UPDATE(&told, SOURCE, 20 * S + 5, active(10 * S - 400 * MS, S - 400 * MS, 0));
	tell_set(&told, SOURCE, 20 * S + 6, 100 * MS, 0);
	tell_pvti(&told, SOURCE, 0, 20 * S + 7, pvti(600 * MS, 100 * MS));
	UNNECESSARY(&told, SOURCE, 20 * S + 8, active(10 * S, S, -9500 * (int64_t)MS));
	tell_story();
	migrate_on(true);
	check_vcpu(0, (struct expected){100 * US, 300 * US, -200000, -200000, 0, 0, 0, 0});
	check_vcpu(1, (struct expected){60 * US, 260 * US, -200000, -200000, 0, 0, 0, 0});
	check_instant(&migration.saved_first, 22 * S, true);
	assert_int_equal(migration.pattern, KCT_PATTERN_CLASSIC);
	/* And not the other way round. */
	struct kct_side was = from;

	kct_migration_clear(&migration);
	from = to;
	to = was;
	assert_int_equal(kct_migrate(&migration, &from, &to, true, why, sizeof(why)), -EINVAL);
	if (!strstr(why, "they are swapped"))
		fail_msg("%s", why);
}

/* A target that ran a guest of its own before: its first setting and its TSC are that one's. */
static void test_target_ran_before(void **state)
{
	(void)state;
	tell_source();
	tell_write(&told, TARGET, 0, 29 * S, KCT_IOCTL_SET_TSC, 0);
	SET_UPDATE(&told, TARGET, 30 * S, active(20 * S, 60 * S, 0));
	tell_set(&told, TARGET, 30 * S, 0, 0);
	tell_pvti(&told, TARGET, 0, 31 * S, pvti(MS, 0));
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_setting(SAVED, 0);
	tell_arrival(P4_TSC, SAVED);
	check_refused(true, "the TSC of vCPU 0 on the target lies 1.000000 s before");
}

/* Found by the census while it ran, and its clock set after that: its own PVTIs do not count. */
static void test_target_found_running(void **state)
{
	const struct kct_pvti own = pvti(5 * S, 7 * S);

	(void)state;
	tell_vm(&told, TARGET, 20 * S, active(10 * S, 60 * S, -3 * (int64_t)S));
	tell_vcpu(&told, TARGET, 0, 20 * S, 1000000, &own);
	UNNECESSARY(&told, TARGET, 21 * S, active(11 * S, 61 * S, -3 * (int64_t)S));
	tell_pvti(&told, TARGET, 0, 21 * S, pvti(6 * S, 8 * S));
	tell_story();
	migrate_on(true);
	check_vcpu(0, (struct expected){100 * US, 300 * US, -200000, -200000, 0, 0, 0, 0});
	assert_int_equal(vcpu(0)->unnecessary, 0);
	check_instant(&migration.ran, 32 * S + 500 * US, false);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_story, end_story)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_not_a_target),
		TEST(test_not_a_source),
		TEST(test_not_after_each_other),
		TEST(test_not_after_each_other_on_two_hosts),
		TEST(test_source_ran_on),
		TEST(test_source_ran_on_and_target_did_not),
		TEST(test_tsc_of_the_future),
		TEST(test_clock_of_another),
		TEST(test_clock_of_another_and_no_gap),
		TEST(test_offsets_of_another),
		TEST(test_offsets_and_unknown_snapshot),
		TEST(test_target_and_then_source),
		TEST(test_target_ran_before),
		TEST(test_target_found_running),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
