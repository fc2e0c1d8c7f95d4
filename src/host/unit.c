// SPDX-License-Identifier: GPL-2.0
/*
 * What a process's cgroup tells of the VM that it runs: the systemd unit, the pod. Unlike its
 * command line, a process without privileges cannot choose it.
 */
#include "host/inside.h"

#define UUID_SIZE 36

/*
 * The UID of a pod: ".../kubepods-burstable-pod0f3a1f5f_9d10_....slice/..." where systemd makes the
 * cgroups, ".../kubepods/burstable/pod0f3a1f5f-9d10-.../..." where the kubelet does. Seen from
 * another pod that has a cgroup namespace of its own it is "/../../pod0f3a1f5f-9d10-.../...".
 */
static bool take_pod(struct kct_vm_name *name, struct kct_piece path)
{
	while ((path = kct_piece_find(path, "pod")).at) {
		char uid[UUID_SIZE];

		path = kct_piece_skip(path, 3);
		if (path.size < UUID_SIZE)
			return false;
		for (size_t i = 0; i < UUID_SIZE; i++)
			uid[i] = path.at[i] == '_' ? '-' : path.at[i];
		if (!kct_is_uuid((struct kct_piece){uid, UUID_SIZE}))
			continue;
		PUT(name->id, ((struct kct_piece){uid, UUID_SIZE}));
		if (name->orchestrator != KCT_KUBEVIRT && name->orchestrator != KCT_KATA)
			name->orchestrator = KCT_KUBERNETES;
		return true;
	}
	return false;
}

static int hex_digit(char c)
{
	const char *at = memchr("0123456789abcdef", c, 16);

	return at ? (int)(at - "0123456789abcdef") : -1;
}

/* Undo what systemd does to a name to make it part of a unit's: "\x2d" is a byte. */
static struct kct_piece unescape(struct kct_piece text, char *buffer, size_t room)
{
	struct kct_piece plain = {buffer, 0};

	while (text.size > 0 && plain.size < room) {
		if (kct_starts_with(text, "\\x") && text.size >= 4 && hex_digit(text.at[2]) >= 0 &&
		    hex_digit(text.at[3]) >= 0) {
			buffer[plain.size++] =
				(char)(hex_digit(text.at[2]) << 4 | hex_digit(text.at[3]));
			text = kct_piece_skip(text, 4);
		} else {
			buffer[plain.size++] = *text.at;
			text = kct_piece_skip(text, 1);
		}
	}
	return plain;
}

/* The unit in which it runs: the last part of the path that is one; below it there may be more. */
static struct kct_piece unit_of(struct kct_piece path)
{
	struct kct_piece unit = {NULL, 0};

	while (path.size > 0) {
		struct kct_piece part = kct_piece_cut(&path, '/');

		if (kct_ends_with(part, ".scope") || kct_ends_with(part, ".service"))
			unit = part;
	}
	return unit;
}

/* "machine-qemu\x2d3\x2dweb.scope": machined's scope of libvirt's third VM since it started. */
static struct kct_piece machine_name(struct kct_piece unit, char *buffer, size_t room)
{
	struct kct_piece name = kct_piece_between(unit, "machine-", ".scope");

	name = unescape(name, buffer, room);
	if (kct_starts_with(name, "qemu-")) {
		struct kct_piece rest = kct_piece_skip(name, 5);

		kct_piece_cut(&rest, '-');
		if (rest.size > 0)
			return rest;
	}
	return name;
}

/* "microvm@web.service"; but a user's or a terminal's is not a VM's. */
static struct kct_piece instance_name(struct kct_piece unit, char *buffer, size_t room)
{
	struct kct_piece prefix = kct_piece_cut(&unit, '@');

	if (kct_piece_is(prefix, "user") || kct_ends_with(prefix, "getty") ||
	    !kct_ends_with(unit, ".service"))
		return (struct kct_piece){NULL, 0};
	unit.size -= strlen(".service");
	return unescape(unit, buffer, room);
}

static void take_unit(struct kct_vm_name *name, struct kct_piece path)
{
	struct kct_piece unit = unit_of(path), found = {NULL, 0};
	char buffer[256]; /* a unit's name is no longer */

	if (kct_piece_find(path, "/qemu.slice/").at && kct_ends_with(unit, ".scope")) {
		/* Proxmox: "/qemu.slice/101.scope" */
		unit.size -= strlen(".scope");
		PUT(name->id, unit);
		name->orchestrator = KCT_PROXMOX;
		return;
	}
	/* What else runs in a unit, or in a container, is not called after it. */
	if (!kct_is_vmm(name->vmm))
		return;
	if (kct_starts_with(unit, "machine-")) {
		found = machine_name(unit, buffer, sizeof(buffer));
		if (kct_starts_with(unit, "machine-qemu\\x2d") && !name->orchestrator)
			name->orchestrator = KCT_LIBVIRT;
	} else if (kct_piece_find(unit, "@").at) {
		found = instance_name(unit, buffer, sizeof(buffer));
	}
	if (found.size && name->source >= KCT_NAME_UNIT) {
		PUT(name->name, found);
		name->source = KCT_NAME_UNIT;
	}
}

void kct_name_from_cgroup(struct kct_vm_name *name, struct kct_piece cgroup)
{
	/* "0::PATH" by version 2, "N:CONTROLLERS:PATH" by version 1: the first that tells. */
	while (cgroup.size > 0) {
		struct kct_piece path = kct_piece_cut(&cgroup, '\n');
		bool pods;

		kct_piece_cut(&path, ':');
		kct_piece_cut(&path, ':');
		pods = kct_piece_find(path, "kubepods").at;
		if (((pods || kct_starts_with(path, "/../")) && take_pod(name, path)) ||
		    (!pods && unit_of(path).size)) {
			take_unit(name, path);
			return;
		}
	}
}
