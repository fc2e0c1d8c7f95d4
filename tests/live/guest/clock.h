/* SPDX-License-Identifier: GPL-2.0 */
/* The kvm-clock as a guest reads it. */
#ifndef GUEST_CLOCK_H
#define GUEST_CLOCK_H

#include <stdint.h>

#include "report.h"

/* Have KVM write this vCPU's PVTI there. */
void clock_enable(volatile struct pvti *page);

void clock_read(const volatile struct pvti *page, struct reading *reading);

/* From one reading to the next, in ns; report.h says what they are. */
int64_t clock_step(const struct reading *before, const struct reading *after);
int64_t clock_jump(const struct reading *before, const struct reading *after);

#endif
