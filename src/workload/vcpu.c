// SPDX-License-Identifier: GPL-2.0
/* A vCPU: its making and its end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "workload/step.h"
#include "workload/vcpu.h"
#include "workload/vcpu_thread.h"

static int set_start(struct wl_vcpu *vcpu, enum wl_loop loop)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	int status = wl_vcpu_ioctl(vcpu, WL_GET_SREGS, &sregs);

	if (status)
		return status;
	wl_guest_start(vcpu->id, vcpu->vm->clock_msr, loop, &regs, &sregs);
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

void wl_vcpu_close(struct wl_vcpu *vcpu)
{
	if (vcpu->closed)
		return;
	vcpu->closed = true;
	if (vcpu->threaded)
		wl_vcpu_thread_end(vcpu);
	if (vcpu->run)
		munmap(vcpu->run, vcpu->vm->kvm->run_size);
	if (vcpu->fd >= 0)
		close(vcpu->fd);
}

void wl_vcpu_free(struct wl_vcpu *vcpu)
{
	wl_watch_free(&vcpu->watch);
	free(vcpu);
}
