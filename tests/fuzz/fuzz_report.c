// SPDX-License-Identifier: GPL-2.0
/* `report` of a recording: as JSON, for people, and of one VM. */
#include <stddef.h>

#include "cmd/cmd.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz_file file;

	fuzz_file_set(&file, data, size);
	fuzz_command(cmd_report, (const char *[]){"report", "--json", file.path, NULL}, "024");
	fuzz_command(cmd_report, (const char *[]){"report", "-v", file.path, NULL}, "024");
	fuzz_command(cmd_report, (const char *[]){"report", "--vm", "web", file.path, NULL}, "024");
	return 0;
}
