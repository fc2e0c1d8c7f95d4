// SPDX-License-Identifier: GPL-2.0
/* An SMP guest that does nothing but watch its kvm-clocks. */
#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "cpu.h"
#include "watch.h"

#define MSR_APIC_BASE  0x1b
#define BOOT_CPU       0x100
#define X2APIC	       0xc00 /* enabled, and reached through MSRs */

#define MSR_X2APIC_ICR 0x830
#define INIT_OTHERS    0xc4500
#define SIPI_OTHERS    0xc46f0 /* to page 0xf0: `start` */

/* Where guest.ld puts them. */
extern volatile struct pvti pvtis[MAX_VCPUS];
extern struct report reports[MAX_VCPUS];
extern char bss[], bss_end[];

void run_vcpu(uint32_t vcpu) __attribute__((noreturn));

/* The compiler makes calls of these where a struct is copied or cleared. */
void *memcpy(void *to, const void *from, size_t size)
{
	void *at = to;

	asm volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(size) : : "memory");
	return to;
}

void *memset(void *to, int byte, size_t size)
{
	void *at = to;

	asm volatile("rep stosb" : "+D"(at), "+c"(size) : "a"(byte) : "memory");
	return to;
}

static uint64_t enable_x2apic(void)
{
	uint64_t base = read_msr(MSR_APIC_BASE);

	write_msr(MSR_APIC_BASE, base | X2APIC);
	return base;
}

/* A reset leaves memory as it was. */
static void clear_memory(void)
{
	memset(bss, 0, bss_end - bss);
	memset((void *)pvtis, 0, sizeof(pvtis));
	memset(reports, 0, sizeof(reports));
}

static void start_others(void)
{
	write_msr(MSR_X2APIC_ICR, INIT_OTHERS);
	write_msr(MSR_X2APIC_ICR, SIPI_OTHERS);
}

void run_vcpu(uint32_t vcpu)
{
	if (enable_x2apic() & BOOT_CPU) {
		clear_memory();
		start_others();
	}
	clock_enable(&pvtis[vcpu]);
	watch(vcpu, &pvtis[vcpu], &reports[vcpu]);
}
