/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Work in a process of its own, so that it can be done several times: a live run gives up its
 * privileges once it traces, and a process cannot have them back.
 */
#ifndef KCT_CMD_APART_H
#define KCT_CMD_APART_H

#include <stddef.h>

#include "cmd/loop.h"

/* Gives 0 and fills the result, or an enum kct_exit that it has said. */
typedef int (*kct_work)(void *context, void *result);

/*
 * Do it, and wait. 0, and `size` bytes (at most PIPE_BUF) of result; or the work's enum kct_exit.
 * When the run of `loop` ends before, the process is told to end by SIGTERM, and killed if it does
 * not within a moment: KCT_EXIT_INCOMPLETE, whatever it had got to.
 */
int kct_apart(struct kct_loop *loop, kct_work work, void *context, void *result, size_t size);

#endif
