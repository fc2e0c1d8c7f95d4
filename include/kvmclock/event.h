/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The records that cross the kernel boundary through the ring buffer, and the lines of a
 * recording. Plain structs: every byte is set, none is padding of the compiler's.
 *
 * Times are ns of CLOCK_BOOTTIME. Masterclock times are ns of the kvmclock base
 * (CLOCK_MONOTONIC_RAW plus the boot offset: get_kvmclock_base_ns()), cycles are the host's TSC.
 */
#ifndef KVMCLOCK_EVENT_H
#define KVMCLOCK_EVENT_H

#include <linux/types.h>

#include "pvti.h"
#include "vocabulary.h"

/* kct_event.vm of an event whose VM could not be told; kct_event.vcpu where none is involved. */
#define KCT_NO_VM   0
#define KCT_NO_VCPU 0xffffffff
/* A number that this way of tracing does not give. */
#define KCT_NO_NUMBER 0xffffffff

/* A yes-or-no that the kernel state gives, or not. */
enum kct_known { KCT_NO, KCT_YES, KCT_NOT_KNOWN };

/* What every event begins with. */
struct kct_event {
	__u64 ns;
	__u32 vm;   /* the tool's number for the VM, from 1; KCT_NO_VM */
	__u32 vcpu; /* vcpu_id, for QEMU the APIC id; KCT_NO_VCPU */
	__u32 tid;  /* the running task */
	__u32 kind; /* enum kct_event_kind */
};

/* The per-VM snapshot of kvm_arch: the masterclock. */
struct kct_masterclock {
	__u64 kernel_ns;    /* master_kernel_ns */
	__u64 cycle_now;    /* master_cycle_now */
	__s64 clock_offset; /* kvmclock_offset: kvm-clock minus kvmclock base, ns */
	__u32 active;	    /* use_master_clock: enum kct_known */
	__u32 nr_vcpus;	    /* online_vcpus */
};

/*
 * What the masterclock needs besides a host clock that is the TSC, as pvclock_update_vm_gtod_copy()
 * asks it; read where the masterclock is off. What a kernel does not keep is KCT_NOT_KNOWN.
 */
struct kct_conditions {
	__u32 nr_matched;   /* vCPUs whose TSC matches, the first one among them */
	__u8 known;	    /* 0: not read; the rest is void */
	__u8 tsc_matched;   /* all vCPUs' TSCs match: enum kct_known, as the next ones */
	__u8 tsc_backwards; /* backwards_tsc_observed: the host's TSC went backwards */
	__u8 old_kvmclock;  /* boot_vcpu_runs_old_kvmclock: by the old kvm-clock MSR */
	__u8 tsc_protected; /* guest_tsc_protected: KVM cannot write the guest's TSC */
	__u8 pad[7];
};

struct kct_vm_event {
	struct kct_event event;
	__u64 token; /* inode of its debugfs directory: no other VM's of this boot; or
			KCT_GENERATION */
	struct kct_masterclock masterclock;
	struct kct_conditions conditions;
	__u32 pid;     /* the VMM, in the tool's PID namespace; KCT_NO_NUMBER if it is not in it */
	__u32 creator; /* thread that made the VM: kvm->userspace_pid */
	__u32 created; /* 1: its KVM_CREATE_VM was seen, with the update in it */
	__u32 create_effect; /* then: what that update did */
	char comm[16];
};

struct kct_vcpu_event {
	struct kct_event event;
	struct kct_pvti pvti; /* the one that the guest has, if has_pvti */
	__u64 tsc_offset;     /* l1_tsc_offset: guest TSC minus scaled host TSC, two's complement */
	__u64 tsc_generation; /* this_tsc_generation; 0: its TSC was never synchronised */
	__u32 tsc_khz;	      /* virtual_tsc_khz */
	__u8 has_pvti;
	__u8 pending; /* KVM_REQ_MASTERCLOCK_UPDATE is pending */
	__u16 pad;
};

struct kct_update_event {
	struct kct_event event;
	struct kct_masterclock before; /* .active is KCT_NOT_KNOWN at a first sight */
	struct kct_masterclock after;
	struct kct_conditions conditions; /* if it is off after it */
	__u8 cause;			  /* enum kct_cause */
	__u8 effect;			  /* enum kct_effect */
	__u8 derived;	  /* 1: the cause follows from the context, it was not observed */
	__u8 matched;	  /* offset_matched of the tracepoint: enum kct_known */
	__u32 host_clock; /* its vDSO clock mode, 1 is TSC; KCT_NO_NUMBER without tracepoint */
	__u32 stack;	  /* number of the kernel's stack (model/stacks.h); 0: none */
	__u8 stack_note;  /* enum kct_stack_note */
	__u8 pad[3];
};

/* What happened to a request. That it was served, an update with its vCPU says. */
enum kct_request_op { KCT_REQUEST_MADE, KCT_REQUEST_CLEARED };

struct kct_request_event {
	struct kct_event event;
	__u8 op;	 /* enum kct_request_op */
	__u8 origin;	 /* enum kct_origin, of one that was made */
	__u8 derived;	 /* 1: it follows from what came of it, the bit was not seen to change */
	__u8 stack_note; /* enum kct_stack_note, of one that was made */
	__u32 stack;	 /* number of the kernel's stack (model/stacks.h); 0: none */
};

/*
 * What comes behind an update, or behind a request that is seen being made, where stacks are
 * taken: return addresses, the innermost one first. They do not leave src/attach/.
 */
#define KCT_RAW_FRAMES 48
struct kct_raw_stack {
	__s64 size; /* of frames[] that is filled, in bytes; or -errno */
	__u64 frames[KCT_RAW_FRAMES];
};

struct kct_pvti_event {
	struct kct_event event;
	struct kct_pvti old_pvti; /* the one before, if has_old */
	struct kct_pvti new_pvti;
	__s64 drift_ns; /* if has_drift; positive: the kvm-clock jumped forward */
	__u8 has_old;
	__u8 has_drift; /* 0 without an old one, and when the TSC was rewritten since */
	__u8 rebased;	/* the TSC was rewritten since the old one */
	__u8 clock_set; /* the clock was set since the old one: the drift holds what was asked */
	/* The snapshot is older than the vCPU's TSC write: compute_guest_tsc() needs a signed
	 * delta. */
	__u8 negative_delta;
	__u8 pad[3];
};

struct kct_tsc_write_event {
	struct kct_event event;
	__u64 old_offset; /* two's complement */
	__u64 new_offset;
	__u64 tsc;  /* guest TSC that the VMM asked for, cycles; if has_tsc */
	__u8 ioctl; /* enum kct_ioctl: which one wrote it */
	__u8 has_tsc;
	__u8 pad[6];
};

struct kct_tsc_track_event {
	struct kct_event event;
	__u64 generation; /* kvm_arch.cur_tsc_generation */
	__u32 nr_matched;
	__u32 nr_vcpus;
	__u32 host_clock;
	__u8 masterclock; /* use_master_clock now, not the one wanted */
	__u8 pending;	  /* the request bit after the decision: enum kct_known */
	__u16 pad;
	__u32 tsc_khz; /* virtual_tsc_khz of the vCPU; 0: not known */
	__u32 pad2;
};

/* KVM_CLOCK_REALTIME, KVM_CLOCK_HOST_TSC: which fields of struct kvm_clock_data are meant. */
#define KCT_CLOCK_REALTIME 4
#define KCT_CLOCK_HOST_TSC 8

/*
 * The clock of a VM is set: what the VMM asked for, and who was waiting then. It is told at the
 * update that the setting makes, under KVM's lock, right before that update's own event. The vCPU
 * is the one on which KVM_SET_CLOCK_GUEST was called.
 */
struct kct_set_clock_event {
	struct kct_event event;
	__u64 clock;	/* ns; this and the next two are KVM_SET_CLOCK's, if has_data */
	__u64 realtime; /* ns since the epoch, if flags has KCT_CLOCK_REALTIME */
	__u32 flags;
	__u32 nr_vcpus;
	__u32 nr_pending; /* of these, with KVM_REQ_MASTERCLOCK_UPDATE pending; KCT_NO_NUMBER */
	__u32 nr_pending_after; /* KCT_NO_NUMBER; in old recordings: when the ioctl returned */
	__u8 has_data;		/* 0: could not be read, or KVM_SET_CLOCK_GUEST */
	__u8 ioctl;		/* enum kct_ioctl; old recordings have KCT_IOCTL_UNKNOWN */
	__u8 has_pvti;
	__u8 pad[5];
	struct kct_pvti pvti; /* the line of KVM_SET_CLOCK_GUEST, if has_pvti */
};

/*
 * What the VMM read when its ioctl returned; that it made one (KCT_IOCTL_PAUSED); or who is waiting
 * when it has set the clock.
 */
struct kct_ioctl_event {
	struct kct_event event;
	__u64 tsc;	  /* guest TSC, cycles; if has_tsc */
	__u64 tsc_offset; /* two's complement; if has_offset */
	__u64 clock;	  /* kvm-clock, ns; this and the next three if has_clock */
	__u64 realtime;	  /* ns since the epoch, if flags has KCT_CLOCK_REALTIME; else 0 */
	__u64 host_tsc;	  /* cycles, if flags has KCT_CLOCK_HOST_TSC; else 0 */
	__u32 flags;
	__u8 ioctl; /* enum kct_ioctl */
	__u8 has_tsc;
	__u8 has_offset;
	__u8 has_clock;
	__u32 nr_pending; /* vCPUs with a request pending now that the clock is set; KCT_NO_NUMBER
			   */
	__u8 has_pvti;
	__u8 pad[3];
	struct kct_pvti pvti; /* of KVM_GET_CLOCK_GUEST; if has_pvti */
};

/* From kvm_destroy_vm() where that is hooked; else from userspace, which looks for the VM. */
struct kct_vm_gone_event {
	struct kct_event event;
};

/* Room for any of them. */
union kct_any_event {
	struct kct_event event;
	struct kct_vm_event vm;
	struct kct_vcpu_event vcpu;
	struct kct_update_event update;
	struct kct_request_event request;
	struct kct_pvti_event pvti;
	struct kct_tsc_write_event tsc_write;
	struct kct_tsc_track_event tsc_track;
	struct kct_set_clock_event set_clock;
	struct kct_ioctl_event ioctl;
	struct kct_vm_gone_event vm_gone;
};

#endif
