// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "monitor/segment.h"

#define BUFFER_SIZE 65536

/* For deflateInit2(): the largest window, with gzip's header and trailer; and its usual memory. */
#define GZIP_WINDOW 31
#define MEMORY	    8

/* Lines of JSON shrink to a seventh at any level; the higher ones take several times the time. */
#define LEVEL 2

struct kct_segment_file {
	int fd;
	int error; /* errno of the first write that failed */
	FILE *stream;
	z_stream z;
	uint64_t bytes;	  /* in the file */
	uint64_t flushed; /* of these, up to the last flush */
	unsigned char out[BUFFER_SIZE];
};

static void put(struct kct_segment_file *file, const unsigned char *bytes, size_t size)
{
	while (size && !file->error) {
		ssize_t written = write(file->fd, bytes, size);

		if (written < 0 && errno != EINTR)
			file->error = errno;
		if (written <= 0)
			continue;
		file->bytes += (uint64_t)written;
		bytes += written;
		size -= (size_t)written;
	}
}

static void compress_more(struct kct_segment_file *file, int flush)
{
	z_stream *z = &file->z;

	do {
		z->next_out = file->out;
		z->avail_out = sizeof(file->out);
		deflate(z, flush);
		put(file, file->out, sizeof(file->out) - z->avail_out);
	} while (!z->avail_out && !file->error);
}

static ssize_t on_write(void *cookie, const char *text, size_t size)
{
	struct kct_segment_file *file = cookie;

	if (file->error)
		return (ssize_t)size;
	file->z.next_in = (unsigned char *)text;
	file->z.avail_in = (unsigned int)size;
	compress_more(file, Z_NO_FLUSH);
	return (ssize_t)size;
}

int kct_segment_open(struct kct_segment_file **out, int directory, const char *name)
{
	const cookie_io_functions_t functions = {.write = on_write};
	struct kct_segment_file *file = calloc(1, sizeof(*file));
	int error = ENOMEM;

	*out = file;
	if (!file)
		return -ENOMEM;
	file->fd =
		openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0640);
	if (file->fd < 0) {
		error = errno;
		free(file);
		return -error;
	}
	if (deflateInit2(&file->z, LEVEL, Z_DEFLATED, GZIP_WINDOW, MEMORY, Z_DEFAULT_STRATEGY) ==
	    Z_OK)
		file->stream = fopencookie(file, "w", functions);
	if (file->stream) {
		setvbuf(file->stream, NULL, _IOFBF, BUFFER_SIZE);
		return 0;
	}
	deflateEnd(&file->z);
	close(file->fd);
	unlinkat(directory, name, 0);
	free(file);
	return -ENOMEM;
}

FILE *kct_segment_stream(struct kct_segment_file *file)
{
	return file->stream;
}

static int flush(struct kct_segment_file *file, int how)
{
	fflush(file->stream);
	if (!file->error)
		compress_more(file, how);
	if (!file->error) {
		file->flushed = file->bytes;
		return 0;
	}
	/* Whole lines only. If that fails a reader stops there all the same. */
	if (ftruncate(file->fd, (off_t)file->flushed) == 0)
		file->bytes = file->flushed;
	return -file->error;
}

int kct_segment_flush(struct kct_segment_file *file)
{
	return flush(file, Z_SYNC_FLUSH);
}

uint64_t kct_segment_bytes(const struct kct_segment_file *file)
{
	return file->bytes;
}

int kct_segment_close(struct kct_segment_file *file)
{
	int error = flush(file, Z_FINISH);

	if (close(file->fd) && !error)
		error = -errno;
	fclose(file->stream);
	deflateEnd(&file->z);
	free(file);
	return error;
}
