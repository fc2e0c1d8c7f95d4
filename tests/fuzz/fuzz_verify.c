// SPDX-License-Identifier: GPL-2.0
/* `verify --recording`: in each of its formats, with expectations that hold or do not. */
#include "cmd/cmd.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz_file file;
	const char *const json[] = {"verify",	  "--recording",   file.path,
				    "--expect",	  "unnecessary=0", "--expect",
				    "drift<=1us", "--json",	   NULL};
	const char *const tap[] = {"verify",   "--recording",	 file.path, "--tap",
				   "--expect", "pvti=identical", NULL};
	const char *const text[] = {"verify", "--recording", file.path, "--vm", "web", NULL};

	fuzz_file_set(&file, data, size);
	fuzz_command(cmd_verify, json, "0124");
	fuzz_command(cmd_verify, tap, "0124");
	fuzz_command(cmd_verify, text, "0124");
	return 0;
}
