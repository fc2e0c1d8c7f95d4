/* SPDX-License-Identifier: GPL-2.0 */
/*
 * VMs and vCPUs. One thread, the VM's controller, makes the VM and steers it. A vCPU is driven
 * either by a thread of its own, as in QEMU, to which the controller hands one job at a time; or,
 * where nothing runs side by side, by the controller itself.
 *
 * Functions that return int return 0, or a KCT_EXIT_ status after having said why on stderr.
 */
#ifndef KCT_WORKLOAD_VM_H
#define KCT_WORKLOAD_VM_H

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "workload/guest.h"
#include "workload/kvm.h"
#include "workload/pvti.h"

struct wl_vcpu;

/* What a vCPU's thread can be told to do. */
typedef int (*wl_job)(struct wl_vcpu *vcpu, void *arg);

struct wl_vcpu {
	struct wl_vm *vm;
	unsigned int id;
	int fd;
	struct kvm_run *run;
	struct wl_counts counts;
	struct wl_watch watch;
	bool clock_on; /* the guest said WL_CLOCK_ON */
	bool closed;

	bool threaded;
	pthread_t thread;
	pid_t tid; /* of the thread that made it */
	pthread_cond_t wake;

	/* Under vm->lock: */
	wl_job job; /* NULL when idle */
	void *arg;
	int status;	 /* of the last job */
	bool stop;	 /* leave the running of the guest */
	bool quit;	 /* end the thread */
	uint64_t rounds; /* WL_ROUNDs and HLTs so far */
	uint64_t goal;	 /* rounds the controller waits for */
	bool behind;	 /* and it has not got there yet */
};

struct wl_vm {
	const struct wl_kvm *kvm;
	const char *role;
	unsigned int number; /* its place in the report */
	int fd;
	bool closed; /* the descriptors' numbers remain, for the report */
	pid_t controller;
	uint8_t *memory;    /* WL_MEMORY_SIZE bytes */
	uint32_t clock_msr; /* by which its guests enable kvm-clock */
	struct wl_counts counts;
	json_t *steps;

	struct wl_vcpu **vcpus; /* the controller's; a vCPU's thread sees only its own */
	unsigned int nr_vcpus;
	unsigned int max_vcpus;

	pthread_mutex_t lock;
	pthread_cond_t changed; /* a job ended, or nobody is behind any more */
	unsigned int behind;	/* under lock: vCPUs that have not reached their goal */
};

#define kct_for_each_vcpu(vcpu, vm)                                                                \
	for (unsigned int _i = 0; _i < (vm)->nr_vcpus && ((vcpu) = (vm)->vcpus[_i]); _i++)

/* A VM without ioctls yet; role is not copied. Free it with wl_vm_free(). */
struct wl_vm *wl_vm_new(const struct wl_kvm *kvm, const char *role, unsigned int number,
			unsigned int max_vcpus);

/* Stop and end its threads, and close all: the VM is gone, and what it did can still be told. */
void wl_vm_close(struct wl_vm *vm);

/* Close it, and free. NULL is fine. */
void wl_vm_free(struct wl_vm *vm);

/* KVM_CREATE_VM, with the guest's code in its memory. The caller becomes the controller. */
int wl_vm_create(struct wl_vm *vm);

/* Make the next vCPU, in a new thread or in the caller's, ready to start with that loop. */
int wl_vcpu_add(struct wl_vm *vm, enum wl_loop loop, bool threaded);

/* Make count of them. */
int wl_vcpus_add(struct wl_vm *vm, unsigned int count, enum wl_loop loop, bool threaded);

/* Say that an ioctl on this VM or vCPU failed with the negative errno; KCT_EXIT_FAILED. */
int wl_vm_fail(const struct wl_vm *vm, enum wl_ioctl which, int error);
int wl_vcpu_fail(const struct wl_vcpu *vcpu, enum wl_ioctl which, int error);

/* An ioctl that fails with a word on stderr, from the controller or the vCPU's driver. */
int wl_vm_ioctl(struct wl_vm *vm, enum wl_ioctl which, void *arg);
int wl_vcpu_ioctl(struct wl_vcpu *vcpu, enum wl_ioctl which, void *arg);

/* Read or write count MSRs in one ioctl; fewer than all of them done is a failure. */
#define WL_MAX_MSRS 4
int wl_vcpu_get_msrs(struct wl_vcpu *vcpu, struct kvm_msr_entry *msrs, unsigned int count);
int wl_vcpu_set_msrs(struct wl_vcpu *vcpu, struct kvm_msr_entry *msrs, unsigned int count);

/* Why KVM_RUN came back. */
enum wl_exit {
	WL_EXIT_KICKED, /* a signal, or immediate_exit */
	WL_EXIT_CLOCK_ON,
	WL_EXIT_ROUND,
	WL_EXIT_HLT,
};

/* One KVM_RUN, after which the vCPU's PVTI is looked at. For its driver. */
int wl_vcpu_enter(struct wl_vcpu *vcpu, enum wl_exit *why);

/* Run each vCPU for one round in the caller's thread: for VMs whose vCPUs have no threads. */
int wl_vm_run_round(struct wl_vm *vm);

/* For the controller, where vCPUs have threads: */

/* Hand a job to an idle vCPU's thread and wait for the end of it: its result. */
int wl_vcpu_call(struct wl_vcpu *vcpu, wl_job job, void *arg);

/* Let each idle vCPU do the job, one after another, as far as they succeed. */
int wl_vm_each(struct wl_vm *vm, wl_job job, void *arg);

/* Let all of them do it side by side, and wait for the end of it: the first failure. */
int wl_vm_all(struct wl_vm *vm, wl_job job, void *arg);

/* Let one idle vCPU run the guest until wl_vm_stop(); all of them. */
void wl_vcpu_start(struct wl_vcpu *vcpu);
void wl_vm_start(struct wl_vm *vm);

/* Have a vCPU that runs the guest leave it, do a job, and go on, while the others run. */
int wl_vcpu_interrupt(struct wl_vcpu *vcpu, wl_job job, void *arg);

/*
 * Wait until each running vCPU has done that many more rounds. Fails if one stopped running; what
 * failed there has then been said.
 */
int wl_vm_await(struct wl_vm *vm, unsigned int rounds);

/*
 * Kick all vCPUs out of KVM_RUN and wait until they are idle, with no I/O left half done. Fails if
 * the running of one failed.
 */
int wl_vm_stop(struct wl_vm *vm);

/* Have SIGUSR1 interrupt KVM_RUN and do nothing else; once, before the first vCPU. */
void wl_kicks_prepare(void);

#endif
