/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel types that we read, by hand and no more than we use: libbpf relocates each field
 * to where the running kernel has it. A flavour (after three underscores) is the same type in
 * another kernel; the comment names the commit that changed it.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#include <linux/types.h>
#include <stdbool.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di;
	unsigned long orig_ax, ip, cs, flags, sp, ss;
};

struct super_block {
	unsigned long s_magic;
};

struct inode {
	struct super_block *i_sb;
	unsigned long i_ino;
};

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct qstr d_name;
	struct inode *d_inode;
};

struct path {
	struct dentry *dentry;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
	const struct file_operations *f_op;
	void *private_data;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct task_struct;

struct mm_struct {
	struct task_struct *owner; /* with CONFIG_MEMCG */
};

struct pid_namespace;

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

struct thread_info {
	__u32 status; /* TS_COMPAT: a 32-bit system call is in progress */
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int flags;
	struct mm_struct *mm;
	int pid;
	int tgid;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct files_struct *files;
	char comm[16];
};

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	atomic_t refs;
} refcount_t;

struct list_head {
	struct list_head *next, *prev;
};

struct xarray {
	void *xa_head;
};

struct xa_node {
	unsigned char shift;
	void *slots[64];
};

struct pvclock_vcpu_time_info {
	__u32 version;
	__u32 pad0;
	__u64 tsc_timestamp;
	__u64 system_time;
	__u32 tsc_to_system_mul;
	__s8 tsc_shift;
	__u8 flags;
	__u8 pad[2];
};

struct gfn_to_pfn_cache {
	void *khva;
	bool active;
	bool valid;
};

struct kvm_arch {
	bool use_master_clock;
	__u64 master_kernel_ns;
	__u64 master_cycle_now;
	__s64 kvmclock_offset;
	__u64 cur_tsc_generation;
	int nr_vcpus_matched_tsc;
	bool backwards_tsc_observed;
	bool boot_vcpu_runs_old_kvmclock;
};

/* "Cleaning up the KVM clock mess", not merged */
struct kvm_arch___matched_freq {
	bool all_vcpus_matched_freq;
};

struct kvm {
	struct mm_struct *mm;
	struct xarray vcpu_array;
	atomic_t online_vcpus;
	struct list_head vm_list;
	struct kvm_arch arch;
	refcount_t users_count;
	struct dentry *debugfs_dentry;
	int userspace_pid;
};

/* Up to 5.16; c5b077549136 ("KVM: Convert the kvm->vcpus array to a xarray") */
struct kvm___vcpus_array {
	struct kvm_vcpu *vcpus[1];
};

struct kvm_vcpu_arch {
	__u64 l1_tsc_offset;
	__u64 this_tsc_nsec;
	__u64 this_tsc_generation;
	__u32 virtual_tsc_khz;
	struct gfn_to_pfn_cache pv_time;
};

/* Where KVM has guests whose TSC it cannot write: TDX, and SNP with its Secure TSC */
struct kvm_vcpu_arch___protected {
	bool guest_tsc_protected;
};

/* Up to 6.14, where the PVTI was kept; since then it lives on the stack of its maker. */
struct kvm_vcpu_arch___hv_clock {
	struct pvclock_vcpu_time_info hv_clock;
};

/* Up to 5.17, before pv_time was a gfn_to_pfn_cache (916d3608df82) */
struct kvm_vcpu_arch___pv_time_enabled {
	bool pv_time_enabled;
};

struct kvm_vcpu {
	struct kvm *kvm;
	int vcpu_id;
	__u64 requests;
	struct pid *pid; /* of the thread that is, or was last, in KVM_RUN */
	struct kvm_vcpu_arch arch;
};

/* What perf makes of two tracepoints: the record that a program is given. */
struct trace_event_raw_kvm_pvclock_update {
	unsigned int vcpu_id;
	__u32 version;
	__u64 tsc_timestamp;
	__u64 system_time;
	__u32 tsc_to_system_mul;
	__s8 tsc_shift;
	__u8 flags;
};

struct trace_event_raw_kvm_write_tsc_offset {
	unsigned int vcpu_id;
	__u64 previous_tsc_offset;
	__u64 next_tsc_offset;
};

/* Not one byte long, and its array of bytes has no end that the verifier would know. */
struct cacheline_padding {
	char x[0];
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};

#pragma clang attribute pop

#endif
