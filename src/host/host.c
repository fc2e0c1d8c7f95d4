// SPDX-License-Identifier: GPL-2.0
#include <cpuid.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/text.h"
#include "host/host.h"
#include "base/version.h"

uint64_t kct_clock_ns(int clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * KCT_NS_PER_S + (uint64_t)now.tv_nsec;
}

void kct_read_line(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");

	*text = '\0';
	if (!file)
		return;
	if (fgets(text, (int)size, file))
		text[strcspn(text, "\n")] = '\0';
	fclose(file);
}

/* Any event will do: it is its page that is wanted. */
static int open_dummy_event(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.exclude_kernel = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, sched_getcpu(), -1,
			      PERF_FLAG_FD_CLOEXEC);

	/* A CPU's takes CAP_PERFMON. For a task's the kernel waits for an RCU grace period. */
	if (fd < 0)
		fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	return fd;
}

/*
 * The host's TSC frequency as the kernel uses it for its own clock: it gives its scale to every
 * reader of a perf event's page (arch_perf_update_userpage()). 0 where it does not.
 */
static uint32_t read_tsc_khz(void)
{
	struct perf_event_mmap_page *page;
	int fd = open_dummy_event();
	uint32_t khz = 0;

	if (fd < 0)
		return 0;
	page = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (page == MAP_FAILED)
		return 0;
	if (page->cap_user_time && page->time_mult)
		khz = (uint32_t)((1000000ULL << page->time_shift) / page->time_mult);
	munmap(page, (size_t)sysconf(_SC_PAGESIZE));
	return khz;
}

static const char *kvm_kind(void)
{
	if (!access("/sys/kernel/btf/kvm", F_OK))
		return "module";
	return access("/sys/module/kvm", F_OK) ? "absent" : "built-in";
}

/* Which of kvm_intel and kvm_amd runs, by the processor: a built-in module need not show. */
static const char *vendor(void)
{
	unsigned int leaf;
	union {
		unsigned int words[3];
		char id[13];
	} v = {0};

	if (!__get_cpuid(0, &leaf, &v.words[0], &v.words[2], &v.words[1]))
		return "";
	if (!strcmp(v.id, "GenuineIntel"))
		return "intel";
	return !strcmp(v.id, "AuthenticAMD") || !strcmp(v.id, "HygonGenuine") ? "amd" : "other";
}

/* The host's name is its owner's, and so may be anything; the other texts are the kernel's. */
#define COPY(field, text) kct_text(field, sizeof(field), text, strlen(text), KCT_TEXT_NAME)

void kct_host_clocksource(char *text, size_t size)
{
	kct_read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource", text,
		      size);
}

void kct_host_describe(struct kct_header *header)
{
	struct utsname name;

	COPY(header->tool, KCT_VERSION);
	if (!uname(&name)) {
		COPY(header->host, name.nodename);
		COPY(header->kernel, name.release);
	}
	kct_read_line("/proc/sys/kernel/random/boot_id", header->boot_id, sizeof(header->boot_id));
	kct_host_clocksource(header->clocksource, sizeof(header->clocksource));
	COPY(header->kvm, kvm_kind());
	COPY(header->vendor, vendor());
	header->tsc_khz = read_tsc_khz();
	kct_host_anchor(&header->started);
}

uint64_t kct_kvmclock_base_ns(void)
{
	return kct_clock_ns(CLOCK_MONOTONIC_RAW) +
	       (kct_clock_ns(CLOCK_BOOTTIME) - kct_clock_ns(CLOCK_MONOTONIC));
}

/* One after another; of a few tries the shortest, into which nothing else came. */
static void read_clocks(struct kct_anchor *anchor)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 5; i++) {
		uint64_t begin = kct_clock_ns(CLOCK_BOOTTIME);
		uint64_t base = kct_kvmclock_base_ns();
		uint64_t realtime = kct_clock_ns(CLOCK_REALTIME);
		uint64_t took = kct_clock_ns(CLOCK_BOOTTIME) - begin;

		if (took >= least)
			continue;
		least = took;
		anchor->boot_ns = begin + took / 2;
		anchor->base_ns = base;
		anchor->realtime_ns = realtime;
	}
}

void kct_host_anchor(struct kct_anchor *anchor)
{
	struct timex ntp = {0};
	int state = adjtimex(&ntp); /* asks only */

	read_clocks(anchor);
	anchor->realtime_error_ns = UINT64_MAX;
	if (state >= 0 && state != TIME_ERROR && !(ntp.status & STA_UNSYNC) && ntp.maxerror >= 0)
		anchor->realtime_error_ns = (uint64_t)ntp.maxerror * 1000;
}

bool kct_host_is_pid_namespace(void)
{
	const ino_t first_pid_namespace = 0xeffffffc; /* PROC_PID_INIT_INO */
	struct stat status;

	/* Without /proc that cannot be told, and is not claimed. */
	return stat("/proc/self/ns/pid", &status) || status.st_ino == first_pid_namespace;
}

bool kct_host_proc_is_ours(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	int first, second, count = 0;
	char line[256];

	if (!file)
		return false;
	/* Our numbers, from the namespace of /proc down to our own. */
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, "NSpid:", 6))
			count = sscanf(line, "NSpid: %d %d", &first, &second);
	fclose(file);
	return count == 1;
}

/* A number of /proc/self/status; 0 where it is not there. */
static uint64_t own_status(const char *format)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long long number = 0;
	char line[256];

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, format, &number) == 1)
			break;
	fclose(file);
	return number;
}

static uint64_t effective_capabilities(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, caps))
		return 0;
	return (uint64_t)caps[1].effective << 32 | caps[0].effective;
}

bool kct_host_hides_module(void)
{
	return !access("/sys/kernel/btf/kvm", F_OK) &&
	       !(effective_capabilities() >> CAP_SYS_ADMIN & 1);
}

int kct_host_seccomp_mode(void)
{
	return (int)own_status("Seccomp: %llu");
}

void kct_host_missing_capabilities(char *text, size_t size)
{
	uint64_t have = effective_capabilities();
	bool bpf = have >> CAP_BPF & 1, perfmon = have >> CAP_PERFMON & 1;

	if (have >> CAP_SYS_ADMIN & 1)
		bpf = perfmon = true;
	snprintf(text, size, "%s%s%s", bpf ? "" : "CAP_BPF", bpf || perfmon ? "" : ", ",
		 perfmon ? "" : "CAP_PERFMON");
}

void kct_host_lockdown(char *text, size_t size)
{
	char line[64], *begin, *end;

	/* "none [integrity] confidentiality" */
	kct_read_line("/sys/kernel/security/lockdown", line, sizeof(line));
	begin = strchr(line, '[');
	end = begin ? strchr(begin, ']') : NULL;
	if (end)
		snprintf(text, size, "%.*s", (int)(end - begin - 1), begin + 1);
	else
		snprintf(text, size, "unknown");
}

void kct_host_drop_capabilities(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];
	const uint32_t kept = 1U << (CAP_BPF % 32) | 1U << (CAP_PERFMON % 32);

	_Static_assert(CAP_BPF / 32 == 1 && CAP_PERFMON / 32 == 1, "both are in the second word");
	if (syscall(SYS_capget, &header, caps))
		return;
	caps[0].effective = caps[0].permitted = caps[0].inheritable = 0;
	caps[1].effective &= kept;
	caps[1].permitted &= kept;
	caps[1].inheritable = 0;
	/* If the kernel does not let us, we go on with what we have. */
	syscall(SYS_capset, &header, caps);
}
