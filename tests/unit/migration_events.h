/* SPDX-License-Identifier: GPL-2.0 */
/* Events, as a history takes them in. */
#ifndef TEST_MIGRATION_EVENTS_H
#define TEST_MIGRATION_EVENTS_H

#include "migration_numbers.h"

static inline union kct_any_event event(uint32_t kind, uint32_t vm, uint32_t vcpu, uint64_t ns)
{
	return (union kct_any_event){
		.event = {.ns = ns, .vm = vm, .vcpu = vcpu, .tid = 42, .kind = kind}};
}

static inline void take(struct kct_histories *all, const union kct_any_event *e)
{
	assert_int_equal(kct_histories_event(all, e), 0);
}

static inline struct kct_masterclock active(uint64_t kernel_ns, uint64_t cycle_now, int64_t offset)
{
	return (struct kct_masterclock){.kernel_ns = kernel_ns,
					.cycle_now = cycle_now,
					.clock_offset = offset,
					.active = KCT_YES};
}

static inline struct kct_masterclock inactive(void)
{
	return (struct kct_masterclock){.active = KCT_NO};
}

static inline void tell_vm(struct kct_histories *all, uint32_t vm, uint64_t ns,
			   struct kct_masterclock clock)
{
	union kct_any_event e = event(KCT_EVENT_VM, vm, KCT_NO_VCPU, ns);

	e.vm.masterclock = clock;
	take(all, &e);
}

static inline void tell_vcpu(struct kct_histories *all, uint32_t vm, uint32_t vcpu, uint64_t ns,
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

static inline void tell_update(struct kct_histories *all, uint32_t vm, uint64_t ns, int cause,
			       int effect, struct kct_masterclock after)
{
	union kct_any_event e = event(KCT_EVENT_UPDATE, vm, KCT_NO_VCPU, ns);

	e.update.cause = (uint8_t)cause;
	e.update.effect = (uint8_t)effect;
	e.update.after = after;
	take(all, &e);
}

static inline struct kct_pvti pvti(uint64_t tsc, uint64_t time)
{
	return (struct kct_pvti){.tsc_timestamp = tsc,
				 .system_time = time,
				 .tsc_to_system_mul = MUL,
				 .tsc_shift = SHIFT,
				 .flags = KCT_PVTI_TSC_STABLE};
}

static inline struct kct_pvti unstable(uint64_t tsc, uint64_t time)
{
	struct kct_pvti p = pvti(tsc, time);

	p.flags = KCT_PVTI_GUEST_STOPPED;
	return p;
}

static inline void tell_pvti(struct kct_histories *all, uint32_t vm, uint32_t vcpu, uint64_t ns,
			     struct kct_pvti new_pvti)
{
	union kct_any_event e = event(KCT_EVENT_PVTI, vm, vcpu, ns);

	e.pvti.new_pvti = new_pvti;
	take(all, &e);
}

/* One that follows another. */
static inline void tell_drift(struct kct_histories *all, uint32_t vm, uint32_t vcpu, uint64_t ns,
			      struct kct_pvti old, struct kct_pvti new_pvti, int64_t drift,
			      int clock_set)
{
	union kct_any_event e = event(KCT_EVENT_PVTI, vm, vcpu, ns);

	e.pvti.new_pvti = new_pvti;
	e.pvti.old_pvti = old;
	e.pvti.has_old = e.pvti.has_drift = 1;
	e.pvti.drift_ns = drift;
	e.pvti.clock_set = (uint8_t)clock_set;
	take(all, &e);
}

static inline void tell_write(struct kct_histories *all, uint32_t vm, uint32_t vcpu, uint64_t ns,
			      int ioctl, uint64_t tsc)
{
	union kct_any_event e = event(KCT_EVENT_TSC_WRITE, vm, vcpu, ns);

	e.tsc_write.ioctl = (uint8_t)ioctl;
	e.tsc_write.has_tsc = ioctl == KCT_IOCTL_SET_TSC;
	e.tsc_write.tsc = tsc;
	e.tsc_write.new_offset = 5;
	take(all, &e);
}

static inline void tell_set(struct kct_histories *all, uint32_t vm, uint64_t ns, uint64_t clock,
			    uint32_t flags)
{
	union kct_any_event e = event(KCT_EVENT_SET_CLOCK, vm, KCT_NO_VCPU, ns);

	e.set_clock.has_data = 1;
	e.set_clock.clock = clock;
	e.set_clock.flags = flags;
	take(all, &e);
}

static inline void tell_ioctl(struct kct_histories *all, uint32_t vm, uint32_t vcpu, uint64_t ns,
			      int ioctl)
{
	union kct_any_event e = event(KCT_EVENT_IOCTL, vm, vcpu, ns);

	e.ioctl.ioctl = (uint8_t)ioctl;
	take(all, &e);
}

static inline void tell_get_tsc(struct kct_histories *all, uint32_t vm, uint32_t vcpu, uint64_t ns,
				uint64_t tsc)
{
	union kct_any_event e = event(KCT_EVENT_IOCTL, vm, vcpu, ns);

	e.ioctl.ioctl = KCT_IOCTL_GET_TSC;
	e.ioctl.has_tsc = 1;
	e.ioctl.tsc = tsc;
	take(all, &e);
}

static inline void tell_get_clock(struct kct_histories *all, uint32_t vm, uint64_t ns,
				  uint64_t clock)
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

static struct kct_histories told; /* by the test that runs */

static inline int begin(void **state)
{
	(void)state;
	kct_histories_init(&told);
	return 0;
}

static inline int end(void **state)
{
	(void)state;
	kct_histories_clear(&told);
	return 0;
}

static inline void check_step(const struct kct_steps *steps, size_t i, enum kct_ioctl ioctl,
			      uint32_t count, uint64_t first_ns, uint64_t last_ns)
{
	assert_true(i < steps->count);
	assert_int_equal(steps->list[i].ioctl, ioctl);
	assert_int_equal(steps->list[i].count, count);
	assert_int_equal(steps->list[i].first_ns, first_ns);
	assert_int_equal(steps->list[i].last_ns, last_ns);
}

#endif
