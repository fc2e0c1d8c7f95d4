/* SPDX-License-Identifier: GPL-2.0 */
/* What kind of host this is. */
#ifndef KCT_HOST_HOST_H
#define KCT_HOST_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include "model/run.h"

/* A clock (CLOCK_BOOTTIME, ...) in ns. */
uint64_t kct_clock_ns(int clock);

/*
 * The kvmclock base, ns, as get_kvmclock_base_ns() has it: the raw clock, and the time that the
 * host was suspended. A masterclock's master_kernel_ns is a time of it.
 */
uint64_t kct_kvmclock_base_ns(void);

/* What the clocks say now. */
void kct_host_anchor(struct kct_anchor *anchor);

/* Fill the host's part of a header, and its start with the anchor to the wall clock. */
void kct_host_describe(struct kct_header *header);

/* The first line of a small file, without its end; "" if it cannot be read. */
void kct_read_line(const char *path, char *text, size_t size);

/*
 * Do the process ids that the kernel reports name our processes? Not in a PID namespace of our
 * own, as in a container: a name read from /proc there could be another process's.
 */
bool kct_host_pids_are_ours(void);

/*
 * Which lockdown mode the kernel is in: "none", "integrity", "confidentiality"; "unknown" where
 * securityfs is not mounted.
 */
void kct_host_lockdown(char *text, size_t size);

/* Give up every capability but CAP_BPF and CAP_PERFMON, for ourselves and for good. */
void kct_host_drop_capabilities(void);

/* "" or a comma-separated list of those of CAP_BPF and CAP_PERFMON that we lack. */
void kct_host_missing_capabilities(char *text, size_t size);

#endif
