// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/gzip.h"
#include "base/sink.h"

/* To hand on costs two switches of tasks: this is some 800 events of a storm. */
#define BUFFER_SIZE (256 << 10)

/* Makes a write() return that waits. By default it is ignored: one from elsewhere does no harm. */
#define INTERRUPT SIGURG

/*
 * Both processes have this memory. A byte over their socket tells that the other one may use what
 * is in it, but for the last two, which both look at.
 */
struct job {
	char bytes[BUFFER_SIZE];
	size_t size;
	bool last; /* then close the descriptor, and end */
	int error; /* errno of what failed, at whichever time; then nothing is written any more */
	_Atomic bool given_up;
	_Atomic uint64_t lines_written;
};

struct kct_sink {
	int fd;
	kct_sink_wait wait;
	void *context;
	FILE *stream;
	pid_t writer; /* 0: none, or it has ended */
	int socket;   /* to it; -1: none */
	struct job *job;
	struct kct_gzip *gzip; /* of the process that writes; NULL: as it is */
	bool has_begun, is_busy;
	bool finishes; /* what is handed on now is the last */
	uint64_t lines_given;
	char buffer[BUFFER_SIZE]; /* the stream's: by itself it takes 4 KiB, whatever it is told */
};

static bool pass_on(int socket)
{
	return send(socket, "", 1, MSG_NOSIGNAL) == 1;
}

/* False: the other one is dead. */
static bool receive(int socket)
{
	ssize_t got;
	char byte;

	while ((got = recv(socket, &byte, 1, 0)) < 0 && errno == EINTR)
		;
	return got == 1;
}

static uint64_t count_lines(const char *text, size_t size)
{
	const char *end = text + size;
	uint64_t count = 0;

	while ((text = memchr(text, '\n', (size_t)(end - text))) != NULL) {
		count++;
		text++;
	}
	return count;
}

/* ---- the process that writes ---- */

/* Where the writer puts what it has compressed. */
struct target {
	struct job *job;
	int fd;
};

/* How many of the bytes were written. */
static size_t write_bytes(const struct target *target, const char *bytes, size_t size)
{
	struct job *job = target->job;
	size_t at = 0;

	while (at < size && !job->error && !job->given_up) {
		ssize_t written = write(target->fd, bytes + at, size - at);

		if (written >= 0)
			at += (size_t)written;
		else if (errno != EINTR)
			job->error = errno;
	}
	return at;
}

static void put_compressed(void *context, const unsigned char *bytes, size_t size)
{
	write_bytes(context, (const char *)bytes, size);
}

static void write_job(const struct target *target, struct kct_gzip *gzip)
{
	struct job *job = target->job;
	size_t written = job->size;

	if (gzip) {
		kct_gzip_add(gzip, job->bytes, job->size, job->last ? Z_FINISH : Z_SYNC_FLUSH);
		if (job->error || job->given_up)
			written = 0;
	} else {
		written = write_bytes(target, job->bytes, job->size);
	}
	job->lines_written += count_lines(job->bytes, written);
}

static void on_interrupt(int number)
{
	(void)number;
}

/* What ends a run is sent to us as well: we end when our parent does. */
static void prepare_signals(pid_t parent)
{
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
	const struct sigaction action = {.sa_handler = on_interrupt};
	sigset_t none;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	sigaction(INTERRUPT, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
}

static void drop_capabilities(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

	syscall(SYS_capset, &header, none);
}

/* Nothing that our parent has open may stay so because of us. */
static void close_all_but(int a, int b)
{
	unsigned int low = (unsigned int)(a < b ? a : b), high = (unsigned int)(a < b ? b : a);

	if (low)
		close_range(0, low - 1, 0);
	if (high > low + 1)
		close_range(low + 1, high - 1, 0);
	close_range(high + 1, ~0U, 0);
}

static void __attribute__((noreturn))
write_all(const struct kct_sink *sink, int socket, pid_t parent)
{
	struct target target = {sink->job, sink->fd};
	struct job *job = sink->job;
	int fd = sink->fd;
	bool last = false;

	drop_capabilities();
	prepare_signals(parent);
	close_all_but(fd, socket);
	if (sink->gzip && !kct_gzip_begin(sink->gzip, put_compressed, &target))
		_exit(1);
	while (!last && receive(socket)) {
		write_job(&target, sink->gzip);
		last = job->last;
		if (last && close(fd) && !job->error)
			job->error = errno;
		pass_on(socket);
	}
	_exit(0);
}

/* ---- its parent ---- */

/* Its number stays taken, and what is done to it does nothing. */
static void leave_descriptor(int fd)
{
	int nothing = open("/", O_PATH | O_CLOEXEC);

	if (nothing >= 0) {
		dup3(nothing, fd, O_CLOEXEC);
		close(nothing);
	}
}

static bool start_writer(struct kct_sink *sink)
{
	pid_t parent = getpid(), pid;
	int sockets[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets))
		return false;
	sink->socket = sockets[0];
	pid = fork();
	if (pid == 0)
		write_all(sink, sockets[1], parent);
	close(sockets[1]);
	sink->writer = pid > 0 ? pid : 0;
	return pid > 0;
}

static bool is_readable(int fd, int ms)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};

	return poll(&pollfd, 1, ms) > 0;
}

/* The writer has passed the job on to us, or died. */
static bool take_job(struct kct_sink *sink)
{
	sink->is_busy = false;
	if (!receive(sink->socket))
		sink->job->error = ECHILD;
	/* As if we had written ourselves. */
	if (sink->job->error == EPIPE)
		raise(SIGPIPE);
	return !sink->job->error;
}

/* How much was written is known exactly where the write lets itself be interrupted. */
static void give_up(struct kct_sink *sink)
{
	sink->job->given_up = true;
	/* It may be about to call write() only now: then once more. */
	for (int i = 0; i < 10 && sink->is_busy; i++) {
		kill(sink->writer, INTERRUPT);
		if (is_readable(sink->socket, 5))
			take_job(sink);
	}
	kill(sink->writer, SIGKILL);
}

static bool is_dead(const struct kct_sink *sink)
{
	return sink->job->given_up || (!sink->is_busy && sink->job->error);
}

static bool become_idle(struct kct_sink *sink)
{
	if (is_dead(sink))
		return false;
	if (!sink->is_busy)
		return true;
	if (is_readable(sink->socket, 0) || sink->wait(sink->context, sink->socket))
		return take_job(sink);
	give_up(sink);
	return false;
}

static bool start_job(struct kct_sink *sink, const char *bytes, size_t size, bool last)
{
	struct job *job = sink->job;

	if (!become_idle(sink))
		return false;
	job->size = size;
	job->last = last;
	if (size)
		memcpy(job->bytes, bytes, size);
	if (!sink->has_begun && sink->fd != STDERR_FILENO)
		leave_descriptor(sink->fd);
	sink->has_begun = true;
	sink->is_busy = pass_on(sink->socket);
	if (!sink->is_busy)
		job->error = ECHILD;
	return sink->is_busy;
}

static ssize_t hand_on(void *cookie, const char *text, size_t size)
{
	struct kct_sink *sink = cookie;
	size_t part;

	sink->lines_given += count_lines(text, size);
	for (size_t at = 0; at < size; at += part) {
		part = size - at < BUFFER_SIZE ? size - at : BUFFER_SIZE;
		if (!start_job(sink, text + at, part, sink->finishes && at + part == size))
			break;
	}
	return (ssize_t)size;
}

struct kct_sink *kct_sink_new(int fd, bool compressed, kct_sink_wait wait, void *context)
{
	const cookie_io_functions_t functions = {.write = hand_on};
	struct kct_sink *sink = calloc(1, sizeof(*sink));

	if (!sink)
		return NULL;
	sink->fd = fd;
	sink->wait = wait;
	sink->context = context;
	sink->socket = -1;
	sink->job = mmap(NULL, sizeof(*sink->job), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	sink->gzip = compressed ? calloc(1, sizeof(*sink->gzip)) : NULL;
	if (sink->job != MAP_FAILED && (sink->gzip || !compressed) && start_writer(sink))
		sink->stream = fopencookie(sink, "w", functions);
	if (sink->stream) {
		setvbuf(sink->stream, sink->buffer, _IOFBF, BUFFER_SIZE);
		return sink;
	}
	kct_sink_free(sink);
	return NULL;
}

FILE *kct_sink_stream(const struct kct_sink *sink)
{
	return sink->stream;
}

int kct_sink_error(const struct kct_sink *sink)
{
	if (sink->job->given_up)
		return -ETIME;
	return sink->is_busy ? 0 : -sink->job->error;
}

int kct_sink_flush(struct kct_sink *sink)
{
	fflush(sink->stream);
	return kct_sink_error(sink);
}

int kct_sink_settle(struct kct_sink *sink)
{
	fflush(sink->stream);
	become_idle(sink);
	return kct_sink_error(sink);
}

int kct_sink_finish(struct kct_sink *sink)
{
	sink->finishes = true;
	fflush(sink->stream);
	if (sink->has_begun && !sink->job->last)
		start_job(sink, NULL, 0, true);
	become_idle(sink);
	return kct_sink_error(sink);
}

uint64_t kct_sink_lines_given(const struct kct_sink *sink)
{
	return sink->lines_given;
}

uint64_t kct_sink_lines_written(const struct kct_sink *sink)
{
	return sink->job->lines_written;
}

void kct_sink_free(struct kct_sink *sink)
{
	int error = errno;

	if (sink->stream)
		fclose(sink->stream);
	if (sink->socket >= 0)
		close(sink->socket);
	/* One that waits for us ends now; one that waits for something else is on its own. */
	if (sink->writer && !sink->is_busy)
		waitpid(sink->writer, NULL, 0);
	if (sink->job != MAP_FAILED)
		munmap(sink->job, sizeof(*sink->job));
	free(sink->gzip);
	free(sink);
	errno = error;
}
