// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/error.h"
#include "cmd/command.h"
#include "cmd/loop.h"
#include "cmd/signals.h"
#include "host/host.h"

/* For a message, when the run has ended. */
#define ERROR_PATIENCE_MS 100

static int refuse(const char *what, int error)
{
	kct_error("%s: %s", what, strerror(error));
	return KCT_EXIT_HOST;
}

/* A timer that runs from now on; no time is no timer. 0 or -errno. */
static int start_timer(struct pollfd *pollfd, uint64_t ns, bool repeats)
{
	struct itimerspec spec = {0};

	if (!ns)
		return 0;
	spec.it_value.tv_sec = (time_t)(ns / KCT_NS_PER_S);
	spec.it_value.tv_nsec = (long)(ns % KCT_NS_PER_S);
	if (repeats)
		spec.it_interval = spec.it_value;
	pollfd->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return pollfd->fd < 0 || timerfd_settime(pollfd->fd, 0, &spec, NULL) ? -errno : 0;
}

int kct_loop_open(struct kct_loop *loop, uint64_t duration_ns, uint64_t interval_ns)
{
	int fd = kct_signals_catch(), error;

	*loop = (struct kct_loop){.is_open = fd >= 0, .child_status = -1};
	for (int i = 0; i < KCT_NR_LOOP_FDS; i++)
		loop->fds[i] = (struct pollfd){.fd = -1, .events = POLLIN};
	if (fd < 0)
		return refuse("signals cannot be caught", -fd);
	loop->fds[KCT_LOOP_SIGNAL].fd = fd;
	error = start_timer(&loop->fds[KCT_LOOP_DURATION], duration_ns, false);
	if (!error)
		error = start_timer(&loop->fds[KCT_LOOP_INTERVAL], interval_ns, true);
	return error ? refuse("the time cannot be measured", -error) : 0;
}

void kct_loop_close(struct kct_loop *loop)
{
	if (!loop->is_open)
		return;
	kct_signals_restore();
	for (int i = KCT_LOOP_INTERVAL; i < KCT_NR_LOOP_FDS; i++)
		if (i != KCT_LOOP_OTHERS && loop->fds[i].fd >= 0)
			close(loop->fds[i].fd);
	loop->is_open = false;
}

int kct_loop_start_command(struct kct_loop *loop, char **argv, bool silent)
{
	pid_t pid = kct_command_start(argv, silent);
	int fd;

	if (pid < 0) {
		kct_error("%s: %s", argv[0], strerror(-pid));
		return KCT_EXIT_USAGE;
	}
	loop->child = pid;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return refuse("the end of the command cannot be waited for", errno);
	loop->fds[KCT_LOOP_CHILD].fd = fd;
	return 0;
}

void kct_loop_end_command(struct kct_loop *loop)
{
	if (loop->child)
		kill(loop->child, SIGTERM);
}

void kct_loop_end(struct kct_loop *loop, const char *reason)
{
	if (loop->reason)
		return;
	loop->reason = reason;
	kct_error_patience(ERROR_PATIENCE_MS);
}

static void on_child(struct kct_loop *loop)
{
	int status;

	if (waitpid(loop->child, &status, WNOHANG) != loop->child)
		return;
	close(loop->fds[KCT_LOOP_CHILD].fd);
	loop->fds[KCT_LOOP_CHILD].fd = -1;
	loop->child = 0;
	loop->child_status = kct_command_status(status);
	kct_loop_end(loop, "command");
}

/* Nobody reads what has come: it is not to wake us again. */
static void end_by(struct kct_loop *loop, int i, const char *reason)
{
	if (!loop->fds[i].revents)
		return;
	loop->fds[i].events = 0;
	kct_loop_end(loop, reason);
}

static void take_note(struct kct_loop *loop)
{
	if (loop->fds[KCT_LOOP_CHILD].revents)
		on_child(loop);
	end_by(loop, KCT_LOOP_DURATION, "duration");
	end_by(loop, KCT_LOOP_SIGNAL, "signal");
}

static int poll_fds(struct pollfd *fds, nfds_t count, int ms)
{
	int ready = poll(fds, count, ms);

	if (ready >= 0)
		return ready;
	for (nfds_t i = 0; i < count; i++)
		fds[i].revents = 0;
	return 0;
}

void kct_loop_poll(struct kct_loop *loop, bool events, int ms)
{
	int first = events ? KCT_LOOP_EVENTS : KCT_LOOP_INTERVAL;

	loop->fds[KCT_LOOP_EVENTS].revents = 0;
	poll_fds(loop->fds + first, (nfds_t)(KCT_NR_LOOP_FDS - first), ms);
	take_note(loop);
}

static int rounded_ms(uint64_t ns)
{
	return (int)((ns + 999999) / 1000000);
}

bool kct_loop_wait(struct kct_loop *loop, int fd, uint64_t *patience_ns)
{
	struct pollfd fds[KCT_NR_LOOP_FDS] = {{.fd = fd, .events = POLLIN}};
	const int others = KCT_LOOP_SIGNAL, count = KCT_NR_LOOP_FDS - others;

	for (;;) {
		bool has_ended = loop->reason;
		uint64_t began = kct_clock_ns(CLOCK_MONOTONIC), took;

		memcpy(fds + 1, loop->fds + others, (size_t)count * sizeof(*fds));
		poll_fds(fds, (nfds_t)count + 1, has_ended ? rounded_ms(*patience_ns) : -1);
		memcpy(loop->fds + others, fds + 1, (size_t)count * sizeof(*fds));
		take_note(loop);
		if (fds[0].revents)
			return true;
		took = kct_clock_ns(CLOCK_MONOTONIC) - began;
		if (!has_ended)
			continue;
		*patience_ns -= took < *patience_ns ? took : *patience_ns;
		if (!*patience_ns)
			return false;
	}
}
