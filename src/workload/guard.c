// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "workload/guard.h"

static int read_value(struct wl_guard *guard)
{
	FILE *file = fopen(guard->path, "re");
	int error = 0;

	if (!file)
		return -errno;
	if (!fgets(guard->before, sizeof(guard->before), file))
		error = ferror(file) ? -EIO : -ENODATA;
	fclose(file);
	guard->before[strcspn(guard->before, "\n")] = '\0';
	return error || *guard->before ? error : -ENODATA;
}

int wl_guard_write(const struct wl_guard *guard, const char *value)
{
	int fd = open(guard->path, O_WRONLY | O_CLOEXEC | O_TRUNC), error = 0;
	ssize_t size = (ssize_t)strlen(value), done;

	if (fd < 0)
		return -errno;
	done = write(fd, value, (size_t)size);
	if (done != size)
		error = done < 0 ? -errno : -EIO;
	close(fd);
	return error;
}

/* Nothing of ours is kept open by it: who reads our output waits for its end. */
static void keep_only(int fd)
{
	for (int other = 0; other < fd; other++)
		close(other);
	close_range((unsigned int)fd + 1, ~0U, 0);
}

__attribute__((noreturn)) static void watch(const struct wl_guard *guard, int fd)
{
	sigset_t all;
	char told = 0;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	keep_only(fd);
	if (write(fd, &told, 1) != 1)
		_exit(1);
	while (read(fd, &told, 1) < 0 && errno == EINTR)
		;
	_exit(wl_guard_write(guard, guard->before) ? 1 : 0);
}

int wl_guard_begin(struct wl_guard *guard, const char *path)
{
	int ends[2], error;
	char ready;

	*guard = (struct wl_guard){.path = path, .fd = -1};
	error = read_value(guard);
	/* What cannot be written is found out before it matters. */
	error = error ? error : wl_guard_write(guard, guard->before);
	if (error)
		return error;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return -errno;
	guard->pid = fork();
	if (guard->pid == 0)
		watch(guard, ends[0]);
	error = guard->pid < 0 ? -errno : 0;
	close(ends[0]);
	guard->fd = ends[1];
	/* Until it is out of reach of what may end us and our process group. */
	if (!error && read(guard->fd, &ready, 1) != 1) {
		waitpid(guard->pid, NULL, 0);
		error = -EIO;
	}
	if (error)
		close(guard->fd);
	return error;
}

int wl_guard_end(struct wl_guard *guard)
{
	int status = 0;

	close(guard->fd);
	while (waitpid(guard->pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : wl_guard_write(guard, guard->before);
}
