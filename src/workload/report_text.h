/* SPDX-License-Identifier: GPL-2.0 */
/* The report as text. */
#ifndef KCT_WORKLOAD_REPORT_TEXT_H
#define KCT_WORKLOAD_REPORT_TEXT_H

#include <jansson.h>

/* Print what a reader wants of it on stdout: nothing is computed but differences of times. */
void wl_report_text(const json_t *report);

#endif
