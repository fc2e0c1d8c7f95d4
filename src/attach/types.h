/* SPDX-License-Identifier: GPL-2.0 */
/* What programs attach to by BTF: functions and tracepoints of KVM, and iterators. */
#ifndef KCT_ATTACH_TYPES_H
#define KCT_ATTACH_TYPES_H

#include <bpf/btf.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>

struct kct_type {
	const char *name; /* the BTF's */
	__u32 kind;
	__u32 id;
	int module; /* descriptor of the BTF of the module that it is in; 0: vmlinux */
};

struct kct_types {
	struct kct_type *types;
	size_t count, room;
	bool failed; /* there was no memory for some */
};

/* Add those of `btf`, from the id `first` on. What there is no memory for is not found later. */
void kct_types_add(struct kct_types *types, const struct btf *btf, __u32 first, int module);
void kct_types_clear(struct kct_types *types);

/* What a program of that attach type goes to: the first one added; NULL if there is none. */
const struct kct_type *kct_types_target(const struct kct_types *types, enum bpf_attach_type type,
					const char *target);

#endif
