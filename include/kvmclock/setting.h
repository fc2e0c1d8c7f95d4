/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The settings of a VM's clock, counted, and which of them a PVTI shows.
 *
 * A setting is counted at its update, under KVM's lock, before any vCPU can publish the new clock.
 * But a vCPU that was about to publish an older one may do so later, and the programs that trace it
 * run later still: any number of settings and snapshots later, where it was preempted. So the
 * PVTI's own value tells which setting it shows: system_time is master_kernel_ns of one snapshot
 * plus the kvmclock_offset that the setting before it left.
 */
#ifndef KVMCLOCK_SETTING_H
#define KVMCLOCK_SETTING_H

#include <linux/types.h>

/* A setting that another one followed: its offset, and from which snapshots PVTIs were made. */
struct kct_past_setting {
	__u64 first_ns; /* master_kernel_ns of the first of them */
	__u64 last_ns;
	__s64 clock_offset;
};
#define KCT_PAST_SETTINGS 8

struct kct_settings {
	struct kct_past_setting past[KCT_PAST_SETTINGS]; /* the last ones, in a ring */
	__u64 first_ns; /* of the last setting; before the first, all that came before */
	__u32 count;	/* ever */
	__u32 pad;
};

/* What the last setting and the updates since then left. */
struct kct_clock_now {
	__u64 last_ns; /* master_kernel_ns of the newest snapshot */
	__s64 clock_offset;
	int masterclock; /* is it active? Else PVTIs are not made from snapshots */
};

/* The clock is set, under the VM's lock: `was` is what it was, `first_ns` the snapshot's. */
static inline void kct_setting_begins(struct kct_settings *settings,
				      const struct kct_clock_now *was, __u64 first_ns)
{
	struct kct_past_setting *past = &settings->past[settings->count % KCT_PAST_SETTINGS];

	past->first_ns = settings->first_ns;
	past->last_ns = was->last_ns;
	past->clock_offset = was->clock_offset;
	/* Whoever finds the new count finds this one among the past. */
	__asm__ volatile("" ::: "memory");
	settings->first_ns = first_ns;
	__asm__ volatile("" ::: "memory");
	settings->count++;
}

static inline int kct_setting_has(__u64 snapshot_ns, __u64 first_ns, __u64 last_ns)
{
	return snapshot_ns >= first_ns && snapshot_ns <= last_ns;
}

/*
 * The number of the setting that a PVTI shows, of a vCPU whose last one showed `shown`. If it is
 * from none of those that are kept, it is older, and the answer the newest that it can be; without
 * a masterclock it is taken for the last one.
 */
static inline __u32 kct_setting_shown(const struct kct_settings *settings,
				      const struct kct_clock_now *now, __u64 system_time,
				      __u32 shown)
{
	__u32 count = *(const volatile __u32 *)&settings->count, i;

	if (!now->masterclock || kct_setting_has(system_time - (__u64)now->clock_offset,
						 settings->first_ns, now->last_ns))
		return count;
	for (i = 1; i <= KCT_PAST_SETTINGS && i <= count; i++) {
		const struct kct_past_setting *past =
			&settings->past[(count - i) % KCT_PAST_SETTINGS];

		if (kct_setting_has(system_time - (__u64)past->clock_offset, past->first_ns,
				    past->last_ns))
			return count - i;
	}
	return count - shown > KCT_PAST_SETTINGS ? count - KCT_PAST_SETTINGS - 1 : count;
}

#endif
