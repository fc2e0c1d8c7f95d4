// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "monitor/ends.h"
#include "monitor/pin.h"
#include "record/cut.h"
#include "record/input.h"
#include "record/reader.h"
#include "record/segments.h"
#include "record/writer.h"

/* What is not whole yet has a name that no reader of a directory takes. */
#define PART ".part"

/* A segment that has something to tell of the span. */
struct piece {
	char *name;
	struct kct_segment segment;
	uint64_t started_ns;
};

struct pinning {
	const struct kct_pin_job *job;
	struct kct_reader *reader;
	struct piece *pieces; /* the oldest first */
	size_t nr_pieces;
	uint64_t start_ns; /* the pre-roll may reach behind what there is */
	struct kct_header header;
	struct kct_trailer trailer;
	struct kct_cut cut;
	struct kct_segment_file *out;
	uint64_t events;
	bool begun; /* it is written */
};

/* ---- which segments ---- */

/* Events are missing: of several such gaps one is told, from the first to the last. */
static void add_gap(struct kct_gap *sum, const struct kct_gap *gap)
{
	if (!sum->to_ns) {
		*sum = *gap;
		return;
	}
	if (gap->from_ns < sum->from_ns)
		sum->from_ns = gap->from_ns;
	if (gap->to_ns > sum->to_ns)
		sum->to_ns = gap->to_ns;
	sum->events += gap->events;
}

static void tell_gap(struct pinning *p, const struct kct_gap *gap)
{
	if (gap->to_ns && gap->to_ns >= p->start_ns && gap->from_ns <= p->job->pin.end_ns)
		add_gap(&p->header.segment.gap, gap);
}

static void tell_hole(struct pinning *p, const struct piece *before, const struct piece *after)
{
	struct kct_gap gap = {.from_ns = before->started_ns, .to_ns = after->started_ns};

	if (kct_segment_is_next(&before->segment, &after->segment) || after->segment.gap.to_ns)
		return;
	snprintf(gap.why, sizeof(gap.why), "segments are missing");
	tell_gap(p, &gap);
}

/* Read a segment's header. False if it has none, or is of another run. */
static bool read_header(struct pinning *p, const char *name)
{
	FILE *in = kct_input_open(name, NULL);
	bool done;

	if (!in)
		return false;
	kct_reader_init(p->reader, in);
	done = kct_reader_next(p->reader) == KCT_LINE_HEADER &&
	       p->reader->header.segment.run_ns == p->job->run_ns &&
	       !strcmp(p->reader->header.boot_id, p->job->boot_id);
	fclose(in);
	return done;
}

/* From the newest back to the one that was begun before the span. */
static void choose(struct pinning *p, char **names, int count)
{
	struct piece *first = p->pieces + count;

	for (int i = count - 1; i >= 0; i--) {
		const struct kct_header *header = &p->reader->header;

		if (!read_header(p, names[i]) || header->started.boot_ns > p->job->pin.end_ns)
			continue;
		*--first = (struct piece){names[i], header->segment, header->started.boot_ns};
		p->nr_pieces++;
		p->header = *header;
		if (first->started_ns <= p->job->pin.start_ns)
			break;
	}
	memmove(p->pieces, first, p->nr_pieces * sizeof(*first));
}

static void begin_header(struct pinning *p)
{
	const struct kct_pin *pin = &p->job->pin;
	struct kct_segment *segment = &p->header.segment;

	p->start_ns = pin->start_ns > p->pieces->started_ns ? pin->start_ns : p->pieces->started_ns;
	*segment = (struct kct_segment){
		.run_ns = p->job->run_ns,
		.vm = pin->first.vm,
		.trigger_ns = pin->first.ns,
		.has_value = pin->first.has_value,
		.value = pin->first.value,
		.reasons = pin->first.reasons,
		.folded = kct_pin_folded(pin),
	};
	snprintf(segment->trigger, sizeof(segment->trigger), "%s",
		 kct_trigger_names[pin->first.kind]);
	kct_anchor_at(&p->header.started, p->start_ns);
	kct_cut_init(&p->cut, NULL);
	p->cut.begun = false;
	p->cut.since_ns = p->start_ns;
	p->cut.until_ns = pin->end_ns + 1;
	for (size_t i = 0; i < p->nr_pieces; i++) {
		tell_gap(p, &p->pieces[i].segment.gap);
		if (i)
			tell_hole(p, &p->pieces[i - 1], &p->pieces[i]);
	}
	tell_gap(p, &p->job->gap);
}

/* ---- what is in them ---- */

static void put(void *context, const union kct_any_event *event, const struct kct_vm_name *name)
{
	struct pinning *p = context;

	kct_write_event(kct_segment_stream(p->out), event, name);
	p->events++;
}

/* The VMs and vCPUs are as the events before the span have left them. */
static void begin_span(struct pinning *p)
{
	if (p->begun)
		return;
	p->begun = true;
	kct_write_header(kct_segment_stream(p->out), &p->header);
	kct_state_tell(&p->cut.state, put, p);
}

/* All but the first segment tell again what is known. */
static bool is_known(const struct pinning *p, const union kct_any_event *event)
{
	const struct kct_state_vm *vm = kct_state_vm(&p->cut.state, event->event.vm);
	const struct kct_state_vcpu *vcpu;

	if (event->event.kind == KCT_EVENT_VM)
		return vm != NULL;
	vcpu = event->event.kind == KCT_EVENT_VCPU ? kct_state_vcpu(vm, event->event.vcpu) : NULL;
	return vcpu && vcpu->introduced;
}

static int take(struct pinning *p)
{
	const union kct_any_event *event = &p->reader->event;

	if (p->cut.over || is_known(p, event))
		return 0;
	kct_cut_reach(&p->cut, event);
	if (p->cut.begun)
		begin_span(p);
	if (p->cut.over)
		return 0;
	if (p->begun)
		put(p, event, &p->reader->name);
	return kct_state_event(&p->cut.state, event, &p->reader->name);
}

static int read_piece(struct pinning *p, const struct piece *piece)
{
	FILE *in = kct_input_open(piece->name, NULL);
	enum kct_line line = KCT_LINE_END;
	int error = in ? 0 : -errno;

	if (!in)
		return error;
	kct_reader_init(p->reader, in);
	p->cut.started_ns = piece->started_ns;
	while (!error && (line = kct_reader_next(p->reader)) < KCT_LINE_END)
		if (line == KCT_LINE_EVENT)
			error = take(p);
	if (!error && line == KCT_LINE_INVALID)
		error = -EBADMSG;
	/* One without a trailer is the one that is written at the time. */
	if (!error)
		kct_lost_add(&p->trailer.lost,
			     p->reader->trailer_seen ? &p->reader->trailer.lost : &p->job->lost);
	fclose(in);
	return error;
}

static int read_pieces(struct pinning *p)
{
	int error = 0;

	for (size_t i = 0; i < p->nr_pieces && !error && !p->cut.over; i++) {
		/* The trailer before it, if it is one of these, has told of them. */
		if (!i || !kct_segment_is_next(&p->pieces[i - 1].segment, &p->pieces[i].segment))
			kct_lost_add(&p->trailer.lost, &p->pieces[i].segment.carried);
		error = read_piece(p, &p->pieces[i]);
	}
	if (error)
		return error;
	begin_span(p);
	p->trailer.events = p->events;
	p->trailer.status = -1;
	snprintf(p->trailer.reason, sizeof(p->trailer.reason), "trigger");
	kct_anchor_at(&p->trailer.ended, p->job->pin.end_ns);
	kct_write_trailer(kct_segment_stream(p->out), &p->trailer);
	return 0;
}

/* ---- the file ---- */

static int commit(const struct kct_pin_job *job, const char *part)
{
	int fd = openat(job->directory, part, O_RDONLY | O_CLOEXEC), error = 0;

	/* Behind a crash of the host there is no name without what belongs to it. */
	if (fd < 0 || fsync(fd) || renameat(job->directory, part, job->directory, job->name))
		error = -errno;
	if (fd >= 0)
		close(fd);
	return error;
}

static int write_file(struct pinning *p)
{
	char part[KCT_STORE_NAME + sizeof(PART)];
	int error, closed;

	snprintf(part, sizeof(part), "%s" PART, p->job->name);
	error = kct_segment_open(&p->out, p->job->directory, part);
	if (error)
		return error;
	error = read_pieces(p);
	closed = kct_segment_close(p->out);
	if (!error)
		error = closed ? closed : commit(p->job, part);
	if (error)
		unlinkat(p->job->directory, part, 0);
	return error;
}

static int write_chosen(struct pinning *p)
{
	if (!p->nr_pieces)
		return -ENOENT;
	begin_header(p);
	return write_file(p);
}

int kct_pin_write(const struct kct_pin_job *job)
{
	struct pinning p = {.job = job, .reader = malloc(sizeof(*p.reader))};
	char **names = NULL;
	int count, error = -ENOMEM;

	/* Segments are opened by their names. */
	count = fchdir(job->directory) ? -errno : kct_segments(".", &names);
	if (count >= 0)
		p.pieces = calloc((size_t)count + 1, sizeof(*p.pieces));
	if (p.pieces && p.reader) {
		choose(&p, names, count);
		error = write_chosen(&p);
	}
	if (count >= 0)
		kct_segments_free(names, count);
	kct_cut_clear(&p.cut);
	free(p.pieces);
	free(p.reader);
	return count < 0 ? count : error;
}

void kct_pin_clean(int directory)
{
	int fd = openat(directory, KCT_PINNED, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!stream) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(stream))) {
		size_t length = strlen(entry->d_name), end = strlen(PART);

		if (length > end && !strcmp(entry->d_name + length - end, PART))
			unlinkat(fd, entry->d_name, 0);
	}
	closedir(stream);
}

/* ---- the process ---- */

/* The programs in the kernel are the monitor's alone, and end with it. */
static void close_others(int kept)
{
	if (kept > 3)
		close_range(3, (unsigned int)kept - 1, 0);
	close_range((unsigned int)kept + 1, ~0U, 0);
}

static void give_way(void)
{
	/* Not so far that a host whose CPUs are all busy never lets it get anywhere. */
	setpriority(PRIO_PROCESS, 0, 10);
	/* Of this process: IOPRIO_CLASS_BE, the last of it. */
	syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 7);
}

pid_t kct_pin_start(const struct kct_pin_job *job)
{
	pid_t monitor = getpid(), pid = fork();

	if (pid < 0)
		return -errno;
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != monitor)
		_exit(ECHILD);
	/* What ends the monitor is for the monitor to see to. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	close_others(job->directory);
	give_way();
	_exit(-kct_pin_write(job) & 0xff);
}
