// SPDX-License-Identifier: GPL-2.0
/* `compare` of two recordings, also of those that cannot be compared. */
#include "cmd/cmd.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz_file files[2];
	const char *const text[] = {"compare", files[0].path, files[1].path, NULL};
	const char *const json[] = {"compare",	   "--json",	  "--force",
				    files[0].path, files[1].path, NULL};

	fuzz_two_files(data, size, files);
	fuzz_command(cmd_compare, text, "024");
	fuzz_command(cmd_compare, json, "024");
	return 0;
}
