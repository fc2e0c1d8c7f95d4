/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The census: which VMs there are now, and which of those that we know are still there.
 *
 * src/attach/ runs these programs itself, each for a small piece, as they cannot be interrupted by
 * another task: what it asks and what it is told is in the variables below.
 */
#ifndef KCT_CENSUS_BPF_H
#define KCT_CENSUS_BPF_H

#include "state.bpf.h"

struct kct_walk walk;
struct kct_visit visit;
struct kct_question questions[KCT_QUESTIONS];
__u32 nr_questions = 0;
__s64 raw_ahead_ns = 0; /* of the monotonic clock, which NTP steers */
/* 1: the struct of a VM leads to its process. */
__u32 tells_process = 0;

/* Where the tool runs. */
SEC("raw_tp")
int look_around(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	struct upid *upid;

	own_pid_level = BPF_CORE_READ(pid, level);
	upid = (void *)pid + bpf_core_field_offset(pid->numbers) +
	       own_pid_level * bpf_core_type_size(struct upid);
	own_pid_namespace = (__u64)BPF_CORE_READ(upid, ns);
	tells_process = bpf_core_field_exists(((struct mm_struct *)0)->owner);
	return 0;
}

/*
 * From now on it counts. A VM's clock counts from when it was made, by the kvmclock base, which is
 * the raw clock plus the time suspended. What that is now is read afterwards: so no VM is taken for
 * a new one whose creation was not counted.
 */
SEC("raw_tp")
int arm(void *ctx)
{
	armed = 1;
	armed_base_ns = bpf_ktime_get_boot_ns() + raw_ahead_ns;
	return 0;
}

/* ---- where VMs are: the files of all tasks, and KVM's list ---- */

/* The tasks are those of the reader's PID namespace. */
SEC("iter/task_file")
int census(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task, *leader;
	struct kct_found_file found = {};
	struct file *file = ctx->file;
	struct who who = {};
	struct kvm *kvm;

	if (!task || !file)
		return 0;
	who_of_file(&who, file);
	kvm = who.kvm;
	if (!kvm)
		return 0;
	leader = BPF_CORE_READ(task, group_leader);
	found.kvm = (__u64)kvm;
	found.owner = BPF_CORE_READ(kvm, mm) == BPF_CORE_READ(task, mm);
	found.pid = process_number(leader);
	BPF_CORE_READ_STR_INTO(&found.comm, leader, comm);
	bpf_seq_write(ctx->meta->seq, &found, sizeof(found));
	return 0;
}

/* A node further in KVM's list of VMs; false if it ends there. In functions of their own, here and
 * below, the verifier goes through the body of a loop once. */
__noinline int take_step(__u32 step)
{
	__u64 next = next_node(walk.node);

	if (step >= KCT_WALK_STEPS)
		return 0;
	if (next == NOT_LINKED || next == NOT_SEEN) {
		walk.status = KCT_WALK_LOST;
		return 0;
	}
	walk.node = next;
	if (is_head(next)) {
		walk.status = KCT_WALK_DONE;
		return 0;
	}
	walk.found[step] = is_whole(vm_of_node(next)) ? vm_of_node(next) : 0;
	return 1;
}

SEC("raw_tp")
int walk_list(void *ctx)
{
	__u32 step;

	if (walk.kvm)
		walk.node = node_of_vm(walk.kvm);
	walk.status = KCT_WALK_ON;
	for (step = 0; step < KCT_WALK_STEPS && take_step(step); step++)
		;
	walk.count = step;
	return 0;
}

/*
 * Where the list's head is, by the kernel's symbol: there is one way of asking that does not go
 * through the whole table, and only programs may take it (d6aef08a872b, in 5.16). 0 where it is not
 * told: not every kernel keeps the symbols of its data, nor tells everybody.
 */
__u64 list_head = 0;

SEC("syscall")
int find_head(void *ctx)
{
	static const char in_module[] = "kvm:vm_list", built_in[] = "vm_list";
	__u64 address = 0;

	if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_kallsyms_lookup_name))
		return 0;
	if (bpf_kallsyms_lookup_name(in_module, sizeof(in_module), 0, &address) &&
	    bpf_kallsyms_lookup_name(built_in, sizeof(built_in), 0, &address))
		return 0;
	if (is_head(address) && next_node(address) != NOT_LINKED)
		list_head = address;
	return 0;
}

/* ---- what there is of a VM ---- */

/* The task of the process whose memory the guest's is; NULL where the kernel does not tell. */
static __always_inline struct task_struct *leader_of(struct kvm *kvm)
{
	struct mm_struct *mm = BPF_CORE_READ(kvm, mm);
	struct task_struct *owner;

	if (!bpf_core_field_exists(mm->owner))
		return NULL;
	owner = BPF_CORE_READ(mm, owner);
	return owner ? BPF_CORE_READ(owner, group_leader) : NULL;
}

/* The vCPU of this index, as the VM that is visited has it; 0 if it has not. */
static __always_inline __u64 visited_vcpu(__u32 index)
{
	struct kvm *kvm = (struct kvm *)visit.kvm;

	if (index >= (__u32)BPF_CORE_READ(kvm, online_vcpus.counter))
		return 0;
	return vcpu_at(visit.kvm, index);
}

__noinline int describe_vcpu(__u32 place)
{
	struct kvm_vcpu *vcpu = (struct kvm_vcpu *)visited_vcpu(visit.first_vcpu + place);
	struct kct_vcpu_event *e;

	if (!vcpu || place >= KCT_VISIT_VCPUS)
		return 0;
	e = &visit.vcpus[place];
	e->event.vcpu = BPF_CORE_READ(vcpu, vcpu_id);
	e->has_pvti = read_current_pvti(vcpu, &e->pvti);
	e->pending = request_is_pending(vcpu);
	e->tsc_offset = BPF_CORE_READ(vcpu, arch.l1_tsc_offset);
	e->tsc_generation = BPF_CORE_READ(vcpu, arch.this_tsc_generation);
	e->tsc_khz = BPF_CORE_READ(vcpu, arch.virtual_tsc_khz);
	return 1;
}

/* Tell of a VM, and of some of its vCPUs. */
SEC("raw_tp")
int visit_vm(void *ctx)
{
	struct kvm *kvm = (struct kvm *)visit.kvm;
	__u32 place;

	describe_vm(&visit.vm, kvm, debugfs_inode(kvm), leader_of(kvm));
	read_masterclock(kvm, &visit.vm.masterclock);
	visit.vm.conditions.known = 0;
	if (!visit.vm.masterclock.active)
		read_conditions(visit.kvm, visit.vm.masterclock.nr_vcpus, &visit.vm.conditions);
	for (place = 0; place < KCT_VISIT_VCPUS && describe_vcpu(place); place++)
		;
	visit.nr_vcpus = place;
	/* If it is there now, it was then, and all this is its own. */
	visit.lives = is_alive(visit.kvm);
	return 0;
}

/* The state of the VM that is visited, made if need be, and announced if armed. */
static __always_inline struct kct_vm_state *seed_vm(struct kvm *kvm)
{
	struct kct_key key = {(__u64)kvm, vm_token(kvm)};
	struct kct_vm_state *vm = bpf_map_lookup_elem(&vms, &key);

	if (!vm) {
		add_vm(&key, (__u64)leader_of(kvm), (__u64)BPF_CORE_READ(kvm, mm), NEW_BY_CENSUS);
		vm = bpf_map_lookup_elem(&vms, &key);
	}
	/* A tracepoint found the VM first, and could not tell what was before. */
	if (vm && !armed && vm->masterclock.active == KCT_NOT_KNOWN)
		read_masterclock(kvm, &vm->masterclock);
	if (vm && !vm->announced && armed)
		announce_vm(vm);
	return vm;
}

__noinline int seed_vcpu(__u32 place)
{
	__u64 vcpu = visited_vcpu(visit.first_vcpu + place);

	if (!vcpu)
		return 0;
	vcpu_state((struct kvm_vcpu *)vcpu, seed_vm((struct kvm *)visit.kvm), NEW_BY_CENSUS);
	return 1;
}

/* Give a VM, and some of its vCPUs, their places in the maps. */
SEC("raw_tp")
int seed(void *ctx)
{
	__u32 place = 0;

	visit.lives = is_alive(visit.kvm);
	if (visit.lives) {
		seed_vm((struct kvm *)visit.kvm);
		for (; place < KCT_VISIT_VCPUS && seed_vcpu(place); place++)
			;
	}
	visit.nr_vcpus = place;
	return 0;
}

/* ---- the VMs that we know ---- */

__noinline int answer(__u32 number)
{
	struct kct_question *question;
	struct kvm *kvm;

	if (number >= KCT_QUESTIONS)
		return 0;
	question = &questions[number];
	kvm = (struct kvm *)question->key.address;
	question->lives = vm_token(kvm) == question->key.token &&
			  (__u64)BPF_CORE_READ(kvm, mm) == question->mm && is_alive((__u64)kvm);
	return 0;
}

/* Which of them live? */
SEC("raw_tp")
int who_lives(void *ctx)
{
	__u32 i;

	for (i = 0; i < KCT_QUESTIONS && i < nr_questions; i++)
		answer(i);
	return 0;
}

#endif
