// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/host.h"
#include "host/obstacles.h"

/* A finding: true if it is in the way; `seen` then says what was found. */
typedef bool (*finder)(char *seen, size_t size);

static bool lacks_capabilities(char *seen, size_t size)
{
	char missing[64];

	kct_host_missing_capabilities(missing, sizeof(missing));
	snprintf(seen, size, "missing: %s", missing);
	return *missing;
}

static bool lacks_module_types(char *seen, size_t size)
{
	snprintf(seen, size, "KVM is a module, and CAP_SYS_ADMIN is missing");
	return kct_host_hides_module();
}

/* Whatever capabilities it gives are not those that BPF asks for. */
static bool in_user_namespace(char *seen, size_t size)
{
	const ino_t first_user_namespace = 0xeffffffd; /* PROC_USER_INIT_INO */
	struct stat status;

	snprintf(seen, size, "in a user namespace, whose capabilities do not count for BPF");
	return !stat("/proc/self/ns/user", &status) && status.st_ino != first_user_namespace;
}

/*
 * A call that has to fail otherwise: bpf() for its command, perf_event_open() for the address of
 * its attributes. So it is a filter that answers with these, where the capabilities are there.
 */
static bool is_filtered(long result)
{
	return result < 0 && (errno == EPERM || errno == EACCES || errno == ENOSYS);
}

static bool has_seccomp(char *seen, size_t size)
{
	char missing[64];
	bool bpf, perf;

	kct_host_missing_capabilities(missing, sizeof(missing));
	if (*missing || kct_host_seccomp_mode() != 2)
		return false;
	bpf = is_filtered(syscall(SYS_bpf, 0xffff, NULL, 0));
	perf = is_filtered(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
	snprintf(seen, size, "a seccomp filter refuses %s%s%s", bpf ? "bpf()" : "",
		 bpf && perf ? " and " : "", perf ? "perf_event_open()" : "");
	return bpf || perf;
}

static bool is_confidential(char *seen, size_t size)
{
	char lockdown[32];

	kct_host_lockdown(lockdown, sizeof(lockdown));
	snprintf(seen, size, "lockdown for confidentiality: no BPF program may read the kernel");
	return !strcmp(lockdown, "confidentiality");
}

/* From 3 on, which some distributions' kernels know, all events but CAP_SYS_ADMIN's are refused. */
static bool is_paranoid(char *seen, size_t size)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.exclude_kernel = 1,
	};
	char level[16];
	int fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	int error = errno;

	if (fd >= 0)
		close(fd);
	kct_read_line("/proc/sys/kernel/perf_event_paranoid", level, sizeof(level));
	snprintf(seen, size, "perf_event_paranoid is %s: perf events are refused", level);
	return fd < 0 && error == EACCES && atoi(level) > 2;
}

/* All addresses are 0 for whom the kernel does not tell them to. */
static bool lacks_symbols(char *seen, size_t size)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	bool tells = false;
	char line[640];

	while (!tells && file && fgets(line, sizeof(line), file))
		tells = strtoull(line, NULL, 16) != 0;
	if (file)
		fclose(file);
	snprintf(seen, size, "/proc/kallsyms tells no addresses: no kernel stacks (--stack)");
	return !tells;
}

static bool in_pid_namespace(char *seen, size_t size)
{
	snprintf(seen, size, KCT_HOST_NAMELESS);
	return !kct_host_is_pid_namespace();
}

static const struct {
	const char *what;
	finder find;
	const char *remedy;
} finders[] = {
	{"capabilities", lacks_capabilities,
	 "run as root, or give them: setpriv --ambient-caps, a unit's AmbientCapabilities=, a "
	 "container's capabilities"},
	{"module", lacks_module_types, "CAP_SYS_ADMIN; it is given up once tracing has begun"},
	{"user-namespace", in_user_namespace,
	 "the host's user namespace: no rootless container, no --userns, hostUsers: true"},
	{"seccomp", has_seccomp,
	 "a profile that permits bpf and perf_event_open, or none: --security-opt "
	 "seccomp=unconfined, seccompProfile: Unconfined, SystemCallFilter=bpf perf_event_open"},
	{"lockdown", is_confidential, "boot with lockdown=integrity, or without"},
	{"perf_event_paranoid", is_paranoid,
	 "sysctl kernel.perf_event_paranoid=2, or CAP_SYS_ADMIN"},
	{"kallsyms", lacks_symbols, "CAP_SYSLOG, and sysctl kernel.kptr_restrict=1"},
	{"pid-namespace", in_pid_namespace,
	 "the host's PID namespace: docker run --pid=host, hostPID: true"},
};

_Static_assert(sizeof(finders) / sizeof(finders[0]) <= KCT_MAX_OBSTACLES, "the list holds all");

size_t kct_host_obstacles(struct kct_obstacle list[KCT_MAX_OBSTACLES])
{
	size_t count = 0;

	for (size_t i = 0; i < sizeof(finders) / sizeof(finders[0]); i++) {
		struct kct_obstacle *obstacle = &list[count];

		if (!finders[i].find(obstacle->seen, sizeof(obstacle->seen)))
			continue;
		obstacle->what = finders[i].what;
		obstacle->remedy = finders[i].remedy;
		count++;
	}
	return count;
}
