// SPDX-License-Identifier: GPL-2.0
#include <assert.h>
#include <string.h>

#include "workload/guest.h"

#define CODE_BASE 0x1000U
#define PVTI_BASE 0x10000U
#define PVTI_STEP 64U /* as Linux spaces them: one cache line each */

static_assert(PVTI_BASE + WL_MAX_VCPUS * PVTI_STEP <= WL_MEMORY_SIZE, "the PVTIs do not fit");

/*
 * The work between two exits is small, since there are hosts that emulate each instruction.
 *
 * On entry ECX holds the system-time MSR, EBX the value for it (the PVTI's address and the enable
 * bit) and EDI the address of the loop. The offsets of the loops are known below.
 */
/* clang-format off */
static const uint8_t code[] = {
	/* 00 */ 0x89, 0xd8,			/* mov eax, ebx */
	/* 02 */ 0x31, 0xd2,			/* xor edx, edx */
	/* 04 */ 0x0f, 0x30,			/* wrmsr */
	/* 06 */ 0xb0, WL_CLOCK_ON,		/* mov al, WL_CLOCK_ON */
	/* 08 */ 0xe6, WL_PORT,			/* out WL_PORT, al */
	/* 0a */ 0xff, 0xe7,			/* jmp edi */
	/* WL_LOOP_ROUNDS */
	/* 0c */ 0xb9, 0x32, 0x00, 0x00, 0x00,	/* mov ecx, 50 */
	/* 11 */ 0x49,				/* dec ecx */
	/* 12 */ 0x75, 0xfd,			/* jnz 11 */
	/* 14 */ 0xb0, WL_ROUND,		/* mov al, WL_ROUND */
	/* 16 */ 0xe6, WL_PORT,			/* out WL_PORT, al */
	/* 18 */ 0xeb, 0xf2,			/* jmp 0c */
	/* WL_LOOP_IDLE */
	/* 1a */ 0xf4,				/* hlt */
	/* 1b */ 0xeb, 0xfd,			/* jmp 1a */
	/* WL_LOOP_EXITS */
	/* 1d */ 0xb0, WL_ROUND,		/* mov al, WL_ROUND */
	/* 1f */ 0xe6, WL_PORT,			/* out WL_PORT, al */
	/* 21 */ 0xeb, 0xfc,			/* jmp 1f */
	/* WL_LOOP_SPIN */
	/* 23 */ 0xb0, WL_ROUND,		/* mov al, WL_ROUND */
	/* 25 */ 0xe6, WL_PORT,			/* out WL_PORT, al */
	/* 27 */ 0xeb, 0xfe,			/* jmp 27 */
	/* wl_guest_write_tsc() */
	/* 29 */ 0xb9, 0x10, 0x00, 0x00, 0x00,	/* mov ecx, IA32_TSC */
	/* 2e */ 0x0f, 0x31,			/* rdtsc */
	/* 30 */ 0x83, 0xc2, 0x10,		/* add edx, 16: 2^36 cycles ahead */
	/* 33 */ 0x0f, 0x30,			/* wrmsr */
	/* 35 */ 0xff, 0xe7,			/* jmp edi */
};
/* clang-format on */

static const uint8_t loops[] = {
	[WL_LOOP_ROUNDS] = 0x0c,
	[WL_LOOP_IDLE] = 0x1a,
	[WL_LOOP_EXITS] = 0x1d,
	[WL_LOOP_SPIN] = 0x23,
};

#define WRITE_TSC 0x29

void wl_guest_write_tsc(struct kvm_regs *regs)
{
	regs->rip = CODE_BASE + WRITE_TSC;
}

uint64_t wl_guest_pvti_address(unsigned int id)
{
	return PVTI_BASE + (uint64_t)id * PVTI_STEP;
}

void wl_guest_load(uint8_t *memory)
{
	memcpy(memory + CODE_BASE, code, sizeof(code));
}

/* A flat 4 GiB segment; no descriptor table is ever read, as nothing reloads a selector. */
static struct kvm_segment flat(uint16_t selector, uint8_t type)
{
	return (struct kvm_segment){
		.limit = 0xffffffff,
		.selector = selector,
		.type = type,
		.present = 1,
		.db = 1,
		.s = 1,
		.g = 1,
	};
}

void wl_guest_start(unsigned int id, uint32_t clock_msr, enum wl_loop loop, struct kvm_regs *regs,
		    struct kvm_sregs *sregs)
{
	const uint8_t execute_read = 0xb, read_write = 0x3; /* both "accessed", as VMX demands */

	sregs->cs = flat(0x08, execute_read);
	sregs->ds = flat(0x10, read_write);
	sregs->es = sregs->fs = sregs->gs = sregs->ss = sregs->ds;
	sregs->cr0 |= 1; /* PE: protected mode, still without paging */

	*regs = (struct kvm_regs){
		.rip = CODE_BASE,
		.rcx = clock_msr,
		.rbx = wl_guest_pvti_address(id) | 1,
		.rdi = CODE_BASE + loops[loop],
		.rflags = 0x2, /* the bit that is always set */
	};
}
