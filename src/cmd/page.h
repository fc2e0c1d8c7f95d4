/* SPDX-License-Identifier: GPL-2.0 */
/* Files that a command makes: --html, --perfetto, --flat. */
#ifndef KCT_CMD_PAGE_H
#define KCT_CMD_PAGE_H

#include <stdio.h>

/*
 * Have `write` make the file, which takes the place of one that is there when it is whole. If
 * `write` gives anything but 0, it is left as it was, and that is given back. 0 or an enum
 * kct_exit, said.
 */
int kct_write_file(const char *path, int (*write)(FILE *out, void *context), void *context);

#endif
