// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attach/kprobe.h"

#define PMU "/sys/bus/event_source/devices/kprobe/"

/* A number in a one-line file, by a scanf format; -1 if it is not there. */
static int read_number(const char *path, const char *format)
{
	FILE *file = fopen(path, "re");
	int number = -1;

	if (!file)
		return -1;
	if (fscanf(file, format, &number) != 1)
		number = -1;
	fclose(file);
	return number;
}

int kct_kprobe_open(const char *function, uint64_t offset, bool at_return)
{
	int type = read_number(PMU "type", "%d");
	int return_bit = read_number(PMU "format/retprobe", "config:%d");
	struct perf_event_attr attr = {.size = sizeof(attr)};
	int fd;

	if (type < 0 || (at_return && return_bit < 0))
		return -EOPNOTSUPP; /* the kernel is built without kprobes */
	attr.type = (uint32_t)type;
	attr.kprobe_func = (uint64_t)(uintptr_t)function;
	attr.probe_offset = offset;
	if (at_return)
		attr.config |= 1ULL << return_bit;
	fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
