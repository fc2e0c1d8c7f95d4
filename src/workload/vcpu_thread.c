// SPDX-License-Identifier: GPL-2.0
/* The thread of a vCPU: one job at a time, of which running the guest is the long one. */
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/duration.h"
#include "base/error.h"
#include "workload/vcpu.h"
#include "workload/vcpu_thread.h"

#define KICK_SIGNAL SIGUSR1
#define TICK_NS	    10000000L /* how long an idle guest stays halted: as with a 100 Hz timer */

static void ignore_kick(int signal)
{
	(void)signal;
}

void wl_kicks_prepare(void)
{
	/* A handler, since an ignored signal would not end KVM_RUN; and no SA_RESTART. */
	struct sigaction action = {.sa_handler = ignore_kick};

	sigaction(KICK_SIGNAL, &action, NULL);
}

/* KVM reads the byte at its own time, hence the atomic store. */
static void set_immediate_exit(struct wl_vcpu *vcpu, uint8_t value)
{
	__atomic_store_n(&vcpu->run->immediate_exit, value, __ATOMIC_RELAXED);
}

/* Under vm->lock: the controller need not wait for it any longer. */
static void catch_up(struct wl_vcpu *vcpu)
{
	if (!vcpu->behind)
		return;
	vcpu->behind = false;
	if (!--vcpu->vm->behind)
		pthread_cond_broadcast(&vcpu->vm->changed);
}

/* Under vm->lock: sleep until the next tick or the stop. */
static void halt(struct wl_vcpu *vcpu)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += TICK_NS;
	if (until.tv_nsec >= KCT_NS_PER_S) {
		until.tv_nsec -= KCT_NS_PER_S;
		until.tv_sec++;
	}
	while (!vcpu->stop &&
	       !pthread_cond_clockwait(&vcpu->wake, &vcpu->vm->lock, CLOCK_MONOTONIC, &until))
		;
}

/* Account for an exit. Returns whether to go on. */
static bool after_exit(struct wl_vcpu *vcpu, enum wl_exit why)
{
	bool go_on;

	pthread_mutex_lock(&vcpu->vm->lock);
	if (why == WL_EXIT_ROUND || why == WL_EXIT_HLT) {
		if (++vcpu->rounds >= vcpu->goal)
			catch_up(vcpu);
	}
	if (why == WL_EXIT_HLT)
		halt(vcpu);
	go_on = !vcpu->stop;
	pthread_mutex_unlock(&vcpu->vm->lock);
	return go_on;
}

/* The job that runs the guest until the stop. */
static int run_guest(struct wl_vcpu *vcpu, void *arg)
{
	enum wl_exit why;
	int status;

	(void)arg;
	do {
		status = wl_vcpu_enter(vcpu, &why);
		if (status)
			return status;
	} while (after_exit(vcpu, why));
	/*
	 * The instruction after an OUT is reached only when KVM_RUN is called again. With
	 * immediate_exit that is all it does: the guest is not entered, no request is served.
	 */
	set_immediate_exit(vcpu, 1);
	return wl_vcpu_enter(vcpu, &why);
}

static void *serve(void *arg)
{
	struct wl_vcpu *vcpu = arg;
	struct wl_vm *vm = vcpu->vm;

	pthread_mutex_lock(&vm->lock);
	for (;;) {
		int status;

		while (!vcpu->job && !vcpu->quit)
			pthread_cond_wait(&vcpu->wake, &vm->lock);
		if (vcpu->quit)
			break;
		pthread_mutex_unlock(&vm->lock);
		status = vcpu->job(vcpu, vcpu->arg);
		pthread_mutex_lock(&vm->lock);
		vcpu->job = NULL;
		vcpu->status = status;
		catch_up(vcpu);
		pthread_cond_broadcast(&vm->changed);
	}
	pthread_mutex_unlock(&vm->lock);
	return NULL;
}

int wl_vcpu_thread_start(struct wl_vcpu *vcpu)
{
	int error;

	pthread_cond_init(&vcpu->wake, NULL);
	error = pthread_create(&vcpu->thread, NULL, serve, vcpu);
	if (error) {
		pthread_cond_destroy(&vcpu->wake);
		return wl_fail(KCT_EXIT_FAILED, "cannot start the thread of vCPU %u of VM %u: %s",
			       vcpu->id, vcpu->vm->number, strerror(error));
	}
	vcpu->threaded = true;
	return 0;
}

void wl_vcpu_thread_end(struct wl_vcpu *vcpu)
{
	wl_vcpu_kick(vcpu);
	wl_vcpu_wait(vcpu);
	pthread_mutex_lock(&vcpu->vm->lock);
	vcpu->quit = true;
	pthread_cond_signal(&vcpu->wake);
	pthread_mutex_unlock(&vcpu->vm->lock);
	pthread_join(vcpu->thread, NULL);
	pthread_cond_destroy(&vcpu->wake);
}

void wl_vcpu_post(struct wl_vcpu *vcpu, wl_job job, void *arg)
{
	pthread_mutex_lock(&vcpu->vm->lock);
	vcpu->job = job;
	vcpu->arg = arg;
	pthread_cond_signal(&vcpu->wake);
	pthread_mutex_unlock(&vcpu->vm->lock);
}

int wl_vcpu_call(struct wl_vcpu *vcpu, wl_job job, void *arg)
{
	wl_vcpu_post(vcpu, job, arg);
	return wl_vcpu_wait(vcpu);
}

void wl_vcpu_start(struct wl_vcpu *vcpu)
{
	/* Reset here, by the controller: in the vCPU's thread it could undo a kick. */
	vcpu->stop = false;
	set_immediate_exit(vcpu, 0);
	wl_vcpu_post(vcpu, run_guest, NULL);
}

int wl_vcpu_interrupt(struct wl_vcpu *vcpu, wl_job job, void *arg)
{
	int status;

	wl_vcpu_kick(vcpu);
	status = wl_vcpu_wait(vcpu);
	status = status ? status : wl_vcpu_call(vcpu, job, arg);
	if (!status)
		wl_vcpu_start(vcpu);
	return status;
}

int wl_vcpu_wait(struct wl_vcpu *vcpu)
{
	int status;

	pthread_mutex_lock(&vcpu->vm->lock);
	while (vcpu->job)
		pthread_cond_wait(&vcpu->vm->changed, &vcpu->vm->lock);
	status = vcpu->status;
	pthread_mutex_unlock(&vcpu->vm->lock);
	return status;
}

void wl_vcpu_kick(struct wl_vcpu *vcpu)
{
	pthread_mutex_lock(&vcpu->vm->lock);
	vcpu->stop = true;
	pthread_cond_signal(&vcpu->wake);
	if (vcpu->run)
		set_immediate_exit(vcpu, 1);
	pthread_mutex_unlock(&vcpu->vm->lock);
	/* immediate_exit keeps it from going in, the signal gets it out. */
	pthread_kill(vcpu->thread, KICK_SIGNAL);
}
