// SPDX-License-Identifier: GPL-2.0
/*
 * VM names from VMM command lines.
 *
 * A command line is what the process says of itself: its owner may have put anything there.
 */
#include <stdio.h>

#include "host/inside.h"

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

/* What an option says. */
enum kind { KIND_SOCKET, KIND_NAME, KIND_UUID, KIND_SMBIOS, KIND_VMID, KIND_COUNT };

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
	{VMM_QEMU, KIND_SMBIOS, "-smbios", "", false},
	{VMM_QEMU, KIND_SMBIOS, "--smbios", "", false},
	{VMM_QEMU, KIND_VMID, "-id", "", false}, /* Proxmox's own */
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

/*
 * Who had the VM started, from a piece of an argument: what is put into the guest's SMBIOS, and the
 * directories that are theirs. The more special one first: OpenStack and KubeVirt have libvirt do
 * it.
 */
static const struct {
	const char *piece;
	enum kct_orchestrator orchestrator;
} signs[] = {
	{"product=OpenStack Nova", KCT_OPENSTACK},
	{"product=OpenStack Compute", KCT_OPENSTACK},
	{"manufacturer=oVirt", KCT_OVIRT},
	{"family=KubeVirt", KCT_KUBEVIRT},
	{"/run/kubevirt-private/", KCT_KUBEVIRT},
	{"/run/kubevirt/", KCT_KUBEVIRT},
	{"/run/vc/", KCT_KATA},
	{"/run/kata-containers/", KCT_KATA},
	{"/run/qemu-server/", KCT_PROXMOX},
	{"/lib/libvirt/", KCT_LIBVIRT},
	{"/run/libvirt/", KCT_LIBVIRT},
	{"/libvirt/qemu/", KCT_LIBVIRT}, /* a user's own session */
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

bool kct_is_vmm(const char *name)
{
	for (enum vmm vmm = VMM_OTHER + 1; vmm < COUNT(vmm_names); vmm++)
		if (!strcmp(name, vmm_names[vmm]))
			return true;
	return false;
}

static enum vmm vmm_of(struct kct_piece program, bool *thread)
{
	*thread = false;
	/* Wrapper scripts keep the real program as ".qemu-system-x86_64-wrapped". */
	if (kct_starts_with(program, "."))
		program = kct_piece_skip(program, 1);
	for (size_t i = 0; i < COUNT(programs); i++) {
		if (programs[i].whole ? !kct_piece_is(program, programs[i].start)
				      : !kct_starts_with(program, programs[i].start))
			continue;
		*thread = programs[i].thread;
		return programs[i].vmm;
	}
	return VMM_OTHER;
}

/* Cut the first argument off a command line. */
static struct kct_piece next_argument(struct kct_piece *rest)
{
	return kct_piece_cut(rest, '\0');
}

/* Cut the first element off a comma list; ",," is part of an element. */
static struct kct_piece next_element(struct kct_piece *list)
{
	struct kct_piece element = {list->at, 0};

	while (element.size < list->size) {
		if (kct_starts_with(kct_piece_skip(*list, element.size), ",,"))
			element.size++;
		else if (list->at[element.size] == ',')
			break;
		element.size++;
	}
	*list = kct_piece_skip(*list, element.size < list->size ? element.size + 1 : element.size);
	return element;
}

/* The value of `key` in "key=value,...": the last one, as VMMs have it. */
static struct kct_piece list_value(struct kct_piece list, const char *key, bool implied)
{
	struct kct_piece found = {NULL, 0};
	bool first = true;

	while (list.size > 0) {
		struct kct_piece element = next_element(&list);
		size_t size = strlen(key);

		if (kct_starts_with(element, key) && element.size > size && element.at[size] == '=')
			found = kct_piece_skip(element, size + 1);
		else if (first && implied && !memchr(element.at, '=', element.size))
			found = element;
		first = false;
	}
	return found;
}

/* The value of an option, "--option=VALUE" or the argument that follows; no text when it is not it.
 */
static struct kct_piece option_value(struct kct_piece argument, const char *option,
				     struct kct_piece rest)
{
	size_t size = strlen(option);

	if (kct_piece_is(argument, option) && rest.size > 0)
		return next_argument(&rest);
	if (kct_starts_with(argument, option) && argument.size > size && argument.at[size] == '=')
		return kct_piece_skip(argument, size + 1);
	return (struct kct_piece){NULL, 0};
}

/* The index of the first sign in an argument, or `least`. */
static size_t best_sign(struct kct_piece argument, size_t least)
{
	for (size_t i = 0; i < least; i++)
		if (kct_piece_find(argument, signs[i].piece).at)
			return i;
	return least;
}

static void take_option(enum vmm vmm, struct kct_piece argument, struct kct_piece rest,
			struct kct_piece found[KIND_COUNT])
{
	for (size_t i = 0; i < COUNT(options); i++) {
		struct kct_piece value;

		if (options[i].vmm != vmm)
			continue;
		value = option_value(argument, options[i].option, rest);
		if (value.size > 0 && options[i].key[0])
			value = list_value(value, options[i].key, options[i].implied);
		/* Other types of SMBIOS tables have no UUID. */
		if (options[i].kind == KIND_SMBIOS)
			value = list_value(value, "uuid", false);
		if (value.size > 0)
			found[options[i].kind] = value;
	}
}

/*
 * Look at every argument, also those that are another option's value: knowing which are would take
 * each VMM's whole option table, and a value that is spelt "-name" is not to be expected.
 */
static void find_options(enum vmm vmm, struct kct_piece rest, struct kct_piece found[KIND_COUNT],
			 size_t *sign)
{
	while (rest.size > 0) {
		struct kct_piece argument = next_argument(&rest);

		take_option(vmm, argument, rest, found);
		*sign = best_sign(argument, *sign);
	}
}

/* "/run/vms/web.sock" names "web", "/run/vms/web/api.sock" and "/run/libvirt/ch/web-socket" too. */
static struct kct_piece socket_name(struct kct_piece path)
{
	static const char *const endings[] = {".sock", ".socket", "-socket"};
	struct kct_piece base = kct_base_name(path);
	struct kct_piece directory = {path.at, path.size - base.size};

	for (size_t i = 0; i < COUNT(endings); i++)
		if (base.size > strlen(endings[i]) && kct_ends_with(base, endings[i]))
			base.size -= strlen(endings[i]);
	if (directory.size < 2)
		return base;
	directory.size--;
	for (size_t i = 0; i < COUNT(plain_sockets); i++)
		if (kct_piece_is(base, plain_sockets[i]))
			return kct_base_name(directory);
	return base;
}

static void put_vmm(struct kct_vm_name *out, enum vmm vmm, struct kct_piece program)
{
	PUT(out->vmm, vmm == VMM_OTHER ? program : kct_piece_of(vmm_names[vmm]));
	if (!out->vmm[0])
		strcpy(out->vmm, "?");
}

static void put_name(struct kct_vm_name *out, struct kct_piece name, enum kct_name_source source)
{
	if (!name.size)
		return;
	PUT(out->name, name);
	if (out->name[0])
		out->source = source;
}

/* In QEMU's lists two commas stand for one. */
static struct kct_piece plain_name(struct kct_piece name, char *buffer, size_t room)
{
	struct kct_piece plain = {buffer, 0};

	while (name.size > 0 && plain.size < room) {
		buffer[plain.size++] = *name.at;
		name = kct_piece_skip(name, kct_starts_with(name, ",,") ? 2 : 1);
	}
	return plain;
}

/* "qemu:NAME" is what owners by custom have QEMU call itself: -name NAME,process=qemu:NAME. */
static void name_from_comm(struct kct_vm_name *out, struct kct_piece comm)
{
	bool thread;
	enum vmm vmm = vmm_of(comm, &thread);

	put_vmm(out, vmm, comm);
	if (!thread && kct_starts_with(comm, "qemu:") && comm.size > 5)
		put_name(out, kct_piece_skip(comm, 5), KCT_NAME_COMM);
	else
		put_name(out, thread || !comm.size ? kct_piece_of(out->vmm) : comm,
			 KCT_NAME_PROGRAM);
}

static void put_orchestrator(struct kct_vm_name *out, const struct kct_piece found[KIND_COUNT],
			     size_t sign)
{
	if (sign < COUNT(signs))
		out->orchestrator = signs[sign].orchestrator;
	if (found[KIND_VMID].size > 0) {
		out->orchestrator = KCT_PROXMOX;
		PUT(out->id, found[KIND_VMID]);
	}
}

/* KubeVirt's are NAMESPACE_NAME, with no _ in NAMESPACE; Kata's sandbox-ID. */
static void refine(struct kct_vm_name *out)
{
	char *rest;

	if (out->source != KCT_NAME_OPTION)
		return;
	rest = strchr(out->name, '_');
	if (out->orchestrator == KCT_KUBEVIRT && rest && rest != out->name && rest[1]) {
		PUT(out->space, ((struct kct_piece){out->name, (size_t)(rest - out->name)}));
		memmove(out->name, rest + 1, strlen(rest));
	}
	if (out->orchestrator == KCT_KATA && !strncmp(out->name, "sandbox-", 8) && out->name[8])
		memmove(out->name, out->name + 8, strlen(out->name) - 7);
}

/* By the command line's own word; by the program that really runs where that is no VMM's. */
static enum vmm vmm_of_program(struct kct_piece program, struct kct_piece exe)
{
	bool thread;
	enum vmm vmm = vmm_of(program, &thread);

	/* A program of that name is not a vCPU thread. */
	if (vmm != VMM_OTHER && !thread)
		return vmm;
	vmm = vmm_of(exe, &thread);
	return thread ? VMM_OTHER : vmm;
}

struct kct_piece kct_name_from_arguments(struct kct_vm_name *out, struct kct_piece cmdline,
					 struct kct_piece exe, const char *comm)
{
	static char buffer[1024]; /* more than any name has room for */
	struct kct_piece found[KIND_COUNT] = {{NULL, 0}};
	struct kct_piece program = kct_base_name(next_argument(&cmdline));
	size_t sign = COUNT(signs);
	enum vmm vmm;

	if (program.size == 0) {
		name_from_comm(out, kct_piece_of(comm));
		return found[KIND_NAME];
	}
	vmm = vmm_of_program(program, exe);
	put_vmm(out, vmm, program);
	find_options(vmm, cmdline, found, &sign);
	if (vmm == VMM_QEMU)
		found[KIND_NAME] = plain_name(found[KIND_NAME], buffer, sizeof(buffer));
	if (found[KIND_NAME].size > 0)
		put_name(out, found[KIND_NAME], KCT_NAME_OPTION);
	else if (found[KIND_SOCKET].size > 0)
		put_name(out, socket_name(found[KIND_SOCKET]), KCT_NAME_SOCKET);
	if (!out->name[0])
		put_name(out, program, KCT_NAME_PROGRAM);
	if (kct_is_uuid(found[KIND_UUID]))
		PUT(out->uuid, found[KIND_UUID]);
	else if (kct_is_uuid(found[KIND_SMBIOS]))
		PUT(out->uuid, found[KIND_SMBIOS]);
	/* Any program may have any of these in its arguments; they mean something in a VMM's. */
	if (vmm != VMM_OTHER)
		put_orchestrator(out, found, sign);
	refine(out);
	return found[KIND_NAME];
}
