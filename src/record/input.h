/* SPDX-License-Identifier: GPL-2.0 */
/* A file as a stream, of what is in it where gzip compressed it: told by its first bytes. */
#ifndef KCT_RECORD_INPUT_H
#define KCT_RECORD_INPUT_H

#include <stdio.h>

#include "base/progress.h"

/*
 * Open `path` for reading ("-" is standard input); the caller closes. NULL, with errno.
 *
 * Compressed data may be of several members, one behind the other. Where it is cut off the stream
 * ends, as a plain file does; where it is damaged reading fails with EBADMSG, behind all that could
 * be made out before. `progress` counts the bytes of the file; it is the caller's, and may be NULL.
 */
FILE *kct_input_open(const char *path, struct kct_progress *progress);

#endif
