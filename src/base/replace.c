// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/replace.h"

/* To open a FIFO for writing waits for a reader, and nothing could end that. */
static int open_in_place(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_NOCTTY | O_CLOEXEC | O_NONBLOCK, 0600);

	if (fd < 0)
		return -errno;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	return fd;
}

static int open_beside(struct kct_replacement *file)
{
	int fd;

	if (asprintf(&file->temporary, "%s.XXXXXX", file->path) < 0) {
		file->temporary = NULL;
		return -ENOMEM;
	}
	fd = mkostemp(file->temporary, O_CLOEXEC);
	if (fd >= 0)
		return fd;
	fd = -errno;
	free(file->temporary);
	file->temporary = NULL;
	return fd;
}

int kct_replace_open(struct kct_replacement *file, const char *path)
{
	struct stat status;
	bool is_there = !lstat(path, &status);

	*file = (struct kct_replacement){.path = path};
	if (is_there ? !S_ISREG(status.st_mode) : !*path || errno != ENOENT)
		file->fd = open_in_place(path);
	else
		file->fd = open_beside(file);
	/* A directory that takes no new file may hold one that can be written. */
	if (file->fd < 0 && is_there && S_ISREG(status.st_mode))
		file->fd = open_in_place(path);
	return file->fd < 0 ? file->fd : 0;
}

int kct_replace_commit(struct kct_replacement *file)
{
	struct stat status;

	if (!file->temporary)
		return fstat(file->fd, &status) ||
				       (S_ISREG(status.st_mode) && ftruncate(file->fd, 0))
			       ? -errno
			       : 0;
	if (rename(file->temporary, file->path))
		return -errno;
	free(file->temporary);
	file->temporary = NULL;
	return 0;
}

void kct_replace_abandon(struct kct_replacement *file)
{
	if (!file->temporary)
		return;
	unlink(file->temporary);
	free(file->temporary);
	file->temporary = NULL;
}
