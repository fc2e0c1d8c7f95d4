// SPDX-License-Identifier: GPL-2.0
/*
 * By the ABI's text, and with nothing from the program under test: this is the witness of its
 * arithmetic.
 */
#include "clock.h"
#include "cpu.h"

#define MSR_KVM_SYSTEM_TIME 0x4b564d01
#define ENABLE		    1

void clock_enable(volatile struct pvti *page)
{
	write_msr(MSR_KVM_SYSTEM_TIME, (uint32_t)page | ENABLE);
}

static uint64_t ns_of(uint64_t cycles, const struct pvti *pvti)
{
	uint64_t low, high;

	if (pvti->tsc_shift < 0)
		cycles >>= -pvti->tsc_shift;
	else
		cycles <<= pvti->tsc_shift;
	low = (uint64_t)(uint32_t)cycles * pvti->tsc_to_system_mul;
	high = (cycles >> 32) * pvti->tsc_to_system_mul;
	return high + (low >> 32);
}

static void copy_page(const volatile struct pvti *page, struct pvti *pvti)
{
	pvti->tsc_timestamp = page->tsc_timestamp;
	pvti->system_time = page->system_time;
	pvti->tsc_to_system_mul = page->tsc_to_system_mul;
	pvti->tsc_shift = page->tsc_shift;
	pvti->flags = page->flags;
}

void clock_read(const volatile struct pvti *page, struct reading *reading)
{
	struct pvti *pvti = &reading->pvti;

	/* The TSC is read inside: a PVTI that comes later is none for this TSC. */
	do {
		pvti->version = page->version;
		copy_page(page, pvti);
		reading->tsc = read_tsc();
	} while (pvti->version & 1 || page->version != pvti->version);
	reading->clock = pvti->system_time + ns_of(reading->tsc - pvti->tsc_timestamp, pvti);
}

int64_t clock_step(const struct reading *before, const struct reading *after)
{
	return after->clock - before->clock;
}

int64_t clock_jump(const struct reading *before, const struct reading *after)
{
	int64_t cycles = after->tsc - before->tsc, step = clock_step(before, after);

	/* Over a migration the TSC may go back. */
	if (cycles < 0)
		return step + ns_of(-cycles, &before->pvti);
	return step - ns_of(cycles, &before->pvti);
}
