// SPDX-License-Identifier: GPL-2.0
/* A vCPU: its making, its ioctls, one entry into the guest. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "workload/step.h"
#include "workload/vcpu.h"
#include "workload/vcpu_thread.h"

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

static int set_start(struct wl_vcpu *vcpu, enum wl_loop loop)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	int status = wl_vcpu_ioctl(vcpu, WL_GET_SREGS, &sregs);

	if (status)
		return status;
	wl_guest_start(vcpu->id, loop, &regs, &sregs);
	status = wl_vcpu_ioctl(vcpu, WL_SET_SREGS, &sregs);
	return status ? status : wl_vcpu_ioctl(vcpu, WL_SET_REGS, &regs);
}

/* The job that makes it, in the thread that will drive it: arg is the enum wl_loop. */
static int create(struct wl_vcpu *vcpu, void *arg)
{
	const enum wl_loop *loop = arg;

	vcpu->tid = gettid();
	vcpu->fd = wl_ioctl(&vcpu->counts, vcpu->vm->fd, WL_CREATE_VCPU, vcpu->id);
	if (vcpu->fd < 0)
		return wl_vcpu_fail(vcpu, WL_CREATE_VCPU, vcpu->fd);
	vcpu->run = mmap(NULL, vcpu->vm->kvm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
			 vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED) {
		vcpu->run = NULL;
		return wl_fail(KCT_EXIT_FAILED, "cannot map kvm_run: %s", strerror(errno));
	}
	return set_start(vcpu, *loop);
}

int wl_vcpu_add(struct wl_vm *vm, enum wl_loop loop, bool threaded)
{
	struct wl_vcpu *vcpu = wl_need(calloc(1, sizeof(*vcpu)));

	vcpu->vm = vm;
	vcpu->id = vm->nr_vcpus;
	vcpu->fd = -1;
	vm->vcpus[vm->nr_vcpus++] = vcpu;
	if (!threaded)
		return create(vcpu, &loop);
	if (wl_vcpu_thread_start(vcpu))
		return KCT_EXIT_FAILED;
	return wl_vcpu_call(vcpu, create, &loop);
}

void wl_vcpu_free(struct wl_vcpu *vcpu)
{
	if (vcpu->threaded)
		wl_vcpu_thread_end(vcpu);
	if (vcpu->run)
		munmap(vcpu->run, vcpu->vm->kvm->run_size);
	if (vcpu->fd >= 0)
		close(vcpu->fd);
	wl_watch_free(&vcpu->watch);
	free(vcpu);
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
