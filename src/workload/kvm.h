/* SPDX-License-Identifier: GPL-2.0 */
/* /dev/kvm and its ioctls: named, counted, and with one voice when they fail. */
#ifndef KCT_WORKLOAD_KVM_H
#define KCT_WORKLOAD_KVM_H

#include <stdint.h>

/* The ioctls whose number the report tells: all that act on a VM or a vCPU. */
enum wl_ioctl {
	WL_CREATE_VM,
	WL_SET_TSS_ADDR,
	WL_SET_USER_MEMORY_REGION,
	WL_CREATE_VCPU,
	WL_GET_REGS,
	WL_SET_REGS,
	WL_GET_SREGS,
	WL_SET_SREGS,
	WL_GET_MSRS,
	WL_SET_MSRS,
	WL_GET_ONE_REG,
	WL_SET_ONE_REG,
	WL_HAS_DEVICE_ATTR,
	WL_GET_DEVICE_ATTR,
	WL_SET_DEVICE_ATTR,
	WL_GET_CLOCK,
	WL_SET_CLOCK,
	WL_GET_CLOCK_GUEST,
	WL_SET_CLOCK_GUEST,
	WL_KVMCLOCK_CTRL,
	WL_GET_TSC_KHZ,
	WL_SET_TSC_KHZ,
	WL_RUN,
	WL_IOCTLS, /* how many there are */
};

/* How often each was called, successful or not. Not shared: who calls has his own. */
struct wl_counts {
	uint64_t calls[WL_IOCTLS];
};

struct wl_kvm {
	int fd;
	unsigned int run_size;	  /* bytes to map from a vCPU's descriptor */
	unsigned int max_vcpus;	  /* in one VM */
	unsigned int clock_flags; /* KVM_CLOCK_* that KVM_GET_CLOCK and KVM_SET_CLOCK know */
};

/* The kernel's name of an ioctl, such as "KVM_RUN". */
const char *wl_ioctl_name(enum wl_ioctl which);

/* Call and count. Returns what the ioctl returned, or -errno. */
int wl_ioctl(struct wl_counts *counts, int fd, enum wl_ioctl which, unsigned long arg);

/* Add the counts of from to those of to. */
void wl_counts_add(struct wl_counts *to, const struct wl_counts *from);

/*
 * Open /dev/kvm and learn what this kernel can do. Returns 0, or KCT_EXIT_HOST after having said
 * why. Close with wl_kvm_close(), which takes an unopened one (fd -1) too.
 */
int wl_kvm_open(struct wl_kvm *kvm);
void wl_kvm_close(struct wl_kvm *kvm);

/*
 * Say on stderr what failed and return status. Only the first call in the process speaks: what
 * fails in one thread often fails in all of them, or because of the first.
 */
int wl_fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
