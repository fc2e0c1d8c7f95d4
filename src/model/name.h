/* SPDX-License-Identifier: GPL-2.0 */
/* What a VM is called; found by src/host/vmname.c, kept in a recording's `vm` line. */
#ifndef KCT_MODEL_NAME_H
#define KCT_MODEL_NAME_H

/*
 * Who runs a VM. Every string is NUL-terminated, and in its printable form (base/text.h).
 *
 * vmm	"qemu", "firecracker", "cloud-hypervisor", "crosvm" or "kvmtool", else the command's base
 *	name; "?" when nothing at all is known.
 * name	the owner's name for the VM; without one, the command's base name (or comm). Never empty.
 * uuid	the VM's UUID as it was given, or "".
 */
struct kct_vm_name {
	char vmm[24];
	char name[128];
	char uuid[40];
};

#endif
