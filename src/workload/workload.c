// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/error.h"
#include "workload/report.h"
#include "workload/step.h"
#include "workload/vm.h"
#include "workload/wl.h"

void wl_make_vms(struct wl *wl, const char *const *roles, unsigned int nr_roles, unsigned int count,
		 unsigned int max_vcpus)
{
	wl->vms = wl_need(calloc(count, sizeof(wl->vms[0])));
	wl->nr_vms = count;
	for (unsigned int i = 0; i < count; i++)
		wl->vms[i] = wl_vm_new(&wl->kvm, roles[i % nr_roles], i, max_vcpus);
}

/* Every vCPU takes a descriptor, and the usual soft limit is for programs that select(). */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void stop_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
}

/*
 * Where time is spent waiting, SIGINT and SIGTERM end the waiting in good order. They are blocked
 * before there is a second thread, so that none of the threads takes them.
 */
static int watch_signals(struct wl *wl)
{
	sigset_t set;

	stop_signals(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	wl->stop_fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (wl->stop_fd < 0)
		return wl_fail(KCT_EXIT_FAILED, "signalfd: %s", strerror(errno));
	return 0;
}

/* Returns once stdin has ended or a signal has come. */
static void hold(const struct wl *wl)
{
	struct pollfd fds[] = {
		{.fd = STDIN_FILENO, .events = POLLIN},
		{.fd = wl->stop_fd, .events = POLLIN},
	};
	char ignored[256];

	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return;
		if (fds[1].revents)
			return;
		if (fds[0].revents && read(STDIN_FILENO, ignored, sizeof(ignored)) <= 0)
			return;
	}
}

static int open_all(struct wl *wl)
{
	unsigned int accepts = wl->workload->scenario->accepts;
	bool waits = accepts & (1U << KCT_WORKLOAD_DURATION);
	uint64_t vcpus = WL_OPTION(wl, VCPUS) + WL_OPTION(wl, ADD);
	int status = wl_kvm_open(&wl->kvm);

	if (status)
		return status;
	if (vcpus > wl->kvm.max_vcpus)
		return wl_fail(KCT_EXIT_HOST, "this host allows no more than %u vCPUs in a VM",
			       wl->kvm.max_vcpus);
	raise_descriptor_limit();
	wl_kicks_prepare();
	return waits || WL_OPTION(wl, HOLD) ? watch_signals(wl) : 0;
}

static void close_all(struct wl *wl)
{
	struct signalfd_siginfo taken;
	sigset_t set;

	for (unsigned int i = 0; i < wl->nr_vms; i++)
		wl_vm_free(wl->vms[i]);
	free(wl->vms);
	if (wl->stop_fd >= 0) {
		struct pollfd stop = {.fd = wl->stop_fd, .events = POLLIN};

		/* It has had its effect. */
		while (poll(&stop, 1, 0) > 0 &&
		       read(wl->stop_fd, &taken, sizeof(taken)) == sizeof(taken))
			;
		close(wl->stop_fd);
		stop_signals(&set);
		pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	}
	wl_kvm_close(&wl->kvm);
	json_decref(wl->summaries);
	json_decref(wl->result);
	json_decref(wl->threads);
	pthread_mutex_destroy(&wl->lock);
}

static int run(struct wl *wl)
{
	int status = wl->workload->scenario->run(wl);
	json_t *report;

	if (status)
		return status;
	report = wl_report(wl);
	status = wl_report_print(report, wl->workload->json);
	json_decref(report);
	if (!status && WL_OPTION(wl, HOLD))
		hold(wl);
	return status;
}

int kct_workload_run(const struct kct_workload *workload)
{
	struct wl wl = {
		.workload = workload,
		.kvm.fd = -1,
		.stop_fd = -1,
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	int status;

	json_object_seed(0); /* or the first two threads would race for it */
	wl.summaries = wl_need(json_array());
	wl.threads = wl_need(json_array());
	status = open_all(&wl);
	status = status ? status : run(&wl);
	close_all(&wl);
	return status;
}
