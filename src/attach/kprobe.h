/* SPDX-License-Identifier: GPL-2.0 */
/* Kprobes as perf events, which last as long as their descriptor. */
#ifndef KCT_ATTACH_KPROBE_H
#define KCT_ATTACH_KPROBE_H

#include <stdbool.h>
#include <stdint.h>

/* A descriptor of a probe at function+offset, or at its return; or -errno. */
int kct_kprobe_open(const char *function, uint64_t offset, bool at_return);

#endif
