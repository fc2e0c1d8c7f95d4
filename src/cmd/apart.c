// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "cmd/apart.h"
#include "cmd/command.h"
#include "cmd/signals.h"

/* How long it may take to end when it is told to. */
#define PATIENCE_NS 700000000ULL

struct apart {
	pid_t pid;
	int fd; /* to read the result from */
};

/*
 * A group of its own: then Ctrl-C comes to it once, through us. It does not outlive us either, and
 * may write to a terminal of which it is not the foreground.
 */
static void set_apart(pid_t parent)
{
	kct_signals_restore();
	signal(SIGTTOU, SIG_IGN);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(KCT_EXIT_INCOMPLETE);
}

/* What was allocated, and what stands in the streams, is the parent's to release. */
__attribute__((noreturn)) static void run(kct_work work, void *context, void *result, size_t size,
					  int fd)
{
	int status = work(context, result);

	if (!status && write(fd, result, size) != (ssize_t)size) {
		kct_error("the outcome of a run cannot be handed on");
		status = KCT_EXIT_INCOMPLETE;
	}
	_exit(status);
}

static int start(struct apart *apart, kct_work work, void *context, void *result, size_t size)
{
	pid_t parent = getpid();
	int ends[2], error = 0;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	fflush(stdout);
	/* Where it is ignored there would be no status to have. */
	signal(SIGCHLD, SIG_DFL);
	apart->pid = fork();
	if (apart->pid == 0) {
		close(ends[0]);
		set_apart(parent);
		run(work, context, result, size, ends[1]);
	}
	if (apart->pid < 0)
		error = -errno;
	close(ends[1]);
	apart->fd = ends[0];
	if (error)
		close(ends[0]);
	return error;
}

/* Until there is a result, or nobody who could give one. False: it was told to end. */
static bool await(struct kct_loop *loop, const struct apart *apart)
{
	uint64_t patience = PATIENCE_NS;
	bool ready;

	loop->fds[KCT_LOOP_OTHERS] = (struct pollfd){.fd = apart->fd, .events = POLLIN};
	do {
		kct_loop_poll(loop, false, -1);
		ready = loop->fds[KCT_LOOP_OTHERS].revents;
	} while (!ready && !loop->reason);
	loop->fds[KCT_LOOP_OTHERS].fd = -1;
	if (!loop->reason)
		return true;
	kill(apart->pid, SIGTERM);
	if (!kct_loop_wait(loop, apart->fd, &patience))
		kill(apart->pid, SIGKILL);
	return false;
}

int kct_apart(struct kct_loop *loop, kct_work work, void *context, void *result, size_t size)
{
	struct apart apart = {.fd = -1};
	int error = start(&apart, work, context, result, size), status = 0;
	bool whole;

	if (error) {
		kct_error("a process cannot be started: %s", strerror(-error));
		return KCT_EXIT_HOST;
	}
	whole = await(loop, &apart) && read(apart.fd, result, size) == (ssize_t)size;
	close(apart.fd);
	while (waitpid(apart.pid, &status, 0) < 0 && errno == EINTR)
		;
	if (loop->reason)
		return KCT_EXIT_INCOMPLETE;
	status = kct_command_status(status);
	if (!status && !whole) {
		kct_error("the outcome of a run was lost");
		return KCT_EXIT_INCOMPLETE;
	}
	if (status > KCT_EXIT_INCOMPLETE) {
		kct_error("a run was killed by signal %d", status - 128);
		return KCT_EXIT_INCOMPLETE;
	}
	return status;
}
