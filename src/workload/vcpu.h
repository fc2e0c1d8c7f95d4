/* SPDX-License-Identifier: GPL-2.0 */
/* The parts of a vCPU that only the VM's own code needs; the rest is in workload/vm.h. */
#ifndef KCT_WORKLOAD_VCPU_H
#define KCT_WORKLOAD_VCPU_H

#include "workload/vm.h"

/* Hand a job to its idle thread. */
void wl_vcpu_post(struct wl_vcpu *vcpu, wl_job job, void *arg);

/* Wait until it is idle. Returns what its last job returned. */
int wl_vcpu_wait(struct wl_vcpu *vcpu);

/* Make it leave the running of the guest soon, if that is its job. */
void wl_vcpu_kick(struct wl_vcpu *vcpu);

/* End its thread and close it; the numbers remain. Once more is fine. */
void wl_vcpu_close(struct wl_vcpu *vcpu);

/* Free it, when it is closed. */
void wl_vcpu_free(struct wl_vcpu *vcpu);

#endif
