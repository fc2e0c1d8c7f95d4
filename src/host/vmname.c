// SPDX-License-Identifier: GPL-2.0
/*
 * VM names from VMM command lines.
 *
 * A command line is what the process says of itself: its owner may have put anything there. So
 * nothing here trusts its form, and all text leaves through put_text().
 */
#include "host/vmname.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

#define CMDLINE_MAX (256 * 1024)

enum vmm {
	VMM_OTHER,
	VMM_QEMU,
	VMM_FIRECRACKER,
	VMM_CLOUD_HYPERVISOR,
	VMM_CROSVM,
	VMM_KVMTOOL,
};

static const char *const vmm_names[] = {
	[VMM_QEMU] = "qemu",
	[VMM_FIRECRACKER] = "firecracker",
	[VMM_CLOUD_HYPERVISOR] = "cloud-hypervisor",
	[VMM_CROSVM] = "crosvm",
	[VMM_KVMTOOL] = "kvmtool",
};

/* A piece of somebody else's text: not NUL-terminated, any bytes. */
struct text {
	const char *at;
	size_t size;
};

/*
 * How a program or one of its threads is called. Prefixes, because versions, architectures and
 * "-static" follow, and comm is cut after 15 bytes.
 */
static const struct {
	const char *start;
	enum vmm vmm;
	bool whole;  /* nothing may follow: "kvm" is QEMU, "kvmclock-trace" is not */
	bool thread; /* the name of a vCPU thread, not of a program */
} programs[] = {
	{"qemu", VMM_QEMU, false, false},
	{"kvm", VMM_QEMU, true, false},
	{"kvm-spice", VMM_QEMU, true, false},
	{"CPU ", VMM_QEMU, false, true},
	{"firecracker", VMM_FIRECRACKER, false, false},
	{"fc_vcpu", VMM_FIRECRACKER, false, true},
	{"cloud-hyperviso", VMM_CLOUD_HYPERVISOR, false, false},
	{"vcpu", VMM_CLOUD_HYPERVISOR, false, true},
	{"crosvm_vcpu", VMM_CROSVM, false, true},
	{"crosvm", VMM_CROSVM, false, false},
	{"lkvm", VMM_KVMTOOL, false, false},
	{"kvmtool", VMM_KVMTOOL, false, false},
	{"kvm-vcpu-", VMM_KVMTOOL, false, true},
};

/* What an option says, the better source last. */
enum kind { KIND_SOCKET, KIND_NAME, KIND_UUID, KIND_COUNT };

/* Where each VMM has what. `key` picks one element of a comma list; "" takes the whole value. */
static const struct {
	enum vmm vmm;
	enum kind kind;
	const char *option;
	const char *key;
	bool implied; /* the first element may leave the key out: "-name NAME" */
} options[] = {
	{VMM_QEMU, KIND_NAME, "-name", "guest", true},
	{VMM_QEMU, KIND_NAME, "--name", "guest", true},
	{VMM_QEMU, KIND_UUID, "-uuid", "", false},
	{VMM_QEMU, KIND_UUID, "--uuid", "", false},
	{VMM_FIRECRACKER, KIND_NAME, "--id", "", false},
	{VMM_FIRECRACKER, KIND_SOCKET, "--api-sock", "", false},
	{VMM_CLOUD_HYPERVISOR, KIND_SOCKET, "--api-socket", "path", true},
	{VMM_CLOUD_HYPERVISOR, KIND_UUID, "--platform", "uuid", false},
	{VMM_CROSVM, KIND_NAME, "--name", "", false},
	{VMM_CROSVM, KIND_NAME, "-n", "", false},
	{VMM_CROSVM, KIND_SOCKET, "--socket", "", false},
	{VMM_CROSVM, KIND_SOCKET, "-s", "", false},
	{VMM_KVMTOOL, KIND_NAME, "--name", "", false},
	{VMM_KVMTOOL, KIND_NAME, "-n", "", false},
};

/* Sockets called after their purpose, not after the VM: there the directory has its name. */
static const char *const plain_sockets[] = {"api", "clh-api", "firecracker", "cloud-hypervisor",
					    "crosvm"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct text text_of(const char *string)
{
	return (struct text){string, string ? strlen(string) : 0};
}

static bool starts_with(struct text text, const char *start)
{
	size_t size = strlen(start);

	return text.size >= size && memcmp(text.at, start, size) == 0;
}

static bool text_is(struct text text, const char *string)
{
	return text.size == strlen(string) && starts_with(text, string);
}

static struct text skip(struct text text, size_t size)
{
	return (struct text){text.at + size, text.size - size};
}

/* More than any name has room for: what is behind it cannot come into it. */
#define LOOKED_AT 1024

/*
 * The printable form of a text: the only way out of this file. With `escaped`, two commas stand for
 * one.
 */
static void put_text(char *out, size_t room, struct text text, bool escaped)
{
	char plain[LOOKED_AT];
	size_t used = 0;

	while (text.size > 0 && used < sizeof(plain)) {
		plain[used++] = *text.at;
		text = skip(text, escaped && starts_with(text, ",,") ? 2 : 1);
	}
	kct_text(out, room, plain, used, KCT_TEXT_NAME);
}

static struct text base_name(struct text path)
{
	for (size_t i = path.size; i > 0; i--)
		if (path.at[i - 1] == '/')
			return skip(path, i);
	return path;
}

static enum vmm vmm_of(struct text program, bool *thread)
{
	*thread = false;
	/* Wrapper scripts keep the real program as ".qemu-system-x86_64-wrapped". */
	if (starts_with(program, "."))
		program = skip(program, 1);
	for (size_t i = 0; i < COUNT(programs); i++) {
		if (programs[i].whole ? !text_is(program, programs[i].start)
				      : !starts_with(program, programs[i].start))
			continue;
		*thread = programs[i].thread;
		return programs[i].vmm;
	}
	return VMM_OTHER;
}

/* Cut the first argument off a command line. */
static struct text next_argument(struct text *rest)
{
	size_t size = strnlen(rest->at, rest->size);
	struct text argument = {rest->at, size};

	*rest = skip(*rest, size < rest->size ? size + 1 : size);
	return argument;
}

/* Cut the first element off a comma list; ",," is part of an element. */
static struct text next_element(struct text *list)
{
	struct text element = {list->at, 0};

	while (element.size < list->size) {
		if (starts_with(skip(*list, element.size), ",,"))
			element.size++;
		else if (list->at[element.size] == ',')
			break;
		element.size++;
	}
	*list = skip(*list, element.size < list->size ? element.size + 1 : element.size);
	return element;
}

/* The value of `key` in "key=value,...": the last one, as VMMs have it. */
static struct text list_value(struct text list, const char *key, bool implied)
{
	struct text found = {NULL, 0};
	bool first = true;

	while (list.size > 0) {
		struct text element = next_element(&list);
		size_t size = strlen(key);

		if (starts_with(element, key) && element.size > size && element.at[size] == '=')
			found = skip(element, size + 1);
		else if (first && implied && !memchr(element.at, '=', element.size))
			found = element;
		first = false;
	}
	return found;
}

/* The value of an option, "--option=VALUE" or the argument that follows; no text when it is not it.
 */
static struct text option_value(struct text argument, const char *option, struct text rest)
{
	size_t size = strlen(option);

	if (text_is(argument, option) && rest.size > 0)
		return next_argument(&rest);
	if (starts_with(argument, option) && argument.size > size && argument.at[size] == '=')
		return skip(argument, size + 1);
	return (struct text){NULL, 0};
}

/*
 * Look at every argument, also those that are another option's value: knowing which are would take
 * each VMM's whole option table, and a value that is spelt "-name" is not to be expected.
 */
static void find_options(enum vmm vmm, struct text rest, struct text found[KIND_COUNT])
{
	while (rest.size > 0) {
		struct text argument = next_argument(&rest);

		for (size_t i = 0; i < COUNT(options); i++) {
			struct text value;

			if (options[i].vmm != vmm)
				continue;
			value = option_value(argument, options[i].option, rest);
			if (value.size > 0 && options[i].key[0])
				value = list_value(value, options[i].key, options[i].implied);
			if (value.size > 0)
				found[options[i].kind] = value;
		}
	}
}

/* "/run/vms/web.sock" names "web", "/run/vms/web/api.sock" too. */
static struct text socket_name(struct text path)
{
	static const char *const endings[] = {".sock", ".socket"};
	struct text base = base_name(path);
	struct text directory = {path.at, path.size - base.size};

	for (size_t i = 0; i < COUNT(endings); i++) {
		size_t size = strlen(endings[i]);

		if (base.size > size && starts_with(skip(base, base.size - size), endings[i]))
			base.size -= size;
	}
	if (directory.size < 2)
		return base;
	directory.size--;
	for (size_t i = 0; i < COUNT(plain_sockets); i++)
		if (text_is(base, plain_sockets[i]))
			return base_name(directory);
	return base;
}

/* 8-4-4-4-12 hexadecimal digits: nothing else is taken for a UUID. */
static bool is_uuid(struct text text)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	if (text.size != sizeof(form) - 1)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		if (form[i] == '-' ? text.at[i] != '-'
				   : !memchr("0123456789abcdefABCDEF", text.at[i], 22))
			return false;
	}
	return true;
}

static void put_vmm(struct kct_vm_name *out, enum vmm vmm, struct text program)
{
	put_text(out->vmm, sizeof(out->vmm), vmm == VMM_OTHER ? program : text_of(vmm_names[vmm]),
		 false);
	if (!out->vmm[0])
		strcpy(out->vmm, "?");
}

/* "qemu:NAME" is what owners by custom have QEMU call itself: -name NAME,process=qemu:NAME. */
static void name_from_comm(struct kct_vm_name *out, struct text comm)
{
	bool thread;
	enum vmm vmm = vmm_of(comm, &thread);

	put_vmm(out, vmm, comm);
	if (thread || comm.size == 0)
		comm = text_of(out->vmm);
	else if (starts_with(comm, "qemu:") && comm.size > 5)
		comm = skip(comm, 5);
	put_text(out->name, sizeof(out->name), comm, false);
}

void kct_vm_name_from_cmdline(struct kct_vm_name *out, const char *cmdline, size_t size,
			      const char *comm)
{
	struct text rest = {cmdline, size};
	struct text found[KIND_COUNT] = {{NULL, 0}};
	struct text program = {NULL, 0};
	enum vmm vmm;
	bool thread;

	memset(out, 0, sizeof(*out));
	if (size > 0)
		program = base_name(next_argument(&rest));
	if (program.size == 0) {
		name_from_comm(out, text_of(comm));
		return;
	}
	vmm = vmm_of(program, &thread);
	if (thread)
		vmm = VMM_OTHER; /* a program of that name is not a vCPU thread */
	put_vmm(out, vmm, program);
	find_options(vmm, rest, found);
	if (found[KIND_NAME].size > 0)
		put_text(out->name, sizeof(out->name), found[KIND_NAME], vmm == VMM_QEMU);
	else if (found[KIND_SOCKET].size > 0)
		put_text(out->name, sizeof(out->name), socket_name(found[KIND_SOCKET]), false);
	if (!out->name[0])
		put_text(out->name, sizeof(out->name), program, false);
	if (is_uuid(found[KIND_UUID]))
		put_text(out->uuid, sizeof(out->uuid), found[KIND_UUID], false);
}

static size_t read_all(int fd, char *buffer, size_t room)
{
	size_t used = 0;

	while (used < room) {
		ssize_t got = read(fd, buffer + used, room - used);

		if (got <= 0)
			break;
		used += (size_t)got;
	}
	return used;
}

void kct_vm_name_of_pid(struct kct_vm_name *out, pid_t pid, const char *comm)
{
	static char buffer[CMDLINE_MAX]; /* what is not used of it takes no memory */
	char path[32];
	size_t size = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		size = read_all(fd, buffer, sizeof(buffer));
		close(fd);
	}
	kct_vm_name_from_cmdline(out, buffer, size, comm);
}
