/* SPDX-License-Identifier: GPL-2.0 */
/* Reading the task-file iterator of bpf/census.bpf.h. */
#ifndef KCT_ATTACH_CENSUS_H
#define KCT_ATTACH_CENSUS_H

#include <bpf/libbpf.h>

#include "kvmclock/state.h"

typedef void (*kct_census_visit)(void *context, const struct kct_census_entry *entry);

/*
 * Run the loaded iterator program over all tasks. `visit`, if there is one, gets an entry for each
 * descriptor of a VM or vCPU, in whichever process it is. 0 or -errno.
 */
int kct_census_read(struct bpf_program *program, kct_census_visit visit, void *context);

/* The same, but each VM and vCPU is visited once, in the order of their keys. */
int kct_census_read_once(struct bpf_program *program, kct_census_visit visit, void *context);

#endif
