// SPDX-License-Identifier: GPL-2.0
/*
 * threat-11. PVTIs as text: the first byte chooses the options of `drift`, the rest is its standard
 * input.
 */
#include <stdio.h>

#include "cmd/cmd.h"
#include "fuzz.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const options[][4] = {
		{"drift"},
		{"drift", "-v"},
		{"drift", "--json"},
		{"drift", "-v", "--points=1000,2000,3000,4000"},
		{"drift", "--json", "--points=1,1,0,18446744073709551615"},
	};
	FILE *own = stdin;

	if (!size)
		return 0;
	stdin = fmemopen((void *)(data + 1), size - 1, "r");
	fuzz_command(cmd_drift, options[*data % COUNT(options)], "02");
	fclose(stdin);
	stdin = own;
	return 0;
}
