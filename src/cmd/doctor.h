/* SPDX-License-Identifier: GPL-2.0 */
/* What `doctor` says of ways that were refused. */
#ifndef KCT_CMD_DOCTOR_H
#define KCT_CMD_DOCTOR_H

#include "attach/plan.h"

/* What would make a refused way possible; NULL where nothing would. */
const char *kct_doctor_help(const struct kct_way *way, const struct kct_attempt *attempt);

/*
 * Each reason once, on stdout, with what would help and the evidence that it is about. The first is
 * the one that keeps the most from being observed.
 */
void kct_doctor_show_refusals(const struct kct_plan *plan);

#endif
