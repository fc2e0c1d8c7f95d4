// SPDX-License-Identifier: GPL-2.0
/* The ioctls of a vCPU, with KVM_RUN: why it came back. */
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>

#include "base/error.h"
#include "workload/guest.h"
#include "workload/vcpu.h"

int wl_vcpu_fail(const struct wl_vcpu *vcpu, enum wl_ioctl which, int error)
{
	return wl_fail(KCT_EXIT_FAILED, "%s on vCPU %u of VM %u (%s): %s", wl_ioctl_name(which),
		       vcpu->id, vcpu->vm->number, vcpu->vm->role, strerror(-error));
}

int wl_vcpu_ioctl(struct wl_vcpu *vcpu, enum wl_ioctl which, void *arg)
{
	int ret = wl_ioctl(&vcpu->counts, vcpu->fd, which, (uintptr_t)arg);

	return ret < 0 ? wl_vcpu_fail(vcpu, which, ret) : 0;
}

static int transfer_msrs(struct wl_vcpu *vcpu, enum wl_ioctl which, struct kvm_msr_entry *msrs,
			 unsigned int count)
{
	union {
		struct kvm_msrs msrs;
		char room[sizeof(struct kvm_msrs) + WL_MAX_MSRS * sizeof(*msrs)];
	} u = {.msrs.nmsrs = count};
	int done;

	memcpy(u.msrs.entries, msrs, count * sizeof(*msrs));
	done = wl_ioctl(&vcpu->counts, vcpu->fd, which, (uintptr_t)&u.msrs);
	if (done < 0)
		return wl_vcpu_fail(vcpu, which, done);
	if ((unsigned int)done < count)
		return wl_fail(KCT_EXIT_FAILED, "%s on vCPU %u of VM %u (%s): MSR 0x%x refused",
			       wl_ioctl_name(which), vcpu->id, vcpu->vm->number, vcpu->vm->role,
			       msrs[done].index);
	memcpy(msrs, u.msrs.entries, count * sizeof(*msrs));
	return 0;
}

int wl_vcpu_get_msrs(struct wl_vcpu *vcpu, struct kvm_msr_entry *msrs, unsigned int count)
{
	return transfer_msrs(vcpu, WL_GET_MSRS, msrs, count);
}

int wl_vcpu_set_msrs(struct wl_vcpu *vcpu, struct kvm_msr_entry *msrs, unsigned int count)
{
	return transfer_msrs(vcpu, WL_SET_MSRS, msrs, count);
}

/* The guest's OUT to our port, or why it is none of what our guest does. */
static int read_message(struct wl_vcpu *vcpu, enum wl_exit *why)
{
	const struct kvm_run *run = vcpu->run;
	const uint8_t *data = (const uint8_t *)run + run->io.data_offset;

	if (run->io.port != WL_PORT || run->io.direction != KVM_EXIT_IO_OUT)
		return wl_fail(KCT_EXIT_FAILED, "vCPU %u of VM %u: unexpected I/O at port 0x%x",
			       vcpu->id, vcpu->vm->number, run->io.port);
	if (*data == WL_CLOCK_ON)
		vcpu->clock_on = true;
	*why = *data == WL_CLOCK_ON ? WL_EXIT_CLOCK_ON : WL_EXIT_ROUND;
	return 0;
}

int wl_vcpu_enter(struct wl_vcpu *vcpu, enum wl_exit *why)
{
	int ret = wl_ioctl(&vcpu->counts, vcpu->fd, WL_RUN, 0);

	wl_watch_look(&vcpu->watch, vcpu->vm->memory, vcpu->id, vcpu->counts.calls[WL_RUN]);
	*why = WL_EXIT_KICKED;
	if (ret == -EINTR || ret == -EAGAIN)
		return 0;
	if (ret < 0)
		return wl_vcpu_fail(vcpu, WL_RUN, ret);
	switch (vcpu->run->exit_reason) {
	case KVM_EXIT_IO:
		return read_message(vcpu, why);
	case KVM_EXIT_HLT:
		*why = WL_EXIT_HLT;
		return 0;
	case KVM_EXIT_INTR:
		return 0;
	default:
		return wl_fail(KCT_EXIT_FAILED, "vCPU %u of VM %u: unexpected KVM exit reason %u",
			       vcpu->id, vcpu->vm->number, vcpu->run->exit_reason);
	}
}
