/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who: from the running task to the ioctl in progress, and to the VM and vCPU that it is about.
 *
 * The KVM tracepoints say little more than a vCPU's id. But what they report is done in an ioctl
 * of the VMM, whose registers the kernel keeps: they hold the fd, the fd leads to the file, and
 * the file of a VM or vCPU to its struct. So no hook on the ioctl's way is needed.
 */
#ifndef KCT_WHO_BPF_H
#define KCT_WHO_BPF_H

#include "kernel.bpf.h"

#define IOCTL_NR	16 /* __NR_ioctl of x86-64 */
#define IOCTL_NR_COMPAT 54 /* the same of i386 */
#define TS_COMPAT	2
#define PF_KTHREAD	0x00200000

/* The low 16 bits of an ioctl command: 0xae and the number; the size may differ by ABI. */
enum kvm_ioctl {
	IOCTL_CREATE_VM = 0xae01,
	IOCTL_CREATE_VCPU = 0xae41,
	IOCTL_SET_CLOCK = 0xae7b,
	IOCTL_GET_CLOCK = 0xae7c,
	IOCTL_RUN = 0xae80,
	IOCTL_GET_MSRS = 0xae88,
	IOCTL_SET_MSRS = 0xae89,
	IOCTL_GET_ONE_REG = 0xaeab,
	IOCTL_SET_ONE_REG = 0xaeac,
	IOCTL_KVMCLOCK_CTRL = 0xaead,
	/* Of a vCPU, though the clock is the VM's: "Cleaning up the KVM clock mess", not merged. */
	IOCTL_SET_CLOCK_GUEST = 0xaed6,
	IOCTL_GET_CLOCK_GUEST = 0xaed7,
	IOCTL_SET_DEVICE_ATTR = 0xaee1,
	IOCTL_GET_DEVICE_ATTR = 0xaee2,
};

struct ioctl {
	__u32 fd, command;
	__u64 argument;
};

struct who {
	struct kvm *kvm;
	struct kvm_vcpu *vcpu;
	__u32 ioctl; /* 0: none of KVM's is in progress */
	__u32 kthread;
	__u64 argument;
};

enum kvm_file { NO_KVM_FILE, KVM_VM_FILE, KVM_VCPU_FILE };

/* What kind of file it is, from the name that only kernel code gives to an anonymous inode. */
static __always_inline enum kvm_file kind_by_name(struct file *file)
{
	const unsigned char *text;
	char name[8] = {};

	if (BPF_CORE_READ(file, f_inode, i_sb, s_magic) != ANON_INODE_FS_MAGIC)
		return NO_KVM_FILE;
	text = BPF_CORE_READ(file, f_path.dentry, d_name.name);
	if (bpf_probe_read_kernel(name, sizeof(name), text))
		return NO_KVM_FILE;
	if (name[0] != 'k' || name[1] != 'v' || name[2] != 'm' || name[3] != '-' || name[4] != 'v')
		return NO_KVM_FILE;
	if (name[5] == 'm' && name[6] == '\0')
		return KVM_VM_FILE;
	if (name[5] != 'c' || name[6] != 'p' || name[7] != 'u')
		return NO_KVM_FILE;
	/* "kvm-vcpu:N"; the statistics file is "kvm-vcpu-stats:N" */
	if (bpf_probe_read_kernel(name, 1, text + 8) || name[0] != ':')
		return NO_KVM_FILE;
	return KVM_VCPU_FILE;
}

/*
 * All files of VMs have the same operations, and so have all of vCPUs: they are learned from the
 * first of each that is told by its name. While we are attached to KVM it stays where it is.
 */
__u64 vm_operations = 0, vcpu_operations = 0;

static __always_inline enum kvm_file kvm_file_kind(struct file *file, __u64 operations)
{
	enum kvm_file kind;

	if (!operations)
		return NO_KVM_FILE;
	if (operations == vm_operations)
		return KVM_VM_FILE;
	if (operations == vcpu_operations)
		return KVM_VCPU_FILE;
	kind = kind_by_name(file);
	if (kind == KVM_VM_FILE)
		vm_operations = operations;
	else if (kind == KVM_VCPU_FILE)
		vcpu_operations = operations;
	return kind;
}

static __always_inline void who_of_file(struct who *who, struct file *file)
{
	__u64 copy[4];
	struct kvm_vcpu *vcpu;
	void *private_data;

	READ_FROM(copy, file, f_op);
	private_data = FIELD_IN(copy, file, f_op, private_data);
	switch (kvm_file_kind(file, (__u64)FIELD_IN(copy, file, f_op, f_op))) {
	case KVM_VM_FILE:
		who->kvm = private_data;
		break;
	case KVM_VCPU_FILE:
		vcpu = private_data;
		who->vcpu = vcpu;
		who->kvm = READ(vcpu, kvm);
		break;
	case NO_KVM_FILE:
		break;
	}
}

/* The file of a descriptor, as files_lookup_fd_raw() finds it. */
static __always_inline struct file *file_of_fd(struct files_struct *files, __u32 fd)
{
	struct fdtable *fdt = files->fdt;

	return fd < fdt->max_fds ? read_pointer(&fdt->fd[fd]) : NULL;
}

/* Where a system call keeps the arguments of ioctl(); false if it is another one. */
static __always_inline bool ioctl_in_progress(struct task_struct *task, struct ioctl *ioctl)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

	if (task->thread_info.status & TS_COMPAT) {
		ioctl->fd = regs->bx;
		ioctl->command = regs->cx;
		ioctl->argument = (__u32)regs->dx;
		return regs->orig_ax == IOCTL_NR_COMPAT;
	}
	ioctl->fd = regs->di;
	ioctl->command = regs->si;
	ioctl->argument = regs->dx;
	return regs->orig_ax == IOCTL_NR;
}

/*
 * Is it this thread that is in the vCPU's KVM_RUN? While that goes on, another thread may close the
 * descriptor, and the number may become another vCPU's.
 */
static __always_inline bool runs(struct task_struct *task, struct kvm_vcpu *vcpu)
{
	return vcpu && READ(vcpu, pid) == READ(task, thread_pid);
}

/*
 * Fill `who` from the running task; fields that cannot be told stay 0. A global function, so that
 * the verifier goes through it once, and not once with all that may follow for each of its ends.
 */
__noinline int who_is_running(struct who *who)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct files_struct *files = task->files;
	struct ioctl ioctl;
	struct file *file;

	/*
	 * Here, where one way leads to it: each time that the verifier comes to a pointer that is
	 * read from the task, it looks through all types of the kernel to learn how far to trust
	 * it, four times (6.18: btf_nested_type_is_trusted()).
	 */
	barrier_var(files);
	if (!who)
		return 0;
	__builtin_memset(who, 0, sizeof(*who));
	if (task->flags & PF_KTHREAD) {
		who->kthread = 1;
		return 0;
	}
	if (!ioctl_in_progress(task, &ioctl) || (ioctl.command & 0xff00) != 0xae00)
		return 0;
	who->ioctl = ioctl.command & 0xffff;
	who->argument = ioctl.argument;
	file = file_of_fd(files, ioctl.fd);
	if (file)
		who_of_file(who, file);
	if (who->ioctl == IOCTL_RUN && !runs(task, who->vcpu))
		who->kvm = NULL, who->vcpu = NULL;
	return 0;
}

#endif
