/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a kernel offers, found by trying it: a program of two instructions is loaded and attached
 * where the real one would be, and removed again. Nothing is inferred from a version.
 */
#ifndef KCT_ATTACH_TRY_H
#define KCT_ATTACH_TRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attach/evidence.h"
#include "attach/kernel_btf.h"

/* As many as there may be. */
#define KCT_MAX_TRIES (KCT_MAX_EVIDENCE * KCT_MAX_WAYS * KCT_MAX_TARGETS)

/* What became of a try: two rows may ask for the same. */
struct kct_tried {
	enum kct_method method;
	const char *target;
	int error;
	char why[160];
};

/* What the tries have in common. */
struct kct_tries {
	const struct kct_kernel_btf *kernel;
	struct kct_tried tried[KCT_MAX_TRIES];
	size_t nr_tried;
	/*
	 * Links to tracepoints, until the end: the kernel makes whoever attaches to any tracepoint
	 * wait for an RCU grace period after something was detached from one.
	 */
	int links[KCT_MAX_TRIES + 1];
	size_t nr_links;
	int preempted; /* what kct_try_preemption() found: -1 not yet */
	/* Ask the symbol table, too, why a function is not there. */
	bool explains;
	int symbols_fd;	  /* of a copy of what it says of KVM, made when first needed; -1 */
	char symbols[32]; /* the copy's path, or the table's */
};

void kct_tries_begin(struct kct_tries *tries, const struct kct_kernel_btf *kernel, bool explains);
void kct_tries_end(struct kct_tries *tries);

/* Try to hook `target`, a constant. 0, or -errno and why not in plain words. */
int kct_try(struct kct_tries *tries, enum kct_method method, const char *target, char *why,
	    size_t why_size);

/* The same of a kprobe within a function. */
int kct_try_place(const struct kct_tries *tries, const char *function, uint64_t offset, char *why,
		  size_t why_size);

/* Does the kernel lack what no way can do without? Then it is older than Linux 5.15. */
bool kct_kernel_is_too_old(void);

/* May a program read kernel memory by plain loads? */
bool kct_kernel_loads_directly(const struct btf *vmlinux);

/* May a program on a tracepoint be preempted? Tried once. */
bool kct_try_preemption(struct kct_tries *tries);

#endif
