/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From real mode to run_vcpu() in C. Every vCPU comes here: the boot CPU from the reset vector, the
 * others by its SIPI, whose vector is the page of `start`.
 */
#define STACK_SHIFT 12 /* 4 KiB for each vCPU */
#define CODE	    0x08
#define DATA	    0x10

	.section .start, "ax"
	.code16
	.globl start
start:
	cli
	lgdtl %cs:(gdt_pointer - start)
	movl %cr0, %eax
	orl $1, %eax
	movl %eax, %cr0
	ljmpl $CODE, $protected

	.code32
protected:
	movw $DATA, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movl $1, %eax
	cpuid
	shrl $24, %ebx /* the APIC id, by which each has a stack of its own */
	leal 1(%ebx), %esp
	shll $STACK_SHIFT, %esp
	addl $stacks, %esp
	cld
	pushl %ebx
	call run_vcpu

	.balign 8
gdt:
	.quad 0
	.quad 0x00cf9b000000ffff /* code: from 0, 4 GiB, 32 bits */
	.quad 0x00cf93000000ffff /* data: likewise */
gdt_pointer:
	.word gdt_pointer - gdt - 1
	.long gdt

	.section .reset, "ax"
	.code16
	ljmp $0xf000, $0

	.section .note.GNU-stack, "", @progbits
