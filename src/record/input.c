// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "record/input.h"

#define BUFFER_SIZE 65536

/* For inflateInit2(): the largest window, and gzip's header and trailer around the data. */
#define GZIP_WINDOW (15 + 16)

struct input {
	int fd;
	bool is_compressed;
	bool failed; /* what was compressed is damaged from here on */
	struct kct_progress *progress;
	z_stream z; /* next_in and avail_in are of `buffer`, compressed or not */
	unsigned char buffer[BUFFER_SIZE];
};

static ssize_t read_file(struct input *input, void *to, size_t size)
{
	ssize_t got;

	do
		got = read(input->fd, to, size);
	while (got < 0 && errno == EINTR);
	if (got > 0 && input->progress)
		kct_progress_add(input->progress, (uint64_t)got);
	return got;
}

/* Have more in the buffer, behind what is in it. Bytes read; 0 at the end; -1 with errno. */
static ssize_t fill(struct input *input)
{
	size_t used = input->z.avail_in;
	ssize_t got;

	memmove(input->buffer, input->z.next_in, used);
	input->z.next_in = input->buffer;
	got = read_file(input, input->buffer + used, sizeof(input->buffer) - used);
	if (got > 0)
		input->z.avail_in += (unsigned int)got;
	return got;
}

static bool is_member(const struct input *input)
{
	return input->z.avail_in >= 2 && input->z.next_in[0] == 0x1f && input->z.next_in[1] == 0x8b;
}

/* The end of a member: does another one follow? Zeroes, as a crash leaves them, are none. */
static ssize_t next_member(struct input *input)
{
	ssize_t got = 1;

	while (got > 0 && input->z.avail_in < 2)
		got = fill(input);
	if (got < 0 || !is_member(input))
		return got < 0 ? -1 : 0;
	return inflateReset(&input->z) == Z_OK ? 1 : 0;
}

static ssize_t damaged(struct input *input, size_t got)
{
	input->failed = true;
	errno = EBADMSG;
	return got ? (ssize_t)got : -1;
}

static ssize_t read_compressed(struct input *input, char *to, size_t size)
{
	z_stream *z = &input->z;
	ssize_t more = 1;
	int status;

	if (input->failed)
		return damaged(input, 0);
	z->next_out = (unsigned char *)to;
	z->avail_out = (unsigned int)size;
	while (z->avail_out == size && more > 0) {
		if (!z->avail_in) {
			more = fill(input);
			if (more <= 0)
				return more;
		}
		status = inflate(z, Z_NO_FLUSH);
		if (status == Z_STREAM_END)
			more = next_member(input);
		else if (status != Z_OK && status != Z_BUF_ERROR)
			return damaged(input, size - z->avail_out);
	}
	return more < 0 ? -1 : (ssize_t)(size - z->avail_out);
}

static ssize_t read_plain(struct input *input, char *to, size_t size)
{
	size_t part = input->z.avail_in < size ? input->z.avail_in : size;

	if (!part)
		return read_file(input, to, size);
	memcpy(to, input->z.next_in, part);
	input->z.next_in += part;
	input->z.avail_in -= (unsigned int)part;
	return (ssize_t)part;
}

static ssize_t on_read(void *cookie, char *to, size_t size)
{
	struct input *input = cookie;

	return input->is_compressed ? read_compressed(input, to, size)
				    : read_plain(input, to, size);
}

static int on_close(void *cookie)
{
	struct input *input = cookie;

	if (input->is_compressed)
		inflateEnd(&input->z);
	close(input->fd);
	free(input);
	return 0;
}

/* Look at how it begins. 0 or -1, with errno. */
static int begin(struct input *input)
{
	ssize_t got = 1;

	input->z.next_in = input->buffer;
	while (got > 0 && input->z.avail_in < 2)
		got = fill(input);
	if (got < 0)
		return -1;
	input->is_compressed = is_member(input);
	if (!input->is_compressed || inflateInit2(&input->z, GZIP_WINDOW) == Z_OK)
		return 0;
	input->is_compressed = false;
	errno = ENOMEM;
	return -1;
}

FILE *kct_input_open(const char *path, struct kct_progress *progress)
{
	const cookie_io_functions_t functions = {.read = on_read, .close = on_close};
	struct input *input = calloc(1, sizeof(*input));
	FILE *stream = NULL;
	int error;

	if (!input)
		return NULL;
	input->progress = progress;
	input->fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC)
				      : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	if (input->fd >= 0 && !begin(input))
		stream = fopencookie(input, "r", functions);
	if (stream)
		return stream;
	error = errno;
	if (input->fd >= 0)
		on_close(input);
	else
		free(input);
	errno = error;
	return NULL;
}
