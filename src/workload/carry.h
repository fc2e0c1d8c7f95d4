/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What of a guest goes from one VM to the next besides its clocks: its memory, and of each vCPU the
 * other registers. For the VMs' controller; int is 0, or a KCT_EXIT_ status after having said why.
 */
#ifndef KCT_WORKLOAD_CARRY_H
#define KCT_WORKLOAD_CARRY_H

#include "workload/vm.h"

#define WL_MSR_IA32_TSC	  0x10U
#define WL_MSR_TSC_ADJUST 0x3bU

/* Of a vCPU. */
struct wl_carried {
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	uint64_t tsc_adjust;  /* its IA32_TSC_ADJUST */
	uint64_t system_time; /* its WL_MSR_SYSTEM_TIME */
};

/* Zeroed memory holds nothing. */
struct wl_carry {
	uint8_t *memory;
	struct wl_carried *vcpus;
	unsigned int nr_vcpus;
};

/* "save-cpu" and "read-pvti", of a VM that does not run. wl_carry_free() it in any case. */
int wl_carry_save(struct wl_carry *carry, struct wl_vm *source);
/* "create": a VM with all that. The two MSRs are still to be written: QEMU does that with the TSC.
 */
int wl_carry_restore(const struct wl_carry *carry, struct wl_vm *target);
/* Write them, where the TSC is not written along with them. For the vCPU's driver. */
int wl_carry_set_msrs(const struct wl_carry *carry, struct wl_vcpu *vcpu);
void wl_carry_free(struct wl_carry *carry);

#endif
