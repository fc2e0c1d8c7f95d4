// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "model/name.h"

const char *const kct_name_sources[KCT_NR_NAME_SOURCES] = {
	[KCT_NAME_UNKNOWN] = "",      [KCT_NAME_TABLE] = "table", [KCT_NAME_NOVA] = "nova",
	[KCT_NAME_OPTION] = "option", [KCT_NAME_JAIL] = "jail",	  [KCT_NAME_SOCKET] = "socket",
	[KCT_NAME_UNIT] = "unit",     [KCT_NAME_COMM] = "comm",	  [KCT_NAME_PROGRAM] = "program",
};

const char *const kct_orchestrators[KCT_NR_ORCHESTRATORS] = {
	[KCT_ORCHESTRATOR_UNKNOWN] = "",
	[KCT_LIBVIRT] = "libvirt",
	[KCT_OPENSTACK] = "openstack",
	[KCT_OVIRT] = "ovirt",
	[KCT_PROXMOX] = "proxmox",
	[KCT_KUBEVIRT] = "kubevirt",
	[KCT_KATA] = "kata",
	[KCT_KUBERNETES] = "kubernetes",
};

/* SPACE, a separator, NAME. */
static bool is_in_space(const struct kct_vm_name *name, const char *text, char separator)
{
	size_t size = strlen(name->space);

	return size && !strncmp(text, name->space, size) && text[size] == separator &&
	       !strcmp(text + size + 1, name->name);
}

bool kct_vm_name_is(const struct kct_vm_name *name, const char *text)
{
	return !strcmp(text, name->name) || (*name->uuid && !strcasecmp(text, name->uuid)) ||
	       (*name->id && !strcmp(text, name->id)) || is_in_space(name, text, '/') ||
	       (name->orchestrator == KCT_KUBEVIRT && is_in_space(name, text, '_'));
}

void kct_vm_name_label(const struct kct_vm_name *name, char *text, size_t size)
{
	snprintf(text, size, "%s%s%s", name->space, *name->space ? "/" : "", name->name);
}
