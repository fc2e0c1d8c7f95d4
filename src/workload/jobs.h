/* SPDX-License-Identifier: GPL-2.0 */
/* Doing the same several times at once. */
#ifndef KCT_WORKLOAD_JOBS_H
#define KCT_WORKLOAD_JOBS_H

#include "workload/wl.h"

/* Job number index; returns 0 or a KCT_EXIT_ status, after having said why. */
typedef int (*wl_job_fn)(struct wl *wl, unsigned int index, void *context);

/*
 * Do jobs 0 to count - 1 at the same time, job 0 in the caller's thread, and wait for all. Every
 * thread enters itself into wl->threads. Returns the first status that is not 0, in the order of
 * the numbers.
 */
int wl_jobs(struct wl *wl, unsigned int count, wl_job_fn job, void *context);

/* How many of count things job index of jobs has to do: as even as can be. */
uint64_t wl_share(uint64_t count, unsigned int jobs, unsigned int index);

#endif
