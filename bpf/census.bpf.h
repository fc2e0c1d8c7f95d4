/* SPDX-License-Identifier: GPL-2.0 */
/* The census: which VMs and vCPUs run now, from the open files of every task. */
#ifndef KCT_CENSUS_BPF_H
#define KCT_CENSUS_BPF_H

#include "state.bpf.h"

/* Also give what is found its place in the maps and, once armed, announce it. */
__u32 census_seeds = 0;

static __always_inline void seed_vm(struct kvm *kvm, struct task_struct *task)
{
	struct kct_vm_state *vm = vm_state(kvm, task, NEW_BY_CENSUS);

	/* A tracepoint found the VM first, and could not tell what was before. */
	if (vm && !armed && vm->masterclock.active == KCT_NOT_KNOWN)
		read_masterclock(kvm, &vm->masterclock);
}

static __always_inline void seed_vcpu(struct kvm *kvm, struct kvm_vcpu *vcpu,
				      struct task_struct *task)
{
	vcpu_state(vcpu, vm_state(kvm, task, NEW_BY_CENSUS), NEW_BY_CENSUS);
}

static __always_inline void count_in(struct seq_file *seq, struct task_struct *task,
				     struct kvm *kvm, struct kvm_vcpu *vcpu)
{
	struct kct_census_entry entry = {};

	entry.pid = BPF_CORE_READ(task, tgid);
	entry.owner = BPF_CORE_READ(kvm, mm) == BPF_CORE_READ(task, mm);
	entry.is_vcpu = vcpu != NULL;
	entry.key.address = vcpu ? (__u64)vcpu : (__u64)kvm;
	entry.key.token = vm_token(kvm);
	entry.vm_address = (__u64)kvm;
	if (vcpu) {
		describe_vcpu(&entry.vcpu, vcpu);
	} else {
		describe_vm(&entry.vm, kvm, entry.key.token, BPF_CORE_READ(task, group_leader));
		read_masterclock(kvm, &entry.vm.masterclock);
	}
	bpf_seq_write(seq, &entry, sizeof(entry));
}

#endif
