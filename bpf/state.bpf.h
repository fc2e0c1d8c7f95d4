/* SPDX-License-Identifier: GPL-2.0 */
/* The maps, and how a VM or vCPU gets its place in them. */
#ifndef KCT_STATE_BPF_H
#define KCT_STATE_BPF_H

#include "identity.bpf.h"
#include "who.bpf.h"

/* The sizes are set before loading: src/attach/session.c. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct kct_key);
	__type(value, struct kct_vm_state);
} vms SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct kct_key);
	__type(value, struct kct_vcpu_state);
} vcpus SEC(".maps");

/* VMs and vCPUs that found no room, each counted once. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct kct_key);
	__type(value, struct kct_refused);
} refused SEC(".maps");

/*
 * Where a new entry is put together, as it is too large for the stack; the counters in it are never
 * written and stay 0. One for each thread that does so just then: a program may be preempted, so
 * that one for each CPU would be shared.
 */
struct new_entry {
	struct kct_vm_state vm;
	struct kct_vcpu_state vcpu;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u64); /* bpf_get_current_pid_tgid() */
	__type(value, struct new_entry);
} new_entries SEC(".maps");

static const struct new_entry no_entry = {};

/* Who it is that shows a VM or vCPU for the first time. */
enum { NEW_BY_TRACEPOINT, NEW_BY_CENSUS };

/*
 * What the entry of pvclock_update_vm_gtod_copy() saw on this CPU. Its callers hold the VM's lock,
 * with interrupts off: until it returns, no other update comes to this CPU.
 */
struct update_frame {
	__u64 kvm; /* 0: the entry is not hooked, or the update was observed already */
	struct kct_masterclock before;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct update_frame);
} update_frames SEC(".maps");

/* Bit of each enum kct_event_kind that goes into the ring buffer; counters are kept anyway. */
const volatile __u32 emitted_kinds = 0;
/*
 * 1: the kernel's stack goes with each update, and each request that is seen being made. Where it
 * is 0 the verifier takes all that is done for it out again.
 */
const volatile __u32 with_stacks = 0;
/* The process whose ioctls are wanted, by tp_ioctl; 0: nobody's. */
__u32 ioctls_of = 0;
/* Nothing is counted before the census has seen the VMs that run already. */
__u32 armed = 0;
__u32 has_refused = 0;		  /* there is, or was, something in that map */
__u64 armed_base_ns = ~0ULL >> 1; /* the kvmclock base when that began, or a moment later */
__u32 last_vm = 0;		  /* number given last */
/* VMs whose KVM_CREATE_VM was seen and they were not yet; by what the update in it did. */
__u64 created_enabled = 0, created_inactive = 0;

/*
 * What was lost, by reason, and what is nobody's. Programs of several CPUs count there, and such as
 * preempt each other on one: by atomic adds.
 */
__u64 losses[KCT_NR_LOSSES] __attribute__((aligned(64))) = {};
struct kct_unattributed unattributed __attribute__((aligned(64))) = {};

static __always_inline void count_loss(enum kct_loss loss)
{
	KCT_ADD(losses[loss], 1);
}

static __always_inline bool is_emitted(enum kct_event_kind kind)
{
	return emitted_kinds & 1 << kind;
}

/* Deliver an event; false if it had no room (and was counted as lost). */
static __always_inline bool emit(void *record, __u32 size, enum kct_event_kind kind)
{
	if (!is_emitted(kind) || !bpf_ringbuf_output(&events, record, size, 0))
		return true;
	count_loss(KCT_LOSS_RING_FULL);
	return false;
}

/*
 * The same, with the stack of the running task behind the event. It is taken right into the ring
 * buffer, as it is too large for the stack of a program; and of the task rather than of a hook's
 * context, as observers have none.
 */
static __always_inline bool emit_with_stack(const void *record, __u32 size,
					    enum kct_event_kind kind)
{
	struct kct_raw_stack *stack;
	void *room;

	if (!is_emitted(kind))
		return true;
	room = bpf_ringbuf_reserve(&events, size + sizeof(*stack), 0);
	if (!room) {
		count_loss(KCT_LOSS_RING_FULL);
		return false;
	}
	__builtin_memcpy(room, record, size);
	stack = room + size;
	stack->size = bpf_get_task_stack(bpf_get_current_task_btf(), stack->frames,
					 sizeof(stack->frames), 0);
	bpf_ringbuf_submit(room, 0);
	return true;
}

static __always_inline void event_head(struct kct_event *e, enum kct_event_kind kind, __u32 vm,
				       __u32 vcpu)
{
	e->vm = vm;
	e->vcpu = vcpu;
	e->kind = kind;
	/* Who only counts need not ask for the time. */
	if (!is_emitted(kind))
		return;
	e->ns = bpf_ktime_get_boot_ns();
	e->tid = (__u32)bpf_get_current_pid_tgid();
}

/* A KVM_CREATE_VM was seen, and left the masterclock so: its VM is still to be seen. */
static __always_inline void note_creation(bool active)
{
	if (active)
		__sync_fetch_and_add(&created_enabled, 1);
	else
		__sync_fetch_and_add(&created_inactive, 1);
}

/* Take one of those; false if none is waiting for its VM. */
static __always_inline bool take_creation(bool active)
{
	__u64 *waiting = active ? &created_enabled : &created_inactive;

	if (!*waiting)
		return false;
	if ((__s64)__sync_fetch_and_sub(waiting, 1) > 0)
		return true;
	__sync_fetch_and_add(waiting, 1);
	return false;
}

/* What the census knows of the process of a VM whose struct does not lead to it. */
__u32 found_pid = 0;
char found_comm[16];

/* `leader` is the task of the process that runs it, or NULL. */
static __always_inline void describe_vm(struct kct_vm_event *e, struct kvm *kvm, __u64 token,
					struct task_struct *leader)
{
	e->token = token;
	e->creator = READ(kvm, userspace_pid);
	e->created = 0;
	e->create_effect = 0;
	if (leader) {
		e->pid = process_number(leader);
		BPF_CORE_READ_STR_INTO(&e->comm, leader, comm);
	} else {
		e->pid = found_pid;
		__builtin_memcpy(e->comm, found_comm, sizeof(e->comm));
	}
}

/*
 * What is rare stands in global functions, here and below: the verifier goes through each of them
 * once, and not again for all that may have been before it.
 */
__noinline int announce_vm(struct kct_vm_state *state)
{
	struct kct_vm_event e;

	if (!state)
		return 0;
	e = state->vm;
	if (emit(&e, sizeof(e), KCT_EVENT_VM))
		state->announced = 1;
	return 0;
}

/*
 * A VM's clock begins at 0 when KVM makes the VM, and nothing sets it before the first event that
 * we see of it. So `clock_offset` tells whether the VM was made since we count; then one of the
 * creations that were counted as nobody's is its own. The masterclock is as that left it, unless
 * no such creation is waiting.
 */
static __always_inline void adopt_creation(struct kct_vm_state *vm)
{
	bool active = vm->masterclock.active == KCT_YES;
	__s64 age_ns = armed_base_ns + vm->masterclock.clock_offset; /* when we began to count */

	if (!armed || age_ns > 0)
		return;
	if (!take_creation(active)) {
		active = !active;
		if (!take_creation(active))
			return;
	}
	vm->vm.created = 1;
	vm->vm.create_effect = active ? KCT_EFFECT_ENABLED : KCT_EFFECT_INACTIVE;
	vm->masterclock.active = active ? KCT_YES : KCT_NO;
}

/* There is no room for a VM, or for a vCPU of the VM at this address: counted once. */
static __always_inline void count_refused(struct kct_key *key, struct kvm *kvm, enum kct_loss loss)
{
	struct kct_refused its_vm = {(__u64)kvm, (__u64)READ(kvm, mm)};

	if (bpf_map_update_elem(&refused, key, &its_vm, BPF_NOEXIST))
		return;
	has_refused = 1;
	count_loss(loss);
}

/* Room for a new entry, all of it 0, until end_entry(); NULL if too many threads have one. */
static __always_inline struct new_entry *begin_entry(__u64 thread)
{
	bpf_map_update_elem(&new_entries, &thread, &no_entry, BPF_ANY);
	return bpf_map_lookup_elem(&new_entries, &thread);
}

static __always_inline void end_entry(__u64 thread)
{
	bpf_map_delete_elem(&new_entries, &thread);
}

static __always_inline void put_vm(const struct kct_key *key, struct kct_vm_state *vm,
				   __u32 shown_by)
{
	struct kct_vm_state *state;
	long error;

	event_head(&vm->vm.event, KCT_EVENT_VM, __sync_fetch_and_add(&last_vm, 1) + 1, KCT_NO_VCPU);
	adopt_creation(vm);
	/* An update may be in progress: what was read now may be its outcome. */
	if (shown_by == NEW_BY_TRACEPOINT && !vm->vm.created)
		vm->masterclock.active = KCT_NOT_KNOWN;
	vm->vm.masterclock = vm->masterclock;
	vm->vm.conditions = vm->conditions;
	error = bpf_map_update_elem(&vms, key, vm, BPF_NOEXIST);
	if (error && vm->vm.created)
		note_creation(vm->masterclock.active == KCT_YES);
	state = bpf_map_lookup_elem(&vms, key);
	if (state && !error)
		kct_account_created(&state->counters, &unattributed.vm, &state->vm);
}

/*
 * Put a VM that is not in the map yet into it, and complete its key. `leader` is the task of the
 * process that works for it, and `mm` its memory. (Numbers, as a global function takes no pointers
 * of the kernel's. The key is copied as 6.1 takes one for a map only from the stack.)
 */
__noinline int add_vm(struct kct_key *whose, __u64 leader, __u64 mm, __u32 shown_by)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct new_entry *entry;
	struct kct_key key;
	struct kvm *kvm;

	if (!whose)
		return 0;
	key = *whose;
	kvm = (struct kvm *)key.address;
	/* A kernel thread, or whoever else works for a VM, is not its VMM. */
	if ((__u64)READ(kvm, mm) != mm)
		return 0;
	if (!key.token)
		key.token = new_generation(key.address);
	whose->token = key.token;
	entry = key.token ? begin_entry(thread) : NULL;
	if (entry) {
		entry->vm.kvm = key.address;
		entry->vm.mm = mm;
		describe_vm(&entry->vm.vm, kvm, key.token, (struct task_struct *)leader);
		read_masterclock(kvm, &entry->vm.masterclock);
		entry->vm.host_clock = KCT_NO_NUMBER;
		if (!entry->vm.masterclock.active)
			read_conditions(key.address, entry->vm.masterclock.nr_vcpus,
					&entry->vm.conditions);
		put_vm(&key, &entry->vm, shown_by);
		end_entry(thread);
	}
	if (!bpf_map_lookup_elem(&vms, &key))
		count_refused(&key, kvm, KCT_LOSS_VMS_FULL);
	return 0;
}

/*
 * The state of the VM that `task` runs, made if need be, and announced. NULL if it cannot be told
 * or kept.
 */
static __always_inline struct kct_vm_state *vm_state(struct kvm *kvm, struct task_struct *task,
						     __u32 shown_by)
{
	struct kct_key key = {.address = (__u64)kvm};
	struct kct_vm_state *state;

	if (!kvm)
		return NULL;
	key.token = vm_token(kvm);
	state = bpf_map_lookup_elem(&vms, &key);
	if (!state) {
		add_vm(&key, (__u64)READ(task, group_leader), (__u64)READ(task, mm), shown_by);
		state = bpf_map_lookup_elem(&vms, &key);
	}
	if (state && !state->announced && armed)
		announce_vm(state);
	return state;
}

/*
 * The vCPU as it was first seen, with the request bit as last known: an event that finds more
 * tells it itself.
 */
__noinline int announce_vcpu(struct kct_vcpu_state *state, const struct kct_key *key)
{
	struct kct_vcpu_event e = {};
	struct kvm_vcpu *vcpu;

	if (!state || !key)
		return 0;
	vcpu = (struct kvm_vcpu *)key->address;
	event_head(&e.event, KCT_EVENT_VCPU, state->vm, state->id);
	e.has_pvti = state->has_pvti;
	e.pvti = state->pvti;
	e.pending = kct_request_is_pending(state->request_changes);
	e.tsc_offset = READ(vcpu, arch.l1_tsc_offset);
	e.tsc_generation = state->tsc_generation;
	e.tsc_khz = READ(vcpu, arch.virtual_tsc_khz);
	if (emit(&e, sizeof(e), KCT_EVENT_VCPU))
		state->announced = 1;
	return 0;
}

/* Put a vCPU that is not in the map yet into it. */
__noinline int add_vcpu(const struct kct_key *whose, const struct kct_vm_state *vm, __u32 shown_by)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct new_entry *entry;
	struct kvm_vcpu *vcpu;
	struct kct_key key;

	if (!whose || !vm)
		return 0;
	key = *whose;
	vcpu = (struct kvm_vcpu *)key.address;
	entry = begin_entry(thread);
	if (!entry)
		return 0;
	entry->vcpu.vm = vm->vm.event.vm;
	entry->vcpu.id = READ(vcpu, vcpu_id);
	entry->vcpu.setting = vm->settings.count;
	entry->vcpu.tsc_generation = READ(vcpu, arch.this_tsc_generation);
	entry->vcpu.tsc_khz = READ(vcpu, arch.virtual_tsc_khz);
	if (shown_by == NEW_BY_CENSUS) {
		entry->vcpu.pvti_version = pvti_version(vcpu);
		entry->vcpu.tsc_offset = READ(vcpu, arch.l1_tsc_offset);
		entry->vcpu.request_changes = request_is_pending(vcpu);
		/* An odd version: it is being written. */
		entry->vcpu.has_pvti = !(entry->vcpu.pvti_version & 1) &&
				       read_current_pvti(vcpu, &entry->vcpu.pvti);
	}
	bpf_map_update_elem(&vcpus, &key, &entry->vcpu, BPF_NOEXIST);
	end_entry(thread);
	return 0;
}

static __always_inline struct kct_vcpu_state *vcpu_state(struct kvm_vcpu *vcpu,
							 struct kct_vm_state *vm, __u32 shown_by)
{
	struct kct_key key = {.address = (__u64)vcpu};
	struct kct_vcpu_state *state;

	if (!vcpu || !vm)
		return NULL;
	key.token = vm->vm.token;
	state = bpf_map_lookup_elem(&vcpus, &key);
	if (!state) {
		add_vcpu(&key, vm, shown_by);
		state = bpf_map_lookup_elem(&vcpus, &key);
		if (!state)
			count_refused(&key, (struct kvm *)vm->kvm, KCT_LOSS_VCPUS_FULL);
	}
	if (state && !state->announced && armed)
		announce_vcpu(state, &key);
	return state;
}

#endif
