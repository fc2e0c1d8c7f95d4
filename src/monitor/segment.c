// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/gzip.h"
#include "monitor/segment.h"

#define BUFFER_SIZE 65536

struct kct_segment_file {
	int fd;
	int error; /* errno of the first write that failed */
	FILE *stream;
	struct kct_gzip gzip;
	uint64_t bytes;		  /* in the file */
	uint64_t flushed;	  /* of these, up to the last flush */
	char buffer[BUFFER_SIZE]; /* the stream's: by itself it takes 4 KiB, whatever it is told */
};

static void put(void *context, const unsigned char *bytes, size_t size)
{
	struct kct_segment_file *file = context;

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

static ssize_t on_write(void *cookie, const char *text, size_t size)
{
	struct kct_segment_file *file = cookie;

	if (!file->error)
		kct_gzip_add(&file->gzip, text, size, Z_NO_FLUSH);
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
	if (kct_gzip_begin(&file->gzip, put, file))
		file->stream = fopencookie(file, "w", functions);
	if (file->stream) {
		setvbuf(file->stream, file->buffer, _IOFBF, BUFFER_SIZE);
		return 0;
	}
	kct_gzip_end(&file->gzip);
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
		kct_gzip_add(&file->gzip, NULL, 0, how);
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
	kct_gzip_end(&file->gzip);
	free(file);
	return error;
}
