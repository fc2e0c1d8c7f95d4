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
	int fd = open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC);
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
		kernel->vmlinux = btf__load_vmlinux_btf();
	if (kernel->vmlinux && !access("/sys/kernel/btf/kvm", F_OK))
		find_module_btf(kernel);
	/* The module's first; a split BTF has the base's types, too, below its own. */
	if (kernel->kvm)
		kct_types_add(&kernel->types, kernel->kvm, btf__type_cnt(kernel->vmlinux),
			      kernel->kvm_fd);
	if (kernel->vmlinux)
		kct_types_add(&kernel->types, kernel->vmlinux, 1, 0);
}

void kct_kernel_btf_close(struct kct_kernel_btf *kernel)
{
	kct_types_clear(&kernel->types);
	btf__free(kernel->kvm);
	btf__free(kernel->vmlinux);
	if (kernel->kvm_fd > 0)
		close(kernel->kvm_fd);
}

/* ---- an extract ---- */

struct extract {
	const struct btf *from;
	struct btf *to;
	__u32 *ids; /* in `to`, by those in `from`; 0: not there */
	bool failed;
};

/* What comes behind three underscores tells only our own types of one name apart. */
static char first_of(const char *name)
{
	return name[0] == '_' && name[1] == '_' && name[2] == '_' ? '\0' : name[0];
}

static int compare_names(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;

	for (; first_of(x) && first_of(x) == first_of(y); x++)
		y++;
	return first_of(x) - first_of(y);
}

/* The name of a type that a program may be relocated by; "" of others. */
static const char *type_name(const struct btf *btf, __u32 id)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	if (btf_is_composite(type) || btf_is_any_enum(type) || btf_is_typedef(type))
		return btf__name_by_offset(btf, type->name_off);
	return "";
}

/* Sorted; the caller frees. */
static const char **names_of(const struct btf *btf, size_t *count)
{
	__u32 end = btf__type_cnt(btf);
	const char **names = calloc(end, sizeof(*names));

	*count = 0;
	for (__u32 id = 1; names && id < end; id++) {
		names[*count] = type_name(btf, id);
		*count += *names[*count] != '\0';
	}
	if (names)
		qsort(names, *count, sizeof(*names), compare_names);
	return names;
}

static __u32 copy_type(struct extract *extract, __u32 id);

/* To be asked for anew after anything was copied: the extract moves as it grows. */
static struct btf_type *copy_of(const struct extract *extract, __u32 id)
{
	return (struct btf_type *)btf__type_by_id(extract->to, extract->ids[id]);
}

/* What the type is made of is copied too, and referred to by its new id. */
static void copy_parts(struct extract *extract, __u32 id)
{
	const struct btf_type *from = btf__type_by_id(extract->from, id);
	__u32 part;

	if (btf_is_composite(from)) {
		for (__u16 i = 0; i < btf_vlen(from); i++) {
			part = copy_type(extract, btf_members(from)[i].type);
			btf_members(copy_of(extract, id))[i].type = part;
		}
	} else if (btf_is_array(from)) {
		part = copy_type(extract, btf_array(from)->type);
		btf_array(copy_of(extract, id))->type = part;
		part = copy_type(extract, btf_array(from)->index_type);
		btf_array(copy_of(extract, id))->index_type = part;
	} else if (btf_is_mod(from) || btf_is_typedef(from)) {
		part = copy_type(extract, from->type);
		copy_of(extract, id)->type = part;
	} else if (btf_is_ptr(from)) {
		copy_of(extract, id)->type = 0; /* to void: no relocation follows a pointer */
	}
}

static __u32 copy_type(struct extract *extract, __u32 id)
{
	int copy;

	if (!id || extract->ids[id] || extract->failed)
		return extract->ids[id];
	copy = btf__add_type(extract->to, extract->from, btf__type_by_id(extract->from, id));
	if (copy < 0) {
		extract->failed = true;
		return 0;
	}
	extract->ids[id] = (__u32)copy;
	copy_parts(extract, id);
	return extract->ids[id];
}

static int write_all(const struct btf *btf, int fd)
{
	__u32 size;
	const void *data = btf__raw_data(btf, &size);
	ssize_t written = data ? write(fd, data, size) : -1;

	if (written == (ssize_t)size)
		return 0;
	return written < 0 ? -errno : -ENOSPC;
}

/* As libbpf has it: a module is not asked for what the kernel itself has. */
static void copy_named(struct extract *extract, const struct btf *ours, __u32 end_of_vmlinux)
{
	__u32 end = btf__type_cnt(extract->from);
	size_t count;
	const char **names = names_of(ours, &count), *name, **found;
	bool *in_vmlinux = calloc(count + 1, sizeof(*in_vmlinux));

	extract->failed |= !names || !in_vmlinux;
	for (__u32 id = 1; !extract->failed && id < end; id++) {
		name = type_name(extract->from, id);
		found = *name ? bsearch(&name, names, count, sizeof(*names), compare_names) : NULL;
		if (!found || (id >= end_of_vmlinux && in_vmlinux[found - names]))
			continue;
		in_vmlinux[found - names] = id < end_of_vmlinux;
		copy_type(extract, id);
	}
	free(in_vmlinux);
	free(names);
}

int kct_kernel_btf_extract(const struct kct_kernel_btf *kernel, const struct btf *ours, int fd)
{
	/* The module's BTF has the kernel's types, too. */
	struct extract extract = {.from = kernel->kvm ? kernel->kvm : kernel->vmlinux};
	int error;

	extract.to = btf__new_empty();
	extract.ids = calloc(btf__type_cnt(extract.from), sizeof(*extract.ids));
	extract.failed = !extract.to || !extract.ids;
	if (!extract.failed)
		copy_named(&extract, ours, btf__type_cnt(kernel->vmlinux));
	error = extract.failed ? -ENOMEM : write_all(extract.to, fd);
	free(extract.ids);
	btf__free(extract.to);
	return error;
}
