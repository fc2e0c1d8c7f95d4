// SPDX-License-Identifier: GPL-2.0
/* The tables of what there is to choose from. */
#include <stddef.h>
#include <string.h>

#include "workload/guest.h"
#include "workload/wl.h"

#define BIT(option) (1U << KCT_WORKLOAD_##option)

static const struct kct_scenario scenarios[] = {
	{
		.name = "migrate",
		.help = "live migration to a second VM on this host, in QEMU's order",
		.accepts = BIT(VCPUS) | BIT(VMS) | BIT(DOWNTIME) | BIT(SKEW_SAVE) |
			   BIT(SKEW_RESTORE) | BIT(REALTIME) | BIT(TSC_OFFSET) | BIT(TSC_SPREAD) |
			   BIT(CLOCK_FIRST) | BIT(CLOCK_GUEST) | BIT(ONE_REG) | BIT(DURATION) |
			   BIT(ADD) | BIT(BURST) | BIT(HOLD),
		.defaults = {[KCT_WORKLOAD_VCPUS] = 4,
			     [KCT_WORKLOAD_VMS] = 1,
			     [KCT_WORKLOAD_BURST] = 1},
		.run = wl_migrate,
	},
	{
		.name = "migrate-documented",
		.help = "the same by the procedure of the kernel's documentation",
		.accepts = BIT(VCPUS) | BIT(VMS) | BIT(DOWNTIME) | BIT(DURATION) | BIT(HOLD),
		.defaults = {[KCT_WORKLOAD_VCPUS] = 4, [KCT_WORKLOAD_VMS] = 1},
		.run = wl_migrate_documented,
	},
	{
		.name = "save-restore",
		.help = "the VM is saved and ends; then another is made of what was saved",
		.accepts = BIT(VCPUS) | BIT(VMS) | BIT(DOWNTIME) | BIT(SKEW_SAVE) |
			   BIT(SKEW_RESTORE) | BIT(REALTIME) | BIT(TSC_OFFSET) | BIT(TSC_SPREAD) |
			   BIT(CLOCK_FIRST) | BIT(ONE_REG) | BIT(DURATION) | BIT(HOLD),
		.defaults = {[KCT_WORKLOAD_VCPUS] = 4,
			     [KCT_WORKLOAD_VMS] = 1,
			     [KCT_WORKLOAD_BURST] = 1},
		.run = wl_save_restore,
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
		.accepts = BIT(VCPUS) | BIT(DURATION) | BIT(OLD_MSR) | BIT(HOLD),
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
		.name = "tsc-race",
		.help = "the TSCs of all vCPUs are written at once, each by its own thread",
		.accepts = BIT(VCPUS) | BIT(COUNT) | BIT(HOLD),
		.defaults = {[KCT_WORKLOAD_VCPUS] = 4, [KCT_WORKLOAD_COUNT] = 10},
		.run = wl_tsc_race,
	},
	{
		.name = "guest-tsc",
		.help = "the guest writes the TSCs of its vCPUs, one after another",
		.accepts = BIT(VCPUS) | BIT(COUNT) | BIT(HOLD),
		.defaults = {[KCT_WORKLOAD_VCPUS] = 4, [KCT_WORKLOAD_COUNT] = 1},
		.run = wl_guest_tsc,
	},
	{
		.name = "clocksource",
		.help = "the host's clocksource is changed, and put back, while vCPUs run",
		.accepts = BIT(VCPUS) | BIT(CHANGE_CLOCKSOURCE) | BIT(HOLD),
		.defaults = {[KCT_WORKLOAD_VCPUS] = 4},
		.run = wl_clocksource,
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
