/* SPDX-License-Identifier: GPL-2.0 */
/* What an ioctl's argument in the VMM's memory says. Its structs are a part of KVM's ABI. */
#ifndef KCT_ARGUMENT_BPF_H
#define KCT_ARGUMENT_BPF_H

#include "who.bpf.h"

#define MSR_IA32_TSC 0x10

/* As many MSRs of one KVM_GET_MSRS or KVM_SET_MSRS as are looked through. */
#define MAX_MSRS 1024
/* The same where the verifier has to walk every turn of the loop. */
#define MAX_MSRS_IN_TURN 64

/* struct kvm_clock_data; KVM_SET_CLOCK takes no host_tsc. */
struct clock_data {
	__u64 clock;
	__u32 flags;
	__u32 pad0;
	__u64 realtime;
	__u64 host_tsc;
};

/* struct kvm_msrs and its entries */
struct msr_list {
	__u32 nmsrs;
	__u32 pad;
};

struct msr_entry {
	__u32 index;
	__u32 reserved;
	__u64 data;
};

/* struct kvm_one_reg, and IA32_TSC among the registers: of x86, 64 bits, an MSR (from 6.18 on) */
struct one_reg {
	__u64 id;
	__u64 addr;
};
#define REG_IA32_TSC 0x2030000200000010ULL

/* struct kvm_device_attr */
struct device_attr {
	__u32 flags;
	__u32 group;
	__u64 attr;
	__u64 addr;
};
#define KVM_VCPU_TSC_CTRL   0
#define KVM_VCPU_TSC_OFFSET 0

static __always_inline bool read_clock_data(const struct who *who, struct clock_data *data)
{
	return !bpf_probe_read_user(data, sizeof(*data), (void *)who->argument);
}

struct msr_search {
	__u64 entries; /* in the VMM's memory */
	__u64 tsc;
	__u32 found;
};

static long look_at_msr(__u32 index, struct msr_search *search)
{
	struct msr_entry entry;
	__u64 at = search->entries + (__u64)index * sizeof(entry);

	if (bpf_probe_read_user(&entry, sizeof(entry), (void *)at))
		return 1;
	if (entry.index != MSR_IA32_TSC)
		return 0;
	search->tsc = entry.data;
	search->found = 1;
	return 1;
}

/* The guest TSC among the first `count` MSRs that are read or written; false if it is not there. */
static __always_inline bool find_tsc_msr(const struct who *who, __u32 count, __u64 *tsc)
{
	struct msr_search search = {.entries = who->argument + sizeof(struct msr_list)};
	__u32 i;

	/* e6f2dd0f8067 ("bpf: Add bpf_loop helper"), in 5.17 */
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop)) {
		bpf_loop(count < MAX_MSRS ? count : MAX_MSRS, look_at_msr, &search, 0);
	} else {
		for (i = 0; i < MAX_MSRS_IN_TURN && i < count; i++)
			if (look_at_msr(i, &search))
				break;
	}
	*tsc = search.tsc;
	return search.found;
}

/* The guest TSC that KVM_SET_MSRS is about to write. */
static __always_inline bool written_tsc_msr(const struct who *who, __u64 *tsc)
{
	struct msr_list list;

	return !bpf_probe_read_user(&list, sizeof(list), (void *)who->argument) &&
	       find_tsc_msr(who, list.nmsrs, tsc);
}

/* The guest TSC as KVM_SET_ONE_REG is about to write it, or KVM_GET_ONE_REG has read it. */
static __always_inline bool read_tsc_reg(const struct who *who, __u64 *tsc)
{
	struct one_reg reg;

	return !bpf_probe_read_user(&reg, sizeof(reg), (void *)who->argument) &&
	       reg.id == REG_IA32_TSC && !bpf_probe_read_user(tsc, sizeof(*tsc), (void *)reg.addr);
}

/* The line that KVM_SET_CLOCK_GUEST was called with, or that KVM_GET_CLOCK_GUEST has read. */
static __always_inline bool read_clock_guest(const struct who *who, struct kct_pvti *pvti)
{
	struct pvclock_vcpu_time_info argument;

	if (bpf_probe_read_user(&argument, sizeof(argument), (void *)who->argument))
		return false;
	copy_pvti(pvti, &argument);
	return true;
}

/* The TSC offset that KVM_GET_DEVICE_ATTR gave; false if it was about another attribute. */
static __always_inline bool read_tsc_offset(const struct who *who, __u64 *offset)
{
	struct device_attr attr;

	return !bpf_probe_read_user(&attr, sizeof(attr), (void *)who->argument) &&
	       attr.group == KVM_VCPU_TSC_CTRL && attr.attr == KVM_VCPU_TSC_OFFSET &&
	       !bpf_probe_read_user(offset, sizeof(*offset), (void *)attr.addr);
}

#endif
