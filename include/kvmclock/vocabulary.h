/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The words. Each list is the one place where an event, a cause, an effect or an origin gets
 * its name: the BPF programs use the number, recordings, tables and documents the text.
 */
#ifndef KVMCLOCK_VOCABULARY_H
#define KVMCLOCK_VOCABULARY_H

/* What a line of a recording tells. All come from the BPF programs; `vm-gone` may also come from
 * userspace, which looks for VMs that have ended. */
#define KCT_EVENTS(X)                                                                              \
	X(VM, "vm")		  /* a VM is seen for the first time */                            \
	X(VCPU, "vcpu")		  /* so is a vCPU, and the state that it was found in */           \
	X(UPDATE, "update")	  /* pvclock_update_vm_gtod_copy() ran */                          \
	X(REQUEST, "request")	  /* KVM_REQ_MASTERCLOCK_UPDATE: made pending, or cleared */       \
	X(PVTI, "pvti")		  /* a vCPU's PVTI was published */                                \
	X(TSC_WRITE, "tsc-write") /* a vCPU's TSC offset was written */                            \
	X(TSC_TRACK, "tsc-track") /* kvm_track_tsc_matching() decided about a request */           \
	X(SET_CLOCK, "set-clock") /* the clock is set: to what, and who was waiting */             \
	X(IOCTL, "ioctl")	  /* the VMM read a TSC or the clock, or said that it paused */    \
	X(VM_GONE, "vm-gone")	  /* the VM has been destroyed */

/* Why a masterclock update ran. */
#define KCT_CAUSES(X)                                                                              \
	X(UNKNOWN, "unknown")                                                                      \
	X(VM_CREATE, "vm-create")		    /* kvm_arch_init_vm() */                       \
	X(SET_CLOCK, "set-clock")		    /* KVM_SET_CLOCK */                            \
	X(SET_CLOCK_REALTIME, "set-clock-realtime") /* the same with KVM_CLOCK_REALTIME */         \
	X(SET_CLOCK_GUEST, "set-clock-guest")	    /* KVM_SET_CLOCK_GUEST */                      \
	X(VCPU_REQUEST, "vcpu-request")		    /* KVM_RUN found the request pending */        \
	X(HYPERV, "hyperv")			    /* kvm_hyperv_tsc_notifier() */

/* What a masterclock update did, from the values before and after it. */
#define KCT_EFFECTS(X)                                                                             \
	X(UNKNOWN, "unknown")	    /* the values before it are not known */                       \
	X(ENABLED, "enabled")	    /* off, then on */                                             \
	X(DISABLED, "disabled")	    /* on, then off */                                             \
	X(RESNAPSHOT, "resnapshot") /* on and stays on, with a new snapshot */                     \
	X(SUPPRESSED, "suppressed") /* on and stays on, with the same snapshot */                  \
	X(INACTIVE, "inactive")	    /* off and stays off */

/* Why a masterclock is off, by what it needs: pvclock_update_vm_gtod_copy(). */
#define KCT_REASONS(X)                                                                             \
	X(UNKNOWN, "unknown")		  /* something that it needs is not known */               \
	X(CLOCKSOURCE, "clocksource")	  /* the host's clocksource is not the TSC */              \
	X(TSC_UNMATCHED, "tsc-unmatched") /* vCPUs' TSCs do not match */                           \
	X(TSC_BACKWARDS, "tsc-backwards") /* the host's TSC went backwards */                      \
	X(OLD_KVMCLOCK, "old-kvmclock")	  /* the boot vCPU uses the old kvm-clock MSR */           \
	X(TSC_PROTECTED, "tsc-protected") /* KVM cannot write the guest's TSC (TDX, SNP) */        \
	X(NOT_YET, "not-yet")		  /* nothing is in its way: the next update turns it on */

/* Who made a request. */
#define KCT_ORIGINS(X)                                                                             \
	X(UNKNOWN, "unknown")                                                                      \
	X(VCPU_CREATE, "vcpu-create") /* kvm_arch_vcpu_postcreate() */                             \
	X(TSC_WRITE, "tsc-write")     /* the host writes MSR_IA32_TSC */                           \
	X(TSC_OFFSET, "tsc-offset")   /* KVM_VCPU_TSC_OFFSET */                                    \
	X(SYSTEM_TIME, "system-time") /* kvm_write_system_time(): the guest changed flavour */     \
	X(CLOCKSOURCE, "clocksource") /* pvclock_gtod_update_fn(): the host left the TSC */        \
	X(RESUME, "resume")	      /* the TSC went backwards over a suspend */                  \
	X(HYPERV, "hyperv")	      /* the guest enabled the Hyper-V reference TSC page */       \
	X(XEN, "xen")		      /* a Xen shared info page was set up */

/* What is to be known of an event's kernel stack (--stack). */
#define KCT_STACK_NOTES(X)                                                                         \
	X(NOT_ASKED, "not-asked")     /* stacks were not asked for: the event has none */          \
	X(WHOLE, "whole")	      /* it is all there */                                        \
	X(CUT, "cut")		      /* its outer frames had no room */                           \
	X(FOUND_LATER, "found-later") /* none: nobody saw the request being made */                \
	X(NOT_TAKEN, "not-taken")     /* none: the kernel gave none */                             \
	X(NO_SYMBOLS, "no-symbols")   /* none: the kernel does not tell what its functions are */  \
	X(NO_ROOM, "no-room")	      /* none: there were too many that differ */                  \
	X(UNKNOWN, "unknown")	      /* a word of another release */

/*
 * What a VMM does about the clocks of a VM: which ioctl wrote a TSC offset, or what an `ioctl`
 * event is about. What reads or writes MSRs only counts where IA32_TSC is among them.
 */
#define KCT_IOCTLS(X)                                                                              \
	X(UNKNOWN, "unknown")                                                                      \
	X(CREATE_VCPU, "create-vcpu")	      /* KVM_CREATE_VCPU */                                \
	X(RUN, "run")			      /* KVM_RUN: the guest itself did it */               \
	X(GET_TSC, "get-tsc")		      /* KVM_GET_MSRS, KVM_GET_ONE_REG */                  \
	X(SET_TSC, "set-tsc")		      /* KVM_SET_MSRS, KVM_SET_ONE_REG */                  \
	X(GET_TSC_OFFSET, "get-tsc-offset")   /* KVM_GET_DEVICE_ATTR of KVM_VCPU_TSC_OFFSET */     \
	X(SET_TSC_OFFSET, "set-tsc-offset")   /* KVM_SET_DEVICE_ATTR of it */                      \
	X(GET_CLOCK, "get-clock")	      /* KVM_GET_CLOCK */                                  \
	X(SET_CLOCK, "set-clock")	      /* KVM_SET_CLOCK */                                  \
	X(PAUSED, "paused")		      /* KVM_KVMCLOCK_CTRL: the guest was paused */        \
	X(GET_CLOCK_GUEST, "get-clock-guest") /* KVM_GET_CLOCK_GUEST */                            \
	X(SET_CLOCK_GUEST, "set-clock-guest") /* KVM_SET_CLOCK_GUEST */

/* Why the evidence is not whole. Each counts events, but `vms-full` and
 * `vcpus-full`, which count VMs and vCPUs without room. */
#define KCT_LOSSES(X)                                                                              \
	X(RING_FULL, "ring-full")   /* an event did not fit into the ring buffer */                \
	X(VMS_FULL, "vms-full")	    /* VMs that had no room: their events are nobody's */          \
	X(VCPUS_FULL, "vcpus-full") /* vCPUs that had none */                                      \
	X(MISSED, "missed")	    /* the kernel skipped a program (recursion) */                 \
	X(UNWRITTEN, "unwritten")   /* read, or left to be read, when the run had to end */

#define KCT_EVENT_ROW(name, text)  KCT_EVENT_##name,
#define KCT_CAUSE_ROW(name, text)  KCT_CAUSE_##name,
#define KCT_EFFECT_ROW(name, text) KCT_EFFECT_##name,
#define KCT_ORIGIN_ROW(name, text) KCT_ORIGIN_##name,
#define KCT_IOCTL_ROW(name, text)  KCT_IOCTL_##name,
#define KCT_LOSS_ROW(name, text)   KCT_LOSS_##name,
#define KCT_REASON_ROW(name, text) KCT_REASON_##name,
#define KCT_STACK_ROW(name, text)  KCT_STACK_##name,

enum kct_event_kind { KCT_EVENTS(KCT_EVENT_ROW) KCT_NR_EVENTS };
enum kct_cause { KCT_CAUSES(KCT_CAUSE_ROW) KCT_NR_CAUSES };
enum kct_effect { KCT_EFFECTS(KCT_EFFECT_ROW) KCT_NR_EFFECTS };
enum kct_origin { KCT_ORIGINS(KCT_ORIGIN_ROW) KCT_NR_ORIGINS };
enum kct_ioctl { KCT_IOCTLS(KCT_IOCTL_ROW) KCT_NR_IOCTLS };
enum kct_loss { KCT_LOSSES(KCT_LOSS_ROW) KCT_NR_LOSSES };
enum kct_reason { KCT_REASONS(KCT_REASON_ROW) KCT_NR_REASONS };
enum kct_stack_note { KCT_STACK_NOTES(KCT_STACK_ROW) KCT_NR_STACK_NOTES };

#endif
