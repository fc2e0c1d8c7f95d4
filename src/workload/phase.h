/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Phases that several scenarios have: each does its work and writes it down as a step of the VM.
 * For the VM's controller; int is 0, or a KCT_EXIT_ status after having said why.
 */
#ifndef KCT_WORKLOAD_PHASE_H
#define KCT_WORKLOAD_PHASE_H

#include "workload/vm.h"

/* "create": the VM and its first vCPUs. */
int wl_phase_create(struct wl_vm *vm, unsigned int vcpus, enum wl_loop loop, bool threaded);

/* "read-pvti": what the guest's memory holds now. For a VM that does not run. */
void wl_phase_read_pvti(struct wl_vm *vm);

/* Let time pass, as a step of that name; nothing and no step if ns is 0. */
void wl_phase_pass(struct wl_vm *vm, const char *name, uint64_t ns);

/*
 * Wait until what the running vCPUs had pending is done, and what each of them made the others
 * do as well, and until each has run on a bit.
 */
int wl_phase_settle(struct wl_vm *vm);

/* What a scenario does while the VM runs. */
typedef int wl_phase_body(struct wl_vm *vm, void *context);

/*
 * "run": start all vCPUs; settle; do it, if it is not NULL; stop, whatever came of it. The step
 * holds the PVTIs that were seen.
 */
int wl_phase_run(struct wl_vm *vm, wl_phase_body *body, void *context);

/* Its two ends, for what cannot settle. */
json_t *wl_phase_run_begin(struct wl_vm *vm);
int wl_phase_run_end(struct wl_vm *vm, json_t *step);

#endif
