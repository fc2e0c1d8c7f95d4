/* SPDX-License-Identifier: GPL-2.0 */
/* One vCPU's watch over its clock. */
#ifndef GUEST_WATCH_H
#define GUEST_WATCH_H

#include <stdint.h>

#include "report.h"

/* Read the clock forever: what is seen goes into the report, and largest jumps to the port. */
void watch(uint32_t vcpu, const volatile struct pvti *page, struct report *report)
	__attribute__((noreturn));

#endif
