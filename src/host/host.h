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

/* The clocksource that the host has now; "" if it cannot be read. */
void kct_host_clocksource(char *text, size_t size);

/* The first line of a small file, without its end; "" if it cannot be read. */
void kct_read_line(const char *path, char *text, size_t size);

/* Are we in the host's PID namespace, not in another one, as in a container? */
bool kct_host_is_pid_namespace(void);

/*
 * Does /proc have the numbers that processes have in our PID namespace? One that was mounted
 * outside it has those of there: a name read from it could be another process's.
 */
bool kct_host_proc_is_ours(void);

/* In a PID namespace that is not the host's: what cannot be told there, at best and at worst. */
#define KCT_HOST_NAMELESS                                                                          \
	"in a PID namespace of its own: VMs of processes outside it have no PID here, and the "    \
	"name of their process at most"
#define KCT_HOST_PARTIAL                                                                           \
	"in a PID namespace of its own, and no VM nor the symbol vm_list leads out of it: VMs of " \
	"processes outside it that run already are not seen"

/*
 * Which lockdown mode the kernel is in: "none", "integrity", "confidentiality"; "unknown" where
 * securityfs is not mounted.
 */
void kct_host_lockdown(char *text, size_t size);

/* Give up every capability but CAP_BPF and CAP_PERFMON, for ourselves and for good. */
void kct_host_drop_capabilities(void);

/* KVM is a module, whose types only CAP_SYS_ADMIN may read, and that is missing. */
bool kct_host_hides_module(void);

/* 0: none, 1: strict, 2: a filter. */
int kct_host_seccomp_mode(void);

/* "" or a comma-separated list of those of CAP_BPF and CAP_PERFMON that we lack. */
void kct_host_missing_capabilities(char *text, size_t size);

#endif
