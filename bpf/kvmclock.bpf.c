// SPDX-License-Identifier: GPL-2.0
/*
 * All that runs in the kernel, as one object: which of its programs are loaded, src/attach/ finds
 * out by trying. A hook finds out who it is about, and calls its observer.
 */
#include "census.bpf.h"
#include "clock.bpf.h"
#include "ioctls.bpf.h"
#include "requests.bpf.h"
#include "tracepoints.bpf.h"

char LICENSE[] SEC("license") = "GPL";

SEC("iter/task_file")
int census(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct who who = {};
	struct kvm *kvm;

	if (!task || !file)
		return 0;
	who_of_file(&who, file);
	kvm = who.kvm;
	if (!kvm)
		return 0;
	count_in(ctx->meta->seq, task, kvm, who.vcpu);
	/* Somebody else who holds the file can do nothing with it: kvm_vm_ioctl() refuses him. */
	if (!census_seeds || BPF_CORE_READ(kvm, mm) != BPF_CORE_READ(task, mm))
		return 0;
	if (who.vcpu)
		seed_vcpu(kvm, who.vcpu, task);
	else
		seed_vm(kvm, task);
	return 0;
}
