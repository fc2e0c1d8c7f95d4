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

/*
 * Is that file of the running kernel's KVM, by build ID? 0; -ESTALE: of another build; -ENODATA:
 * one of both has no build ID; -ENOENT: there is no such file, or no debug information in it.
 */
int kct_debuginfo_check(const char *path);
int kct_debuginfo_check_at(const char *root, const char *path);

/* The same under another root directory and for another release; `root` "" is the system's own. */
int kct_debuginfo_path_at(const char *root, const char *release, char *out, size_t size);

#endif
