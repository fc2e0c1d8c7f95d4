/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From the return addresses that a BPF program took to the functions that they are in. Addresses
 * stay here: what is told are names.
 */
#ifndef KCT_ATTACH_STACK_H
#define KCT_ATTACH_STACK_H

#include <stdint.h>

#include "kvmclock/event.h"

struct kct_stack_names;

/*
 * What is needed to name them, from KCT_KALLSYMS or a file like it. NULL where that cannot be had,
 * which is said on stderr: the kernel tells it to the privileged only.
 */
struct kct_stack_names *kct_stack_names_open(const char *path);
void kct_stack_names_close(struct kct_stack_names *names);

/* Around this function there is a trampoline of ours, which has no name. It outlives `names`. */
void kct_stack_names_hook(struct kct_stack_names *names, const char *function);

/*
 * The number (model/stacks.h) of the stack, from the function that was hooked on: what is within
 * that is the kernel's way to the program, and ours. `hooked` is the function that was, if one may
 * be, or NULL: where its return is probed, and where a trampoline jumps into it and is not called
 * by it (Linux 6.19), it has no frame, and is put in front.
 */
enum kct_stack_note kct_stack_name(struct kct_stack_names *names, const struct kct_raw_stack *raw,
				   const char *hooked, uint32_t *number);

#endif
