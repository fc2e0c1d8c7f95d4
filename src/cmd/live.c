// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>
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

enum { OPTION_MAX_VMS = 0x100, OPTION_BUFFER, OPTION_STACK };

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

static error_t parse_stack(int key, char *text, struct argp_state *state)
{
	struct kct_live *live = state->input;

	(void)text;
	if (key != OPTION_STACK)
		return ARGP_ERR_UNKNOWN;
	live->session_options.stacks = true;
	return 0;
}

static const struct argp_option stack_options[] = {
	{"stack", OPTION_STACK, NULL, 0,
	 "Take the kernel's stack with each request and update: the names of the functions that "
	 "asked for it",
	 2},
	{0},
};
const struct argp kct_stack_argp = {.options = stack_options, .parser = parse_stack};

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

/* How many events are read before anything else is looked at. */
#define BATCH 1024

/*
 * How long what is left in the ring buffer is read, and not only counted, once all is detached. To
 * detach may take as long as the kernel likes: that is not taken from it.
 */
#define READING_NS 200000000ULL

/* The VMs of one process have its name, which takes several system calls. */
static const struct kct_vm_name *name_of(struct kct_live *live, const struct kct_vm_event *event)
{
	char comm[sizeof(event->comm) + 1] = "";

	if (live->named_pid == event->pid)
		return &live->named;
	memcpy(comm, event->comm, sizeof(event->comm));
	if (live->proc_is_ours && event->pid != KCT_NO_NUMBER)
		kct_vm_name_of_pid(&live->named, (pid_t)event->pid, comm);
	else
		kct_vm_name_from_cmdline(&live->named, NULL, 0, comm);
	live->named_pid = event->pid;
	return &live->named;
}

/* To read events takes time; what ends the run is not to go unnoticed meanwhile. */
static bool is_too_late(struct kct_live *live)
{
	if (!live->loop.reason && live->nr_read++ % (BATCH / 4) == 0)
		kct_loop_poll(&live->loop, false, 0);
	/* A batch is read in any case, also on a host that gives us no time. */
	return live->read_until_ns && live->nr_left++ >= BATCH &&
	       kct_clock_ns(CLOCK_MONOTONIC) >= live->read_until_ns;
}

/*
 * Where the counters come from the maps, they are taken when a VM's place there is freed: one that
 * may still have a place may not be folded. Those are the last to have gone.
 */
static size_t room_for_gone(const struct kct_live *live)
{
	if (live->keep_gone == KCT_KEEP_NONE)
		return 0;
	return (1 + KCT_VCPUS_PER_VM) * (size_t)live->session_options.max_vms;
}

static void take(struct kct_live *live, const union kct_any_event *event,
		 const struct kct_vm_name *name)
{
	if (kct_model_event(&live->model, event, name)) {
		kct_error("out of memory");
		live->failure = KCT_EXIT_HOST;
	}
	if (live->on_event)
		live->on_event(live, event, name);
	if (event->event.kind == KCT_EVENT_VM_GONE && live->keep_gone != KCT_KEEP_ALL)
		kct_model_fold_gone(&live->model, room_for_gone(live));
}

static void on_event(void *context, const union kct_any_event *event)
{
	const struct kct_vm_name *name = NULL;
	struct kct_live *live = context;

	/* The census and an event may introduce a VM or a vCPU at once: the first one's state
	 * counts. */
	if (kct_model_is_repeated(&live->model, event))
		return;
	if (event->event.kind == KCT_EVENT_VM)
		name = name_of(live, &event->vm);
	if (!kct_filter_event(&live->filter, event, name))
		return;
	/* It came and went before we began to count. */
	if (event->event.kind == KCT_EVENT_VM_GONE &&
	    !kct_model_find_vm(&live->model, event->event.vm))
		return;
	/* The census at the end tells which VMs are gone, however late it is. */
	if (is_too_late(live) && event->event.kind != KCT_EVENT_VM_GONE)
		live->unwritten++;
	else
		take(live, event, name);
}

/*
 * Whoever reads a pipe sees the events when they happen, and what is written stays even if we are
 * killed in a moment. While more events wait, the buffer fills by itself; but what takes nothing
 * ends the run then too, as they may never cease.
 */
static void check_output(struct kct_live *live, bool more)
{
	struct kct_output *out = live->output;

	if (out && (more ? kct_output_error(out) : kct_output_flush(out)))
		kct_loop_end(&live->loop, "error");
}

/* Read a batch of events; whether there are more. */
static bool consume(struct kct_live *live)
{
	bool more = false;
	int error = kct_session_consume(live->session, BATCH, &more);

	if (error)
		live->failure = error;
	live->named_pid = 0;
	check_output(live, more);
	if (!more && live->on_drained)
		live->on_drained(live);
	return more && !error;
}

/* ---- while it runs ---- */

/*
 * How long events gather after some were read. The kernel wakes us for an event that finds all
 * others read, and a wake-up costs KVM's thread several times what the event itself does: who
 * reads each event at once makes every one cost that. The first after a silence is read at once.
 */
#define GATHER_MS 10

static void on_interval(struct kct_live *live)
{
	uint64_t ticks;

	if (read(live->loop.fds[KCT_LOOP_INTERVAL].fd, &ticks, sizeof(ticks)) == sizeof(ticks) &&
	    !live->on_tick(live))
		kct_loop_end(&live->loop, "duration");
}

static void wait_for_end(struct kct_live *live)
{
	struct kct_loop *loop = &live->loop;
	bool gathers = false;

	/* The VMs that were announced when it was armed. */
	live->more = true;
	while (!loop->reason && !live->failure) {
		kct_loop_poll(loop, !gathers, live->more ? 0 : gathers ? GATHER_MS : -1);
		gathers = false;
		if (live->more || loop->fds[KCT_LOOP_EVENTS].revents) {
			live->more = consume(live);
			gathers = !live->more;
		}
		if (loop->fds[KCT_LOOP_INTERVAL].revents)
			on_interval(live);
		if (loop->fds[KCT_LOOP_OTHERS].revents)
			live->on_others(live);
	}
}

/* ---- its beginning and its end ---- */

static int start_command(struct kct_live *live)
{
	int error = kct_loop_start_command(&live->loop, live->command, live->silent_command);
	uint32_t pid = (uint32_t)live->loop.child;

	if (error)
		return error;
	if (!live->ioctls_of)
		kct_session_watch_ioctls(live->session, pid);
	if (live->only_command)
		live->filter.pid = pid;
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
	kct_session_watch_ioctls(live->session, live->ioctls_of);
	return kct_session_arm(live->session);
}

/* Nothing is changed before all that may fail has been done; until then a signal just kills. */
static int begin(struct kct_live *live)
{
	struct kct_output *output = live->output;
	int error = open_session(live);

	if (!error)
		error = kct_loop_open(&live->loop, live->duration_ns, live->interval_ns);
	if (error)
		return error;
	live->loop.fds[KCT_LOOP_EVENTS].fd = kct_session_fd(live->session);
	if (output)
		error = kct_output_open(output, &live->loop, KCT_PATIENCE_FOR_EVENTS_NS);
	if (!error && live->command)
		error = start_command(live);
	if (!error && output)
		error = kct_output_commit(output);
	if (error)
		return error;
	kct_host_drop_capabilities();
	if (live->on_start)
		live->on_start(live);
	return 0;
}

static int finish(struct kct_live *live)
{
	int error;

	kct_loop_end(&live->loop, "error");
	kct_loop_end_command(&live->loop);
	kct_session_disarm(live->session);
	kct_host_anchor(&live->trailer.ended);
	live->read_until_ns = kct_clock_ns(CLOCK_MONOTONIC) + READING_NS;
	while (consume(live))
		;
	error = kct_session_reap(live->session);
	if (live->output)
		kct_output_settle(live->output);
	kct_session_losses(live->session, &live->model.lost);
	live->model.lost.losses[KCT_LOSS_UNWRITTEN] = live->unwritten;
	live->trailer.lost = live->model.lost;
	live->trailer.events = live->model.events;
	live->trailer.status = live->loop.child_status;
	snprintf(live->trailer.reason, sizeof(live->trailer.reason), "%s", live->loop.reason);
	return live->failure ? live->failure : error;
}

int kct_live_run(struct kct_live *live)
{
	int error = begin(live);

	if (error) {
		kct_loop_end_command(&live->loop);
		return error;
	}
	wait_for_end(live);
	return finish(live);
}

void kct_live_close(struct kct_live *live)
{
	kct_loop_close(&live->loop);
	kct_session_close(live->session);
	kct_model_clear(&live->model);
	kct_filter_clear(&live->filter);
}
