/* SPDX-License-Identifier: GPL-2.0 */
/* Instructions that C has no words for. */
#ifndef GUEST_CPU_H
#define GUEST_CPU_H

#include <stdint.h>

static inline uint64_t read_msr(uint32_t msr)
{
	uint64_t value;

	asm volatile("rdmsr" : "=A"(value) : "c"(msr));
	return value;
}

/* What KVM does on it may change memory. */
static inline void write_msr(uint32_t msr, uint64_t value)
{
	asm volatile("wrmsr" : : "c"(msr), "A"(value) : "memory");
}

/* Not before what is read ahead of it. */
static inline uint64_t read_tsc(void)
{
	uint64_t tsc;

	asm volatile("lfence; rdtsc" : "=A"(tsc) : : "memory");
	return tsc;
}

static inline void relax(void)
{
	asm volatile("pause" : : : "memory");
}

/* x86 keeps stores in order; the compiler has to as well. */
static inline void barrier(void)
{
	asm volatile("" : : : "memory");
}

#endif
