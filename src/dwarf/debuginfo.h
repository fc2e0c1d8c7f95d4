/* SPDX-License-Identifier: GPL-2.0 */
/* Where the debug information of the running kernel is. */
#ifndef KCT_DWARF_DEBUGINFO_H
#define KCT_DWARF_DEBUGINFO_H

#include <stddef.h>

/*
 * The file with debug information of the running kernel's KVM, from the usual places. Only one of
 * the same build (by build ID) will do: other offsets would probe other instructions.
 * 0, -ENOENT without one, -ESTALE when there are only ones of other builds, -ENAMETOOLONG.
 */
int kct_debuginfo_path(char *out, size_t size);

/* The same under another root directory and for another release; `root` "" is the system's own. */
int kct_debuginfo_path_at(const char *root, const char *release, char *out, size_t size);

#endif
