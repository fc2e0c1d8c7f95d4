// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "host/inside.h"
#include "host/vmname.h"

#define CMDLINE_MAX (256 * 1024)
#define CGROUP_MAX  (16 * 1024)

void kct_vm_name_from_cmdline(struct kct_vm_name *out, const char *cmdline, size_t size,
			      const char *comm)
{
	memset(out, 0, sizeof(*out));
	kct_name_from_arguments(out, (struct kct_piece){cmdline, size}, (struct kct_piece){NULL, 0},
				comm);
}

/* Where a link of the process points to; no text for who may not look, by ptrace's rules. */
static struct kct_piece read_link(int process, const char *path, char *buffer, size_t room)
{
	ssize_t size = readlinkat(process, path, buffer, room);

	return (struct kct_piece){buffer, size > 0 ? (size_t)size : 0};
}

static struct kct_piece program_of(int process, char *buffer, size_t room)
{
	static const char gone[] = " (deleted)"; /* it was upgraded since */
	struct kct_piece exe = kct_base_name(read_link(process, "exe", buffer, room));

	if (exe.size > strlen(gone) && kct_ends_with(exe, gone))
		exe.size -= strlen(gone);
	return exe;
}

/* Firecracker's jailer: "/srv/jailer/firecracker/ID/root", where VMs of different IDs run. */
static void name_from_root(struct kct_vm_name *name, int process)
{
	char buffer[PATH_MAX];
	struct kct_piece root = read_link(process, "root", buffer, sizeof(buffer)), id;

	if (name->source <= KCT_NAME_JAIL || strcmp(name->vmm, "firecracker") ||
	    !kct_ends_with(root, "/root"))
		return;
	root.size -= strlen("/root");
	id = kct_base_name(root);
	if (!id.size || id.size == root.size)
		return;
	PUT(name->name, id);
	name->source = KCT_NAME_JAIL;
}

/*
 * All is read through the process's directory, which stays that process's: what comes after it with
 * the same number is never mixed in.
 */
static void name_process(struct kct_vm_name *out, int root, int process, pid_t pid,
			 const char *comm)
{
	/* What is not used of them takes no memory. */
	static char cmdline[CMDLINE_MAX], cgroup[CGROUP_MAX], exe[PATH_MAX];
	struct kct_piece program = program_of(process, exe, sizeof(exe)), told;

	/* The process's own word again, but of another time: exec() sets it, a new argv[0] not. */
	if (!program.size)
		program = kct_piece_of(comm);

	told = kct_name_from_arguments(
		out, kct_read_small(process, "cmdline", 0, cmdline, sizeof(cmdline), NULL), program,
		comm);
	name_from_root(out, process);
	kct_name_from_cgroup(out,
			     kct_read_small(process, "cgroup", 0, cgroup, sizeof(cgroup), NULL));
	if (!strcmp(out->vmm, "qemu"))
		kct_name_from_libvirt(out, root, told, pid);
}

void kct_vm_name_under(struct kct_vm_name *out, const char *root, pid_t pid, const char *comm)
{
	int root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC), process;
	char path[32];

	memset(out, 0, sizeof(*out));
	snprintf(path, sizeof(path), "proc/%d", (int)pid);
	process = openat(root_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (process >= 0) {
		name_process(out, root_fd, process, pid, comm);
		close(process);
	} else {
		kct_name_from_arguments(out, (struct kct_piece){NULL, 0},
					(struct kct_piece){NULL, 0}, comm);
	}
	kct_name_from_table(out, root_fd);
	if (root_fd >= 0)
		close(root_fd);
}

void kct_vm_name_of_pid(struct kct_vm_name *out, pid_t pid, const char *comm)
{
	kct_vm_name_under(out, "/", pid, comm);
}
