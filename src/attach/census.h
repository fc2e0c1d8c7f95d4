/* SPDX-License-Identifier: GPL-2.0 */
/* Reading the task-file iterator of bpf/census.bpf.h. */
#ifndef KCT_ATTACH_CENSUS_H
#define KCT_ATTACH_CENSUS_H

#include <bpf/libbpf.h>

#include "kvmclock/state.h"

/*
 * Run the loaded iterator program once over all tasks; `visit` gets each entry once, although a
 * VM is found through every descriptor of it. 0 or -errno.
 */
int kct_census_read(struct bpf_program *program,
		    void (*visit)(void *context, const struct kct_census_entry *entry),
		    void *context);

#endif
