/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The PVTI arithmetic, compiled into the BPF programs and into the program itself.
 *
 * A PVTI is a line: at the guest TSC `tsc_timestamp` the kvm-clock shows `system_time`
 * nanoseconds, and goes on at the rate that `tsc_to_system_mul` and `tsc_shift` say. All sums
 * are modulo 2^64, as in the guest.
 */
#ifndef KVMCLOCK_PVTI_H
#define KVMCLOCK_PVTI_H

#include <linux/types.h>

/* PVCLOCK_TSC_STABLE_BIT: readable on any vCPU without a last-value check. */
#define KCT_PVTI_TSC_STABLE 0x1
/* PVCLOCK_GUEST_STOPPED: the host says that the guest was paused (KVM_KVMCLOCK_CTRL). */
#define KCT_PVTI_GUEST_STOPPED 0x2

/* The fields of struct pvclock_vcpu_time_info that make the line; the ABI of the guest page. */
struct kct_pvti {
	__u64 tsc_timestamp;	 /* guest TSC, cycles */
	__u64 system_time;	 /* kvm-clock, ns */
	__u32 tsc_to_system_mul; /* ns per shifted cycle, 32 bits after the point */
	__s8 tsc_shift;		 /* cycles are shifted left by this, right if negative */
	__u8 flags;
	__u16 pad;
};

/*
 * Cycles to nanoseconds, as pvclock_scale_delta() in the guest does it: the low 64 bits of
 * (cycles << shift) * mul >> 32. BPF has no 128-bit product, so it is made of two halves. A
 * shift of 64 and more, which no kernel writes, leaves nothing.
 */
static inline __u64 kct_pvti_scale(__u64 cycles, __u32 mul, __s8 shift)
{
	if (shift <= -64 || shift >= 64)
		return 0;
	if (shift < 0)
		cycles >>= -shift;
	else
		cycles <<= shift;
	return (cycles >> 32) * mul + (((cycles & 0xffffffff) * mul) >> 32);
}

/*
 * The kvm-clock, in ns, that `pvti` gives at guest TSC `tsc`. A TSC before the timestamp
 * counts backwards from it by the same scale.
 */
static inline __u64 kct_pvti_read(const struct kct_pvti *pvti, __u64 tsc)
{
	__s64 cycles = (__s64)(tsc - pvti->tsc_timestamp);

	if (cycles < 0)
		return pvti->system_time -
		       kct_pvti_scale(-(__u64)cycles, pvti->tsc_to_system_mul, pvti->tsc_shift);
	return pvti->system_time + kct_pvti_scale(cycles, pvti->tsc_to_system_mul, pvti->tsc_shift);
}

/*
 * The drift, in ns, of a new PVTI against the one before it: the new system_time minus what
 * the old line gives at the new tsc_timestamp. Positive: the kvm-clock jumped forward.
 */
static inline __s64 kct_pvti_drift(const struct kct_pvti *old, const struct kct_pvti *new_pvti)
{
	return (__s64)(new_pvti->system_time - kct_pvti_read(old, new_pvti->tsc_timestamp));
}

/*
 * The drift, in ns, that a migration makes when the TSC and the kvm-clock are not stopped, and not
 * started, at the same instants (D. Zhang on the KVM list, 16 January 2026). The guest TSC is saved
 * at P1 and the kvm-clock read at P2; the TSC is written at P3 and the clock set at P4. Between P1
 * and P2 only the kvm-clock goes on, for T1 = P2 - P1 ns; between P3 and P4 only the TSC does, for
 * P4 - P3 cycles, which are T2 ns by the PVTI's scale. The clock that went on longer is ahead:
 * T1 - T2, positive when the kvm-clock is (forward, as everywhere).
 */
static inline __s64 kct_migration_drift(__u64 t1_ns, __u64 t2_cycles, const struct kct_pvti *pvti)
{
	return (__s64)(t1_ns - kct_pvti_scale(t2_cycles, pvti->tsc_to_system_mul, pvti->tsc_shift));
}

/* Do both say the same time at every TSC? (flags are not part of the line) */
static inline int kct_pvti_same_line(const struct kct_pvti *a, const struct kct_pvti *b)
{
	return a->tsc_timestamp == b->tsc_timestamp && a->system_time == b->system_time &&
	       a->tsc_to_system_mul == b->tsc_to_system_mul && a->tsc_shift == b->tsc_shift;
}

#endif
