/* SPDX-License-Identifier: GPL-2.0 */
/* What a VM is called; found by src/host/vmname.c, kept in a recording's `vm` line. */
#ifndef KCT_MODEL_NAME_H
#define KCT_MODEL_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Who runs a VM. Every string is NUL-terminated, and in its printable form (base/text.h).
 *
 * vmm		"qemu", "firecracker", "cloud-hypervisor", "crosvm" or "kvmtool", else the command's
 *		base name; "?" when nothing at all is known.
 * name		the owner's name for the VM; without one, the command's base name (or comm). Never
 *		empty.
 * uuid		the VM's UUID as it was given, or "".
 * source	where the name came from, an enum kct_name_source.
 * orchestrator	what had the VM started, an enum kct_orchestrator.
 * space	what the name belongs to: KubeVirt's namespace, OpenStack's project; or "".
 * id		the orchestrator's own handle, where it is none of the above: Proxmox's VMID,
 *		OpenStack's instance name, the UID of a pod; or "".
 */
struct kct_vm_name {
	char vmm[24];
	char name[128];
	char uuid[40];
	uint8_t source;
	uint8_t orchestrator;
	char space[64];
	char id[64];
};

/* Where a name came from, the best first. */
enum kct_name_source {
	KCT_NAME_UNKNOWN, /* a recording that does not say */
	KCT_NAME_TABLE,	  /* the user's own table */
	KCT_NAME_NOVA,	  /* the metadata that OpenStack's nova has libvirt keep */
	KCT_NAME_OPTION,  /* an option of the VMM */
	KCT_NAME_JAIL,	  /* the directory that Firecracker's jailer made for it */
	KCT_NAME_SOCKET,  /* the path of the VMM's API socket */
	KCT_NAME_UNIT,	  /* the systemd unit in which the VMM runs */
	KCT_NAME_COMM,	  /* the name that the process gave itself: "qemu:NAME" */
	KCT_NAME_PROGRAM, /* the VM has no name that could be found: the VMM's program */
	KCT_NR_NAME_SOURCES
};
extern const char *const kct_name_sources[KCT_NR_NAME_SOURCES];

/* OpenStack, oVirt and KubeVirt have libvirt start their VMs; it is they that are named. */
enum kct_orchestrator {
	KCT_ORCHESTRATOR_UNKNOWN, /* or none */
	KCT_LIBVIRT,
	KCT_OPENSTACK,
	KCT_OVIRT,
	KCT_PROXMOX,
	KCT_KUBEVIRT,
	KCT_KATA,
	KCT_KUBERNETES, /* a VMM in a pod of its own */
	KCT_NR_ORCHESTRATORS
};
extern const char *const kct_orchestrators[KCT_NR_ORCHESTRATORS];

/*
 * Is `text` a name of this VM: its name, UUID (in any case of letters) or id, or SPACE/NAME (with
 * KubeVirt SPACE_NAME too, which is what its libvirt has)?
 */
bool kct_vm_name_is(const struct kct_vm_name *name, const char *text);

/* How it is shown in a table: SPACE/NAME, or NAME. It has room in KCT_VM_LABEL_SIZE bytes. */
#define KCT_VM_LABEL_SIZE 256
void kct_vm_name_label(const struct kct_vm_name *name, char *text, size_t size);

#endif
