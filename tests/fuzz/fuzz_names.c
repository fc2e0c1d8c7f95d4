// SPDX-License-Identifier: GPL-2.0
/*
 * threat-05. Names of VMs: a thread's name up to a line feed, then a command line as a VMM's owner
 * wrote it.
 */
#include <string.h>

#include "fuzz.h"
#include "host/vmname.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *what, const char *text, size_t size)
{
	size_t length = strnlen(text, size);

	if (length == size)
		fuzz_wrong("the %s has no end", what);
	fuzz_check_printable(what, text, length);
	if (strchr(text, '\n'))
		fuzz_wrong("the %s has two lines: %s", what, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\n', size < 17 ? size : 17);
	size_t length = end ? (size_t)(end - data) : 0, at = end ? length + 1 : 0;
	struct kct_vm_name name;
	char comm[17] = "";

	memcpy(comm, data, length);
	kct_vm_name_from_cmdline(&name, (const char *)data + at, size - at, end ? comm : NULL);
	check("VMM", name.vmm, sizeof(name.vmm));
	check("name", name.name, sizeof(name.name));
	check("UUID", name.uuid, sizeof(name.uuid));
	if (!*name.vmm || !*name.name)
		fuzz_wrong("it has no name");
	return 0;
}
