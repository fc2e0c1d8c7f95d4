/* SPDX-License-Identifier: GPL-2.0 */
/* The thread of a vCPU. */
#ifndef KCT_WORKLOAD_VCPU_THREAD_H
#define KCT_WORKLOAD_VCPU_THREAD_H

#include "workload/vm.h"

/* Start it, idle. Returns 0, or KCT_EXIT_FAILED after having said why. */
int wl_vcpu_thread_start(struct wl_vcpu *vcpu);

/* Have it leave what it does, and join it. */
void wl_vcpu_thread_end(struct wl_vcpu *vcpu);

#endif
