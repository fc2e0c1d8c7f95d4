/* SPDX-License-Identifier: GPL-2.0 */
/* What a workload tells at its end: one JSON object, of which the human text is a view. */
#ifndef KCT_WORKLOAD_REPORT_H
#define KCT_WORKLOAD_REPORT_H

#include <jansson.h>

#include "workload/vm.h"
#include "workload/wl.h"

/* Add the ioctls of a VM and of its idle vCPUs to counts. */
void wl_report_count(const struct wl_vm *vm, struct wl_counts *counts);

/* The object for VMs that are gone: a new reference, the caller's. */
json_t *wl_report_summary(const char *role, unsigned int job, uint64_t vms, unsigned int vcpus,
			  const struct wl_counts *counts);

/* All of the report: a new reference, the caller's. For when no job and no vCPU runs. */
json_t *wl_report(struct wl *wl);

/*
 * Print it on stdout, as JSON on one line or as text, and flush. Returns 0, or KCT_EXIT_FAILED
 * after having said why, if it could not be written.
 */
int wl_report_print(const json_t *report, bool as_json);

#endif
