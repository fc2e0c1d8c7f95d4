// SPDX-License-Identifier: GPL-2.0
/* The options of scenarios. */
#include "workload/guest.h"
#include "workload/wl.h"

#define DAY_NS	  (24 * 3600 * 1000000000ULL)
#define MAX_VMS	  1000000ULL
#define MAX_JOBS  256ULL
#define MAX_COUNT 1000000000000ULL

#define COUNT(_name, _max, _help)                                                                  \
	{                                                                                          \
		.name = (_name), .arg = "N", .help = (_help), .kind = KCT_WORKLOAD_IS_COUNT,       \
		.max = (_max),                                                                     \
	}
#define DURATION(_name, _help)                                                                     \
	{                                                                                          \
		.name = (_name), .arg = "DURATION", .help = (_help),                               \
		.kind = KCT_WORKLOAD_IS_DURATION, .max = DAY_NS,                                   \
	}
#define FLAG(_name, _help)                                                                         \
	{                                                                                          \
		.name = (_name), .help = (_help), .kind = KCT_WORKLOAD_IS_FLAG,                    \
	}

const struct kct_workload_option_info kct_workload_option_info[KCT_WORKLOAD_OPTIONS] = {
	[KCT_WORKLOAD_VCPUS] = COUNT("vcpus", WL_MAX_VCPUS, "vCPUs of each VM"),
	[KCT_WORKLOAD_VMS] = COUNT("vms", MAX_VMS, "VMs: at once in migrate, in all in churn"),
	[KCT_WORKLOAD_JOBS] = COUNT("jobs", MAX_JOBS, "threads that do the same at once"),
	[KCT_WORKLOAD_ADD] = COUNT("add", WL_MAX_VCPUS,
				   "vCPUs that join; in migrate the target, once its clock is set"),
	[KCT_WORKLOAD_COUNT] = COUNT("count", MAX_COUNT, "repetitions, in each thread"),
	[KCT_WORKLOAD_DURATION] = DURATION("duration", "how long to run undisturbed"),
	[KCT_WORKLOAD_DOWNTIME] = DURATION("downtime", "pause between source and target"),
	[KCT_WORKLOAD_SKEW_SAVE] =
		DURATION("skew-save", "made-up delay between reading TSCs and clock"),
	[KCT_WORKLOAD_SKEW_RESTORE] =
		DURATION("skew-restore", "made-up delay between writing TSCs and clock"),
	[KCT_WORKLOAD_REALTIME] =
		FLAG("realtime", "have KVM_SET_CLOCK account for the real time that passed"),
	[KCT_WORKLOAD_TSC_OFFSET] =
		FLAG("tsc-offset", "restore TSCs as KVM_VCPU_TSC_OFFSET, not as IA32_TSC"),
	[KCT_WORKLOAD_TSC_SPREAD] = COUNT("tsc-spread", MAX_COUNT,
					  "cycles that each vCPU's TSC is put before the last; in "
					  "odd-tsc, the last one's before the others"),
	[KCT_WORKLOAD_TSC_KHZ] = COUNT("tsc-khz", UINT32_MAX, "frequency of the odd vCPU's TSC"),
	[KCT_WORKLOAD_CLOCK_FIRST] =
		FLAG("clock-first", "set the target's clock before its TSCs, not after them"),
	[KCT_WORKLOAD_CLOCK_GUEST] =
		FLAG("clock-guest", "save and set the clock by KVM_[GS]ET_CLOCK_GUEST; with "
				    "--realtime after KVM_SET_CLOCK, else instead of it"),
	[KCT_WORKLOAD_ONE_REG] =
		FLAG("one-reg", "save and restore TSCs by KVM_[GS]ET_ONE_REG, not KVM_[GS]ET_MSRS"),
	[KCT_WORKLOAD_OLD_MSR] =
		FLAG("old-msr", "enable kvm-clock by its old MSR, which ends the masterclock"),
	[KCT_WORKLOAD_JUMP] = DURATION("jump", "how far ahead each setting puts the clock"),
	[KCT_WORKLOAD_BURST] =
		COUNT("burst", MAX_COUNT, "settings in a row, before vCPUs are waited for"),
	[KCT_WORKLOAD_CHANGE_CLOCKSOURCE] =
		FLAG("change-clocksource", "yes, change this host's clocksource for a moment"),
	[KCT_WORKLOAD_HOLD] = FLAG("hold", "then keep the VMs until stdin ends, SIGINT or SIGTERM"),
};
