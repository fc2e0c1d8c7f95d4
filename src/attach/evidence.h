/* SPDX-License-Identifier: GPL-2.0 */
/* What is to be known, and the ways in which a kernel may let us know it, the best one first. */
#ifndef KCT_ATTACH_EVIDENCE_H
#define KCT_ATTACH_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>

enum kct_method {
	KCT_FENTRY,
	KCT_KPROBE,
	KCT_TRACEPOINT,
	KCT_TRACE_EVENT, /* perf's, of a tracepoint: its program is never preempted */
	KCT_SYSCALL,	 /* every system call's return: only on request */
	KCT_ITERATOR,
	KCT_INLINED, /* kprobes on the places that debug information tells */
	KCT_DERIVED, /* nothing is hooked; it follows from other evidence */
	KCT_NR_METHODS,
};

extern const char *const kct_method_names[KCT_NR_METHODS];

#define KCT_MAX_WAYS	 5
#define KCT_MAX_TARGETS	 2
#define KCT_MAX_PROGRAMS 2

struct kct_way {
	enum kct_method method;
	/* Functions or tracepoints, of which the first that is there is hooked. */
	const char *targets[KCT_MAX_TARGETS];
	/* Of bpf/kvmclock.bpf.c, all to be attached to the target; a name with "ret" or "fexit" in
	 * it goes to the function's return. */
	const char *programs[KCT_MAX_PROGRAMS];
	const char *cannot;    /* what this way does not show; NULL */
	bool unless_preempted; /* only where programs on tracepoints are not preempted */
	bool host_only;	       /* not in a PID namespace other than the host's */
};

struct kct_evidence {
	const char *name;
	const char *tells; /* in a sentence for the user */
	bool vital;	   /* without it there is nothing to trace */
	struct kct_way ways[KCT_MAX_WAYS];
	size_t nr_ways;
};

extern const struct kct_evidence kct_evidence[];
extern const size_t kct_nr_evidence;
/* At most so many rows. */
#define KCT_MAX_EVIDENCE 16

#endif
