/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The hooks on functions, in the three files named after what they are about: each one twice, as
 * fentry/fexit and as kprobe/kretprobe, with the same body. They attach where the kernel has the
 * function out of line and lets it be hooked; which of them are loaded is decided in src/attach/.
 * None of these functions is on the way of KVM_RUN, of VM entry or exit, or of a TLB flush.
 *
 * Here: what a kretprobe is not told, the first argument of the call that returns. Kept by thread
 * and function; a call that never returns is pushed out.
 */
#ifndef KCT_CALLS_BPF_H
#define KCT_CALLS_BPF_H

#include "hooks.bpf.h"

enum function { IN_TIME_UPDATE, IN_SYNCHRONIZE, IN_SYSTEM_TIME, IN_XEN };

struct call {
	__u64 thread;
	__u64 function;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct call);
	__type(value, __u64);
} calls SEC(".maps");

static __always_inline void called(enum function function, void *argument)
{
	struct call call = {bpf_get_current_pid_tgid(), function};
	__u64 value = (__u64)argument;

	bpf_map_update_elem(&calls, &call, &value, BPF_ANY);
}

static __always_inline void *returned(enum function function)
{
	struct call call = {bpf_get_current_pid_tgid(), function};
	__u64 *value = bpf_map_lookup_elem(&calls, &call);
	void *argument;

	if (!value)
		return NULL;
	argument = (void *)*value;
	bpf_map_delete_elem(&calls, &call);
	return argument;
}

#endif
