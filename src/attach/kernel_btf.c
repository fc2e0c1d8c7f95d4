// SPDX-License-Identifier: GPL-2.0
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attach/kernel_btf.h"

#define VMLINUX "/sys/kernel/btf/vmlinux"

/* The BTF of the kvm module among all that the kernel has; listing them takes CAP_SYS_ADMIN. */
static void find_module_btf(struct kct_kernel_btf *kernel)
{
	struct bpf_btf_info info;
	__u32 id = 0, size;
	char name[64];
	int fd;

	while (!bpf_btf_get_next_id(id, &id)) {
		fd = bpf_btf_get_fd_by_id(id);
		if (fd < 0)
			continue;
		memset(&info, 0, sizeof(info));
		memset(name, 0, sizeof(name));
		info.name = (uintptr_t)name;
		info.name_len = sizeof(name);
		size = sizeof(info);
		if (!bpf_obj_get_info_by_fd(fd, &info, &size) && !strcmp(name, "kvm")) {
			kernel->kvm = btf__load_from_kernel_by_id_split(id, kernel->vmlinux);
			kernel->kvm_fd = fd;
			return;
		}
		close(fd);
	}
	kernel->kvm_error = errno == ENOENT ? 0 : -errno;
}

/* libbpf reads it page by page, which takes twice as long. Linux 6.16 and later; NULL. */
static struct btf *map_vmlinux(void)
{
	int fd = open(VMLINUX, O_RDONLY | O_CLOEXEC);
	struct stat status = {0};
	struct btf *btf = NULL;
	void *data;

	if (fd < 0)
		return NULL;
	fstat(fd, &status);
	data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data != MAP_FAILED) {
		btf = btf__new(data, (__u32)status.st_size);
		munmap(data, (size_t)status.st_size);
	}
	close(fd);
	return btf;
}

void kct_kernel_btf_open(struct kct_kernel_btf *kernel)
{
	memset(kernel, 0, sizeof(*kernel));
	kernel->vmlinux = map_vmlinux();
	if (!kernel->vmlinux)
		kernel->vmlinux = btf__parse(VMLINUX, NULL);
	if (!kernel->vmlinux)
		kernel->error = -errno;
	if (kernel->vmlinux && !access("/sys/kernel/btf/kvm", F_OK))
		find_module_btf(kernel);
	/* The module's first; a split BTF has the base's types, too, below its own. */
	if (kernel->kvm)
		kct_types_add(&kernel->types, kernel->kvm, btf__type_cnt(kernel->vmlinux),
			      kernel->kvm_fd);
	if (kernel->vmlinux)
		kct_types_add(&kernel->types, kernel->vmlinux, 1, 0);
	if (kernel->types.failed)
		kernel->error = -ENOMEM;
}

void kct_kernel_btf_close(struct kct_kernel_btf *kernel)
{
	kct_types_clear(&kernel->types);
	btf__free(kernel->kvm);
	btf__free(kernel->vmlinux);
	if (kernel->kvm_fd > 0)
		close(kernel->kvm_fd);
}
