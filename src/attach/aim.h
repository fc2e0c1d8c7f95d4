/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where the programs go that attach by BTF: tp_btf, fentry, fexit and iter. Left to itself, libbpf
 * reads all of the kernel's BTF once more to find that out.
 */
#ifndef KCT_ATTACH_AIM_H
#define KCT_ATTACH_AIM_H

#include <bpf/libbpf.h>

#include "attach/evidence.h"
#include "attach/types.h"

#define KCT_NR_AIMED_SECTIONS 4

struct kct_aim {
	const struct bpf_program *program;
	__u32 id;   /* of what it goes to, in the BTF of the kernel or a module */
	int module; /* descriptor of that one's BTF; 0: the kernel's own */
};

struct kct_aims {
	struct kct_aim aims[KCT_MAX_EVIDENCE * KCT_MAX_PROGRAMS];
	size_t count;
	int handlers[KCT_NR_AIMED_SECTIONS];
};

/*
 * What is between is what libbpf takes the aims of: an object that is opened, and loaded, with
 * every program of those kinds aimed or not loaded at all. 0 or -errno.
 */
int kct_aims_begin(struct kct_aims *aims);
void kct_aims_end(struct kct_aims *aims);

/* Before it is loaded; for its attach type `types` has to have the target. 0 or -errno. */
int kct_aim(struct kct_aims *aims, const struct bpf_program *program, const struct kct_types *types,
	    const char *target);

#endif
