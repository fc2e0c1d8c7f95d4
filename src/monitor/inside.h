/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of this folder that write metrics share. */
#ifndef KCT_MONITOR_INSIDE_H
#define KCT_MONITOR_INSIDE_H

#include "model/figures.h"
#include "monitor/exposition.h"
#include "monitor/metrics.h"

/*
 * The value of a VM's label `vm`: its UUID, in small letters; or its number where it has none, with
 * the number where another VM has the same, as on a host that migrates to itself. 0 or -ENOMEM.
 */
int kct_label_vm(struct kct_metrics *metrics, uint32_t number, const struct kct_vm_name *name);
void kct_unlabel_vm(struct kct_metrics *metrics, uint32_t number);

void kct_metrics_of_vms(struct kct_exposition *to, struct kct_metrics *metrics,
			const struct kct_metrics_of *of, kct_figures shown);

#endif
