// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cmd/attach.h"
#include "cmd/command.h"
#include "cmd/live.h"
#include "base/duration.h"
#include "base/number.h"
#include "host/host.h"
#include "host/vmname.h"
#include "base/error.h"

/* ---- options ---- */

enum { OPTION_MAX_VMS = 0x100, OPTION_BUFFER };

static const struct argp_option options[] = {
	{"max-vms", OPTION_MAX_VMS, "N", 0, "Keep room for N VMs at one time (4096)", 2},
	{"buffer", OPTION_BUFFER, "MiB", 0, "Size of the ring buffer (8); a power of two", 2},
	{0},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct kct_live *live = state->input;
	uint64_t number;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &live->filter;
		state->child_inputs[1] = &live->session_options.plan;
		return 0;
	case OPTION_MAX_VMS:
		if (kct_parse_number(text, 1, 1 << 20, &number))
			argp_error(state, "--max-vms takes a number from 1 to %d", 1 << 20);
		live->session_options.max_vms = (uint32_t)number;
		return 0;
	case OPTION_BUFFER:
		if (kct_parse_number(text, 1, 1024, &number) || number & (number - 1))
			argp_error(state, "--buffer takes a power of two from 1 to 1024");
		live->session_options.ring_bytes = (uint32_t)number << 20;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_child children[] = {
	{&kct_filter_argp, 0, NULL, 0},
	{&kct_attach_argp, 0, NULL, 0},
	{0},
};
const struct argp kct_live_argp = {.options = options, .parser = parse, .children = children};

void kct_live_init(struct kct_live *live)
{
	memset(live, 0, sizeof(*live));
	kct_model_init(&live->model);
	live->session_options.plan.method = -1;
	live->session_options.max_vms = KCT_DEFAULT_MAX_VMS;
	live->session_options.ring_bytes = KCT_DEFAULT_RING_BYTES;
	live->proc_is_ours = kct_host_proc_is_ours();
	live->trailer.status = -1;
}

/* ---- events ---- */

void kct_live_name(const struct kct_live *live, const struct kct_vm_event *event,
		   struct kct_vm_name *name)
{
	char comm[sizeof(event->comm) + 1] = "";

	memcpy(comm, event->comm, sizeof(event->comm));
	if (live->proc_is_ours && event->pid != KCT_NO_NUMBER)
		kct_vm_name_of_pid(name, (pid_t)event->pid, comm);
	else
		kct_vm_name_from_cmdline(name, NULL, 0, comm);
}

static void on_event(void *context, const union kct_any_event *event)
{
	struct kct_live *live = context;
	struct kct_vm_name name, *its_name = NULL;

	/* The census and an event may introduce a VM or a vCPU at once: the first one's state
	 * counts. */
	if (kct_model_is_repeated(&live->model, event))
		return;
	if (event->event.kind == KCT_EVENT_VM) {
		kct_live_name(live, &event->vm, &name);
		its_name = &name;
	}
	if (!kct_filter_event(&live->filter, event, its_name))
		return;
	/* It came and went before we began to count. */
	if (event->event.kind == KCT_EVENT_VM_GONE &&
	    !kct_model_find_vm(&live->model, event->event.vm))
		return;
	if (kct_model_event(&live->model, event, its_name)) {
		kct_error("out of memory");
		live->failure = KCT_EXIT_HOST;
	}
	if (live->on_event)
		live->on_event(live, event, its_name);
}

static void consume(struct kct_live *live)
{
	int error = kct_session_consume(live->session);

	if (error)
		live->failure = error;
	if (live->on_batch)
		live->on_batch(live);
}

/* ---- the loop ---- */

enum { FD_EVENTS, FD_SIGNALS, FD_DURATION, FD_INTERVAL, NR_FDS };

/*
 * How long events gather after some were read. The kernel wakes us for an event that finds all
 * others read, and a wake-up costs KVM's thread several times what the event itself does: who
 * reads each event at once makes every one cost that. The first after a silence is read at once.
 */
#define GATHER_MS 10

struct loop {
	struct kct_live *live;
	struct pollfd fds[NR_FDS];
	pid_t child; /* 0: none, or it has ended */
	bool gathers;
	bool ended;
};

static int timer(uint64_t ns, bool repeats)
{
	struct itimerspec spec = {0};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	spec.it_value.tv_sec = (time_t)(ns / KCT_NS_PER_S);
	spec.it_value.tv_nsec = (long)(ns % KCT_NS_PER_S);
	if (repeats)
		spec.it_interval = spec.it_value;
	if (fd >= 0)
		timerfd_settime(fd, 0, &spec, NULL);
	return fd;
}

static void end(struct loop *loop, const char *reason)
{
	struct kct_trailer *trailer = &loop->live->trailer;

	if (!loop->ended)
		snprintf(trailer->reason, sizeof(trailer->reason), "%s", reason);
	loop->ended = true;
}

static void on_child(struct loop *loop)
{
	int status;

	if (!loop->child || waitpid(loop->child, &status, WNOHANG) != loop->child)
		return;
	loop->child = 0;
	loop->live->trailer.status = kct_command_status(status);
	end(loop, "command");
}

static void on_signal(struct loop *loop)
{
	struct signalfd_siginfo info;

	while (read(loop->fds[FD_SIGNALS].fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			on_child(loop);
		else
			end(loop, "signal");
	}
}

static void on_interval(struct loop *loop)
{
	uint64_t ticks;

	if (read(loop->fds[FD_INTERVAL].fd, &ticks, sizeof(ticks)) == sizeof(ticks) &&
	    !loop->live->on_tick(loop->live))
		end(loop, "duration");
}

/* While events gather, only what is not events, and not for long. */
static int wait_for_anything(struct loop *loop)
{
	if (!loop->gathers)
		return poll(loop->fds, NR_FDS, -1);
	loop->gathers = false;
	loop->fds[FD_EVENTS].revents = 0;
	return poll(loop->fds + FD_EVENTS + 1, NR_FDS - FD_EVENTS - 1, GATHER_MS);
}

static void wait_for_end(struct loop *loop)
{
	while (!loop->ended && !loop->live->failure) {
		if (wait_for_anything(loop) < 0 && errno != EINTR) {
			kct_error("poll: %s", strerror(errno));
			loop->live->failure = KCT_EXIT_HOST;
			return;
		}
		if (loop->fds[FD_EVENTS].revents) {
			consume(loop->live);
			loop->gathers = true;
		}
		if (loop->fds[FD_SIGNALS].revents)
			on_signal(loop);
		if (loop->fds[FD_DURATION].revents)
			end(loop, "duration");
		if (loop->fds[FD_INTERVAL].revents)
			on_interval(loop);
	}
}

/* The command outlives neither the time limit nor Ctrl-C; what ignores SIGTERM is left alone. */
static void end_child(struct loop *loop)
{
	if (loop->child)
		kill(loop->child, SIGTERM);
}

static int start_command(struct loop *loop, const sigset_t *mask)
{
	struct kct_live *live = loop->live;
	pid_t pid;

	if (!live->command)
		return 0;
	pid = kct_command_start(live->command, mask, live->silent_command);
	if (pid < 0) {
		kct_error("%s: %s", live->command[0], strerror(-pid));
		return KCT_EXIT_USAGE;
	}
	loop->child = pid;
	if (!live->ioctls_of)
		kct_session_watch_ioctls(live->session, (uint32_t)pid);
	if (live->only_command)
		live->filter.pid = (uint32_t)pid;
	return 0;
}

static int open_session(struct kct_live *live)
{
	int error = kct_session_open(&live->session, &live->session_options, on_event, live);

	if (error)
		return error;
	kct_host_describe(&live->header);
	kct_plan_hooks(kct_session_plan(live->session), &live->header);
	if (live->command)
		kct_command_text(live->header.command, sizeof(live->header.command), live->command);
	if (live->on_start)
		live->on_start(live);
	kct_session_watch_ioctls(live->session, live->ioctls_of);
	error = kct_session_arm(live->session);
	if (error)
		return error;
	kct_host_drop_capabilities();
	consume(live);
	return 0;
}

static int run(struct loop *loop, const sigset_t *signals, const sigset_t *old)
{
	struct kct_live *live = loop->live;
	int error;

	/* Until it runs, nobody is wanted. */
	if (live->only_command)
		live->filter.pid = UINT32_MAX;
	error = open_session(live);

	if (error)
		return error;
	loop->fds[FD_EVENTS].fd = kct_session_fd(live->session);
	loop->fds[FD_SIGNALS].fd = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (live->duration_ns)
		loop->fds[FD_DURATION].fd = timer(live->duration_ns, false);
	if (live->interval_ns)
		loop->fds[FD_INTERVAL].fd = timer(live->interval_ns, true);
	error = start_command(loop, old);
	if (!error)
		wait_for_end(loop);
	end_child(loop);
	kct_session_disarm(live->session);
	kct_host_anchor(&live->trailer.ended);
	consume(live);
	if (!error)
		error = kct_session_reap(live->session);
	kct_session_losses(live->session, live->model.losses, &live->model.misses);
	memcpy(live->trailer.losses, live->model.losses, sizeof(live->trailer.losses));
	live->trailer.misses = live->model.misses;
	live->trailer.events = live->model.events;
	return error ? error : live->failure;
}

int kct_live_run(struct kct_live *live)
{
	struct loop loop = {.live = live};
	sigset_t signals, old;
	int error;

	for (int i = 0; i < NR_FDS; i++)
		loop.fds[i] = (struct pollfd){.fd = -1, .events = POLLIN};
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, &old);
	error = run(&loop, &signals, &old);
	for (int i = FD_SIGNALS; i < NR_FDS; i++)
		if (loop.fds[i].fd >= 0)
			close(loop.fds[i].fd);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return error;
}

void kct_live_close(struct kct_live *live)
{
	kct_session_close(live->session);
	kct_model_clear(&live->model);
	kct_filter_clear(&live->filter);
}
