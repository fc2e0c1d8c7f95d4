/* SPDX-License-Identifier: GPL-2.0 */
/* Which part of a recording a command is about: --since and --until, the same for all commands. */
#ifndef KCT_CMD_SPAN_H
#define KCT_CMD_SPAN_H

#include <argp.h>
#include <stdbool.h>

#include "record/cut.h"

/* A child of a command's argp; its input is a struct kct_span. */
extern const struct argp kct_span_argp;

bool kct_span_is_set(const struct kct_span *span);

#endif
