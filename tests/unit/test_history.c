// SPDX-License-Identifier: GPL-2.0
/* What of a VM's events a migration is told by. */
#include "migration_events.h"

static const struct kct_history *vm_1(void)
{
	const struct kct_history *h = kct_history_of(&told, 1);

	assert_non_null(h);
	return h;
}

static const struct kct_vcpu_history *vcpu_0(void)
{
	const struct kct_vcpu_history *v = kct_history_vcpu(vm_1(), 0);

	assert_non_null(v);
	return v;
}

static void check_line(const struct kct_pvti *line, uint64_t tsc, uint64_t time)
{
	assert_int_equal(line->tsc_timestamp, tsc);
	assert_int_equal(line->system_time, time);
}

static void count_vcpu(const struct kct_vcpu_history *vcpu, void *context)
{
	uint32_t *sum = context;

	*sum = *sum * 10 + vcpu->id; /* in their order, as digits */
}

static void test_history_of_several(void **state)
{
	union kct_any_event e = event(KCT_EVENT_PVTI, KCT_NO_VM, 0, 5);
	uint32_t ids = 0;

	(void)state;
	take(&told, &e); /* nobody's */
	assert_int_equal(told.nr_vms, 0);
	assert_null(kct_history_of(&told, 1));
	tell_pvti(&told, 1, 2, 10, pvti(1, 2));
	tell_pvti(&told, 7, 0, 11, pvti(3, 4));
	tell_pvti(&told, 1, 1, 12, pvti(5, 6));
	tell_pvti(&told, 1, 2, 13, pvti(7, 8));
	tell_pvti(&told, 1, 3, 14, pvti(9, 9));
	assert_int_equal(told.nr_vms, 2);
	assert_int_equal(told.nr_vcpus, 4);
	assert_int_equal(vm_1()->nr_vcpus, 3);
	assert_int_equal(kct_history_of(&told, 7)->nr_vcpus, 1);
	assert_null(kct_history_vcpu(vm_1(), 0));
	kct_history_each_vcpu(vm_1(), count_vcpu, &ids);
	assert_int_equal(ids, 123);
}

static void test_last_pvti(void **state)
{
	struct kct_pvti found = pvti(1, 2);

	(void)state;
	tell_vcpu(&told, 1, 0, 10, 2100000, &found);
	check_line(&vcpu_0()->pvti, 1, 2);
	assert_int_equal(vcpu_0()->pvti_ns, 10);
	assert_int_equal(vcpu_0()->tsc_khz, 2100000);
	tell_pvti(&told, 1, 0, 20, pvti(3, 4));
	check_line(&vcpu_0()->pvti, 3, 4);
	assert_int_equal(vcpu_0()->pvti_ns, 20);
	tell_pvti(&told, 1, 0, 30, unstable(5, 6)); /* the last one, stable or not */
	check_line(&vcpu_0()->pvti, 5, 6);
	tell_vcpu(&told, 1, 0, 40, 2100001, NULL); /* knows of none: that is no new one */
	check_line(&vcpu_0()->pvti, 5, 6);
	assert_int_equal(vcpu_0()->pvti_ns, 30);
}

/* The guest has arrived with the first stable PVTI since the clock was set, not before. */
static void test_arrival(void **state)
{
	(void)state;
	tell_vm(&told, 1, 5, active(100, 1000, 900));
	tell_pvti(&told, 1, 0, 10, pvti(1000, 1000));
	assert_int_equal(vcpu_0()->arrival_ns, 0);
	assert_int_equal(vm_1()->arrival_ns, 0);
	SET_UPDATE(&told, 1, 20, active(200, 1100, 900));
	tell_set(&told, 1, 21, 5000, 0);
	assert_int_equal(vm_1()->set.update.event.ns, 20);
	assert_int_equal(vm_1()->set.clock.clock, 5000);
	tell_pvti(&told, 1, 0, 30, unstable(1100, 5000));
	assert_int_equal(vcpu_0()->arrival_ns, 0);
	tell_pvti(&told, 1, 0, 40, pvti(1100, 5000));
	tell_pvti(&told, 1, 1, 45, pvti(1100, 5000));
	tell_pvti(&told, 1, 0, 50, pvti(9999, 9999));
	assert_int_equal(vcpu_0()->arrival_ns, 40);
	check_line(&vcpu_0()->arrival, 1100, 5000);
	assert_int_equal(kct_history_vcpu(vm_1(), 1)->arrival_ns, 45);
	assert_int_equal(vm_1()->arrival_ns, 40); /* the first one's */
	check_line(&vcpu_0()->pvti, 9999, 9999);
}

/* The causes that set a clock, and no other. */
static void test_causes(void **state)
{
	(void)state;
	for (int cause = 0; cause < KCT_NR_CAUSES; cause++) {
		uint32_t vm = (uint32_t)cause + 1;

		tell_update(&told, vm, 10, cause, KCT_EFFECT_ENABLED, active(100, 1000, 900));
		assert_int_equal(kct_history_of(&told, vm)->set.update.event.ns,
				 cause == KCT_CAUSE_SET_CLOCK ||
						 cause == KCT_CAUSE_SET_CLOCK_REALTIME ||
						 cause == KCT_CAUSE_SET_CLOCK_GUEST
					 ? 10
					 : 0);
	}
}

/* Set twice before the guest runs: the second time counts, and what was before it does not. */
static void test_set_twice(void **state)
{
	(void)state;
	SET_UPDATE(&told, 1, 10, active(100, 1000, 0));
	tell_set(&told, 1, 11, 4000, REALTIME);
	UNNECESSARY(&told, 1, 12, active(150, 1050, 3900));
	assert_int_equal(vm_1()->set.unnecessary, 1);
	assert_int_equal(vm_1()->set.nr_snapshots, 2);
	SET_UPDATE(&told, 1, 20, active(200, 1100, 3900));
	tell_set(&told, 1, 21, 5000, 0);
	assert_int_equal(vm_1()->set.unnecessary, 0);
	assert_int_equal(vm_1()->set.nr_snapshots, 1);
	assert_int_equal(vm_1()->set.update.event.ns, 20);
	assert_int_equal(vm_1()->set.clock.clock, 5000);
	assert_int_equal(vm_1()->set.clock.flags, 0);
	assert_int_equal(vm_1()->sets_later, 0);
	/* A PVTI of the first setting's snapshot is not one of the second's: 150 + 4800. */
	tell_pvti(&told, 1, 0, 30, pvti(1100, 5000));
	tell_pvti(&told, 1, 1, 31, pvti(1050, 4950));
	assert_true(vcpu_0()->has_snapshot);
	assert_false(kct_history_vcpu(vm_1(), 1)->has_snapshot);
}

/* A clock that is set after the guest ran is not the migration's. */
static void test_set_later(void **state)
{
	(void)state;
	SET_UPDATE(&told, 1, 10, active(100, 1000, 0));
	tell_set(&told, 1, 11, 4000, 0);
	tell_pvti(&told, 1, 0, 20, pvti(1000, 4000));
	UNNECESSARY(&told, 1, 25, active(130, 1030, 3900));
	SET_UPDATE(&told, 1, 30, active(200, 1100, 3900));
	tell_set(&told, 1, 31, 5000, REALTIME);
	tell_pvti(&told, 1, 1, 40, pvti(1100, 5000));
	assert_int_equal(vm_1()->sets_later, 1);
	assert_int_equal(vm_1()->set.clock.clock, 4000);
	assert_int_equal(vm_1()->set.update.event.ns, 10);
	assert_int_equal(vm_1()->set.unnecessary, 1);
	assert_true(vcpu_0()->has_snapshot);
	/* A vCPU that comes only now runs by another clock than the one that was migrated. */
	assert_int_equal(kct_history_vcpu(vm_1(), 1)->arrival_ns, 40);
	assert_false(kct_history_vcpu(vm_1(), 1)->has_snapshot);
}

/* kvmclock_offset: from the VM's state, unknown when the clock is set, told by what comes then. */
static void test_clock_offset(void **state)
{
	(void)state;
	tell_vcpu(&told, 1, 0, 1, 0, NULL);
	assert_false(vm_1()->offset_known);
	tell_vm(&told, 1, 5, active(100, 1000, -50));
	assert_true(vm_1()->offset_known);
	assert_int_equal(vm_1()->clock_offset, -50);
	/* Known already: a PVTI is not needed for it, and does not change it. */
	tell_pvti(&told, 1, 0, 6, pvti(1000, 77));
	assert_int_equal(vm_1()->clock_offset, -50);
	SET_UPDATE(&told, 1, 10, active(200, 1100, -50));
	assert_false(vm_1()->offset_known); /* what it has with it is the one before */
	tell_pvti(&told, 1, 0, 12, unstable(1100, 700));
	assert_false(vm_1()->offset_known);
	tell_pvti(&told, 1, 0, 13, pvti(1100, 700)); /* 700 - 200 */
	assert_true(vm_1()->offset_known);
	assert_int_equal(vm_1()->clock_offset, 500);
	SET_UPDATE(&told, 1, 20, active(300, 1200, 500));
	assert_false(vm_1()->offset_known); /* also of a clock that is set later */
	UNNECESSARY(&told, 1, 21, active(400, 1300, 9000));
	assert_true(vm_1()->offset_known);
	assert_int_equal(vm_1()->clock_offset, 9000);
}

/* Without a masterclock a PVTI comes from no snapshot: it tells no offset. */
static void test_clock_offset_inactive(void **state)
{
	(void)state;
	SET_UPDATE(&told, 1, 10, inactive());
	tell_pvti(&told, 1, 0, 12, pvti(1100, 700));
	assert_false(vm_1()->offset_known);
	assert_int_equal(vm_1()->set.nr_snapshots, 0);
	assert_false(vcpu_0()->has_snapshot);
}

/* The snapshot is found by its value, the last one first, of the last KCT_MAX_SNAPSHOTS. */
static void test_snapshots(void **state)
{
	(void)state;
	SET_UPDATE(&told, 1, 10, active(1000, 50000, 0));
	for (uint64_t i = 1; i < KCT_MAX_SNAPSHOTS; i++)
		UNNECESSARY(&told, 1, 10 + i, active(1000 + i, 50000 + 2 * i, 7));
	for (uint32_t i = 0; i < KCT_MAX_SNAPSHOTS; i++)
		tell_pvti(&told, 1, i, 100 + i, pvti(5, 1000 + i + 7));
	tell_pvti(&told, 1, 90, 200, pvti(5, 1000 + KCT_MAX_SNAPSHOTS + 7));
	tell_pvti(&told, 1, 91, 201, pvti(5, 1006));
	for (uint32_t i = 0; i < KCT_MAX_SNAPSHOTS; i++) {
		const struct kct_vcpu_history *v = kct_history_vcpu(vm_1(), i);

		assert_true(v->has_snapshot);
		assert_int_equal(v->snapshot.kernel_ns, 1000 + i);
		assert_int_equal(v->snapshot.cycle_now, 50000 + 2 * i);
		assert_int_equal(v->unnecessary, KCT_MAX_SNAPSHOTS - 1);
	}
	assert_false(kct_history_vcpu(vm_1(), 90)->has_snapshot);
	assert_false(kct_history_vcpu(vm_1(), 91)->has_snapshot);
	/* One more: the first is forgotten. */
	UNNECESSARY(&told, 1, 300, active(2000, 60000, 7));
	tell_pvti(&told, 1, 92, 301, pvti(5, 1007));
	tell_pvti(&told, 1, 93, 302, pvti(5, 1008));
	tell_pvti(&told, 1, 94, 303, pvti(5, 2007));
	assert_false(kct_history_vcpu(vm_1(), 92)->has_snapshot);
	assert_int_equal(kct_history_vcpu(vm_1(), 93)->snapshot.cycle_now, 50002);
	assert_int_equal(kct_history_vcpu(vm_1(), 94)->snapshot.cycle_now, 60000);
}

/* Two with the same time: the last one is what the kernel has. */
static void test_snapshots_alike(void **state)
{
	(void)state;
	SET_UPDATE(&told, 1, 10, active(1000, 1, 0));
	UNNECESSARY(&told, 1, 11, active(1000, 2, 7));
	tell_pvti(&told, 1, 0, 20, pvti(5, 1007));
	assert_int_equal(vcpu_0()->snapshot.cycle_now, 2);
}

static void test_unnecessary(void **state)
{
	(void)state;
	SET_UPDATE(&told, 1, 10, active(1000, 1, 0));
	for (int cause = 0; cause < KCT_NR_CAUSES; cause++)
		for (int effect = 0; effect < KCT_NR_EFFECTS; effect++)
			if (cause != KCT_CAUSE_SET_CLOCK && cause != KCT_CAUSE_SET_CLOCK_REALTIME &&
			    cause != KCT_CAUSE_SET_CLOCK_GUEST)
				tell_update(&told, 1, 20, cause, effect, inactive());
	assert_int_equal(vm_1()->set.unnecessary, 1);
	assert_int_equal(vm_1()->set.nr_snapshots, 1); /* theirs were not active */
}

static void test_later_drift(void **state)
{
	const struct kct_pvti a = pvti(1000, 4000), b = pvti(2000, 5010), c = pvti(3000, 5990);

	(void)state;
	SET_UPDATE(&told, 1, 10, active(100, 1000, 0));
	tell_set(&told, 1, 11, 4000, 0);
	tell_drift(&told, 1, 0, 20, pvti(1, 1), a, 999, 1); /* the arrival itself is not later */
	assert_int_equal(vcpu_0()->later.total, 0);
	tell_drift(&told, 1, 0, 30, a, b, 10, 0);
	tell_drift(&told, 1, 0, 31, b, b, 0, 0); /* moves nothing */
	tell_drift(&told, 1, 0, 40, b, c, -20, 1);
	tell_pvti(&told, 1, 0, 50, pvti(9, 9)); /* rebased: nothing is claimed */
	assert_int_equal(vcpu_0()->later_moved, 2);
	assert_int_equal(vcpu_0()->later.total, -10);
	assert_int_equal(vcpu_0()->later.max_forward, 10);
	assert_int_equal(vcpu_0()->later.max_backward, 0);
	assert_int_equal(vcpu_0()->later.set_clock, -20);
}

/* The VMM's writes of the TSC, the last one before the guest ran; after that, that it was. */
static void test_tsc_written(void **state)
{
	union kct_any_event same = event(KCT_EVENT_TSC_WRITE, 1, 0, 60);

	(void)state;
	for (int ioctl = 0; ioctl < KCT_NR_IOCTLS; ioctl++)
		tell_write(&told, 1, (uint32_t)ioctl, 5, ioctl, 77);
	for (int ioctl = 0; ioctl < KCT_NR_IOCTLS; ioctl++)
		assert_int_equal(
			kct_history_vcpu(vm_1(), (uint32_t)ioctl)->written.event.ns,
			ioctl == KCT_IOCTL_SET_TSC || ioctl == KCT_IOCTL_SET_TSC_OFFSET ? 5 : 0);
	assert_int_equal(vm_1()->before.count, 2);
	tell_write(&told, 1, 0, 6, KCT_IOCTL_SET_TSC, 100);
	tell_write(&told, 1, 0, 7, KCT_IOCTL_SET_TSC, 200);
	assert_int_equal(vcpu_0()->written.tsc, 200);
	assert_int_equal(vcpu_0()->written.event.ns, 7);
	SET_UPDATE(&told, 1, 10, active(100, 1000, 0));
	tell_write(&told, 1, 0, 15, KCT_IOCTL_SET_TSC, 300); /* a clock that was set first */
	tell_pvti(&told, 1, 0, 20, pvti(1000, 4000));
	same.tsc_write.ioctl = KCT_IOCTL_SET_TSC;
	same.tsc_write.old_offset = same.tsc_write.new_offset = 8;
	take(&told, &same);
	assert_false(vcpu_0()->rewritten);
	tell_write(&told, 1, 0, 65, KCT_IOCTL_RUN, 0); /* the guest's own */
	assert_false(vcpu_0()->rewritten);
	tell_write(&told, 1, 0, 70, KCT_IOCTL_SET_TSC, 400);
	assert_true(vcpu_0()->rewritten);
	same.event.ns = 80;
	take(&told, &same);
	assert_true(vcpu_0()->rewritten);
	assert_int_equal(vcpu_0()->written.tsc, 300);
	assert_int_equal(vcpu_0()->written.event.ns, 15);
}

static void test_saved(void **state)
{
	(void)state;
	tell_get_tsc(&told, 1, 0, 10, 100);
	tell_get_tsc(&told, 1, 0, 20, 200);
	tell_ioctl(&told, 1, 0, 25, KCT_IOCTL_GET_TSC_OFFSET); /* has no TSC */
	tell_ioctl(&told, 1, 0, 26, KCT_IOCTL_PAUSED);
	assert_int_equal(vcpu_0()->saved_tsc, 200);
	assert_int_equal(vcpu_0()->saved_ns, 20);
	tell_get_clock(&told, 1, 30, 5000);
	tell_get_clock(&told, 1, 40, 6000);
	tell_ioctl(&told, 1, KCT_NO_VCPU, 50, KCT_IOCTL_GET_CLOCK); /* failed: no clock */
	assert_int_equal(vm_1()->saved.clock, 6000);
	assert_int_equal(vm_1()->saved.event.ns, 40);
}

/* Those in a row are one; set-clock with and without KVM_CLOCK_REALTIME are two. */
static void test_steps(void **state)
{
	union kct_any_event unread = event(KCT_EVENT_SET_CLOCK, 1, KCT_NO_VCPU, 34);

	(void)state;
	tell_get_tsc(&told, 1, 0, 10, 1);
	tell_get_tsc(&told, 1, 1, 11, 1);
	tell_get_tsc(&told, 1, 2, 13, 1);
	tell_get_clock(&told, 1, 20, 1);
	tell_get_tsc(&told, 1, 0, 21, 1);
	tell_set(&told, 1, 30, 1, 0);
	tell_set(&told, 1, 31, 1, REALTIME | 8);
	tell_set(&told, 1, 32, 1, REALTIME);
	tell_set(&told, 1, 33, 1, 8);
	unread.set_clock.flags = REALTIME; /* has no data */
	take(&told, &unread);
	tell_ioctl(&told, 1, KCT_NO_VCPU, 35,
		   KCT_IOCTL_SET_CLOCK); /* it returns: no more of them */
	tell_ioctl(&told, 1, 0, 36, KCT_IOCTL_SET_CLOCK_GUEST);
	assert_int_equal(vm_1()->before.count, 6);
	check_step(&vm_1()->before, 0, KCT_IOCTL_GET_TSC, 3, 10, 13);
	check_step(&vm_1()->before, 1, KCT_IOCTL_GET_CLOCK, 1, 20, 20);
	check_step(&vm_1()->before, 2, KCT_IOCTL_GET_TSC, 1, 21, 21);
	check_step(&vm_1()->before, 3, KCT_IOCTL_SET_CLOCK, 1, 30, 30);
	check_step(&vm_1()->before, 4, KCT_IOCTL_SET_CLOCK, 2, 31, 32);
	check_step(&vm_1()->before, 5, KCT_IOCTL_SET_CLOCK, 2, 33, 34);
	assert_true(vm_1()->before.list[4].realtime);
	assert_false(vm_1()->before.list[5].realtime);
	assert_int_equal(vm_1()->since.count, 0);
}

/* What comes after the guest ran is kept apart; of too many, the last ones. */
static void test_steps_overflow(void **state)
{
	static const int kinds[] = {KCT_IOCTL_GET_TSC, KCT_IOCTL_PAUSED};

	(void)state;
	for (uint64_t i = 0; i < KCT_MAX_STEPS + 3; i++)
		tell_ioctl(&told, 1, 0, 100 + i, kinds[i % 2]);
	assert_int_equal(vm_1()->before.count, KCT_MAX_STEPS);
	check_step(&vm_1()->before, 0, KCT_IOCTL_PAUSED, 1, 103, 103);
	check_step(&vm_1()->before, KCT_MAX_STEPS - 1, KCT_IOCTL_GET_TSC, 1, 118, 118);
	tell_ioctl(&told, 1, 0, 130, KCT_IOCTL_GET_TSC);
	check_step(&vm_1()->before, KCT_MAX_STEPS - 1, KCT_IOCTL_GET_TSC, 2, 118, 130);
	SET_UPDATE(&told, 1, 140, active(100, 1000, 0));
	tell_pvti(&told, 1, 0, 150, pvti(1000, 4000));
	tell_ioctl(&told, 1, 0, 160, KCT_IOCTL_GET_TSC);
	assert_int_equal(vm_1()->before.count, KCT_MAX_STEPS);
	assert_int_equal(vm_1()->since.count, 1);
	check_step(&vm_1()->since, 0, KCT_IOCTL_GET_TSC, 1, 160, 160);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_history_of_several),
		TEST(test_last_pvti),
		TEST(test_arrival),
		TEST(test_causes),
		TEST(test_set_twice),
		TEST(test_set_later),
		TEST(test_clock_offset),
		TEST(test_clock_offset_inactive),
		TEST(test_snapshots),
		TEST(test_snapshots_alike),
		TEST(test_unnecessary),
		TEST(test_later_drift),
		TEST(test_tsc_written),
		TEST(test_saved),
		TEST(test_steps),
		TEST(test_steps_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
