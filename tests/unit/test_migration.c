// SPDX-License-Identifier: GPL-2.0
/* A migration's clocks: what was saved, set, lost, predicted and observed. */
#include "migration_story.h"

static void check_why(size_t i, const char *words)
{
	if (!words)
		assert_null(vcpu(i)->why);
	else if (!vcpu(i)->why || !strstr(vcpu(i)->why, words))
		fail_msg("'%s', not '%s'", vcpu(i)->why ? vcpu(i)->why : "", words);
}

/* T2 is longer than T1: backward. And with a downtime of 10 s. */
static void test_backward(void **state)
{
	(void)state;
	tell_story();
	migrate_on(true);
	assert_int_equal(migration.nr_vcpus, 2);
	assert_int_equal(migration.nr_unpaired, 0);
	check_vcpu(0, (struct expected){100 * US, 300 * US, -200000, -200000, 0, 0, 0, 0});
	check_vcpu(1, (struct expected){60 * US, 260 * US, -200000, -200000, 0, 0, 0, 0});
	check_why(0, NULL);
	check_why(1, NULL);
	assert_int_equal(vcpu(1)->id, 1);
	check_saved(false, false);
	check_instant(&migration.saved_first, 22 * S, true);
	check_instant(&migration.saved_last, 22 * S + LATE, true);
	check_instant(&migration.read, 22 * S + 100 * US, true);
	check_instant(&migration.written_first, 32 * S, false);
	check_instant(&migration.written_last, 32 * S + LATE, false);
	check_instant(&migration.set, P4_NS, false);
	check_instant(&migration.ran, 32 * S + 500 * US, false);
	check_ns(&migration.between_error, 0);
	check_ns(&migration.clock_advance, 0);
	check_ns(&migration.blackout, 10 * S + 200 * US);
	check_ns(&migration.downtime, 10 * S + 500 * US);
	struct kct_ns lost = kct_clock_lost(&migration);
	check_ns(&lost, 10 * S + 200 * US);
	assert_int_equal(migration.pattern, KCT_PATTERN_CLASSIC);
	assert_false(migration.realtime);
	assert_int_equal(migration.other_frequency, KCT_NO);
	assert_false(migration.tsc_not_in_force);
	assert_true(migration.same_host);
}

/* On one host wall clocks have no part in it: neither what they may be wrong by, nor slewing. */
static void test_one_host(void **state)
{
	(void)state;
	from.clocks.start.realtime_error_ns = to.clocks.end.realtime_error_ns = 5 * MS;
	from.clocks.end.realtime_ns += 40 * MS;
	to.clocks.end.realtime_ns += 40 * MS;
	tell_story();
	migrate_on(true);
	check_ns(&migration.between_error, 0);
	check_ns(&migration.blackout, 10 * S + 200 * US);
	check_ns(&migration.downtime, 10 * S + 500 * US);
}

/* The clock in force is not quite the one that was asked for: that is nobody's advance. */
static void test_set_clock_is_off(void **state)
{
	(void)state;
	tell_source();
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_setting(SAVED, 0);
	tell_arrival(P4_TSC, SAVED + 3);
	migrate_on(true);
	check_vcpu(0, (struct expected){100 * US, 300 * US, -200000, -199997, 0, 0, 3, 0});
	check_ns(&migration.clock_advance, 0);
}

/* The clock is read 5 ms after the TSC: T1 is longer. */
static void test_forward(void **state)
{
	(void)state;
	tell_source();
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_setting(2505 * MS, 0);
	tell_arrival(P4_TSC, 2505 * MS);
	migrate_on(true);
	check_vcpu(0, (struct expected){5 * MS, 300 * US, 4700000, 4700000, 0, 0, 0, 0});
	check_vcpu(1, (struct expected){4960 * US, 260 * US, 4700000, 4700000, 0, 0, 0, 0});
	check_instant(&migration.read, 22 * S + 5 * MS, true);
	check_ns(&migration.blackout, 9995300000); /* 10 s + 300 us - 5 ms */
}

/* The clock may be read before the TSC: T1 is negative then. */
static void test_clock_read_first(void **state)
{
	(void)state;
	tell_source();
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_setting(2499 * MS, 0);
	tell_arrival(P4_TSC, 2499 * MS);
	migrate_on(true);
	check_vcpu(0, (struct expected){-1000000, 300 * US, -1300000, -1300000, 0, 0, 0, 0});
	/* Down from the first instant that is told: P1. */
	check_ns(&migration.downtime, 10 * S + 500 * US);
}

/* The PVTIs of the mail thread: 4 ns forward. */
static void test_the_threads_vector(void **state)
{
	const struct pvti_question *q = &pvti_vectors[0].question;
	struct kct_pvti old = q->old_pvti, new_pvti = q->new_pvti;

	(void)state;
	assert_string_equal(pvti_vectors[0].what, "the thread's");
	old.flags = new_pvti.flags = KCT_PVTI_TSC_STABLE;
	tell_source_of(&old, 1);
	/* Saved and set at one instant each: all of it is T1. */
	tell_write(&told, TARGET, 0, P4_NS - 100 * S, KCT_IOCTL_SET_TSC, new_pvti.tsc_timestamp);
	SET_UPDATE(&told, TARGET, 10000 * S, active(P4_KERNEL, P4_CYCLE, 0));
	tell_set(&told, TARGET, 10000 * S, new_pvti.system_time, 0);
	tell_pvti(&told, TARGET, 0, 10001 * S, new_pvti);
	migrate_on(true);
	check_ns(&vcpu(0)->t1, 4);
	check_ns(&vcpu(0)->t2, 0);
	check_ns(&vcpu(0)->predicted, 4);
	check_ns(&vcpu(0)->observed, 4);
	check_ns(&vcpu(0)->unexplained, 0);
}

/* T2 by the PVTI's scale: 10^12 cycles are 370927035575 ns (pvti_vectors.h). */
static void test_scale_of_t2(void **state)
{
	struct kct_pvti old = pvti_vectors[2].question.old_pvti, first;

	(void)state;
	assert_int_equal(pvti_vectors[2].answer.scaled, 370927035575ULL);
	old.flags = KCT_PVTI_TSC_STABLE;
	tell_source_of(&old, 1);
	tell_write(&told, TARGET, 0, 32 * S, KCT_IOCTL_SET_TSC, old.tsc_timestamp);
	SET_UPDATE(&told, TARGET, 402 * S, active(P4_KERNEL, P4_CYCLE, 0));
	tell_set(&told, TARGET, 402 * S, 3639651, 0);
	first = old;
	first.tsc_timestamp += 1000000000000ULL;
	first.system_time = 3639651; /* T1 is 500 ns */
	tell_pvti(&told, TARGET, 0, 403 * S, first);
	migrate_on(true);
	check_vcpu(0, (struct expected){500, 370927035575, -370927035075, -370927035075, 0, 0, 0,
					927035575}); /* 370 s were between the events */
}

/* KVM_CLOCK_REALTIME adds the blackout to the clock, and a TSC that is written stands still. */
static void test_realtime(void **state)
{
	struct kct_ns lost;

	(void)state;
	tell_source();
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_setting(SAVED, REALTIME);
	tell_arrival(P4_TSC, SAVED + 10 * S + 200 * US);
	migrate_on(true);
	check_vcpu(0, (struct expected){100 * US, 300 * US, 10 * S, 10 * S, 0, 0, 0, 0});
	check_vcpu(1, (struct expected){60 * US, 260 * US, 10 * S, 10 * S, 0, 0, 0, 0});
	check_ns(&migration.clock_advance, 10 * S + 200 * US);
	check_ns(&migration.blackout, 10 * S + 200 * US);
	lost = kct_clock_lost(&migration);
	check_ns(&lost, 0);
	assert_true(migration.realtime);
	assert_int_equal(migration.pattern, KCT_PATTERN_REALTIME);
}

/* TSC offsets: the TSC went on, and so did the clock. No TSC was saved, so there is no T1. */
static void test_offsets_and_realtime(void **state)
{
	(void)state;
	tell_source();
	tell_writes(KCT_IOCTL_SET_TSC_OFFSET);
	tell_setting(SAVED, REALTIME);
	tell_arrival(13 * S + 300 * US, SAVED + 10 * S + 200 * US);
	migrate_on(true);
	for (size_t i = 0; i < 2; i++)
		check_vcpu(i, (struct expected){NOT_KNOWN, NOT_KNOWN, 0, 0, 0, 0, 0, NOT_KNOWN});
	check_ns(&migration.clock_advance, 10 * S + 200 * US);
	check_instant(&migration.saved_first, 0, false);
	check_instant(&migration.read, 22 * S + 100 * US, true);
	check_ns(&migration.downtime, 10 * S + 400 * US); /* from P2: no P1 is known */
	assert_int_equal(migration.pattern, KCT_PATTERN_OFFSET_REALTIME);
}

/* Without KVM_CLOCK_REALTIME the clock stays behind by the blackout: 10 s + 200 us. */
static void test_offsets(void **state)
{
	(void)state;
	tell_source();
	tell_writes(KCT_IOCTL_SET_TSC_OFFSET);
	tell_setting(SAVED, 0);
	tell_arrival(13 * S + 300 * US, SAVED);
	migrate_on(true);
	check_vcpu(0, (struct expected){NOT_KNOWN, NOT_KNOWN, -10000200000, -10000200000, 0, 0, 0,
					NOT_KNOWN});
	check_ns(&migration.clock_advance, 0);
	assert_int_equal(migration.pattern, KCT_PATTERN_OFFSET);
}

/* Offsets are written, but the VMM read the TSCs, too: that tells when, and not what. */
static void test_offsets_and_saved_tsc(void **state)
{
	(void)state;
	tell_source();
	tell_get_tsc(&told, SOURCE, 0, 22 * S, SAVED_TSC);
	tell_writes(KCT_IOCTL_SET_TSC_OFFSET);
	tell_setting(SAVED, 0);
	tell_arrival(13 * S + 300 * US, SAVED);
	migrate_on(true);
	check_ns(&vcpu(0)->t1, NOT_KNOWN);
	check_instant(&migration.saved_first, 22 * S, false);
	check_ns(&migration.downtime, 10 * S + 500 * US);
}

/* The clock is set first, while the TSCs match: at P4 the TSC had yet to be written. */
static void test_clock_first(void **state)
{
	(void)state;
	tell_source();
	tell_setting(SAVED, 0);
	for (uint32_t i = 0; i < 2; i++)
		tell_write(&told, TARGET, i, P4_NS + 300 * US, KCT_IOCTL_SET_TSC, SAVED_TSC);
	UNNECESSARY(
		&told, TARGET, P4_NS + 400 * US,
		active(P4_KERNEL + 400 * US, P4_CYCLE + 400 * US, (int64_t)(SAVED - P4_KERNEL)));
	tell_arrival(SAVED_TSC + 100 * US, SAVED + 400 * US);
	migrate_on(true);
	for (size_t i = 0; i < 2; i++)
		check_vcpu(i, (struct expected){100 * US, -300000, 400 * US, 400 * US, 0, 0, 0, 0});
	assert_int_equal(migration.pattern, KCT_PATTERN_CLOCK_FIRST);
}

/* The clock is set without a masterclock, which comes on when the vCPUs run. */
static void test_masterclock_off_at_set(void **state)
{
	(void)state;
	tell_source();
	SET_UPDATE(&told, TARGET, P4_NS, inactive());
	tell_set(&told, TARGET, P4_NS, SAVED, 0);
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_update(
		&told, TARGET, P4_NS + 400 * US, KCT_CAUSE_VCPU_REQUEST, KCT_EFFECT_ENABLED,
		active(P4_KERNEL + 400 * US, P4_CYCLE + 400 * US, (int64_t)(SAVED - P4_KERNEL)));
	tell_arrival(SAVED_TSC + 100 * US, SAVED + 400 * US);
	migrate_on(true);
	check_vcpu(0, (struct expected){NOT_KNOWN, NOT_KNOWN, NOT_KNOWN, 400 * US, NOT_KNOWN,
					NOT_KNOWN, NOT_KNOWN, NOT_KNOWN});
	check_why(0, "the masterclock was not active when the clock was set");
	/* What the VMM added is what it asked for. */
	check_ns(&migration.clock_advance, 0);
}

/* New snapshots before the first PVTI, whose times are off by 7 ns, and by 5 ns less after that. */
static void test_unnecessary_updates(void **state)
{
	const int64_t offset = (int64_t)(SAVED - P4_KERNEL);

	(void)state;
	tell_source();
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_setting(SAVED, 0);
	UNNECESSARY(&told, TARGET, P4_NS + MS, active(P4_KERNEL + MS + 7, P4_CYCLE + MS, offset));
	tell_pvti(&told, TARGET, 0, P4_NS + MS, pvti(P4_TSC + MS, SAVED + MS + 7));
	UNNECESSARY(&told, TARGET, P4_NS + 2 * MS,
		    active(P4_KERNEL + 2 * MS + 2, P4_CYCLE + 2 * MS, offset));
	tell_pvti(&told, TARGET, 1, P4_NS + 2 * MS, pvti(P4_TSC + 2 * MS, SAVED + 2 * MS + 2));
	tell_drift(&told, TARGET, 0, P4_NS + 3 * MS, pvti(P4_TSC + MS, SAVED + MS + 7),
		   pvti(P4_TSC + 2 * MS, SAVED + 2 * MS + 2), -5, 0);
	migrate_on(true);
	check_vcpu(0, (struct expected){100 * US, 300 * US, -200000, -199993, 7, 0, 0, 0});
	check_vcpu(1, (struct expected){60 * US, 260 * US, -200000, -199998, 2, 0, 0, 0});
	assert_int_equal(vcpu(0)->unnecessary, 1);
	assert_int_equal(vcpu(1)->unnecessary, 2);
	assert_int_equal(vcpu(0)->later_moved, 1);
	assert_int_equal(vcpu(0)->later.total, -5);
	assert_int_equal(vcpu(1)->later_moved, 0);
}

/* The same of an update that no request made: it is not explained away. */
static void test_other_update(void **state)
{
	(void)state;
	tell_source();
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_setting(SAVED, 0);
	tell_update(&told, TARGET, P4_NS + MS, KCT_CAUSE_HYPERV, KCT_EFFECT_RESNAPSHOT,
		    active(P4_KERNEL + MS + 7, P4_CYCLE + MS, (int64_t)(SAVED - P4_KERNEL)));
	tell_arrival(P4_TSC + MS, SAVED + MS + 7);
	migrate_on(true);
	check_vcpu(0, (struct expected){100 * US, 300 * US, -200000, -199993, 0, 0, 7, 0});
}

/* A target whose cycles are longer by 1/1024: 1024000 of them are 1025 us. */
static void test_other_rate(void **state)
{
	struct kct_pvti first = pvti(P4_TSC + 1024000, SAVED + 1025 * US);

	(void)state;
	first.tsc_to_system_mul = MUL + (1 << 21);
	tell_source();
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_setting(SAVED, 0);
	UNNECESSARY(
		&told, TARGET, P4_NS + MS,
		active(P4_KERNEL + 1025 * US, P4_CYCLE + 1024000, (int64_t)(SAVED - P4_KERNEL)));
	tell_pvti(&told, TARGET, 0, P4_NS + MS, first);
	migrate_on(true);
	/* By the source's line they would have been 1024 us. */
	check_vcpu(0, (struct expected){100 * US, 300 * US, -200000, -199000, 0, 1000, 0, 0});
}

/* Another mul and shift of the same rate: there is nothing to explain. */
static void test_same_rate_otherwise(void **state)
{
	struct kct_pvti first = pvti(P4_TSC + MS, SAVED + MS);

	(void)state;
	first.tsc_to_system_mul = MUL / 2;
	first.tsc_shift = SHIFT + 1;
	tell_source();
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_setting(SAVED, 0);
	UNNECESSARY(&told, TARGET, P4_NS + MS,
		    active(P4_KERNEL + MS, P4_CYCLE + MS, (int64_t)(SAVED - P4_KERNEL)));
	tell_pvti(&told, TARGET, 0, P4_NS + MS, first);
	migrate_on(true);
	check_vcpu(0, (struct expected){100 * US, 300 * US, -200000, -200000, 0, 0, 0, 0});
}

/* Only the shift is another: a cycle is 2 ns. */
static void test_other_shift(void **state)
{
	struct kct_pvti first = pvti(P4_TSC + MS, SAVED + 2 * MS);

	(void)state;
	first.tsc_shift = SHIFT + 1;
	tell_source();
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_setting(SAVED, 0);
	UNNECESSARY(&told, TARGET, P4_NS + 2 * MS,
		    active(P4_KERNEL + 2 * MS, P4_CYCLE + MS, (int64_t)(SAVED - P4_KERNEL)));
	tell_pvti(&told, TARGET, 0, P4_NS + 2 * MS, first);
	migrate_on(true);
	check_vcpu(0, (struct expected){100 * US, 300 * US, -200000, 800000, 0, MS, 0, 0});
}

/* A snapshot 1 ms after the setting, of so many host cycles: of how many does the TSC scale? */
static void check_scaled(uint64_t host_cycles, bool scaled)
{
	tell_source();
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_setting(SAVED, 0);
	UNNECESSARY(&told, TARGET, P4_NS + MS,
		    active(P4_KERNEL + MS, P4_CYCLE + host_cycles, (int64_t)(SAVED - P4_KERNEL)));
	tell_arrival(P4_TSC + MS, SAVED + MS);
	migrate_on(true);
	check_ns(&vcpu(0)->observed, -200000);
	check_why(0, scaled ? "the target scales the guest's TSC" : NULL);
	assert_int_equal(vcpu(0)->predicted.known, !scaled);
	assert_int_equal(vcpu(0)->by_updates.known, !scaled);
	assert_int_equal(vcpu(0)->unexplained.known, !scaled);
	kct_migration_clear(&migration);
	kct_histories_clear(&told);
}

/* One in a thousand and 100 ns are what a snapshot may be off by: 1100 ns of a millisecond. */
static void test_scaled(void **state)
{
	(void)state;
	check_scaled(2 * MS, true);
	check_scaled(MS / 2, true);
	check_scaled(MS + 1100, false);
	check_scaled(MS + 1101, true);
	check_scaled(MS - 1100, false);
	check_scaled(MS - 1101, true);
	/* The setting's own snapshot needs no scale. */
	tell_story();
	migrate_on(true);
	check_why(0, NULL);
}

/* Ten in a thousand off, but the guest's TSC is the host's and its offset: only the rate is. */
static void test_rate_of_an_unscaled_tsc(void **state)
{
	const uint64_t cycles = MS + 10 * US, offset = P4_TSC - P4_CYCLE;

	(void)state;
	tell_source();
	tell_offset(0, 32 * S, KCT_IOCTL_SET_TSC, 0, offset);
	tell_offset(1, 32 * S, KCT_IOCTL_SET_TSC, 0, offset + 1);
	tell_setting(SAVED, 0);
	UNNECESSARY(&told, TARGET, P4_NS + MS,
		    active(P4_KERNEL + MS, P4_CYCLE + cycles, (int64_t)(SAVED - P4_KERNEL)));
	tell_arrival(P4_TSC + cycles, SAVED + MS);
	migrate_on(true);
	check_vcpu(0, (struct expected){100 * US, 300 * US, -200000, -210000, -10000, 0, 0, 0});
	check_why(1, "the target scales the guest's TSC");
}

/* A PVTI from a snapshot that was not seen. */
static void test_unknown_snapshot(void **state)
{
	(void)state;
	tell_source();
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_setting(SAVED, 0);
	tell_pvti(&told, TARGET, 0, P4_NS + 100 * US, pvti(P4_TSC, SAVED));
	tell_pvti(&told, TARGET, 1, P4_NS + 200 * US, pvti(P4_TSC, SAVED + 1));
	migrate_on(true);
	check_why(0, NULL);
	check_why(1, "from none of the snapshots");
	check_vcpu(1, (struct expected){NOT_KNOWN, NOT_KNOWN, NOT_KNOWN, -199999, NOT_KNOWN,
					NOT_KNOWN, NOT_KNOWN, NOT_KNOWN});
	/* It is where it was all the same. */
	check_instant(&migration.saved_last, 22 * S + LATE, true);
}

static void check_frequency(uint32_t source_khz, uint32_t target_khz, uint32_t mul,
			    enum kct_known other)
{
	struct kct_pvti first = pvti(P4_TSC, SAVED);

	first.tsc_to_system_mul = mul;
	tell_source();
	tell_vcpu(&told, SOURCE, 0, 21 * S, source_khz, NULL);
	tell_vcpu(&told, TARGET, 0, 31 * S, target_khz, NULL);
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_setting(SAVED, 0);
	if (mul)
		tell_pvti(&told, TARGET, 0, 33 * S, first);
	migrate_on(true);
	assert_int_equal(migration.other_frequency, other);
	kct_migration_clear(&migration);
	kct_histories_clear(&told);
}

static void test_other_frequency(void **state)
{
	(void)state;
	check_frequency(1000000, 1000000, MUL, false);
	check_frequency(1000000, 1000001, MUL - 2147, true);
	/* Found before the VMM had set it: the guest goes by the same rate. */
	check_frequency(1000000, 2100000, MUL, false);
	check_frequency(1000000, 2100000, 0, true); /* it never ran: there is nothing else */
	check_frequency(0, 2100000, MUL / 2, KCT_NOT_KNOWN);
	check_frequency(1000000, 0, MUL / 2, KCT_NOT_KNOWN);
	/* A vCPU that has a PVTI on neither side. */
	tell_story();
	tell_vcpu(&told, SOURCE, 7, 21 * S, 1000000, NULL);
	tell_vcpu(&told, TARGET, 7, 31 * S, 2100000, NULL);
	migrate_on(true);
	assert_int_equal(migration.other_frequency, KCT_YES);
}

static void check_nothing(size_t i)
{
	check_vcpu(i, (struct expected){NOT_KNOWN, NOT_KNOWN, NOT_KNOWN, NOT_KNOWN, NOT_KNOWN,
					NOT_KNOWN, NOT_KNOWN, NOT_KNOWN});
}

static void test_unstable_source(void **state)
{
	(void)state;
	tell_story();
	tell_pvti(&told, SOURCE, 0, 21 * S + 100, unstable(S, 500 * MS));
	migrate_on(true);
	check_nothing(0);
	check_why(0, "the source's masterclock was not active");
	check_why(1, NULL);
	check_ns(&vcpu(1)->observed, -200000);
	check_instant(&migration.saved_first, 22 * S + LATE, true); /* vCPU 1's */
}

static void test_no_stable_pvti_on_the_target(void **state)
{
	(void)state;
	tell_source();
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_setting(SAVED, 0);
	tell_pvti(&told, TARGET, 0, P4_NS + 100 * US, unstable(P4_TSC, SAVED));
	migrate_on(true);
	check_nothing(0);
	check_nothing(1);
	check_why(0, "no stable PVTI was published on the target");
	check_instant(&migration.ran, 0, false);
	check_instant(&migration.saved_first, 22 * S, true);
	check_ns(&migration.downtime, NOT_KNOWN);
	check_ns(&migration.blackout, 10 * S + 200 * US);
	check_ns(&migration.clock_advance, 0);
	kct_migration_clear(&migration);
	/* What KVM_CLOCK_REALTIME added, the first PVTI would tell. */
	tell_set(&told, TARGET, P4_NS + 2000, SAVED, REALTIME);
	migrate_on(true);
	check_ns(&migration.clock_advance, NOT_KNOWN);
}

static void test_no_pvti_on_the_source(void **state)
{
	(void)state;
	tell_story();
	tell_vcpu(&told, SOURCE, 2, 20 * S, 1000000, NULL);
	tell_pvti(&told, TARGET, 2, 33 * S, pvti(P4_TSC, SAVED));
	migrate_on(true);
	assert_int_equal(migration.nr_vcpus, 3);
	check_nothing(2);
	check_why(2, "no PVTI of the source was seen");
}

static void test_missing_vcpus(void **state)
{
	(void)state;
	tell_story();
	tell_pvti(&told, SOURCE, 7, 21 * S, pvti(S, 500 * MS));
	tell_pvti(&told, TARGET, 5, 33 * S, pvti(P4_TSC, SAVED));
	tell_pvti(&told, TARGET, 6, 33 * S, pvti(P4_TSC, SAVED));
	migrate_on(true);
	assert_int_equal(migration.nr_vcpus, 2);
	assert_int_equal(migration.nr_unpaired, 3);
	assert_int_equal(vcpu(0)->id, 0);
	assert_int_equal(vcpu(1)->id, 1);
}

/* What a hook saw of the saving is taken for when it was, not for what it was. */
static void test_observed_saves(void **state)
{
	(void)state;
	tell_source();
	for (uint32_t i = 0; i < 2; i++)
		tell_get_tsc(&told, SOURCE, i, 22 * S + i * LATE + 5 * US, SAVED_TSC + i * LATE);
	tell_get_clock(&told, SOURCE, 22 * S + 105 * US, SAVED);
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_setting(SAVED, 0);
	tell_arrival(P4_TSC, SAVED);
	migrate_on(true);
	check_saved(true, true);
	check_instant(&migration.saved_first, 22 * S + 5 * US, false);
	check_instant(&migration.saved_last, 22 * S + LATE + 5 * US, false);
	check_instant(&migration.read, 22 * S + 105 * US, false);
	check_vcpu(0, (struct expected){100 * US, 300 * US, -200000, -200000, 0, 0, 0, 0});
	check_vcpu(1, (struct expected){60 * US, 260 * US, -200000, -200000, 0, 0, 0, 0});
	check_ns(&migration.blackout, 10 * S + 195 * US);
	check_ns(&migration.downtime, 10 * S + 495 * US);
}

/* The TSC is not written on the target at all: then what was read is what was meant. */
static void test_observed_save_alone(void **state)
{
	(void)state;
	tell_source();
	tell_get_tsc(&told, SOURCE, 0, 22 * S, SAVED_TSC);
	tell_setting(SAVED, 0);
	tell_arrival(P4_TSC, SAVED);
	migrate_on(true);
	check_saved(true, false);
	check_vcpu(0, (struct expected){100 * US, 300 * US, -200000, -200000, 0, 0, 0, NOT_KNOWN});
	check_vcpu(1,
		   (struct expected){NOT_KNOWN, NOT_KNOWN, -200000, -200000, 0, 0, 0, NOT_KNOWN});
	check_instant(&migration.written_first, 0, false);
}

/* The VMM wrote another TSC than the one that was seen to be saved: by 20 us, on vCPU 0. */
static void test_tsc_changed_on_the_way(void **state)
{
	(void)state;
	tell_source();
	tell_get_tsc(&told, SOURCE, 0, 22 * S - 5 * US, SAVED_TSC - 20 * US);
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_setting(SAVED, 0);
	tell_arrival(P4_TSC, SAVED);
	migrate_on(true);
	check_saved(false, false);
	check_vcpu(0, (struct expected){100 * US, 300 * US, -200000, -200000, 0, 0, 0, 0});
	check_instant(&migration.saved_first, 22 * S, true);
}

/* The VMM set another clock than the one that was seen to be read: 2 s were added. */
static void test_clock_changed_on_the_way(void **state)
{
	struct kct_ns lost;

	(void)state;
	tell_source();
	tell_get_clock(&told, SOURCE, 22 * S + 105 * US, SAVED);
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_setting(SAVED + 2 * S, 0);
	tell_arrival(P4_TSC, SAVED + 2 * S);
	migrate_on(true);
	check_saved(false, true);
	check_ns(&migration.clock_advance, 2 * S);
	check_vcpu(0, (struct expected){100 * US, 300 * US, 1999800 * (int64_t)US,
					1999800 * (int64_t)US, 0, 0, 0, 0});
	lost = kct_clock_lost(&migration);
	check_ns(&lost, 8 * S + 195 * US);
}

/* What was set could not be read: the clock in force tells. */
static void test_set_clock_without_data(void **state)
{
	union kct_any_event set = event(KCT_EVENT_SET_CLOCK, TARGET, KCT_NO_VCPU, P4_NS);

	(void)state;
	tell_source();
	tell_writes(KCT_IOCTL_SET_TSC);
	SET_UPDATE(&told, TARGET, P4_NS, active(P4_KERNEL, P4_CYCLE, 0));
	take(&told, &set);
	tell_arrival(P4_TSC, SAVED);
	migrate_on(true);
	check_vcpu(0, (struct expected){NOT_KNOWN, NOT_KNOWN, NOT_KNOWN, -200000, 0, 0, NOT_KNOWN,
					NOT_KNOWN});
	check_ns(&migration.clock_advance, NOT_KNOWN);
	check_ns(&migration.blackout, NOT_KNOWN);
	kct_migration_clear(&migration);
	/* With the clock that was read it is known again. */
	tell_get_clock(&told, SOURCE, 22 * S + 105 * US, SAVED - 10 * US);
	migrate_on(true);
	check_vcpu(0, (struct expected){90 * US, 300 * US, -200000, -200000, 0, 0, 0, 0});
	check_ns(&migration.clock_advance, 10 * US);
}

static void migrate_with_offsets(int first, uint64_t created, uint64_t found, uint64_t written)
{
	tell_source();
	tell_offset(0, 31 * S, first, 0, created);
	tell_offset(0, 32 * S, KCT_IOCTL_SET_TSC, found, written);
	tell_setting(SAVED, 0);
	tell_arrival(P4_TSC, SAVED);
	migrate_on(true);
}

static void forget_migration(void)
{
	kct_migration_clear(&migration);
	kct_histories_clear(&told);
}

/* A write finds the offset that the one before it wrote: else the host does not keep them. */
static void test_tsc_not_in_force(void **state)
{
	(void)state;
	migrate_with_offsets(KCT_IOCTL_CREATE_VCPU, 7, 7, 9);
	assert_false(migration.tsc_not_in_force);
	assert_false(migration.tsc_as_created);
	forget_migration();
	migrate_with_offsets(KCT_IOCTL_CREATE_VCPU, 7, 0, 9);
	assert_true(migration.tsc_not_in_force);
	assert_false(migration.tsc_as_created);
	forget_migration();
	/* kvm_synchronize_tsc() took it for one with that of the vCPU's creation. */
	migrate_with_offsets(KCT_IOCTL_CREATE_VCPU, 7, 7, 7);
	assert_true(migration.tsc_not_in_force);
	assert_true(migration.tsc_as_created);
	forget_migration();
	/* What was written twice is nothing to wonder at. */
	migrate_with_offsets(KCT_IOCTL_SET_TSC, 7, 7, 7);
	assert_false(migration.tsc_not_in_force);
	forget_migration();
}

/* The guest's TSC went on over the 10 s: it counts in T2, whatever the reason. */
static void test_tsc_advance(void **state)
{
	(void)state;
	tell_source();
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_setting(SAVED, 0);
	tell_arrival(P4_TSC + 10 * S, SAVED);
	migrate_on(true);
	check_vcpu(0, (struct expected){100 * US, 10 * S + 300 * US, -10000200000, -10000200000, 0,
					0, 0, 10 * S});
	assert_false(migration.tsc_not_in_force);
}

static void test_later(void **state)
{
	(void)state;
	tell_story();
	tell_drift(&told, TARGET, 0, 40 * S, pvti(1, 2), pvti(3, 4), -400, 0);
	tell_write(&told, TARGET, 1, 41 * S, KCT_IOCTL_SET_TSC, 5);
	migrate_on(true);
	assert_int_equal(vcpu(0)->later_moved, 1);
	assert_int_equal(vcpu(0)->later.total, -400);
	assert_false(vcpu(0)->rewritten);
	assert_true(vcpu(1)->rewritten);
}

/* The clock of the source was set, and nothing has told its offset since: no instants. */
static void test_offset_of_the_source_unknown(void **state)
{
	(void)state;
	tell_story();
	SET_UPDATE(&told, SOURCE, 22 * S, inactive());
	migrate_on(true);
	check_vcpu(0, (struct expected){100 * US, 300 * US, -200000, -200000, 0, 0, 0, 0});
	check_instant(&migration.saved_first, 0, false);
	check_instant(&migration.read, 0, false);
	check_ns(&migration.blackout, NOT_KNOWN);
	check_ns(&migration.downtime, NOT_KNOWN);
}

/* ---- two hosts ---- */

static void test_two_hosts(void **state)
{
	(void)state;
	other_host(2 * MS, 5 * MS);
	tell_source();
	tell_target_at(1000 * S + P4_NS);
	migrate_on(false);
	check_vcpu(0, (struct expected){100 * US, 300 * US, -200000, -200000, 0, 0, 0, 0});
	check_ns(&migration.between_error, 7 * MS);
	check_instant(&migration.set, 1000 * S + P4_NS, false);
	/* By the wall clocks: with the 3 ms, which nobody knows of. */
	check_ns(&migration.blackout, 10 * S + 3200 * US);
	check_ns(&migration.downtime, 10 * S + 3500 * US);
	assert_false(migration.same_host);
}

static void test_unsynchronised_hosts(void **state)
{
	(void)state;
	other_host(UINT64_MAX, 5 * MS);
	tell_source();
	tell_target_at(1000 * S + P4_NS);
	migrate_on(false);
	check_ns(&migration.between_error, NOT_KNOWN);
	check_ns(&migration.blackout, 10 * S + 3200 * US);
	kct_migration_clear(&migration);
	from.clocks.start.realtime_error_ns = 5;
	to.clocks.start.realtime_error_ns = UINT64_MAX;
	migrate_on(false);
	check_ns(&migration.between_error, NOT_KNOWN);
	kct_migration_clear(&migration);
	to.clocks.start.realtime_error_ns = UINT64_MAX - 5;
	from.clocks.start.realtime_error_ns = 6; /* their sum is nothing at all */
	migrate_on(false);
	check_ns(&migration.between_error, NOT_KNOWN);
	kct_migration_clear(&migration);
	to.clocks.start.realtime_error_ns = INT64_MAX;
	from.clocks.start.realtime_error_ns = 0;
	migrate_on(false);
	assert_true(migration.between_error.known);
	assert_int_equal(migration.between_error.ns, INT64_MAX);
	kct_migration_clear(&migration);
	from.clocks.start.realtime_error_ns = 1; /* no signed number, and no bound either */
	migrate_on(false);
	check_ns(&migration.between_error, NOT_KNOWN);
}

/* ---- numbers at their ends ---- */

static void test_hostile(void **state)
{
	static const uint64_t numbers[] = {0, 1, 1ULL << 63, INT64_MAX, UINT64_MAX, 3 * S};
	const size_t n = sizeof(numbers) / sizeof(numbers[0]);

	(void)state;
	for (size_t i = 0; i < n * n * n * n; i++) {
		uint64_t a = numbers[i % n], b = numbers[i / n % n], c = numbers[i / n / n % n],
			 d = numbers[i / n / n / n];
		struct kct_pvti line = pvti(a, b);

		line.tsc_shift = (int8_t)c;
		tell_source_of(&line, 1);
		tell_write(&told, TARGET, 0, c, KCT_IOCTL_SET_TSC, d);
		SET_UPDATE(&told, TARGET, d, active(a, c, (int64_t)d));
		tell_set(&told, TARGET, d, b, (uint32_t)(i & REALTIME));
		UNNECESSARY(&told, TARGET, a, active(c, d, (int64_t)b));
		tell_pvti(&told, TARGET, 0, b, pvti(c, c + b));
		to.clocks.start.realtime_error_ns = d;
		to.clocks.end.realtime_ns = c;
		for (int same_host = 0; same_host < 2; same_host++) {
			if (!try_migrate(same_host)) {
				kct_largest_unexplained(&migration);
				kct_clock_lost(&migration);
			}
			kct_migration_clear(&migration);
		}
		kct_histories_clear(&told);
	}
}

/* ---- doubt ---- */

static void test_doubt(void **state)
{
	(void)state;
	tell_source();
	tell_offset(0, 31 * S, KCT_IOCTL_CREATE_VCPU, 0, 7); /* and the writes find 0 */
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_setting(SAVED, 0);
	tell_arrival(P4_TSC + 10 * S, SAVED);
	migrate_on(true);
	assert_true(migration.tsc_not_in_force);
	assert_false(migration.doubted);
	kct_migration_doubt(&migration);
	assert_true(migration.doubted);
	/* What an event told was so; what was concluded from values may not be. */
	check_instant(&migration.saved_first, 0, false);
	check_instant(&migration.saved_last, 0, false);
	check_instant(&migration.read, 0, false);
	check_instant(&migration.set, P4_NS, false);
	check_instant(&migration.written_first, 32 * S, false);
	check_instant(&migration.ran, 32 * S + 500 * US, false);
	assert_int_equal(migration.nr_vcpus, 2);
	for (size_t i = 0; i < 2; i++) {
		check_nothing(i);
		check_why(i, "events are missing");
	}
	check_ns(&migration.clock_advance, NOT_KNOWN);
	check_ns(&migration.blackout, NOT_KNOWN);
	check_ns(&migration.downtime, NOT_KNOWN);
	assert_false(migration.tsc_not_in_force);
	struct kct_ns largest = kct_largest_unexplained(&migration);
	struct kct_ns lost = kct_clock_lost(&migration);
	check_ns(&largest, NOT_KNOWN);
	check_ns(&lost, NOT_KNOWN);
}

static void test_doubt_of_what_was_seen(void **state)
{
	(void)state;
	tell_get_tsc(&told, SOURCE, 0, 22 * S + 5 * US, SAVED_TSC);
	tell_get_clock(&told, SOURCE, 22 * S + 105 * US, SAVED);
	tell_story();
	migrate_on(true);
	kct_migration_doubt(&migration);
	check_instant(&migration.saved_first, 22 * S + 5 * US, false);
	check_instant(&migration.saved_last, 0, false); /* vCPU 1's was derived */
	check_instant(&migration.read, 22 * S + 105 * US, false);
}

static void test_largest_unexplained(void **state)
{
	struct kct_vcpu_migration vcpus[3] = {0};
	struct kct_migration m = {.vcpus = vcpus, .nr_vcpus = 3};
	struct kct_ns largest;

	(void)state;
	largest = kct_largest_unexplained(&m);
	check_ns(&largest, NOT_KNOWN);
	vcpus[1].unexplained = (struct kct_ns){true, 0};
	largest = kct_largest_unexplained(&m);
	check_ns(&largest, 0);
	vcpus[0].unexplained = (struct kct_ns){true, 5};
	vcpus[2].unexplained = (struct kct_ns){true, -7};
	largest = kct_largest_unexplained(&m);
	check_ns(&largest, -7);
	vcpus[2].unexplained.ns = -5; /* as far: the first */
	largest = kct_largest_unexplained(&m);
	check_ns(&largest, 5);
	vcpus[2].unexplained.ns = INT64_MIN;
	vcpus[1].unexplained.ns = INT64_MAX;
	largest = kct_largest_unexplained(&m);
	check_ns(&largest, INT64_MIN);
}

/* ---- patterns ---- */

/* `steps`: t, o: a TSC, an offset is written; c, r: the clock is set, with realtime; p: paused. */
static void check_pattern(const char *steps, int cause, enum kct_pattern expected)
{
	uint64_t ns = 30 * S;

	tell_source();
	for (const char *c = steps; *c; c++, ns += US) {
		if (*c == 't' || *c == 'o')
			tell_write(&told, TARGET, 0, ns,
				   *c == 't' ? KCT_IOCTL_SET_TSC : KCT_IOCTL_SET_TSC_OFFSET,
				   SAVED_TSC);
		else if (*c == 'p')
			tell_ioctl(&told, TARGET, 0, ns, KCT_IOCTL_PAUSED);
		else
			tell_set(&told, TARGET, ns, SAVED, *c == 'r' ? REALTIME : 0);
	}
	tell_update(&told, TARGET, ns, cause, KCT_EFFECT_ENABLED, active(P4_KERNEL, P4_CYCLE, 0));
	migrate_on(true);
	if (migration.pattern != expected)
		fail_msg("%s: %s, not %s", steps, kct_pattern_names[migration.pattern],
			 kct_pattern_names[expected]);
	kct_migration_clear(&migration);
	kct_histories_clear(&told);
}

static void test_patterns(void **state)
{
	static const struct {
		const char *steps;
		enum kct_pattern pattern;
	} patterns[] = {
		{"", KCT_PATTERN_OTHER},
		{"t", KCT_PATTERN_OTHER},
		{"c", KCT_PATTERN_OTHER},
		{"r", KCT_PATTERN_OTHER},
		{"pc", KCT_PATTERN_OTHER},
		{"tc", KCT_PATTERN_CLASSIC},
		{"tttc", KCT_PATTERN_CLASSIC},
		{"ctc", KCT_PATTERN_CLASSIC}, /* what was done last counts */
		{"tcp", KCT_PATTERN_CLASSIC},
		{"tpc", KCT_PATTERN_FIRECRACKER},
		{"ptc", KCT_PATTERN_FIRECRACKER},
		{"ct", KCT_PATTERN_CLOCK_FIRST},
		{"tct", KCT_PATTERN_CLOCK_FIRST},
		{"rt", KCT_PATTERN_CLOCK_FIRST},
		{"tr", KCT_PATTERN_REALTIME},
		{"ptr", KCT_PATTERN_REALTIME},
		{"tcr", KCT_PATTERN_REALTIME},
		{"trc", KCT_PATTERN_CLASSIC},
		{"oc", KCT_PATTERN_OFFSET},
		{"toc", KCT_PATTERN_OFFSET},
		{"co", KCT_PATTERN_OFFSET},
		{"or", KCT_PATTERN_OFFSET_REALTIME},
		{"ro", KCT_PATTERN_DOCUMENTED},
		{"cro", KCT_PATTERN_DOCUMENTED},
		{"roo", KCT_PATTERN_DOCUMENTED},
		{"ror", KCT_PATTERN_OFFSET_REALTIME},
		{"orc", KCT_PATTERN_OFFSET},
		{"rot", KCT_PATTERN_OFFSET_REALTIME},
		{"otr", KCT_PATTERN_OFFSET_REALTIME},
		{"tor", KCT_PATTERN_CLOUD_HYPERVISOR},
		{"tro", KCT_PATTERN_CLOUD_HYPERVISOR},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		check_pattern(patterns[i].steps, KCT_CAUSE_SET_CLOCK, patterns[i].pattern);
		check_pattern(patterns[i].steps, KCT_CAUSE_SET_CLOCK_GUEST,
			      KCT_PATTERN_CLOCK_GUEST);
	}
}

/* The words are a part of the formats: docs/schema.md. */
static void test_pattern_names(void **state)
{
	static const char *const names[] = {
		"other",  "classic",	     "firecracker", "clock-first",	"realtime",
		"offset", "offset-realtime", "documented",  "cloud-hypervisor", "clock-guest"};

	(void)state;
	assert_int_equal(KCT_NR_PATTERNS, sizeof(names) / sizeof(names[0]));
	for (size_t i = 0; i < KCT_NR_PATTERNS; i++)
		assert_string_equal(kct_pattern_names[i], names[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_story, end_story)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_backward),
		TEST(test_one_host),
		TEST(test_set_clock_is_off),
		TEST(test_forward),
		TEST(test_clock_read_first),
		TEST(test_the_threads_vector),
		TEST(test_scale_of_t2),
		TEST(test_realtime),
		TEST(test_offsets_and_realtime),
		TEST(test_offsets),
		TEST(test_offsets_and_saved_tsc),
		TEST(test_clock_first),
		TEST(test_masterclock_off_at_set),
		TEST(test_unnecessary_updates),
		TEST(test_other_update),
		TEST(test_other_rate),
		TEST(test_same_rate_otherwise),
		TEST(test_other_shift),
		TEST(test_scaled),
		TEST(test_rate_of_an_unscaled_tsc),
		TEST(test_unknown_snapshot),
		TEST(test_other_frequency),
		TEST(test_unstable_source),
		TEST(test_no_stable_pvti_on_the_target),
		TEST(test_no_pvti_on_the_source),
		TEST(test_missing_vcpus),
		TEST(test_observed_saves),
		TEST(test_observed_save_alone),
		TEST(test_tsc_changed_on_the_way),
		TEST(test_clock_changed_on_the_way),
		TEST(test_set_clock_without_data),
		TEST(test_tsc_not_in_force),
		TEST(test_tsc_advance),
		TEST(test_later),
		TEST(test_offset_of_the_source_unknown),
		TEST(test_two_hosts),
		TEST(test_unsynchronised_hosts),
		TEST(test_hostile),
		TEST(test_doubt),
		TEST(test_doubt_of_what_was_seen),
		TEST(test_largest_unexplained),
		TEST(test_patterns),
		TEST(test_pattern_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
