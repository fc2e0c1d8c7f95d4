// SPDX-License-Identifier: GPL-2.0
/* The making and the end of VMs, and their ioctls. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "workload/step.h"
#include "workload/vcpu.h"
#include "workload/vm.h"

/*
 * Intel hosts without unrestricted guest mode keep a TSS and an identity-mapped page table in the
 * guest's address space: far above our memory.
 */
#define TSS_ADDRESS 0xfffbd000UL

struct wl_vm *wl_vm_new(const struct wl_kvm *kvm, const char *role, unsigned int number,
			unsigned int max_vcpus)
{
	struct wl_vm *vm = wl_need(calloc(1, sizeof(*vm)));

	vm->kvm = kvm;
	vm->role = role;
	vm->number = number;
	vm->fd = -1;
	vm->clock_msr = WL_MSR_SYSTEM_TIME;
	vm->max_vcpus = max_vcpus;
	vm->vcpus = wl_need(calloc(max_vcpus, sizeof(vm->vcpus[0])));
	vm->steps = wl_need(json_array());
	pthread_mutex_init(&vm->lock, NULL);
	pthread_cond_init(&vm->changed, NULL);
	return vm;
}

void wl_vm_close(struct wl_vm *vm)
{
	struct wl_vcpu *vcpu;

	kct_for_each_vcpu (vcpu, vm)
		wl_vcpu_close(vcpu);
	if (vm->fd >= 0 && !vm->closed)
		close(vm->fd);
	vm->closed = true;
	if (vm->memory)
		munmap(vm->memory, WL_MEMORY_SIZE);
	vm->memory = NULL;
}

void wl_vm_free(struct wl_vm *vm)
{
	struct wl_vcpu *vcpu;

	if (!vm)
		return;
	wl_vm_close(vm);
	kct_for_each_vcpu (vcpu, vm)
		wl_vcpu_free(vcpu);
	pthread_cond_destroy(&vm->changed);
	pthread_mutex_destroy(&vm->lock);
	json_decref(vm->steps);
	free(vm->vcpus);
	free(vm);
}

/* The kernel turns KVM_CREATE_VM down in these ways when the CPU's virtualization is not ours. */
static int create_status(int error)
{
	return error == -EBUSY || error == -ENODEV || error == -EOPNOTSUPP ? KCT_EXIT_HOST
									   : KCT_EXIT_FAILED;
}

static int map_memory(struct wl_vm *vm)
{
	struct kvm_userspace_memory_region region = {.memory_size = WL_MEMORY_SIZE};

	vm->memory = mmap(NULL, WL_MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	if (vm->memory == MAP_FAILED) {
		vm->memory = NULL;
		return wl_fail(KCT_EXIT_FAILED, "cannot map guest memory: %s", strerror(errno));
	}
	wl_guest_load(vm->memory);
	region.userspace_addr = (uintptr_t)vm->memory;
	return wl_vm_ioctl(vm, WL_SET_USER_MEMORY_REGION, &region);
}

int wl_vm_create(struct wl_vm *vm)
{
	int ret;

	vm->controller = gettid();
	do {
		ret = wl_ioctl(&vm->counts, vm->kvm->fd, WL_CREATE_VM, 0);
	} while (ret == -EINTR);
	if (ret < 0)
		return wl_fail(create_status(ret), "KVM_CREATE_VM: %s", strerror(-ret));
	vm->fd = ret;
	ret = wl_ioctl(&vm->counts, vm->fd, WL_SET_TSS_ADDR, TSS_ADDRESS);
	if (ret < 0)
		return wl_vm_fail(vm, WL_SET_TSS_ADDR, ret);
	return map_memory(vm);
}

int wl_vcpus_add(struct wl_vm *vm, unsigned int count, enum wl_loop loop, bool threaded)
{
	int status = 0;

	while (!status && count--)
		status = wl_vcpu_add(vm, loop, threaded);
	return status;
}

int wl_vm_fail(const struct wl_vm *vm, enum wl_ioctl which, int error)
{
	return wl_fail(KCT_EXIT_FAILED, "%s on VM %u (%s): %s", wl_ioctl_name(which), vm->number,
		       vm->role, strerror(-error));
}

int wl_vm_ioctl(struct wl_vm *vm, enum wl_ioctl which, void *arg)
{
	int ret = wl_ioctl(&vm->counts, vm->fd, which, (uintptr_t)arg);

	return ret < 0 ? wl_vm_fail(vm, which, ret) : 0;
}

int wl_vm_run_round(struct wl_vm *vm)
{
	struct wl_vcpu *vcpu;

	kct_for_each_vcpu (vcpu, vm) {
		enum wl_exit why = WL_EXIT_KICKED;

		while (why != WL_EXIT_ROUND) {
			int status = wl_vcpu_enter(vcpu, &why);

			if (status)
				return status;
		}
	}
	return 0;
}

int wl_vm_each(struct wl_vm *vm, wl_job job, void *arg)
{
	struct wl_vcpu *vcpu;

	kct_for_each_vcpu (vcpu, vm) {
		int status = wl_vcpu_call(vcpu, job, arg);

		if (status)
			return status;
	}
	return 0;
}

int wl_vm_all(struct wl_vm *vm, wl_job job, void *arg)
{
	struct wl_vcpu *vcpu;
	int status = 0;

	kct_for_each_vcpu (vcpu, vm)
		wl_vcpu_post(vcpu, job, arg);
	kct_for_each_vcpu (vcpu, vm) {
		int its = wl_vcpu_wait(vcpu);

		status = status ? status : its;
	}
	return status;
}

void wl_vm_start(struct wl_vm *vm)
{
	struct wl_vcpu *vcpu;

	kct_for_each_vcpu (vcpu, vm)
		wl_vcpu_start(vcpu);
}

int wl_vm_await(struct wl_vm *vm, unsigned int rounds)
{
	struct wl_vcpu *vcpu;
	int status = 0;

	pthread_mutex_lock(&vm->lock);
	kct_for_each_vcpu (vcpu, vm) {
		vcpu->goal = vcpu->rounds + rounds;
		vcpu->behind = vcpu->job != NULL;
		vm->behind += vcpu->behind;
	}
	while (vm->behind)
		pthread_cond_wait(&vm->changed, &vm->lock);
	kct_for_each_vcpu (vcpu, vm) {
		if (!vcpu->job && vcpu->status)
			status = vcpu->status;
	}
	pthread_mutex_unlock(&vm->lock);
	return status;
}

int wl_vm_stop(struct wl_vm *vm)
{
	struct wl_vcpu *vcpu;
	int status = 0;

	kct_for_each_vcpu (vcpu, vm)
		wl_vcpu_kick(vcpu);
	kct_for_each_vcpu (vcpu, vm) {
		int its = wl_vcpu_wait(vcpu);

		status = status ? status : its;
	}
	return status;
}
