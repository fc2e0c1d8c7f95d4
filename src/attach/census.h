/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which VMs there are. The files of all tasks in our PID namespace lead to some; from any of them,
 * or by the kernel's symbol table, KVM's own list leads to all: those of other namespaces, those
 * whose VM descriptor is closed, and those whose descriptors are on their way through a socket.
 *
 * Functions that return int give 0 or -errno.
 */
#ifndef KCT_ATTACH_CENSUS_H
#define KCT_ATTACH_CENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kvmclock/state.h"

struct kvmclock_bpf;

struct kct_census {
	struct kvmclock_bpf *bpf; /* loaded; not ours */
	uint64_t head;		  /* of KVM's list; 0 while no way to it is known */
	bool symbol_sought;
	/* Of VMs, sorted by their address: the first file of each, if possible its owner's. */
	struct kct_found_file *files;
	size_t nr_files, files_room;
	uint64_t *vms; /* addresses of those found, oldest first where the list tells */
	size_t nr_vms, vms_room;
};

/* Have the programs loaded that a census needs; with `traces` those for a session. */
void kct_census_choose(struct kvmclock_bpf *bpf, bool traces);

/* Begin, with the programs loaded. The caller clears. */
int kct_census_begin(struct kct_census *census, struct kvmclock_bpf *bpf);
void kct_census_clear(struct kct_census *census);

/* Let the programs count and deliver from now on. */
int kct_census_arm(struct kct_census *census);

/* Find the VMs that there are now. */
int kct_census_find(struct kct_census *census);
/* May there be VMs in other PID namespaces that it does not find? */
bool kct_census_is_partial(const struct kct_census *census);

/* Give each that was found, and its vCPUs, their places in the maps, and announce them if armed. */
int kct_census_seed(struct kct_census *census);

/* Called once for a VM and its first vCPUs, and again for each KCT_VISIT_VCPUS more. */
typedef void (*kct_census_visit)(void *context, const struct kct_visit *visit);
int kct_census_visit_each(struct kct_census *census, kct_census_visit visit, void *context);

/* Which of these VMs live? Sets `lives` of each; there are at most KCT_QUESTIONS. */
int kct_census_who_lives(struct kvmclock_bpf *bpf, struct kct_question *questions, size_t count);

#endif
