// SPDX-License-Identifier: GPL-2.0
#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "attach/refused.h"
#include "base/error.h"
#include "host/host.h"

#define VMLINUX "/sys/kernel/btf/vmlinux"

/* About as many as tracing takes where no function can be hooked; more elsewhere. */
#define NR_DESCRIPTORS 64

bool kct_is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM;
}

static void explain_shortage(int error)
{
	struct rlimit limit = {0};

	getrlimit(RLIMIT_NOFILE, &limit);
	if (error == EMFILE)
		kct_error("tracing needs more file descriptors than the limit of %llu allows "
			  "(ulimit -n)",
			  (unsigned long long)limit.rlim_cur);
	else if (error == ENFILE)
		kct_error("this host has no file descriptor left (fs.file-max)");
	else
		kct_error("there is too little memory, or address space (ulimit -v)");
}

/* libbpf does not tell a BTF that it has no memory for from one that is not there. */
static bool is_short_of_memory(void)
{
	struct btf *btf = btf__parse(VMLINUX, NULL);
	bool is = !btf && errno == ENOMEM;

	btf__free(btf);
	return is;
}

int kct_explain_refusal(int error)
{
	char missing[64];

	if (error == ESRCH && is_short_of_memory())
		error = ENOMEM;
	kct_host_missing_capabilities(missing, sizeof(missing));
	if (kct_is_shortage(error))
		explain_shortage(error);
	else if (*missing)
		kct_error("tracing needs CAP_BPF and CAP_PERFMON; missing: %s (try as root)",
			  missing);
	else if (access(VMLINUX, R_OK))
		kct_error("this kernel has no BTF (" VMLINUX "): its structures cannot be read; it "
			  "must be built with CONFIG_DEBUG_INFO_BTF");
	else if (error == EPERM)
		kct_error("the kernel refuses BPF although the privileges are there: by a "
			  "seccomp filter, or locked down for confidentiality");
	else if ((error == ESRCH || error == ENOENT) && kct_host_hides_module())
		kct_error("tracing needs CAP_SYS_ADMIN too, as KVM is a module, whose types "
			  "nobody else may read (try as root)");
	else if (error == ESRCH || error == ENOENT)
		kct_error("KVM's tracepoints are not there: is the kvm module loaded?");
	else
		kct_error("the kernel refuses the BPF programs: %s", strerror(error));
	return KCT_EXIT_HOST;
}

/*
 * libbpf asks the kernel what it can do by making small objects, and takes it for a kernel that
 * can do less where there is no descriptor for them: what fails then is something else.
 */
int kct_check_descriptors(void)
{
	int fds[NR_DESCRIPTORS], count = 0, error = 0;

	while (count < NR_DESCRIPTORS && !error) {
		fds[count] = open("/", O_PATH | O_CLOEXEC);
		if (fds[count] < 0)
			error = errno;
		else
			count++;
	}
	while (count)
		close(fds[--count]);
	return error ? kct_explain_refusal(error) : 0;
}
