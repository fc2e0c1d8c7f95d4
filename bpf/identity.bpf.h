/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which VM is it: does it live, what tells it from another one at the same address, and by which
 * number its process goes where the tool runs.
 */
#ifndef KCT_IDENTITY_BPF_H
#define KCT_IDENTITY_BPF_H

#include "kernel.bpf.h"

/* ---- KVM's list of VMs ---- */

/* __START_KERNEL_map: from here on are the kernel's and its modules' own code and data. */
#define KERNEL_IMAGE 0xffffffff80000000UL
/* A neighbour that goes away during one look is another one at the next. */
#define MAX_LOOKS 8

enum { NOT_LINKED, NOT_SEEN };

/*
 * The node after `node` in KVM's list of VMs, while others change it: in a list, the next node
 * points back. NOT_LINKED if `node` is in no list: list_del() leaves no valid address in a node,
 * and freed memory cannot be read, or holds something else. NOT_SEEN if the next one was another
 * one each time. Plain numbers, as a global function takes no kernel pointers.
 */
__noinline __u64 next_node(__u64 node)
{
	__u64 next, back;
	int look;

	for (look = 0; look < MAX_LOOKS; look++) {
		if (bpf_probe_read_kernel(&next, sizeof(next), (void *)node) ||
		    !is_kernel_pointer((void *)next))
			return NOT_LINKED;
		if (!bpf_probe_read_kernel(&back, sizeof(back), (void *)(next + sizeof(next))) &&
		    back == node)
			return next;
	}
	return NOT_SEEN;
}

static __always_inline __u64 node_of_vm(__u64 kvm)
{
	return kvm + bpf_core_field_offset(struct kvm, vm_list);
}

static __always_inline __u64 vm_of_node(__u64 node)
{
	return node - bpf_core_field_offset(struct kvm, vm_list);
}

/* The list's head is a node too. It is the kernel's or a module's data; a VM is allocated. */
static __always_inline bool is_head(__u64 node)
{
	return node >= KERNEL_IMAGE;
}

/* Is it a VM that is neither still being made nor being destroyed already? */
__noinline int is_whole(__u64 address)
{
	struct kvm *kvm = (struct kvm *)address;

	return READ(kvm, userspace_pid) && READ(kvm, users_count.refs.counter) &&
	       is_kernel_pointer(READ(kvm, mm));
}

/*
 * Is there a VM at this address? It is in the list from before its descriptor can be used until
 * after the last reference to it is gone. What was not seen counts as being there; freed memory,
 * whose next owner may have any address in that place, is told by the rest.
 */
static __always_inline bool is_alive(__u64 kvm)
{
	__u64 node = node_of_vm(kvm), next = next_node(node);

	return next != NOT_LINKED && next != node && is_whole(kvm);
}

/* ---- tokens ---- */

/*
 * The inode number of its debugfs directory, which kvm_create_vm_debugfs() makes for each VM. 0
 * where it has none: without debugfs, and when another VM has the directory of that name (the
 * maker's id and the descriptor's number, which can be used again when it has been closed).
 */
static __always_inline __u64 debugfs_inode(struct kvm *kvm)
{
	struct dentry *dentry = READ(kvm, debugfs_dentry);
	struct inode *inode;

	if (!is_kernel_pointer(dentry))
		return 0;
	inode = READ(dentry, d_inode);
	return READ(inode, i_ino);
}

/* Of VMs without such a directory we count the generations at each address. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u64);
} generations SEC(".maps");

__u64 last_generation = 0;

/* A number that this VM shares with none that had, or will have, its address; 0: it has none yet.
 */
static __always_inline __u64 vm_token(struct kvm *kvm)
{
	__u64 address = (__u64)kvm, inode = debugfs_inode(kvm), *generation;

	if (inode)
		return inode;
	generation = bpf_map_lookup_elem(&generations, &address);
	return generation && !(*generation & KCT_GENERATION_OVER) ? *generation : 0;
}

/* Begin a generation at this address; what it is then, or 0 if there is no room. */
static __always_inline __u64 new_generation(__u64 address)
{
	__u64 next = (__sync_fetch_and_add(&last_generation, 1) + 1) | KCT_GENERATION;
	__u64 *generation, before;

	/* Of two vCPUs that come at once, one has begun it. */
	bpf_map_update_elem(&generations, &address, &next, BPF_NOEXIST);
	generation = bpf_map_lookup_elem(&generations, &address);
	if (!generation)
		return 0;
	before = *generation;
	if (before & KCT_GENERATION_OVER)
		__sync_val_compare_and_swap(generation, before, next);
	return *generation;
}

static long end_generation(void *map, __u64 *address, __u64 *generation, void *unused)
{
	__u64 before = *generation;

	if (!(before & KCT_GENERATION_OVER) && !is_alive(*address))
		__sync_val_compare_and_swap(generation, before, before | KCT_GENERATION_OVER);
	return 0;
}

/*
 * A VM is being made, and we are not told where: at an address whose VM has died. The new one is
 * not in the list yet, so that here, and only here, the old one is known to be gone. Compared and
 * swapped, as meanwhile the next generation may have begun.
 */
static __always_inline void end_generations(void)
{
	if (last_generation)
		bpf_for_each_map_elem(&generations, end_generation, NULL, 0);
}

/* ---- processes ---- */

/* The PID namespace that the tool runs in: how many levels below the host's, and its address. */
__u32 own_pid_level = 0;
__u64 own_pid_namespace = 0;

/*
 * The number of a process (its first thread) as the tool's PID namespace has it; KCT_NO_NUMBER if
 * it is not in it, or has ended.
 */
static __always_inline __u32 process_number(struct task_struct *leader)
{
	struct upid *upid;
	struct pid *pid;

	if (!own_pid_level)
		return READ(leader, tgid);
	pid = READ(leader, thread_pid);
	if (!pid || READ(pid, level) < own_pid_level)
		return KCT_NO_NUMBER;
	upid = (void *)pid + bpf_core_field_offset(pid->numbers) +
	       own_pid_level * bpf_core_type_size(struct upid);
	if ((__u64)READ(upid, ns) != own_pid_namespace)
		return KCT_NO_NUMBER;
	return READ(upid, nr);
}

#endif
