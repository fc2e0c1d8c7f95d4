// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attach/trace_event.h"

/* A tracefs that is mounted nowhere, and gone when the descriptor is closed; or -errno. */
static int detached_tracefs(void)
{
	int context = (int)syscall(SYS_fsopen, "tracefs", FSOPEN_CLOEXEC), fd = -1, error = 0;

	if (context < 0)
		return -errno;
	if (syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		fd = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
	if (fd < 0)
		error = -errno;
	close(context);
	return error ? error : fd;
}

/* The number in a file of one line; or -errno. */
static int read_id(int directory, const char *path)
{
	int fd = openat(directory, path, O_RDONLY | O_CLOEXEC), id = -EIO;
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");

	if (!file)
		return -errno;
	if (fscanf(file, "%d", &id) != 1)
		id = -EIO;
	fclose(file);
	return id;
}

/* The number that the kernel gave the event, from wherever tracefs is; or -errno. */
static int event_id(const char *tracepoint)
{
	static const char *const mounted[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};
	char path[128];
	int id, tracefs;

	for (size_t i = 0; i < sizeof(mounted) / sizeof(mounted[0]); i++) {
		snprintf(path, sizeof(path), "%s/events/kvm/%s/id", mounted[i], tracepoint);
		id = read_id(AT_FDCWD, path);
		if (id >= 0)
			return id;
	}
	tracefs = detached_tracefs();
	if (tracefs < 0)
		return tracefs;
	snprintf(path, sizeof(path), "events/kvm/%s/id", tracepoint);
	id = read_id(tracefs, path);
	close(tracefs);
	return id;
}

int kct_trace_event_open(const char *tracepoint)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr)};
	int id = event_id(tracepoint), fd;

	if (id < 0)
		return id;
	attr.config = (uint64_t)id;
	/* On this thread, which never comes there; a program that is attached to it runs for all.
	 */
	fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
