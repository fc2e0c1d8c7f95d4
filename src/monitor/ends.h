/* SPDX-License-Identifier: GPL-2.0 */
/* What a recording that begins and ends in the middle of things has at its ends. */
#ifndef KCT_MONITOR_ENDS_H
#define KCT_MONITOR_ENDS_H

#include "model/run.h"

/* The clocks as they were, or will be, at a CLOCK_BOOTTIME near now. */
void kct_anchor_at(struct kct_anchor *anchor, uint64_t boot_ns);

#endif
