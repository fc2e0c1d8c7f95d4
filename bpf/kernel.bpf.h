/* SPDX-License-Identifier: GPL-2.0 */
/* Reading KVM's structures, whatever kernel they are of. Nothing here keeps state. */
#ifndef KCT_KERNEL_BPF_H
#define KCT_KERNEL_BPF_H

#include "vmlinux.h"
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "kvmclock/state.h"

#define KVM_REQ_MASTERCLOCK_UPDATE 21 /* bit of vcpu->requests; the same from 4.19 to 7.1 */
#define ANON_INODE_FS_MAGIC	   0x09041934
#define MAX_ERRNO		   4095

/*
 * 1: kernel memory is read by plain loads, a tenth of what a call of bpf_probe_read_kernel() takes.
 * An address that cannot be read gives 0 both ways. src/attach/try.c says which kernels let us.
 */
const volatile __u32 loads_directly = 0;

/* fd264ca02094 ("bpf: Add a kfunc to type cast from bpf uapi ctx to kernel ctx"), in 6.2 */
extern void *bpf_rdonly_cast(const void *address, __u32 type) __ksym __weak;

/*
 * What is at an address of the kernel's. KVM's own types cannot be named here where it is a module;
 * a struct of the kernel's that is nothing but an array of any length is as good.
 */
#define LOAD(type, address)                                                                        \
	(*(const volatile type *)bpf_rdonly_cast(                                                  \
		address, bpf_core_type_id_kernel(struct cacheline_padding)))

/* A field of a struct of the kernel; 0 if it cannot be read. */
#define READ(object, field)                                                                        \
	({                                                                                         \
		typeof((object)->field) field_value;                                               \
                                                                                                   \
		if (loads_directly)                                                                \
			field_value = LOAD(typeof(field_value), &(object)->field);                 \
		else                                                                               \
			field_value = BPF_CORE_READ(object, field);                                \
		field_value;                                                                       \
	})

/* The pointer at an address of the kernel's; NULL if it cannot be read. */
static __always_inline void *read_pointer(const void *address)
{
	void *value = NULL;

	if (loads_directly)
		return LOAD(typeof(value), address);
	bpf_probe_read_kernel(&value, sizeof(value), address);
	return value;
}

/*
 * Where each read is a call, fields that lie near each other are copied at once, beginning with
 * `first`; one that a kernel has elsewhere is read by itself.
 */
#define READ_FROM(copy, object, first)                                                             \
	({                                                                                         \
		if (!loads_directly)                                                               \
			bpf_probe_read_kernel(copy, sizeof(copy),                                  \
					      (void *)(object) +                                   \
						      bpf_core_field_offset((object)->first));     \
	})
#define FIELD_IN(copy, object, first, field)                                                       \
	({                                                                                         \
		__u32 at = bpf_core_field_offset((object)->field) -                                \
			   bpf_core_field_offset((object)->first);                                 \
		typeof((object)->field) value;                                                     \
                                                                                                   \
		if (!loads_directly && at <= sizeof(copy) - sizeof(value))                         \
			value = *(typeof(value) *)((char *)(copy) + at);                           \
		else                                                                               \
			value = READ(object, field);                                               \
		value;                                                                             \
	})

static __always_inline bool is_kernel_pointer(const void *p)
{
	return p && (unsigned long)p < (unsigned long)-MAX_ERRNO;
}

/*
 * Inside pvclock_update_vm_gtod_copy() the caller holds the lock: then it is not torn. A function
 * of its own, since the copy is too much for some of its callers' stacks.
 */
static __noinline void read_masterclock(struct kvm *kvm, struct kct_masterclock *m)
{
	__u64 copy[16];
	bool active;

	READ_FROM(copy, kvm, arch.kvmclock_offset);
	active = FIELD_IN(copy, kvm, arch.kvmclock_offset, arch.use_master_clock);
	m->kernel_ns = FIELD_IN(copy, kvm, arch.kvmclock_offset, arch.master_kernel_ns);
	m->cycle_now = FIELD_IN(copy, kvm, arch.kvmclock_offset, arch.master_cycle_now);
	m->clock_offset = FIELD_IN(copy, kvm, arch.kvmclock_offset, arch.kvmclock_offset);
	m->active = active ? KCT_YES : KCT_NO;
	m->nr_vcpus = READ(kvm, online_vcpus.counter);
}

static __always_inline bool request_is_pending(struct kvm_vcpu *vcpu)
{
	return READ(vcpu, requests) >> KVM_REQ_MASTERCLOCK_UPDATE & 1;
}

/* `from` is on the stack, or a pointer whose type the verifier knows. */
static __always_inline void copy_pvti(struct kct_pvti *to,
				      const struct pvclock_vcpu_time_info *from)
{
	to->tsc_timestamp = from->tsc_timestamp;
	to->system_time = from->system_time;
	to->tsc_to_system_mul = from->tsc_to_system_mul;
	to->tsc_shift = from->tsc_shift;
	to->flags = from->flags;
	to->pad = 0;
}

static __always_inline void read_pvti(struct kct_pvti *to, const void *from)
{
	struct pvclock_vcpu_time_info pvti;

	bpf_probe_read_kernel(&pvti, sizeof(pvti), from);
	copy_pvti(to, &pvti);
}

/* Has the guest asked for a PVTI (kvm_write_system_time() with the enable bit)? */
static __always_inline bool pvti_is_enabled(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_arch___pv_time_enabled *old = (void *)&vcpu->arch;

	if (bpf_core_field_exists(old->pv_time_enabled))
		return READ(old, pv_time_enabled);
	if (bpf_core_field_exists(vcpu->arch.pv_time.active))
		return READ(vcpu, arch.pv_time.active);
	return false;
}

/*
 * The version of the PVTI as last published, which each publication raises; 0 where it cannot be
 * told. Up to 6.14 KVM keeps it, then only the guest's page has it.
 */
static __always_inline __u32 pvti_version(struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_arch___hv_clock *kept = (void *)&vcpu->arch;
	struct pvclock_vcpu_time_info *place;

	if (bpf_core_field_exists(kept->hv_clock))
		return READ(kept, hv_clock.version);
	if (!READ(vcpu, arch.pv_time.active) || !READ(vcpu, arch.pv_time.valid))
		return 0;
	place = READ(vcpu, arch.pv_time.khva);
	return READ(place, version);
}

/* The PVTI that the guest has now; false where it cannot be told. */
static __always_inline bool read_current_pvti(struct kvm_vcpu *vcpu, struct kct_pvti *pvti)
{
	struct kvm_vcpu_arch___hv_clock *kept = (void *)&vcpu->arch;

	if (!pvti_is_enabled(vcpu))
		return false;
	if (bpf_core_field_exists(kept->hv_clock)) {
		read_pvti(pvti, &kept->hv_clock);
	} else {
		if (!READ(vcpu, arch.pv_time.valid))
			return false;
		read_pvti(pvti, READ(vcpu, arch.pv_time.khva));
	}
	return pvti->tsc_to_system_mul != 0; /* published at least once */
}

/* xa_load(), for the index of a vCPU; NULL if it is not there. Mirrors xas_descend(). */
static __always_inline void *xarray_entry(void *entry, __u32 index)
{
	__u64 node, slots;
	__u8 shift;
	int level;

	for (level = 0; level < 4; level++) {
		/* xa_is_node() */
		if (((__u64)entry & 3) != 2 || (__u64)entry <= 4096)
			break;
		node = (__u64)entry - 2;
		shift = READ((struct xa_node *)node, shift);
		if (shift > 24)
			return NULL;
		slots = node + bpf_core_field_offset(struct xa_node, slots);
		entry = read_pointer((void *)(slots + 8 * (index >> shift & 63)));
		if (shift == 0)
			return entry;
	}
	return level == 0 && index ? NULL : entry;
}

/*
 * The address of the vCPU with this index (not id), as kvm_get_vcpu() finds it; 0 if it is not
 * there. A global function of plain numbers, so that the verifier walks through it once and not
 * once a turn of a loop.
 */
__noinline __u64 vcpu_at(__u64 kvm_address, __u32 index)
{
	struct kvm *kvm = (struct kvm *)kvm_address;
	struct kvm___vcpus_array *old = (void *)kvm;

	if (bpf_core_field_exists(old->vcpus)) {
		__u64 array = kvm_address + bpf_core_field_offset(old->vcpus);

		return (__u64)read_pointer((void *)(array + 8 * (__u64)index));
	}
	return (__u64)xarray_entry(READ(kvm, vcpu_array.xa_head), index);
}

/*
 * The vCPU that KVM_CREATE_VCPU has just put in, by its id: it is the last one, or a few before
 * it when other threads create vCPUs too.
 */
__noinline __u64 newest_vcpu(__u64 kvm_address, __u32 vcpu_id)
{
	struct kvm *kvm = (struct kvm *)kvm_address;
	__u32 online = READ(kvm, online_vcpus.counter);
	__u32 back;

	for (back = 1; back <= 8 && back <= online; back++) {
		struct kvm_vcpu *vcpu = (struct kvm_vcpu *)vcpu_at(kvm_address, online - back);

		if (vcpu && (__u32)READ(vcpu, vcpu_id) == vcpu_id)
			return (__u64)vcpu;
	}
	return 0;
}

/* Is the TSC of that VM's guest out of KVM's reach? All its vCPUs' are, or none. */
static __always_inline enum kct_known tsc_is_protected(__u64 kvm_address)
{
	struct kvm_vcpu *vcpu = (struct kvm_vcpu *)vcpu_at(kvm_address, 0);
	struct kvm_vcpu_arch___protected *arch = (void *)&vcpu->arch;

	if (!bpf_core_field_exists(arch->guest_tsc_protected) || !vcpu)
		return KCT_NOT_KNOWN;
	return READ(arch, guest_tsc_protected) ? KCT_YES : KCT_NO;
}

/*
 * Why the masterclock of a VM with that many vCPUs is off. A global function of plain numbers: it
 * is rare, and walked through once.
 */
__noinline int read_conditions(__u64 kvm_address, __u32 nr_vcpus, struct kct_conditions *c)
{
	struct kvm *kvm = (struct kvm *)kvm_address;
	struct kvm_arch___matched_freq *freq = (void *)&kvm->arch;
	__u8 flags[2]; /* side by side on every kernel there is */

	if (!c)
		return 0;
	c->known = 1;
	c->nr_matched = READ(kvm, arch.nr_vcpus_matched_tsc);
	/* The first vCPU is counted where frequencies decide, and not where offsets do. */
	if (bpf_core_field_exists(freq->all_vcpus_matched_freq)) {
		c->tsc_matched = READ(freq, all_vcpus_matched_freq) ? KCT_YES : KCT_NO;
	} else {
		c->nr_matched += nr_vcpus != 0;
		c->tsc_matched = c->nr_matched == nr_vcpus ? KCT_YES : KCT_NO;
	}
	READ_FROM(flags, kvm, arch.backwards_tsc_observed);
	c->tsc_backwards =
		FIELD_IN(flags, kvm, arch.backwards_tsc_observed, arch.backwards_tsc_observed);
	c->old_kvmclock =
		FIELD_IN(flags, kvm, arch.backwards_tsc_observed, arch.boot_vcpu_runs_old_kvmclock);
	c->tsc_protected = c->tsc_matched ? KCT_NO : tsc_is_protected(kvm_address);
	return 0;
}

#endif
