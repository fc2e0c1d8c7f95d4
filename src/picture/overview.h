/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What each VM and vCPU of a recording did over time, in a memory and a file of a bounded size:
 * what happened to one of them within a stretch of time is one cell. The stretches are 1 ns long,
 * so that nothing is put together; where that makes too many cells they get twice as long, and
 * again.
 */
#ifndef KCT_PICTURE_OVERVIEW_H
#define KCT_PICTURE_OVERVIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "kvmclock/event.h"
#include "model/model.h"
#include "model/run.h"

#define KCT_MAX_CELLS 30000

struct kct_cell {
	bool used;
	uint32_t vm, vcpu; /* KCT_NO_VCPU: of no vCPU, or of all where vCPUs are put together */
	int64_t stretch;   /* which one, from the start of the recording */
	uint64_t updates, unnecessary, requests, pvtis, tsc_writes, set_clocks;
	int64_t max_forward, max_backward; /* jumps that nobody asked for, ns */
	uint32_t active;		   /* the masterclock at the end: enum kct_known */
};

struct kct_overview {
	struct kct_cell *cells; /* a hash table */
	size_t nr_cells;
	unsigned int doublings; /* a stretch is 2^doublings ns */
	bool vcpus_together;	/* the cells of a VM's vCPUs are the VM's */
	uint64_t not_drawn;	/* events for which there was no room all the same */
	uint64_t started_ns, last_ns;
	void *spans;	/* tree of the VMs: when they were seen first, and no more */
	size_t no_span; /* VMs of which that is not known, as there was no memory */
};

/* 0 or -ENOMEM; either way it is to be cleared. */
int kct_overview_init(struct kct_overview *overview);
/* Take an event in; `header` is that of its recording. */
void kct_overview_event(struct kct_overview *overview, const struct kct_header *header,
			const union kct_any_event *event);
/* One object. `ended_ns` is 0 if the recording does not tell. */
void kct_overview_write(FILE *out, const struct kct_overview *overview, uint64_t ended_ns);
void kct_overview_clear(struct kct_overview *overview);

#endif
