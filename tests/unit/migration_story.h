/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The story of a migration, which each test tells in its own way. In most of them a cycle of the
 * guest's TSC is a nanosecond and the source's line is `clock = TSC - 500 ms`, so that every
 * expected value is a sum that can be done in one's head; it stands beside it.
 */
#ifndef TEST_MIGRATION_STORY_H
#define TEST_MIGRATION_STORY_H

#include "migration_events.h"

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

static inline int begin_story(void **state)
{
	from.clocks = to.clocks = steady;
	from.shown = to.shown = ~0ULL;
	memset(&migration, 0, sizeof(migration));
	return begin(state);
}

static inline int end_story(void **state)
{
	kct_migration_clear(&migration);
	return end(state);
}

static inline void tell_source_of(const struct kct_pvti *line, uint32_t nr_vcpus)
{
	tell_vm(&told, SOURCE, 20 * S, active(10 * S, S, (int64_t)(line->system_time - 10 * S)));
	for (uint32_t i = 0; i < nr_vcpus; i++) {
		tell_vcpu(&told, SOURCE, i, 20 * S, 1000000, NULL);
		tell_pvti(&told, SOURCE, i, 21 * S + i, *line);
	}
}

static inline void tell_source(void)
{
	const struct kct_pvti line = pvti(S, 500 * MS);

	tell_source_of(&line, 2);
}

static inline void tell_offset(uint32_t vcpu, uint64_t ns, int ioctl, uint64_t found,
			       uint64_t written)
{
	union kct_any_event e = event(KCT_EVENT_TSC_WRITE, TARGET, vcpu, ns);

	e.tsc_write.ioctl = (uint8_t)ioctl;
	e.tsc_write.has_tsc = ioctl == KCT_IOCTL_SET_TSC;
	e.tsc_write.tsc = SAVED_TSC;
	e.tsc_write.old_offset = found;
	e.tsc_write.new_offset = written;
	take(&told, &e);
}

static inline void tell_writes(int ioctl)
{
	for (uint32_t i = 0; i < 2; i++)
		tell_write(&told, TARGET, i, 32 * S + i * LATE, ioctl, SAVED_TSC + i * LATE);
}

static inline void tell_setting(uint64_t clock, uint32_t flags)
{
	SET_UPDATE(&told, TARGET, P4_NS, active(P4_KERNEL, P4_CYCLE, 12345));
	tell_set(&told, TARGET, P4_NS + 1000, clock, flags);
}

static inline void tell_arrival(uint64_t tsc, uint64_t clock)
{
	for (uint32_t i = 0; i < 2; i++)
		tell_pvti(&told, TARGET, i, 32 * S + (500 + i) * US, pvti(tsc, clock));
}

static inline void tell_story(void)
{
	tell_source();
	tell_writes(KCT_IOCTL_SET_TSC);
	tell_setting(SAVED, 0);
	tell_arrival(P4_TSC, SAVED);
}

static inline int try_migrate(bool same_host)
{
	from.history = kct_history_of(&told, SOURCE);
	to.history = kct_history_of(&told, TARGET);
	assert_non_null(from.history);
	assert_non_null(to.history);
	strcpy(why, "nothing was said");
	return kct_migrate(&migration, &from, &to, same_host, why, sizeof(why));
}

static inline void migrate_on(bool same_host)
{
	int error = try_migrate(same_host);

	if (error)
		fail_msg("%s", why);
}

static inline void check_refused(bool same_host, const char *words)
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

static inline void check_vcpu(size_t i, struct expected e)
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

static inline void check_instant(const struct kct_instant *instant, uint64_t boot_ns, bool derived)
{
	assert_int_equal(instant->known, boot_ns != 0);
	if (!boot_ns)
		return;
	assert_int_equal(instant->boot_ns, boot_ns);
	assert_int_equal(instant->derived, derived);
}

static inline void check_saved(bool tsc, bool clock)
{
	assert_int_equal(migration.tsc_saved, tsc);
	assert_int_equal(migration.clock_saved, clock);
}

/* The target's host was started 1000 s earlier, and its wall clock is 3 ms ahead. */
static inline void other_host(uint64_t source_error, uint64_t target_error)
{
	from.clocks.start.realtime_error_ns = source_error;
	to.clocks.start.realtime_error_ns = target_error;
	to.clocks.start.boot_ns += 1000 * S;
	to.clocks.end.boot_ns += 1000 * S;
	to.clocks.start.realtime_ns += 3 * MS;
	to.clocks.end.realtime_ns += 3 * MS;
}

static inline void tell_target_at(uint64_t ns)
{
	for (uint32_t i = 0; i < 2; i++)
		tell_write(&told, TARGET, i, ns - 300 * US + i * LATE, KCT_IOCTL_SET_TSC,
			   SAVED_TSC + i * LATE);
	SET_UPDATE(&told, TARGET, ns, active(P4_KERNEL, P4_CYCLE, 0));
	tell_set(&told, TARGET, ns, SAVED, 0);
	for (uint32_t i = 0; i < 2; i++)
		tell_pvti(&told, TARGET, i, ns + 200 * US, pvti(P4_TSC, SAVED));
}

#endif
