// SPDX-License-Identifier: GPL-2.0
/* The tables of what there is to choose from. */
#include <stddef.h>
#include <string.h>

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
	[KCT_WORKLOAD_ADD] = COUNT("add", WL_MAX_VCPUS, "vCPUs to hotplug"),
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
	[KCT_WORKLOAD_JUMP] = DURATION("jump", "how far ahead each setting puts the clock"),
	[KCT_WORKLOAD_BURST] =
		COUNT("burst", MAX_COUNT, "settings in a row, before vCPUs are waited for"),
	[KCT_WORKLOAD_HOLD] = FLAG("hold", "then keep the VMs until stdin ends, SIGINT or SIGTERM"),
};

#define BIT(option) (1U << KCT_WORKLOAD_##option)

static const struct kct_scenario scenarios[] = {
	{
		.name = "migrate",
		.help = "live migration to a second VM on this host, in QEMU's order",
		.accepts = BIT(VCPUS) | BIT(VMS) | BIT(DOWNTIME) | BIT(SKEW_SAVE) |
			   BIT(SKEW_RESTORE) | BIT(REALTIME) | BIT(TSC_OFFSET) | BIT(TSC_SPREAD) |
			   BIT(CLOCK_FIRST) | BIT(CLOCK_GUEST) | BIT(ONE_REG) | BIT(DURATION) |
			   BIT(HOLD),
		.defaults = {[KCT_WORKLOAD_VCPUS] = 4, [KCT_WORKLOAD_VMS] = 1},
		.run = wl_migrate,
	},
	{
		.name = "hotplug",
		.help = "vCPUs join a running VM one after another",
		.accepts = BIT(VCPUS) | BIT(ADD) | BIT(HOLD),
		.defaults = {[KCT_WORKLOAD_VCPUS] = 4, [KCT_WORKLOAD_ADD] = 2},
		.run = wl_hotplug,
	},
	{
		.name = "steady",
		.help = "a VM runs idle guests with no reason for an update",
		.accepts = BIT(VCPUS) | BIT(DURATION) | BIT(HOLD),
		.defaults = {[KCT_WORKLOAD_VCPUS] = 4, [KCT_WORKLOAD_DURATION] = 1000000000},
		.run = wl_steady,
	},
	{
		.name = "churn",
		.help = "VMs are made, run and destroyed one after another",
		.accepts = BIT(VCPUS) | BIT(VMS) | BIT(JOBS),
		.defaults = {[KCT_WORKLOAD_VCPUS] = 1,
			     [KCT_WORKLOAD_VMS] = 100,
			     [KCT_WORKLOAD_JOBS] = 1},
		.run = wl_churn,
	},
	{
		.name = "set-clock",
		.help = "the clock of a VM is set while its vCPUs run",
		.accepts = BIT(VCPUS) | BIT(COUNT) | BIT(BURST) | BIT(JUMP) | BIT(CLOCK_GUEST) |
			   BIT(HOLD),
		.defaults = {[KCT_WORKLOAD_VCPUS] = 4,
			     [KCT_WORKLOAD_COUNT] = 10,
			     [KCT_WORKLOAD_BURST] = 1,
			     [KCT_WORKLOAD_JUMP] = 1000000000},
		.run = wl_set_clock,
	},
	{
		.name = "odd-tsc",
		.help = "the last vCPU's TSC is put apart from the others'",
		.accepts = BIT(VCPUS) | BIT(TSC_SPREAD) | BIT(TSC_KHZ) | BIT(ONE_REG) | BIT(HOLD),
		.defaults = {[KCT_WORKLOAD_VCPUS] = 4, [KCT_WORKLOAD_TSC_SPREAD] = 100000000000ULL},
		.run = wl_odd_tsc,
	},
	{
		.name = "descriptor",
		.help = "a vCPU's descriptor becomes another's, and is closed, while it runs",
		.accepts = BIT(HOLD),
		.defaults = {[KCT_WORKLOAD_VCPUS] = 1},
		.run = wl_descriptor,
	},
	{
		.name = "partial-msrs",
		.help = "KVM_GET_MSRS that stops before, and after, it read the TSC",
		.accepts = BIT(HOLD),
		.defaults = {[KCT_WORKLOAD_VCPUS] = 1},
		.run = wl_partial_msrs,
	},
	{
		.name = "storm",
		.help = "benchmark: KVM_SET_CLOCK and KVM_RUN in a loop",
		.accepts = BIT(VCPUS) | BIT(JOBS) | BIT(COUNT) | BIT(HOLD),
		.defaults = {[KCT_WORKLOAD_VCPUS] = 1,
			     [KCT_WORKLOAD_JOBS] = 1,
			     [KCT_WORKLOAD_COUNT] = 10000},
		.run = wl_storm,
	},
	{
		.name = "exits",
		.help = "benchmark: one vCPU that does nothing but I/O exits",
		.accepts = BIT(COUNT) | BIT(HOLD),
		.defaults = {[KCT_WORKLOAD_VCPUS] = 1, [KCT_WORKLOAD_COUNT] = 1000000},
		.run = wl_exits,
	},
};

const struct kct_scenario *kct_scenario_at(unsigned int index)
{
	return index < sizeof(scenarios) / sizeof(scenarios[0]) ? &scenarios[index] : NULL;
}

const struct kct_scenario *kct_scenario_find(const char *name)
{
	const struct kct_scenario *scenario;

	for (unsigned int i = 0; (scenario = kct_scenario_at(i)); i++) {
		if (!strcmp(name, scenario->name))
			return scenario;
	}
	return NULL;
}
