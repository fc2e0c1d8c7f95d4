// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/error.h"
#include "base/tree.h"
#include "host/host.h"
#include "kvmclock/account.h"
#include "monitor/ends.h"
#include "monitor/journal.h"

/* How long a VM is watched behind its first PVTI, and one whose clock was read for not running. */
#define SETTLE_NS (2 * KCT_NS_PER_S)

/* How far back the first of the two instants lies by which clocks are compared, at least. */
#define ANCHOR_NS	     (3600 * KCT_NS_PER_S)

#define MAX_EVENTS(nr_vcpus) (256 + 64 * (nr_vcpus))

/* The file is put aside, in the place of the one before it, when it has come to this. */
#define MAX_BYTES (64 << 20)

/* A VM that is being set up, or whose VMM touches its clocks. */
struct watch {
	uint32_t number; /* first: the key in its tree */
	struct kct_log log;
	bool ran;	      /* before its log began: the guest had a PVTI then */
	bool touched;	      /* the VMM has */
	bool is_set;	      /* its clock has been */
	uint64_t arrived_ns;  /* and a stable PVTI was published then */
	uint64_t read_ns;     /* its clock was read last; 0 */
	struct kct_lost lost; /* when it began, at the earliest */
};

/* ---- writing ---- */

static int open_file(const struct kct_journal *journal)
{
	char path[4096], old[4096];
	struct stat status;
	int fd;

	if (snprintf(path, sizeof(path), "%s/" KCT_JOURNAL, journal->directory) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	snprintf(old, sizeof(old), "%s/" KCT_JOURNAL_OLD, journal->directory);
	if (!stat(path, &status) && status.st_size >= MAX_BYTES)
		rename(path, old);
	fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
	return fd < 0 ? -errno : fd;
}

/* What a crash, or a disk that was full, left of a line is not to spoil the next one. */
static bool ends_in_line(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char last;

	return size <= 0 || (pread(fd, &last, 1, size - 1) == 1 && last == '\n');
}

static int append(const struct kct_journal *journal, const char *text, size_t size)
{
	int fd = open_file(journal), error = 0;
	ssize_t written;
	off_t end;

	if (fd < 0)
		return fd;
	end = lseek(fd, 0, SEEK_END);
	if (!ends_in_line(fd) && write(fd, "\n", 1) != 1)
		error = -ENOSPC;
	written = error ? 0 : write(fd, text, size);
	if (written < 0)
		error = -errno;
	else if ((size_t)written < size)
		error = -ENOSPC;
	if (error && ftruncate(fd, end))
		error = -errno;
	close(fd);
	return error;
}

/* A line for people, if whoever reads them takes it at once. */
static void say(struct kct_journal *journal, const char *text)
{
	struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
	char time_text[24] = "?", line[1024];
	time_t now = time(NULL);
	struct tm tm;
	int length;

	if (!*text)
		return;
	if (gmtime_r(&now, &tm))
		strftime(time_text, sizeof(time_text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	length = snprintf(line, sizeof(line), "%s %s\n", time_text, text);
	if (length >= (int)sizeof(line))
		length = (int)sizeof(line) - 1;
	if (poll(&out, 1, 0) != 1 || !(out.revents & POLLOUT) ||
	    write(STDOUT_FILENO, line, (size_t)length) != length)
		journal->unsaid++;
}

static void write_entry(struct kct_journal *journal, const struct kct_entry *entry)
{
	char summary[640], *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int error = -ENOMEM;

	if (out) {
		kct_entry_write(out, entry, summary, sizeof(summary));
		if (!fclose(out) && size)
			error = append(journal, text, size);
		free(text);
	}
	if (!error)
		journal->written[entry->kind]++;
	else
		journal->unwritten++;
	if (error && !journal->cannot_write)
		kct_error("%s/" KCT_JOURNAL ": %s", journal->directory, strerror(-error));
	journal->cannot_write = error;
	/* That one is gone is nothing to tell of: every VM goes some time. */
	if (out && strcmp(entry->why, "gone"))
		say(journal, summary);
}

static const char *recording_of(const struct kct_journal *journal, uint64_t ns)
{
	return journal->triggers ? kct_triggers_recording(journal->triggers, ns) : NULL;
}

/* A log, of what happened at that time. */
static void write_log(struct kct_journal *journal, const struct watch *watch, uint64_t ns,
		      enum kct_entry_kind kind, const char *why)
{
	const struct kct_log *log = &watch->log;
	struct kct_trailer trailer = {.events = log->count + log->truncated, .status = -1};
	struct kct_header header = journal->header;
	struct kct_entry entry = {kind, why, &header, &trailer, log, recording_of(journal, ns)};
	struct kct_lost lost;

	if (!log->count)
		return;
	header.started = journal->recent[1].boot_ns ? journal->recent[1] : journal->recent[0];
	kct_host_anchor(&trailer.ended);
	kct_losses_now(journal->losses, &lost);
	kct_lost_since(&trailer.lost, &watch->lost, &lost);
	snprintf(trailer.reason, sizeof(trailer.reason), "rotation");
	write_entry(journal, &entry);
}

/* ---- watches ---- */

static struct watch *find_watch(const struct kct_journal *journal, uint32_t number)
{
	return kct_tree_find(&journal->watches, number);
}

static void drop_watch(struct kct_journal *journal, struct watch *watch)
{
	kct_tree_remove(&journal->watches, watch);
	journal->nr_watches--;
	kct_log_clear(&watch->log);
	free(watch);
}

struct census {
	struct watch *watch;
	int error;
};

static void log_known(void *context, const union kct_any_event *event,
		      const struct kct_vm_name *name)
{
	struct census *census = context;

	if (name)
		census->watch->log.name = *name;
	if (event->event.kind == KCT_EVENT_VCPU)
		census->watch->ran |= event->vcpu.has_pvti;
	if (kct_log_add(&census->watch->log, event))
		census->error = -ENOMEM;
}

/* It begins with what is known of the VM up to now; NULL when out of memory. */
static struct watch *new_watch(struct kct_journal *journal, uint32_t number)
{
	const struct kct_state_vm *vm = kct_state_vm(journal->state, number);
	struct watch key = {.number = number}, *watch;
	struct census census = {0};
	bool added;

	watch = kct_tree_find_or_add(&journal->watches, &key, sizeof(key), &added);
	if (!watch)
		return NULL;
	journal->nr_watches++;
	census.watch = watch;
	if (vm)
		kct_state_tell_vm(vm, log_known, &census);
	watch->lost = journal->losses->drained;
	if (!census.error)
		return watch;
	drop_watch(journal, watch);
	return NULL;
}

static bool is_over(const struct watch *watch, uint64_t now)
{
	uint64_t since = watch->arrived_ns ? watch->arrived_ns
			 : watch->touched  ? 0
					   : watch->read_ns;

	return since && now >= since + SETTLE_NS;
}

/* What a watch has to tell when it is over; then it is no more. */
static void end_watch(struct kct_journal *journal, struct watch *watch)
{
	if (watch->arrived_ns)
		write_log(journal, watch, watch->arrived_ns, KCT_ENTRY_TARGET, "set-clock");
	else if (watch->read_ns && !watch->touched && watch->ran)
		write_log(journal, watch, watch->read_ns, KCT_ENTRY_SOURCE, "saved");
	drop_watch(journal, watch);
}

/* ---- events ---- */

/* Does the VMM write a TSC or the clock? */
static bool is_touch(const union kct_any_event *event)
{
	switch (event->event.kind) {
	case KCT_EVENT_SET_CLOCK:
		return true;
	case KCT_EVENT_UPDATE:
		return kct_is_setting(event->update.cause);
	case KCT_EVENT_TSC_WRITE:
		return event->tsc_write.ioctl == KCT_IOCTL_SET_TSC ||
		       event->tsc_write.ioctl == KCT_IOCTL_SET_TSC_OFFSET;
	}
	return false;
}

static bool is_read(const union kct_any_event *event)
{
	return event->event.kind == KCT_EVENT_IOCTL && event->ioctl.ioctl != KCT_IOCTL_SET_CLOCK &&
	       event->ioctl.ioctl != KCT_IOCTL_SET_CLOCK_GUEST;
}

static bool is_stable_pvti(const union kct_any_event *event)
{
	return event->event.kind == KCT_EVENT_PVTI &&
	       event->pvti.new_pvti.flags & KCT_PVTI_TSC_STABLE;
}

static void touch(struct kct_journal *journal, struct watch *watch, uint64_t ns)
{
	if (watch->touched)
		return;
	watch->touched = true;
	/* The guest that ran is one that goes on elsewhere, or here: what it was is a source. */
	if (watch->ran)
		write_log(journal, watch, ns, KCT_ENTRY_SOURCE, "set-again");
}

static int add_event(struct watch *watch, const union kct_any_event *event, size_t nr_vcpus)
{
	if (watch->log.count >= MAX_EVENTS(nr_vcpus)) {
		watch->log.truncated = true;
		return 0;
	}
	return kct_log_add(&watch->log, event);
}

static int follow(struct kct_journal *journal, struct watch *watch,
		  const union kct_any_event *event)
{
	const struct kct_state_vm *vm = kct_state_vm(journal->state, watch->number);
	int error;

	if (is_touch(event))
		touch(journal, watch, event->event.ns);
	if (event->event.kind == KCT_EVENT_UPDATE && kct_is_setting(event->update.cause))
		watch->is_set = true;
	if (is_read(event) && event->ioctl.has_clock)
		watch->read_ns = event->event.ns;
	error = add_event(watch, event, vm ? vm->nr_vcpus : 0);
	if (is_stable_pvti(event) && watch->is_set && !watch->arrived_ns)
		watch->arrived_ns = event->event.ns;
	if (watch->arrived_ns || (watch->read_ns && !watch->touched)) {
		uint64_t due = (watch->arrived_ns ? watch->arrived_ns : watch->read_ns) + SETTLE_NS;

		if (due < journal->due_ns)
			journal->due_ns = due;
	}
	return error;
}

/* It is gone: it may have been a migration's source. */
static void on_gone(struct kct_journal *journal, uint32_t number, uint64_t ns)
{
	struct watch *watch = find_watch(journal, number);

	if (watch && watch->arrived_ns) {
		end_watch(journal, watch);
		watch = NULL;
	}
	/* One that was being set up, and never ran, was none. */
	if (watch && watch->touched) {
		drop_watch(journal, watch);
		return;
	}
	if (!watch)
		watch = new_watch(journal, number);
	if (!watch)
		return;
	if (watch->ran)
		write_log(journal, watch, ns, KCT_ENTRY_SOURCE, "gone");
	drop_watch(journal, watch);
}

static int begin_with(struct kct_journal *journal, const union kct_any_event *event,
		      const struct kct_vm_name *name)
{
	struct watch *watch = new_watch(journal, event->event.vm);

	if (!watch)
		return -ENOMEM;
	if (event->event.kind == KCT_EVENT_VM && name)
		watch->log.name = *name;
	/* What cannot be told of a VM that nobody introduced is not told. */
	if (event->event.kind != KCT_EVENT_VM && !watch->log.count) {
		drop_watch(journal, watch);
		return 0;
	}
	return follow(journal, watch, event);
}

int kct_journal_event(struct kct_journal *journal, const union kct_any_event *event,
		      const struct kct_vm_name *name)
{
	uint32_t number = event->event.vm;
	struct watch *watch;

	if (number == KCT_NO_VM)
		return 0;
	if (event->event.kind == KCT_EVENT_VM_GONE) {
		on_gone(journal, number, event->event.ns);
		return 0;
	}
	watch = find_watch(journal, number);
	/* A clock that is set once more behind that is another setting. */
	if (watch && watch->arrived_ns && is_touch(event)) {
		end_watch(journal, watch);
		watch = NULL;
	}
	if (!watch) {
		if (event->event.kind == KCT_EVENT_VM || is_touch(event) || is_read(event))
			return begin_with(journal, event, name);
		return 0;
	}
	/* It starts for the first time, or runs on: nothing was set. */
	if (is_stable_pvti(event) && !watch->is_set) {
		drop_watch(journal, watch);
		return 0;
	}
	return follow(journal, watch, event);
}

/* ---- time ---- */

struct looking {
	uint64_t now, due;
	struct watch *over; /* one of them */
};

static void look_at(void *item, void *data)
{
	struct looking *looking = data;
	struct watch *watch = item;
	uint64_t since = watch->arrived_ns ? watch->arrived_ns
			 : watch->touched  ? 0
					   : watch->read_ns;

	if (is_over(watch, looking->now))
		looking->over = watch;
	else if (since && since + SETTLE_NS < looking->due)
		looking->due = since + SETTLE_NS;
}

uint64_t kct_journal_tick(struct kct_journal *journal, uint64_t now_ns)
{
	struct looking looking = {.now = now_ns};

	if (now_ns - journal->recent[0].boot_ns >= ANCHOR_NS) {
		journal->recent[1] = journal->recent[0];
		kct_host_anchor(&journal->recent[0]);
	}
	if (now_ns < journal->due_ns)
		return journal->due_ns;
	do {
		looking.over = NULL;
		looking.due = UINT64_MAX;
		kct_tree_each(&journal->watches, look_at, &looking);
		if (looking.over)
			end_watch(journal, looking.over);
	} while (looking.over);
	journal->due_ns = looking.due;
	return looking.due;
}

/* ---- its beginning and its end ---- */

void kct_journal_begin(struct kct_journal *journal, const char *directory,
		       const struct kct_header *header, const struct kct_state *state,
		       const struct kct_losses *losses)
{
	*journal = (struct kct_journal){
		.directory = directory,
		.state = state,
		.header = *header,
		.losses = losses,
		.due_ns = UINT64_MAX,
	};
	journal->recent[0] = header->started;
	for (uint32_t i = 0; i < journal->header.nr_hooks; i++) {
		*journal->header.hooks[i].note = '\0';
		*journal->header.hooks[i].target = '\0';
	}
}

static void free_watch(void *data)
{
	struct watch *watch = data;

	kct_log_clear(&watch->log);
	free(watch);
}

static void find_arrived(void *item, void *data)
{
	struct watch *watch = item;

	if (watch->arrived_ns)
		*(struct watch **)data = watch;
}

void kct_journal_end(struct kct_journal *journal)
{
	struct watch *arrived;

	do {
		arrived = NULL;
		kct_tree_each(&journal->watches, find_arrived, &arrived);
		if (arrived)
			end_watch(journal, arrived);
	} while (arrived);
	tdestroy(journal->watches, free_watch);
	journal->watches = NULL;
}
