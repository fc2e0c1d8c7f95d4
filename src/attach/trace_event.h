/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trace events: what perf makes of a tracepoint. A program on one runs with preemption off, on
 * every kernel, which a program on the tracepoint itself does not since 7.0.
 */
#ifndef KCT_ATTACH_TRACE_EVENT_H
#define KCT_ATTACH_TRACE_EVENT_H

/*
 * A descriptor of a perf event of KVM's tracepoint of that name, for a program to be attached to;
 * or -errno. As long as it is open the tracepoint calls perf.
 */
int kct_trace_event_open(const char *tracepoint);

#endif
