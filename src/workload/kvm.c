// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/error.h"
#include "workload/kvm.h"
#include "workload/pvti.h"

#define API_VERSION 12 /* the only one there has been since 2.6.22 */

/* Of "Cleaning up the KVM clock mess"; struct wl_pvti is the struct pvclock_vcpu_time_info. */
#ifndef KVM_SET_CLOCK_GUEST
#define KVM_SET_CLOCK_GUEST _IOW(KVMIO, 0xd6, struct wl_pvti)
#define KVM_GET_CLOCK_GUEST _IOR(KVMIO, 0xd7, struct wl_pvti)
#endif

#define NAMED(ioctl) [WL_##ioctl] = {KVM_##ioctl, "KVM_" #ioctl}

static const struct {
	unsigned long request;
	const char *name;
} ioctls[WL_IOCTLS] = {
	NAMED(CREATE_VM),
	NAMED(SET_TSS_ADDR),
	NAMED(SET_USER_MEMORY_REGION),
	NAMED(CREATE_VCPU),
	NAMED(GET_REGS),
	NAMED(SET_REGS),
	NAMED(GET_SREGS),
	NAMED(SET_SREGS),
	NAMED(GET_MSRS),
	NAMED(SET_MSRS),
	NAMED(GET_ONE_REG),
	NAMED(SET_ONE_REG),
	NAMED(HAS_DEVICE_ATTR),
	NAMED(GET_DEVICE_ATTR),
	NAMED(SET_DEVICE_ATTR),
	NAMED(GET_CLOCK),
	NAMED(SET_CLOCK),
	NAMED(GET_CLOCK_GUEST),
	NAMED(SET_CLOCK_GUEST),
	NAMED(KVMCLOCK_CTRL),
	NAMED(GET_TSC_KHZ),
	NAMED(SET_TSC_KHZ),
	NAMED(RUN),
};

const char *wl_ioctl_name(enum wl_ioctl which)
{
	return ioctls[which].name;
}

int wl_ioctl(struct wl_counts *counts, int fd, enum wl_ioctl which, unsigned long arg)
{
	int ret = ioctl(fd, ioctls[which].request, arg);

	counts->calls[which]++;
	return ret < 0 ? -errno : ret;
}

void wl_counts_add(struct wl_counts *to, const struct wl_counts *from)
{
	for (int i = 0; i < WL_IOCTLS; i++)
		to->calls[i] += from->calls[i];
}

static unsigned int capability(const struct wl_kvm *kvm, unsigned long which)
{
	int ret = ioctl(kvm->fd, KVM_CHECK_EXTENSION, which);

	return ret < 0 ? 0 : ret;
}

int wl_kvm_open(struct wl_kvm *kvm)
{
	int size;

	kvm->fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm->fd < 0)
		return wl_fail(KCT_EXIT_HOST, "cannot open /dev/kvm: %s", strerror(errno));
	if (ioctl(kvm->fd, KVM_GET_API_VERSION, 0) != API_VERSION)
		return wl_fail(KCT_EXIT_HOST, "/dev/kvm does not speak KVM API version %d",
			       API_VERSION);
	size = ioctl(kvm->fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (size < (int)sizeof(struct kvm_run))
		return wl_fail(KCT_EXIT_HOST, "KVM_GET_VCPU_MMAP_SIZE gave %d", size);
	/* The VM is stopped through it: without it a kick can come too early and be lost. */
	if (!capability(kvm, KVM_CAP_IMMEDIATE_EXIT))
		return wl_fail(KCT_EXIT_HOST, "this kernel has no KVM_CAP_IMMEDIATE_EXIT");
	if (!capability(kvm, KVM_CAP_KVMCLOCK_CTRL))
		return wl_fail(KCT_EXIT_HOST, "this kernel has no KVM_CAP_KVMCLOCK_CTRL");
	kvm->run_size = size;
	kvm->max_vcpus = capability(kvm, KVM_CAP_MAX_VCPUS);
	kvm->clock_flags = capability(kvm, KVM_CAP_ADJUST_CLOCK);
	return 0;
}

void wl_kvm_close(struct wl_kvm *kvm)
{
	if (kvm->fd >= 0)
		close(kvm->fd);
	kvm->fd = -1;
}

int wl_fail(int status, const char *format, ...)
{
	static atomic_flag said = ATOMIC_FLAG_INIT;
	char line[256];
	va_list args;

	if (atomic_flag_test_and_set(&said))
		return status;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	kct_error("%s", line);
	return status;
}
