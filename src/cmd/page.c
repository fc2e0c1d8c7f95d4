// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/progress.h"
#include "base/replace.h"
#include "cmd/page.h"

static int fail(const char *path, int error, int status)
{
	kct_error("%s: %s", path, strerror(error));
	return status;
}

int kct_write_file(const char *path, int (*write)(FILE *out, void *context), void *context)
{
	struct kct_replacement file;
	int error = kct_replace_open(&file, path);
	bool in_place;
	int refused = 0;
	FILE *out = error ? NULL : fdopen(file.fd, "w");

	if (!error && !out)
		error = -errno;
	if (error)
		return fail(path, -error, KCT_EXIT_USAGE);
	in_place = !file.temporary;
	if (isatty(file.fd))
		kct_progress_forbid();
	/* It empties a file that is there. */
	if (in_place)
		error = kct_replace_commit(&file);
	errno = 0;
	if (!error)
		refused = write(out, context);
	if (!error && !refused && (fflush(out) || ferror(out)))
		error = errno ? -errno : -EIO;
	if (!error && !refused && !in_place)
		error = kct_replace_commit(&file);
	kct_replace_abandon(&file);
	if (fclose(out) && !error && !refused)
		error = -errno;
	return error ? fail(path, -error, KCT_EXIT_INCOMPLETE) : refused;
}
