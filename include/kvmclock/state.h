/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The values of the BPF maps: what is known of each VM and vCPU, and their counters. Written by
 * the BPF programs, read (and removed, when a VM is gone) by src/attach/.
 */
#ifndef KVMCLOCK_STATE_H
#define KVMCLOCK_STATE_H

#include "account.h"
#include "request.h"
#include "setting.h"

/*
 * A VM or a vCPU for as long as the kernel keeps it: its address, and a token of its VM that a
 * later owner of the same address does not share.
 */
struct kct_key {
	__u64 address;
	__u64 token;
};

/* Of a VM or vCPU that found no room: its VM. */
struct kct_refused {
	__u64 kvm;
	__u64 mm;
};

/* A token that we count ourselves has this bit, which no inode number has. */
#define KCT_GENERATION (1ULL << 63)
/* In the map of generations: the VM of this one is dead. */
#define KCT_GENERATION_OVER (1ULL << 62)

/*
 * The next two end with their cache line. The kernel keeps 64 bytes before a value, with its key:
 * so no vCPU's thread writes to a line of its neighbour's in the map, nor to one that lookups read.
 */
#define KCT_CACHE_LINE 64

struct kct_vm_state {
	struct kct_vm_event vm;		    /* as announced; .event.vm is the VM's number */
	__u64 kvm;			    /* address of its struct kvm, which no event tells */
	struct kct_masterclock masterclock; /* as last seen */
	struct kct_conditions conditions;   /* of its being off, likewise */
	struct kct_vm_counters counters;
	struct kct_settings settings;
	__u64 mm;	  /* the guest's memory: kvm->mm, whose owner is the VMM */
	__u16 announced;  /* the `vm` event has been delivered */
	__u16 gone;	  /* kvm_destroy_vm() was seen, and the `vm-gone` event delivered */
	__u32 host_clock; /* vDSO clock mode at its last update; KCT_NO_NUMBER */
	__u64 rest_of_line[4];
};

struct kct_vcpu_state {
	struct kct_pvti pvti; /* as last published, if has_pvti */
	struct kct_vcpu_counters counters;
	__u64 tsc_offset; /* l1_tsc_offset at the last publication: not every change is traced */
	__u64 tsc_generation; /* this_tsc_generation, as last synchronised or found */
	__u32 vm;	      /* its VM's number */
	__u32 id;	      /* vcpu_id */
	__u32 setting;	      /* number of the setting that the last publication shows: setting.h */
	/* As last published, where that is told by it; else as the census found it, or 0. */
	__u32 pvti_version;
	__u32 request_changes; /* of the request bit, as seen: request.h */
	__u8 has_pvti;
	__u8 rebased;	/* TSC rewritten since the last publication */
	__u8 announced; /* the `vcpu` event has been delivered */
	__u8 pad;
	__u32 tsc_khz; /* virtual_tsc_khz, likewise */
	__u32 pad2;
	__u64 rest_of_line[5];
};

_Static_assert(sizeof(struct kct_vm_state) % KCT_CACHE_LINE == 0, "it ends within a cache line");
_Static_assert(sizeof(struct kct_vcpu_state) % KCT_CACHE_LINE == 0, "it ends within a cache line");

/*
 * What the hook on an inlined kvm_make_request() is told of its place, in 64 bits: the DWARF
 * register (0-15) that, with the offset added, holds the vCPU's address, or the address of the
 * memory that does; and who makes requests there (enum kct_origin).
 */
#define KCT_SITE(reg, in_memory, origin, offset)                                                   \
	((__u64)(__u32)(offset) << 32 | (__u64)(origin) << 16 | (__u64) !!(in_memory) << 8 | (reg))
#define KCT_SITE_REGISTER(site)	 ((__u32)((site)&0xff))
#define KCT_SITE_IN_MEMORY(site) ((site) >> 8 & 1)
#define KCT_SITE_ORIGIN(site)	 ((enum kct_origin)((site) >> 16 & 0xff))
#define KCT_SITE_OFFSET(site)	 ((__s64)(__s32)((site) >> 32))

/* ---- what src/attach/ and the programs of bpf/census.bpf.h ask and tell each other ---- */

/* The file of a VM or vCPU, in the order of the files of a task. */
struct kct_found_file {
	__u64 kvm;
	__u32 pid;   /* the process that holds it, in the tool's PID namespace */
	__u32 owner; /* 1: that process's memory is the guest's */
	char comm[16];
};

enum kct_walk_status {
	KCT_WALK_ON,   /* there is more */
	KCT_WALK_DONE, /* `node` is the list's head */
	KCT_WALK_LOST, /* the node to go on from is not in the list any more */
};

/* Some steps through KVM's list of VMs. */
#define KCT_WALK_STEPS 64
struct kct_walk {
	__u64 kvm;  /* the VM to begin after; 0: `node` tells */
	__u64 node; /* to begin after; then where it ended */
	__u32 status;
	__u32 count;		     /* of found[] */
	__u64 found[KCT_WALK_STEPS]; /* 0: one that is being made, or destroyed */
};

/* A VM as it is now, and some of its vCPUs. */
#define KCT_VISIT_VCPUS 64
struct kct_visit {
	__u64 kvm;
	__u32 first_vcpu; /* index of the first of vcpus[] */
	__u32 lives;	  /* 0: it does not, and the rest is void */
	__u32 nr_vcpus;	  /* of vcpus[] */
	struct kct_vm_event vm;
	struct kct_vcpu_event vcpus[KCT_VISIT_VCPUS];
};

/* Does this VM live? */
#define KCT_QUESTIONS 64
struct kct_question {
	struct kct_key key;
	__u64 mm; /* the memory that its guest has */
	__u64 lives;
};

#endif
