/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The built-in workload: a small VMM on the raw KVM ioctls that makes the kernel update its
 * masterclock in known ways, and that reports what it did and what its guests' memory then held.
 */
#ifndef KCT_WORKLOAD_WORKLOAD_H
#define KCT_WORKLOAD_WORKLOAD_H

#include <stdbool.h>
#include <stdint.h>

/* What can be chosen. Every value is kept as a number: a count, nanoseconds, or 0 and 1. */
enum kct_workload_option {
	KCT_WORKLOAD_VCPUS,
	KCT_WORKLOAD_VMS,
	KCT_WORKLOAD_JOBS,
	KCT_WORKLOAD_ADD,
	KCT_WORKLOAD_COUNT,
	KCT_WORKLOAD_DURATION,
	KCT_WORKLOAD_DOWNTIME,
	KCT_WORKLOAD_SKEW_SAVE,
	KCT_WORKLOAD_SKEW_RESTORE,
	KCT_WORKLOAD_REALTIME,
	KCT_WORKLOAD_TSC_OFFSET,
	KCT_WORKLOAD_TSC_SPREAD,
	KCT_WORKLOAD_TSC_KHZ,
	KCT_WORKLOAD_CLOCK_FIRST,
	KCT_WORKLOAD_CLOCK_GUEST,
	KCT_WORKLOAD_ONE_REG,
	KCT_WORKLOAD_OLD_MSR,
	KCT_WORKLOAD_JUMP,
	KCT_WORKLOAD_BURST,
	KCT_WORKLOAD_CHANGE_CLOCKSOURCE,
	KCT_WORKLOAD_HOLD,
	KCT_WORKLOAD_OPTIONS, /* how many there are */
};

enum kct_workload_kind {
	KCT_WORKLOAD_IS_COUNT,	  /* a number from 1 to max */
	KCT_WORKLOAD_IS_DURATION, /* nanoseconds from 0 to max */
	KCT_WORKLOAD_IS_FLAG,	  /* 0 or 1 */
};

/* One option: its long name, the placeholder of its argument, and its line in --help. */
struct kct_workload_option_info {
	const char *name;
	const char *arg; /* NULL for a flag */
	const char *help;
	enum kct_workload_kind kind;
	uint64_t max; /* of a count or duration */
};

extern const struct kct_workload_option_info kct_workload_option_info[KCT_WORKLOAD_OPTIONS];

struct wl;

/* One scenario. All of them live in one constant table. */
struct kct_scenario {
	const char *name;
	const char *help;
	unsigned int accepts; /* bit 1 << enum kct_workload_option for each option it takes */
	uint64_t defaults[KCT_WORKLOAD_OPTIONS];
	int (*run)(struct wl *wl); /* for the workload itself */
};

/* The scenario at this place of the table, NULL past the last; the table owns it. */
const struct kct_scenario *kct_scenario_at(unsigned int index);

/* The scenario of that name, or NULL; the table owns it. */
const struct kct_scenario *kct_scenario_find(const char *name);

/* What to run, and how to tell of it. */
struct kct_workload {
	const struct kct_scenario *scenario;
	uint64_t values[KCT_WORKLOAD_OPTIONS]; /* the defaults already filled in */
	bool json;			       /* one JSON object on stdout, on one line */
};

/*
 * Run the scenario in this process, print its report on stdout, keep the VMs if KCT_WORKLOAD_HOLD
 * says so until stdin ends or SIGINT or SIGTERM comes, and take everything down: no thread, VM
 * or descriptor is left. The report is printed before the hold begins, so that it also tells a
 * waiting reader that the VMs stand. SIGUSR1 is used to get vCPUs out of KVM_RUN.
 *
 * Returns KCT_EXIT_OK; KCT_EXIT_USAGE if it is not allowed to; KCT_EXIT_HOST if this host or kernel
 * cannot do it; KCT_EXIT_FAILED if a step fails. One line on stderr has then said why, and no
 * report is printed.
 */
int kct_workload_run(const struct kct_workload *workload);

#endif
