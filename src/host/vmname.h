/* SPDX-License-Identifier: GPL-2.0 */
/* A VM's name as its owner knows it, from all that this host has about the process that runs it. */
#ifndef KCT_HOST_VMNAME_H
#define KCT_HOST_VMNAME_H

#include <stddef.h>
#include <sys/types.h>

#include "model/name.h"

/*
 * Fill from a command line of `size` bytes, as /proc/PID/cmdline has it: the arguments, each ended
 * by a NUL (the last may lack it). `comm` may be NULL. Pure, no I/O.
 *
 * With no command line the answer rests on comm alone. It may be that of a vCPU thread, such as
 * "CPU 0/KVM", "fc_vcpu 0" or "vcpu0": these still tell the VMM, but name no VM, so `name` repeats
 * `vmm`.
 */
void kct_vm_name_from_cmdline(struct kct_vm_name *out, const char *cmdline, size_t size,
			      const char *comm);

/*
 * The same for a running process, and from what else there is: the program that it really runs, its
 * cgroup, its root, libvirt's record of it, the user's table. At most 256 KiB of its command line
 * are read. A process that is gone (or may not be read) is named after comm.
 */
void kct_vm_name_of_pid(struct kct_vm_name *out, pid_t pid, const char *comm);

/* The same, with the directory `root` in the place of /. */
void kct_vm_name_under(struct kct_vm_name *out, const char *root, pid_t pid, const char *comm);

#endif
