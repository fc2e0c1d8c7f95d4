// SPDX-License-Identifier: GPL-2.0
/* `migration` within one recording, and from one to another. */
#include "cmd/cmd.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz_file files[2];
	const char *const one[] = {"migration", "--json", files[0].path, NULL};
	const char *const two[] = {"migration", files[0].path, files[1].path, NULL};
	const char *const told[] = {"migration",   "--json",	  "--pair=1=2",
				    files[0].path, files[1].path, NULL};

	fuzz_two_files(data, size, files);
	fuzz_command(cmd_migration, one, "024");
	fuzz_command(cmd_migration, two, "024");
	fuzz_command(cmd_migration, told, "024");
	return 0;
}
