/* SPDX-License-Identifier: GPL-2.0 */
/* Which function an address of the kernel is in, by /proc/kallsyms as it was when it was read. */
#ifndef KCT_ATTACH_KALLSYMS_H
#define KCT_ATTACH_KALLSYMS_H

#include <stdint.h>

struct kct_kallsyms;

/*
 * Read `path`. 0 or -errno: -EACCES where it has no addresses, as the kernel does not tell them to
 * everybody. The caller closes.
 */
int kct_kallsyms_open(struct kct_kallsyms **out, const char *path);
void kct_kallsyms_close(struct kct_kallsyms *symbols);

/*
 * The name of the function, of the kernel itself or of a module. NULL for code that was made at run
 * time, such as BPF programs and trampolines, and for modules that were loaded later.
 */
const char *kct_kallsyms_name(const struct kct_kallsyms *symbols, uint64_t address);

#endif
