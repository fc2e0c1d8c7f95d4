/* SPDX-License-Identifier: GPL-2.0 */
/* The options about how evidence is obtained: --attach and --debuginfo. */
#ifndef KCT_CMD_ATTACH_H
#define KCT_CMD_ATTACH_H

#include <argp.h>

/* A child of a command's argp; its input is a struct kct_plan_options. */
extern const struct argp kct_attach_argp;

#endif
