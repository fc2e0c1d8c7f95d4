// SPDX-License-Identifier: GPL-2.0
/*
 * A migration's clocks. In most stories a cycle of the guest's TSC is a nanosecond and the source's
 * line is `clock = TSC - 500 ms`, so that every expected value is a sum that can be done in one's
 * head; it stands beside it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "migration/migration.h"
#include "pvti_vectors.h"

#define US	 1000ULL
#define MS	 1000000ULL
#define S	 1000000000ULL

#define REALTIME 4 /* KVM_CLOCK_REALTIME */

/* ns are cycles */
#define MUL	  0x80000000U
#define SHIFT	  1

#define NOT_KNOWN INT64_MAX /* as an expected number of ns */

static void check_ns(const struct kct_ns *ns, int64_t expected)
{
	assert_int_equal(ns->known, expected != NOT_KNOWN);
	if (ns->known)
		assert_int_equal(ns->ns, expected);
}

/* ---- anchors ---- */

static const struct kct_clocks steady = {
	.start = {.boot_ns = 20 * S, .realtime_ns = 1000 * S, .base_ns = 10 * S},
	.end = {.boot_ns = 120 * S, .realtime_ns = 1100 * S, .base_ns = 110 * S},
	.has_end = true,
};

static void test_anchor_steady(void **state)
{
	(void)state;
	assert_int_equal(kct_boot_of_base(&steady, 10 * S), 20 * S);
	assert_int_equal(kct_boot_of_base(&steady, 10 * S + 1), 20 * S + 1);
	assert_int_equal(kct_boot_of_base(&steady, 9 * S), 19 * S); /* before the start */
	assert_int_equal(kct_boot_of_base(&steady, 500 * S), 510 * S);
	assert_int_equal(kct_realtime_of_boot(&steady, 21 * S), 1001 * S);
	assert_int_equal(kct_realtime_of_boot(&steady, 19 * S), 999 * S);
}

/* BOOTTIME is disciplined, the kvmclock base is not: 100 s of the one were 100.01 s here. */
static void test_anchor_interpolates(void **state)
{
	struct kct_clocks clocks = steady;

	(void)state;
	clocks.end.base_ns = 110 * S + 10 * MS;
	assert_int_equal(kct_boot_of_base(&clocks, 110 * S + 10 * MS), 120 * S);
	assert_int_equal(kct_boot_of_base(&clocks, 60 * S + 5 * MS), 70 * S);
	/* 5 s * 100 / 100.01 = 4.99950004999... s, cut off to a nanosecond */
	assert_int_equal(kct_boot_of_base(&clocks, 15 * S), 20 * S + 4999500049);
	/* before the start: cut off towards it */
	assert_int_equal(kct_boot_of_base(&clocks, 5 * S), 20 * S - 4999500049);
	/* The wall clock was slewed by 400 ppm: 40 ms in 100 s. */
	clocks.end.realtime_ns = 1100 * S + 40 * MS;
	assert_int_equal(kct_realtime_of_boot(&clocks, 70 * S), 1050 * S + 20 * MS);
	assert_int_equal(kct_realtime_of_boot(&clocks, 120 * S), 1100 * S + 40 * MS);
	assert_int_equal(kct_realtime_error(&clocks), 0);
}

static void test_anchor_without_end(void **state)
{
	struct kct_clocks clocks = steady;

	(void)state;
	clocks.has_end = false;
	clocks.end = (struct kct_anchor){.boot_ns = 7, .realtime_ns = 7, .base_ns = 7};
	clocks.end.realtime_error_ns = UINT64_MAX;
	clocks.start.realtime_error_ns = 33;
	assert_int_equal(kct_boot_of_base(&clocks, 110 * S), 120 * S);
	assert_int_equal(kct_realtime_of_boot(&clocks, 120 * S), 1100 * S);
	assert_int_equal(kct_realtime_error(&clocks), 33);
	/* Whatever its end has: there is none. */
	clocks.end = (struct kct_anchor){
		.boot_ns = 220 * S, .realtime_ns = 1900 * S, .base_ns = 120 * S};
	assert_int_equal(kct_boot_of_base(&clocks, 110 * S), 120 * S);
	assert_int_equal(kct_realtime_of_boot(&clocks, 120 * S), 1100 * S);
	assert_int_equal(kct_realtime_error(&clocks), 33);
}

static void test_anchor_wall_clock_set(void **state)
{
	struct kct_clocks clocks = steady;

	(void)state;
	/* In 100 s slewing does 500 ppm: 50 ms, and a microsecond is nothing. */
	clocks.end.realtime_ns = 1100 * S + 50 * MS + 1000;
	assert_int_equal(kct_realtime_error(&clocks), 0);
	assert_int_equal(kct_realtime_of_boot(&clocks, 120 * S), clocks.end.realtime_ns);
	clocks.end.realtime_ns++; /* more is a step: nobody knows when, so it is as at the start */
	assert_int_equal(kct_realtime_error(&clocks), 50 * MS + 1001);
	assert_int_equal(kct_realtime_of_boot(&clocks, 120 * S), 1100 * S);
	/* and the same backward, by more than there was in between */
	clocks.end.realtime_ns = 1100 * S - 50 * MS - 1000;
	assert_int_equal(kct_realtime_error(&clocks), 0);
	clocks.end.realtime_ns--;
	assert_int_equal(kct_realtime_error(&clocks), 50 * MS + 1001);
	clocks.end.realtime_ns = 100 * S;
	assert_int_equal(kct_realtime_error(&clocks), 1000 * S);
	assert_int_equal(kct_realtime_of_boot(&clocks, 120 * S), 1100 * S);
	/* What it may be wrong by comes on top. */
	clocks.start.realtime_error_ns = 5;
	clocks.end.realtime_error_ns = 3;
	assert_int_equal(kct_realtime_error(&clocks), 1000 * S + 5);
	/* The base has nothing to do with it. */
	assert_int_equal(kct_boot_of_base(&clocks, 110 * S), 120 * S);
}

static void test_anchor_error(void **state)
{
	struct kct_clocks clocks = steady;

	(void)state;
	clocks.start.realtime_error_ns = 5;
	clocks.end.realtime_error_ns = 7;
	assert_int_equal(kct_realtime_error(&clocks), 7);
	clocks.start.realtime_error_ns = 9;
	assert_int_equal(kct_realtime_error(&clocks), 9);
	clocks.end.realtime_error_ns = UINT64_MAX;
	assert_int_equal(kct_realtime_error(&clocks), UINT64_MAX);
	clocks.end.realtime_error_ns = 7;
	clocks.start.realtime_error_ns = UINT64_MAX;
	assert_int_equal(kct_realtime_error(&clocks), UINT64_MAX);
	/* A sum that does not fit is not known either. */
	clocks.start.realtime_error_ns = UINT64_MAX - 1;
	clocks.end.realtime_ns = 0;
	assert_int_equal(kct_realtime_error(&clocks), UINT64_MAX);
}

static void test_anchor_hostile(void **state)
{
	static const uint64_t numbers[] = {
		0, 1, INT64_MAX, 1ULL << 63, UINT64_MAX, UINT64_MAX - 1, 1ULL << 32, S};
	const size_t n = sizeof(numbers) / sizeof(numbers[0]);
	struct kct_clocks clocks = steady;

	(void)state;
	/* No clock goes on: they run as fast as each other. */
	clocks.end = clocks.start;
	assert_int_equal(kct_boot_of_base(&clocks, 15 * S), 25 * S);
	assert_int_equal(kct_realtime_of_boot(&clocks, 25 * S), 1005 * S);
	/* They go backward: the same, and no division. */
	clocks.end = (struct kct_anchor){.boot_ns = S, .realtime_ns = 2, .base_ns = 3};
	assert_int_equal(kct_boot_of_base(&clocks, 15 * S), 25 * S);
	assert_int_equal(kct_realtime_of_boot(&clocks, 25 * S), 1005 * S);
	assert_int_equal(kct_realtime_error(&clocks), 0);
	/* Over the end of the numbers. */
	clocks.has_end = false;
	clocks.start.boot_ns = UINT64_MAX;
	assert_int_equal(kct_boot_of_base(&clocks, 10 * S + 2), 1);
	assert_int_equal(kct_realtime_of_boot(&clocks, 4), 1000 * S + 5);
	clocks.has_end = true;
	for (size_t i = 0; i < n * n * n * n; i++) {
		clocks.start.boot_ns = clocks.start.base_ns = numbers[i % n];
		clocks.start.realtime_ns = numbers[i / n % n];
		clocks.end.boot_ns = clocks.end.base_ns = numbers[i / n / n % n];
		clocks.end.realtime_ns = numbers[i / n / n / n];
		for (size_t j = 0; j < n; j++) {
			kct_boot_of_base(&clocks, numbers[j]);
			kct_realtime_of_boot(&clocks, numbers[j]);
		}
		kct_realtime_error(&clocks);
	}
}

/* ---- events ---- */

static union kct_any_event event(uint32_t kind, uint32_t vm, uint32_t vcpu, uint64_t ns)
{
	return (union kct_any_event){
		.event = {.ns = ns, .vm = vm, .vcpu = vcpu, .tid = 42, .kind = kind}};
}

static void take(struct kct_histories *all, const union kct_any_event *e)
{
	assert_int_equal(kct_histories_event(all, e), 0);
}

static struct kct_masterclock active(uint64_t kernel_ns, uint64_t cycle_now, int64_t offset)
{
	return (struct kct_masterclock){.kernel_ns = kernel_ns,
					.cycle_now = cycle_now,
					.clock_offset = offset,
					.active = KCT_YES};
}

static struct kct_masterclock inactive(void)
{
	return (struct kct_masterclock){.active = KCT_NO};
}

static void tell_vm(struct kct_histories *all, uint32_t vm, uint64_t ns,
		    struct kct_masterclock clock)
{
	union kct_any_event e = event(KCT_EVENT_VM, vm, KCT_NO_VCPU, ns);

	e.vm.masterclock = clock;
	take(all, &e);
}

static void tell_vcpu(struct kct_histories *all, uint32_t vm, uint32_t vcpu, uint64_t ns,
		      uint32_t khz, const struct kct_pvti *pvti)
{
	union kct_any_event e = event(KCT_EVENT_VCPU, vm, vcpu, ns);

	e.vcpu.tsc_khz = khz;
	if (pvti) {
		e.vcpu.has_pvti = 1;
		e.vcpu.pvti = *pvti;
	}
	take(all, &e);
}

static void tell_update(struct kct_histories *all, uint32_t vm, uint64_t ns, int cause, int effect,
			struct kct_masterclock after)
{
	union kct_any_event e = event(KCT_EVENT_UPDATE, vm, KCT_NO_VCPU, ns);

	e.update.cause = (uint8_t)cause;
	e.update.effect = (uint8_t)effect;
	e.update.after = after;
	take(all, &e);
}

static struct kct_pvti pvti(uint64_t tsc, uint64_t time)
{
	return (struct kct_pvti){.tsc_timestamp = tsc,
				 .system_time = time,
				 .tsc_to_system_mul = MUL,
				 .tsc_shift = SHIFT,
				 .flags = KCT_PVTI_TSC_STABLE};
}

static struct kct_pvti unstable(uint64_t tsc, uint64_t time)
{
	struct kct_pvti p = pvti(tsc, time);

	p.flags = KCT_PVTI_GUEST_STOPPED;
	return p;
}

static void tell_pvti(struct kct_histories *all, uint32_t vm, uint32_t vcpu, uint64_t ns,
		      struct kct_pvti new_pvti)
{
	union kct_any_event e = event(KCT_EVENT_PVTI, vm, vcpu, ns);

	e.pvti.new_pvti = new_pvti;
	take(all, &e);
}

/* One that follows another. */
static void tell_drift(struct kct_histories *all, uint32_t vm, uint32_t vcpu, uint64_t ns,
		       struct kct_pvti old, struct kct_pvti new_pvti, int64_t drift, int clock_set)
{
	union kct_any_event e = event(KCT_EVENT_PVTI, vm, vcpu, ns);

	e.pvti.new_pvti = new_pvti;
	e.pvti.old_pvti = old;
	e.pvti.has_old = e.pvti.has_drift = 1;
	e.pvti.drift_ns = drift;
	e.pvti.clock_set = (uint8_t)clock_set;
	take(all, &e);
}

static void tell_write(struct kct_histories *all, uint32_t vm, uint32_t vcpu, uint64_t ns,
		       int ioctl, uint64_t tsc)
{
	union kct_any_event e = event(KCT_EVENT_TSC_WRITE, vm, vcpu, ns);

	e.tsc_write.ioctl = (uint8_t)ioctl;
	e.tsc_write.has_tsc = ioctl == KCT_IOCTL_SET_TSC;
	e.tsc_write.tsc = tsc;
	e.tsc_write.new_offset = 5;
	take(all, &e);
}

static void tell_set(struct kct_histories *all, uint32_t vm, uint64_t ns, uint64_t clock,
		     uint32_t flags)
{
	union kct_any_event e = event(KCT_EVENT_SET_CLOCK, vm, KCT_NO_VCPU, ns);

	e.set_clock.has_data = 1;
	e.set_clock.clock = clock;
	e.set_clock.flags = flags;
	take(all, &e);
}

static void tell_ioctl(struct kct_histories *all, uint32_t vm, uint32_t vcpu, uint64_t ns,
		       int ioctl)
{
	union kct_any_event e = event(KCT_EVENT_IOCTL, vm, vcpu, ns);

	e.ioctl.ioctl = (uint8_t)ioctl;
	take(all, &e);
}

static void tell_get_tsc(struct kct_histories *all, uint32_t vm, uint32_t vcpu, uint64_t ns,
			 uint64_t tsc)
{
	union kct_any_event e = event(KCT_EVENT_IOCTL, vm, vcpu, ns);

	e.ioctl.ioctl = KCT_IOCTL_GET_TSC;
	e.ioctl.has_tsc = 1;
	e.ioctl.tsc = tsc;
	take(all, &e);
}

static void tell_get_clock(struct kct_histories *all, uint32_t vm, uint64_t ns, uint64_t clock)
{
	union kct_any_event e = event(KCT_EVENT_IOCTL, vm, KCT_NO_VCPU, ns);

	e.ioctl.ioctl = KCT_IOCTL_GET_CLOCK;
	e.ioctl.has_clock = 1;
	e.ioctl.clock = clock;
	take(all, &e);
}

#define SET_UPDATE(all, vm, ns, after)                                                             \
	tell_update(all, vm, ns, KCT_CAUSE_SET_CLOCK, KCT_EFFECT_ENABLED, after)
#define UNNECESSARY(all, vm, ns, after)                                                            \
	tell_update(all, vm, ns, KCT_CAUSE_VCPU_REQUEST, KCT_EFFECT_RESNAPSHOT, after)

/* ---- history ---- */

static struct kct_histories told; /* by the test that runs */

static int begin(void **state)
{
	(void)state;
	kct_histories_init(&told);
	return 0;
}

static int end(void **state)
{
	(void)state;
	kct_histories_clear(&told);
	return 0;
}

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
	assert_int_equal(vcpu_0()->later_pvtis, 2);
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

static void check_step(const struct kct_steps *steps, size_t i, enum kct_ioctl ioctl,
		       uint32_t count, uint64_t first_ns, uint64_t last_ns)
{
	assert_true(i < steps->count);
	assert_int_equal(steps->list[i].ioctl, ioctl);
	assert_int_equal(steps->list[i].count, count);
	assert_int_equal(steps->list[i].first_ns, first_ns);
	assert_int_equal(steps->list[i].last_ns, last_ns);
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

/* ---- a migration ---- */

#define SOURCE 1
#define TARGET 2

/*
 * The story, unless a test changes it. On the source's line, `clock = TSC - 500 ms`, the kvmclock
 * base is the clock and 9.5 s, CLOCK_BOOTTIME 10 s more than that:
 *
 *          BOOTTIME       guest TSC    clock
 *   P1     22 s           3 s          2.5 s           of vCPU 0; of vCPU 1 it is 40 us later
 *   P2     22 s + 100 us               2.5 s + 100 us
 *   P3     32 s           3 s                          likewise
 *   P4     32 s + 300 us  3 s + 300 us 2.5 s + 100 us
 *
 * So T1 is 100 us and T2 is 300 us, and of vCPU 1 both are 40 us less.
 */
#define LATE	  (40 * US)
#define SAVED_TSC (3 * S)
#define SAVED	  (2500 * MS + 100 * US)
#define P4_NS	  (32 * S + 300 * US)
#define P4_TSC	  (3 * S + 300 * US)
#define P4_KERNEL (22 * S + 300 * US) /* the snapshot's time and host TSC */
#define P4_CYCLE  (70 * S)

static struct kct_migration migration;
static struct kct_side from, to;
static char why[200];

static int begin_story(void **state)
{
	from.clocks = to.clocks = steady;
	from.shown = to.shown = ~0ULL;
	memset(&migration, 0, sizeof(migration));
	return begin(state);
}

static int end_story(void **state)
{
	kct_migration_clear(&migration);
	return end(state);
}

static void tell_source_of(const struct kct_pvti *line, uint32_t nr_vcpus)
{
	tell_vm(&told, SOURCE, 20 * S, active(10 * S, S, (int64_t)(line->system_time - 10 * S)));
	for (uint32_t i = 0; i < nr_vcpus; i++) {
		tell_vcpu(&told, SOURCE, i, 20 * S, 1000000, NULL);
		tell_pvti(&told, SOURCE, i, 21 * S + i, *line);
	}
}

static void tell_source(void)
{
	const struct kct_pvti line = pvti(S, 500 * MS);

	tell_source_of(&line, 2);
}

static void tell_offset(uint32_t vcpu, uint64_t ns, int ioctl, uint64_t found, uint64_t written)
{
	union kct_any_event e = event(KCT_EVENT_TSC_WRITE, TARGET, vcpu, ns);

	e.tsc_write.ioctl = (uint8_t)ioctl;
	e.tsc_write.has_tsc = ioctl == KCT_IOCTL_SET_TSC;
	e.tsc_write.tsc = SAVED_TSC;
	e.tsc_write.old_offset = found;
	e.tsc_write.new_offset = written;
	take(&told, &e);
}

static void tell_writes(int ioctl)
{
	for (uint32_t i = 0; i < 2; i++)
		tell_write(&told, TARGET, i, 32 * S + i * LATE, ioctl, SAVED_TSC + i * LATE);
}

static void tell_setting(uint64_t clock, uint32_t flags)
{
	SET_UPDATE(&told, TARGET, P4_NS, active(P4_KERNEL, P4_CYCLE, 12345));
	tell_set(&told, TARGET, P4_NS + 1000, clock, flags);
}

static void tell_arrival(uint64_t tsc, uint64_t clock)
{
	for (uint32_t i = 0; i < 2; i++)
		tell_pvti(&told, TARGET, i, 32 * S + (500 + i) * US, pvti(tsc, clock));
}

static void tell_story(void)
{
	tell_source();
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_setting(SAVED, 0);
	tell_arrival(P4_TSC, SAVED);
}

static int try_migrate(bool same_host)
{
	from.history = kct_history_of(&told, SOURCE);
	to.history = kct_history_of(&told, TARGET);
	assert_non_null(from.history);
	assert_non_null(to.history);
	strcpy(why, "nothing was said");
	return kct_migrate(&migration, &from, &to, same_host, why, sizeof(why));
}

static void migrate_on(bool same_host)
{
	int error = try_migrate(same_host);

	if (error)
		fail_msg("%s", why);
}

static void check_refused(bool same_host, const char *words)
{
	int error = try_migrate(same_host);

	if (error != -EINVAL || !strstr(why, words))
		fail_msg("%d: '%s', not '%s'", error, why, words);
	assert_true(strlen(why) < sizeof(why) - 1);
}

static const struct kct_vcpu_migration *vcpu(size_t i)
{
	assert_true(i < migration.nr_vcpus);
	return &migration.vcpus[i];
}

struct expected {
	int64_t t1, t2, predicted, observed, by_updates, by_rate, unexplained, tsc_advance;
};

static void check_vcpu(size_t i, struct expected e)
{
	check_ns(&vcpu(i)->t1, e.t1);
	check_ns(&vcpu(i)->t2, e.t2);
	check_ns(&vcpu(i)->predicted, e.predicted);
	check_ns(&vcpu(i)->observed, e.observed);
	check_ns(&vcpu(i)->by_updates, e.by_updates);
	check_ns(&vcpu(i)->by_rate, e.by_rate);
	check_ns(&vcpu(i)->unexplained, e.unexplained);
	check_ns(&vcpu(i)->tsc_advance, e.tsc_advance);
}

static void check_why(size_t i, const char *words)
{
	if (!words)
		assert_null(vcpu(i)->why);
	else if (!vcpu(i)->why || !strstr(vcpu(i)->why, words))
		fail_msg("'%s', not '%s'", vcpu(i)->why ? vcpu(i)->why : "", words);
}

static void check_instant(const struct kct_instant *instant, uint64_t boot_ns, bool derived)
{
	assert_int_equal(instant->known, boot_ns != 0);
	if (!boot_ns)
		return;
	assert_int_equal(instant->boot_ns, boot_ns);
	assert_int_equal(instant->derived, derived);
}

static void check_saved(bool tsc, bool clock)
{
	assert_int_equal(migration.tsc_saved, tsc);
	assert_int_equal(migration.clock_saved, clock);
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

/* ---- KVM_SET_CLOCK_GUEST: a line is asked for, here the source's: 0 is predicted ---- */

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
	assert_int_equal(vcpu(0)->later_pvtis, 1);
	assert_int_equal(vcpu(0)->later.total, -5);
	assert_int_equal(vcpu(1)->later_pvtis, 0);
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
	assert_int_equal(vcpu(0)->later_pvtis, 1);
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

/* The target's host was started 1000 s earlier, and its wall clock is 3 ms ahead. */
static void other_host(uint64_t source_error, uint64_t target_error)
{
	from.clocks.start.realtime_error_ns = source_error;
	to.clocks.start.realtime_error_ns = target_error;
	to.clocks.start.boot_ns += 1000 * S;
	to.clocks.end.boot_ns += 1000 * S;
	to.clocks.start.realtime_ns += 3 * MS;
	to.clocks.end.realtime_ns += 3 * MS;
}

static void tell_target_at(uint64_t ns)
{
	for (uint32_t i = 0; i < 2; i++)
		tell_write(&told, TARGET, i, ns - 300 * US + i * LATE, KCT_IOCTL_SET_TSC,
			   SAVED_TSC + i * LATE);
	SET_UPDATE(&told, TARGET, ns, active(P4_KERNEL, P4_CYCLE, 0));
	tell_set(&told, TARGET, ns, SAVED, 0);
	for (uint32_t i = 0; i < 2; i++)
		tell_pvti(&told, TARGET, i, ns + 200 * US, pvti(P4_TSC, SAVED));
}

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
		{"ro", KCT_PATTERN_OFFSET_REALTIME},
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
	static const char *const names[] = {"other",	       "classic",	   "firecracker",
					    "clock-first",     "realtime",	   "offset",
					    "offset-realtime", "cloud-hypervisor", "clock-guest"};

	(void)state;
	assert_int_equal(KCT_NR_PATTERNS, sizeof(names) / sizeof(names[0]));
	for (size_t i = 0; i < KCT_NR_PATTERNS; i++)
		assert_string_equal(kct_pattern_names[i], names[i]);
}

#define ANCHOR(name)  cmocka_unit_test(name)
#define HISTORY(name) cmocka_unit_test_setup_teardown(name, begin, end)
#define STORY(name)   cmocka_unit_test_setup_teardown(name, begin_story, end_story)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ANCHOR(test_anchor_steady),
		ANCHOR(test_anchor_interpolates),
		ANCHOR(test_anchor_without_end),
		ANCHOR(test_anchor_wall_clock_set),
		ANCHOR(test_anchor_error),
		ANCHOR(test_anchor_hostile),
		HISTORY(test_history_of_several),
		HISTORY(test_last_pvti),
		HISTORY(test_arrival),
		HISTORY(test_causes),
		HISTORY(test_set_twice),
		HISTORY(test_set_later),
		HISTORY(test_clock_offset),
		HISTORY(test_clock_offset_inactive),
		HISTORY(test_snapshots),
		HISTORY(test_snapshots_alike),
		HISTORY(test_unnecessary),
		HISTORY(test_later_drift),
		HISTORY(test_tsc_written),
		HISTORY(test_saved),
		HISTORY(test_steps),
		HISTORY(test_steps_overflow),
		STORY(test_backward),
		STORY(test_one_host),
		STORY(test_set_clock_is_off),
		STORY(test_forward),
		STORY(test_clock_read_first),
		STORY(test_the_threads_vector),
		STORY(test_scale_of_t2),
		STORY(test_realtime),
		STORY(test_offsets_and_realtime),
		STORY(test_offsets),
		STORY(test_offsets_and_saved_tsc),
		STORY(test_line),
		STORY(test_other_line),
		STORY(test_clock_and_line),
		STORY(test_line_and_clock),
		STORY(test_refused_line),
		STORY(test_line_of_another_vcpu),
		STORY(test_line_was_read),
		STORY(test_line_of_another_guest),
		STORY(test_clock_first),
		STORY(test_masterclock_off_at_set),
		STORY(test_unnecessary_updates),
		STORY(test_other_update),
		STORY(test_other_rate),
		STORY(test_same_rate_otherwise),
		STORY(test_other_shift),
		STORY(test_scaled),
		STORY(test_rate_of_an_unscaled_tsc),
		STORY(test_unknown_snapshot),
		STORY(test_other_frequency),
		STORY(test_unstable_source),
		STORY(test_no_stable_pvti_on_the_target),
		STORY(test_no_pvti_on_the_source),
		STORY(test_missing_vcpus),
		STORY(test_observed_saves),
		STORY(test_observed_save_alone),
		STORY(test_tsc_changed_on_the_way),
		STORY(test_clock_changed_on_the_way),
		STORY(test_set_clock_without_data),
		STORY(test_tsc_not_in_force),
		STORY(test_tsc_advance),
		STORY(test_later),
		STORY(test_offset_of_the_source_unknown),
		STORY(test_two_hosts),
		STORY(test_unsynchronised_hosts),
		STORY(test_not_a_target),
		STORY(test_not_a_source),
		STORY(test_not_after_each_other),
		STORY(test_not_after_each_other_on_two_hosts),
		STORY(test_source_ran_on),
		STORY(test_source_ran_on_and_target_did_not),
		STORY(test_tsc_of_the_future),
		STORY(test_clock_of_another),
		STORY(test_clock_of_another_and_no_gap),
		STORY(test_offsets_of_another),
		STORY(test_offsets_and_unknown_snapshot),
		STORY(test_target_and_then_source),
		STORY(test_target_ran_before),
		STORY(test_target_found_running),
		STORY(test_hostile),
		STORY(test_doubt),
		STORY(test_doubt_of_what_was_seen),
		STORY(test_largest_unexplained),
		STORY(test_patterns),
		STORY(test_pattern_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
