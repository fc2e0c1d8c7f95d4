/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest: a few bytes of 32-bit code without paging that every vCPU runs, and where things lie
 * in its memory. Each vCPU enables its own kvm-clock, says so, and then loops in one of four
 * ways. It tells its host how far it is by writing a byte to an I/O port, so that nobody has to
 * guess by waiting.
 */
#ifndef KCT_WORKLOAD_GUEST_H
#define KCT_WORKLOAD_GUEST_H

#include <linux/kvm.h>
#include <stdint.h>

#define WL_MEMORY_SIZE 0x20000U
#define WL_MAX_VCPUS   1024U

#define WL_PORT	       0x10

/* What the guest writes to WL_PORT. */
enum wl_message {
	WL_CLOCK_ON = 1, /* the WRMSR that enables kvm-clock has been executed */
	WL_ROUND = 2,	 /* one more time round the loop */
};

enum wl_loop {
	WL_LOOP_ROUNDS, /* compute a bit, write WL_ROUND, again */
	WL_LOOP_IDLE,	/* HLT, again when resumed */
	WL_LOOP_EXITS,	/* write WL_ROUND, again: nothing but exits */
	WL_LOOP_SPIN,	/* write WL_ROUND once, then jump on the spot: no more exits of its own */
};

/*
 * MSR_KVM_SYSTEM_TIME_NEW, and MSR_KVM_SYSTEM_TIME, which Linux used up to 2.6.34. uapi headers do
 * not have them in one place across versions.
 */
#define WL_MSR_SYSTEM_TIME     0x4b564d01U
#define WL_MSR_SYSTEM_TIME_OLD 0x12U

/* The guest-physical address of a vCPU's PVTI, below WL_MEMORY_SIZE; id < WL_MAX_VCPUS. */
uint64_t wl_guest_pvti_address(unsigned int id);

/* Put the code into the guest's memory of WL_MEMORY_SIZE bytes. */
void wl_guest_load(uint8_t *memory);

/*
 * Set the registers to start vCPU id, which enables its kvm-clock by that MSR; *sregs must hold
 * what KVM gave the new vCPU.
 */
void wl_guest_start(unsigned int id, uint32_t clock_msr, enum wl_loop loop, struct kvm_regs *regs,
		    struct kvm_sregs *sregs);

/*
 * Have a vCPU that is stopped between two exits of its loop write its TSC, 2^36 cycles ahead of
 * what it is, once, and begin the loop anew.
 */
void wl_guest_write_tsc(struct kvm_regs *regs);

#endif
