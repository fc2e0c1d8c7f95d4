/* SPDX-License-Identifier: GPL-2.0 */
/* What a hook on the system-call path costs: measured on this host, before it is relied on. */
#ifndef KCT_ATTACH_COST_H
#define KCT_ATTACH_COST_H

/* ns of one system call that does next to nothing, of this process: the least of some rounds. */
double kct_system_call_ns(void);

#endif
