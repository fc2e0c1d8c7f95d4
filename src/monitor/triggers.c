// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/error.h"
#include "host/host.h"
#include "model/names.h"
#include "monitor/ends.h"
#include "monitor/pin.h"
#include "monitor/triggers.h"

/* How long a recording may take to be written, and how long when we have to end. */
#define WRITING_NS (600 * KCT_NS_PER_S)
#define ENDING_MS  5000
/* And the command, then. */
#define COMMAND_MS 1000

/* ---- what is said ---- */

/* "set-clock of web1"; it has room in a line. */
static const char *about(const struct kct_fired *fired, char text[KCT_VM_LABEL_SIZE + 64])
{
	char label[KCT_VM_LABEL_SIZE] = "?";

	if (fired->vm == KCT_NO_VM) {
		snprintf(text, KCT_VM_LABEL_SIZE + 64, "%s", kct_trigger_names[fired->kind]);
		return text;
	}
	if (fired->is_known)
		kct_vm_name_label(&fired->name, label, sizeof(label));
	snprintf(text, KCT_VM_LABEL_SIZE + 64, "%s of %s", kct_trigger_names[fired->kind], label);
	return text;
}

static void say_limited(struct kct_triggers *t, const struct kct_fired *fired)
{
	char text[KCT_VM_LABEL_SIZE + 64];

	if (!t->unsaid++)
		kct_error("%s: not pinned, so soon behind the last one: %s",
			  t->recorder->options.directory, about(fired, text));
}

/* One line for all that were not pinned since. */
static void say_begun(struct kct_triggers *t)
{
	if (t->unsaid > 1)
		kct_error("%s: %" PRIu64 " triggers were not pinned",
			  t->recorder->options.directory, t->unsaid);
	t->unsaid = 0;
}

static void say_done(const struct kct_triggers *t, const struct kct_pinned *pinned, int error)
{
	char text[KCT_VM_LABEL_SIZE + 64];

	if (error)
		kct_error("%s: could not be pinned: %s: %s", t->recorder->options.directory,
			  about(&pinned->pin.first, text), strerror(error));
	else
		kct_error("%s/%s: %s; %" PRIu64 " more triggers within it",
			  t->recorder->options.directory, pinned->name,
			  about(&pinned->pin.first, text), kct_pin_folded(&pinned->pin));
}

/* ---- the command ---- */

static void add_vm(struct kct_facts *facts, const struct kct_fired *fired)
{
	if (fired->vm != KCT_NO_VM)
		kct_facts_add(facts, "VM", "%" PRIu32, fired->vm);
	if (!fired->is_known)
		return;
	kct_facts_add(facts, "VM_NAME", "%s", fired->name.name);
	if (*fired->name.uuid)
		kct_facts_add(facts, "VM_UUID", "%s", fired->name.uuid);
	if (fired->pid != KCT_NO_NUMBER)
		kct_facts_add(facts, "VM_PID", "%" PRIu32, fired->pid);
}

static void add_reasons(struct kct_facts *facts, uint32_t reasons)
{
	char text[256] = "";
	size_t used = 0;

	for (int i = 0; i < KCT_NR_REASONS; i++)
		if (reasons >> i & 1)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
						 used ? " " : "", kct_reason_names[i]);
	if (used)
		kct_facts_add(facts, "REASONS", "%s", text);
}

/* What is not known has no variable. */
static void run_command(struct kct_triggers *t, const struct kct_pinned *pinned)
{
	const struct kct_fired *fired = &pinned->pin.first;
	struct kct_facts facts = {.size = 0};
	struct kct_anchor anchor;

	if (t->runner.socket < 0)
		return;
	kct_anchor_at(&anchor, fired->ns);
	kct_facts_add(&facts, "RECORDING", "%s/%s", t->directory, pinned->name);
	kct_facts_add(&facts, "TRIGGER", "%s", kct_trigger_names[fired->kind]);
	kct_facts_add(&facts, "NS", "%" PRIu64, fired->ns);
	kct_facts_add(&facts, "REALTIME_NS", "%" PRIu64, anchor.realtime_ns);
	kct_facts_add(&facts, "FOLDED", "%" PRIu64, kct_pin_folded(&pinned->pin));
	if (*t->recorder->header.host)
		kct_facts_add(&facts, "HOST", "%s", t->recorder->header.host);
	if (fired->has_value)
		kct_facts_add(&facts, "VALUE", "%" PRId64, fired->value);
	add_reasons(&facts, fired->reasons);
	add_vm(&facts, fired);
	kct_runner_run(&t->runner, &facts);
}

/* ---- writing ---- */

static void watch(const struct kct_triggers *t, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	if (fd >= 0)
		epoll_ctl(t->epoll, EPOLL_CTL_ADD, fd, &event);
}

static void settle(struct kct_triggers *t, int error)
{
	kct_pins_settle(&t->pins, &t->writing.pin, !error);
	say_done(t, &t->writing, error);
	if (!error) {
		t->last = t->writing;
		run_command(t, &t->writing);
	}
	*t->writing.name = '\0';
}

static struct kct_pin_job job_of(struct kct_triggers *t)
{
	const struct kct_recorder *r = t->recorder;
	struct kct_pin_job job = {
		.directory = r->store.fd,
		.pin = t->writing.pin,
		.run_ns = r->run_ns,
		.gap = r->gap,
	};

	memcpy(job.name, t->writing.name, sizeof(job.name));
	memcpy(job.boot_id, r->header.boot_id, sizeof(job.boot_id));
	if (job.gap.from_ns)
		job.gap.to_ns = kct_clock_ns(CLOCK_BOOTTIME);
	kct_recorder_lost(r, &job.lost);
	return job;
}

/* The span is over, and all of it has been read. */
static void begin_writing(struct kct_triggers *t, uint64_t now_ns)
{
	struct kct_pin_job job;
	pid_t pid;

	kct_recorder_flush(t->recorder);
	t->writing.pin = kct_pins_take(&t->pins, now_ns);
	memcpy(t->writing.name, t->open, sizeof(t->open));
	*t->open = '\0';
	if (t->recorder->is_full) {
		settle(t, ENOSPC);
		return;
	}
	job = job_of(t);
	pid = kct_pin_start(&job);
	if (pid < 0) {
		settle(t, -pid);
		return;
	}
	t->writer = pid;
	t->writer_fd = (int)syscall(SYS_pidfd_open, pid, 0);
	t->due_ns = now_ns + WRITING_NS;
	watch(t, t->writer_fd);
}

/* Has it ended, or is it to? */
static void see_to_writer(struct kct_triggers *t, uint64_t now_ns)
{
	int status, error;

	if (!t->writer)
		return;
	if (now_ns >= t->due_ns)
		kill(t->writer, SIGKILL);
	if (waitpid(t->writer, &status, WNOHANG) != t->writer)
		return;
	if (t->writer_fd >= 0)
		close(t->writer_fd);
	t->writer = 0;
	error = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
	if (error)
		kct_pin_clean(t->recorder->store.fd);
	settle(t, error);
	kct_recorder_keep_bounds(t->recorder, now_ns);
}

/* ---- from outside ---- */

int kct_triggers_prepare(struct kct_triggers *t, const struct kct_trigger_options *options)
{
	int error;

	*t = (struct kct_triggers){.options = options, .epoll = -1, .runner.socket = -1};
	t->pins.rolls = options->rolls;
	if (!options->command)
		return 0;
	error = kct_runner_start(&t->runner, options->command, options->user);
	if (error == -ENOENT)
		kct_error("--on-trigger-as: there is no user '%s'", options->user);
	else if (error)
		kct_error("--on-trigger: cannot become %s, to run it: %s",
			  options->user ? options->user : "nobody", strerror(-error));
	return error;
}

int kct_triggers_begin(struct kct_triggers *t, struct kct_recorder *recorder,
		       const struct kct_state *state)
{
	char *path = realpath(recorder->options.directory, NULL);

	t->recorder = recorder;
	t->state = state;
	snprintf(t->directory, sizeof(t->directory), "%s",
		 path ? path : recorder->options.directory);
	free(path);
	kct_pin_clean(recorder->store.fd);
	t->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (t->epoll < 0)
		return -errno;
	watch(t, t->runner.socket);
	return 0;
}

static void fire(struct kct_triggers *t, const struct kct_fired *fired)
{
	switch (kct_pins_fire(&t->pins, fired)) {
	case KCT_TRIGGER_PINNED:
		kct_store_name_pinned(&t->recorder->store, t->open);
		say_begun(t);
		break;
	case KCT_TRIGGER_LIMITED:
		say_limited(t, fired);
		break;
	default:
		break;
	}
}

void kct_triggers_event(struct kct_triggers *t, const union kct_any_event *event)
{
	uint32_t done = 0; /* bit of each kind: an event is one trigger of it */
	struct kct_fired fired;

	/* Events that never cease do not keep it from being written. */
	if (event->event.ns >= kct_pins_due(&t->pins) && !t->writer)
		begin_writing(t, event->event.ns);
	for (size_t i = 0; i < t->options->count; i++) {
		const struct kct_trigger *trigger = &t->options->list[i];

		if (done >> trigger->kind & 1 ||
		    !kct_trigger_fires(trigger, event, t->state, &fired))
			continue;
		done |= 1U << trigger->kind;
		fire(t, &fired);
	}
}

void kct_triggers_signal(struct kct_triggers *t, uint64_t now_ns)
{
	const struct kct_fired fired = {
		.kind = KCT_TRIGGER_SIGNAL, .ns = now_ns, .vm = KCT_NO_VM, .pid = KCT_NO_NUMBER};

	fire(t, &fired);
}

uint64_t kct_triggers_tick(struct kct_triggers *t, uint64_t now_ns, bool *is_over)
{
	uint64_t due = kct_pins_due(&t->pins);

	see_to_writer(t, now_ns);
	if (t->runner.socket >= 0)
		kct_runner_read(&t->runner);
	*is_over = now_ns >= due && !t->writer;
	if (t->writer)
		return t->due_ns;
	return *is_over ? UINT64_MAX : due;
}

void kct_triggers_drained(struct kct_triggers *t, uint64_t now_ns)
{
	if (now_ns >= kct_pins_due(&t->pins) && !t->writer)
		begin_writing(t, now_ns);
}

static bool has(const struct kct_pin *pin, uint64_t ns)
{
	return ns >= pin->start_ns && ns <= pin->end_ns;
}

const char *kct_triggers_recording(const struct kct_triggers *t, uint64_t ns)
{
	if (t->pins.is_open && has(&t->pins.open, ns))
		return t->open;
	if (t->writer && has(&t->writing.pin, ns))
		return t->writing.name;
	return *t->last.name && has(&t->last.pin, ns) ? t->last.name : NULL;
}

static void wait_for_writer(struct kct_triggers *t, uint64_t until_ns)
{
	struct pollfd fd = {.fd = t->writer_fd, .events = POLLIN};
	uint64_t now = kct_clock_ns(CLOCK_BOOTTIME);

	if (!t->writer)
		return;
	t->due_ns = until_ns;
	poll(&fd, 1, now < until_ns ? (int)((until_ns - now) / 1000000) : 0);
	see_to_writer(t, kct_clock_ns(CLOCK_BOOTTIME));
	if (!t->writer)
		return;
	kill(t->writer, SIGKILL);
	poll(&fd, 1, COMMAND_MS);
	see_to_writer(t, until_ns);
}

void kct_triggers_end(struct kct_triggers *t)
{
	uint64_t now = kct_clock_ns(CLOCK_BOOTTIME), until = now + ENDING_MS * 1000000ULL;

	if (t->epoll >= 0) {
		wait_for_writer(t, until);
		if (t->pins.is_open && !t->writer) {
			begin_writing(t, now);
			wait_for_writer(t, until);
		}
		say_begun(t);
		close(t->epoll);
		t->epoll = -1;
	}
	kct_runner_end(&t->runner, COMMAND_MS);
}
