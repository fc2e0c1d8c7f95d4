// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "cmd/output.h"
#include "host/host.h"
#include "record/segments.h"

static bool wait_for(void *context, int fd)
{
	struct kct_output *out = context;

	return kct_loop_wait(out->loop, fd, &out->patience_ns);
}

static bool is_fifo(const char *path)
{
	struct stat status;

	return !stat(path, &status) && S_ISFIFO(status.st_mode);
}

/* A signal still kills us here: there is nothing yet that it would interrupt. */
static int wait_for_reader(struct kct_output *out, uint64_t patience_ns)
{
	const struct timespec moment = {.tv_nsec = 10000000};
	uint64_t began = kct_clock_ns(CLOCK_MONOTONIC);
	int error;

	while ((error = kct_replace_open(&out->file, out->path)) == -ENXIO && is_fifo(out->path)) {
		if (patience_ns && kct_clock_ns(CLOCK_MONOTONIC) - began >= patience_ns)
			break;
		nanosleep(&moment, NULL);
	}
	return error;
}

static int refuse(const struct kct_output *out, int error)
{
	kct_error("%s: %s", out->name,
		  error == -ENXIO && is_fifo(out->name) ? "nobody reads this FIFO"
							: strerror(-error));
	return KCT_EXIT_USAGE;
}

int kct_output_to_path(struct kct_output *out, const char *path, uint64_t patience_ns)
{
	int error = 0;

	*out = (struct kct_output){.path = path, .name = path, .file.fd = -1};
	if (is_fifo(path))
		error = wait_for_reader(out, patience_ns);
	return error ? refuse(out, error) : 0;
}

void kct_output_to_standard(struct kct_output *out, int fd)
{
	*out = (struct kct_output){
		.name = fd == STDERR_FILENO ? "standard error" : "standard output",
		.file.fd = fd,
	};
}

int kct_output_open(struct kct_output *out, struct kct_loop *loop, uint64_t patience_ns)
{
	int error = out->file.fd < 0 ? kct_replace_open(&out->file, out->path) : 0;

	if (error)
		return refuse(out, error);
	out->loop = loop;
	out->patience_ns = patience_ns;
	out->sink = kct_sink_new(out->file.fd, out->path && kct_name_ends(out->path, ".gz"),
				 wait_for, out);
	if (!out->sink) {
		kct_error("%s: nothing can write it: %s", out->name, strerror(errno));
		return KCT_EXIT_HOST;
	}
	out->stream = kct_sink_stream(out->sink);
	return 0;
}

int kct_output_commit(struct kct_output *out)
{
	int error = out->path ? kct_replace_commit(&out->file) : 0;

	return error ? refuse(out, error) : 0;
}

int kct_output_error(const struct kct_output *out)
{
	return kct_sink_error(out->sink);
}

int kct_output_flush(struct kct_output *out)
{
	return kct_sink_flush(out->sink);
}

int kct_output_settle(struct kct_output *out)
{
	return kct_sink_settle(out->sink);
}

uint64_t kct_output_missing(const struct kct_output *out)
{
	uint64_t given = kct_sink_lines_given(out->sink);
	uint64_t written = kct_sink_lines_written(out->sink);

	return given && !written ? given - 1 : given - written;
}

static int complain(const struct kct_output *out, int error)
{
	uint64_t missing = kct_output_missing(out);
	char lines[48] = "";

	if (missing)
		snprintf(lines, sizeof(lines), "; %" PRIu64 " lines are missing", missing);
	kct_error("%s%s could not be written: %s%s", out->name, out->path ? ":" : "",
		  error == -ETIME    ? "it takes nothing more"
		  : error == -ECHILD ? "the process that writes it was killed"
				     : strerror(-error),
		  lines);
	return KCT_EXIT_INCOMPLETE;
}

int kct_output_close(struct kct_output *out)
{
	int error, status = 0;

	if (out->sink) {
		error = kct_sink_finish(out->sink);
		if (error)
			status = complain(out, error);
		kct_sink_free(out->sink);
	}
	if (out->path && out->file.fd >= 0) {
		kct_replace_abandon(&out->file);
		close(out->file.fd);
	}
	*out = (struct kct_output){.file.fd = -1};
	return status;
}
