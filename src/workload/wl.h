/* SPDX-License-Identifier: GPL-2.0 */
/* A workload in progress, as its scenarios see it. */
#ifndef KCT_WORKLOAD_WL_H
#define KCT_WORKLOAD_WL_H

#include <jansson.h>
#include <pthread.h>

#include "workload/kvm.h"
#include "workload/workload.h"

struct wl_vm;

struct wl {
	const struct kct_workload *workload;
	struct wl_kvm kvm;
	int stop_fd; /* readable once SIGINT or SIGTERM came; -1 if they keep their effect */

	/* The VMs that live to the end, in the order of the report; owned. */
	struct wl_vm **vms;
	unsigned int nr_vms;

	/* VMs that are gone, or too many to tell apart: finished objects for the report. */
	json_t *summaries;
	/* What a benchmark measured, NULL otherwise. */
	json_t *result;

	pthread_mutex_t lock; /* of threads, which jobs add themselves to */
	json_t *threads;
};

/* The value of an option, by the end of its name. */
#define WL_OPTION(wl, option) ((wl)->workload->values[KCT_WORKLOAD_##option])

/*
 * Make place for count VMs and make them with wl_vm_new() (no ioctl yet): VM i gets the role
 * roles[i % nr_roles].
 */
void wl_make_vms(struct wl *wl, const char *const *roles, unsigned int nr_roles, unsigned int count,
		 unsigned int max_vcpus);

/* The scenarios. Each returns 0, or a KCT_EXIT_ status after having said why. */
int wl_migrate(struct wl *wl);
int wl_migrate_documented(struct wl *wl);
int wl_save_restore(struct wl *wl);
int wl_hotplug(struct wl *wl);
int wl_tsc_race(struct wl *wl);
int wl_guest_tsc(struct wl *wl);
int wl_clocksource(struct wl *wl);
int wl_steady(struct wl *wl);
int wl_churn(struct wl *wl);
int wl_set_clock(struct wl *wl);
int wl_odd_tsc(struct wl *wl);
int wl_descriptor(struct wl *wl);
int wl_partial_msrs(struct wl *wl);
int wl_storm(struct wl *wl);
int wl_exits(struct wl *wl);

#endif
