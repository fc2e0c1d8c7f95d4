// SPDX-License-Identifier: GPL-2.0
/* threat-10. Debug information: the search for inlined requests in a file that somebody damaged. */
#include <stdlib.h>
#include <string.h>

#include "dwarf/inlined.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t size)
{
	if (strnlen(text, size) == size)
		fuzz_wrong("a text of a site has no end");
}

static void check_site(const struct kct_inlined_site *site)
{
	check_text(site->section, sizeof(site->section));
	check_text(site->function, sizeof(site->function));
	check_text(site->caller, sizeof(site->caller));
	check_text(site->why, sizeof(site->why));
	if (site->vcpu_where == KCT_WHERE_UNKNOWN ? !*site->why : site->vcpu_reg < 0)
		fuzz_wrong("a vCPU neither here nor anywhere, and no reason");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz_file file;
	struct kct_inlined_site *sites;
	char why[256] = "";
	size_t count;
	int error;

	fuzz_file_set(&file, data, size);
	error = kct_inlined_find(file.path, &sites, &count, why, sizeof(why));
	if (error > 0 || (error && (count || sites)))
		fuzz_wrong("error %d, and %zu sites", error, count);
	if (!count && !*why)
		fuzz_wrong("nothing found, and no reason");
	for (size_t i = 0; i < count; i++)
		check_site(&sites[i]);
	free(sites);
	return 0;
}
