/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KCT_ATTACH_PREEMPTION_H
#define KCT_ATTACH_PREEMPTION_H

#include <bpf/btf.h>
#include <stdbool.h>

/*
 * May a program on a tracepoint be preempted? While it is, the kernel skips it for whatever else
 * comes to it on that CPU. Found by running one; also true where that cannot be told. `vmlinux` is
 * the kernel's BTF, or NULL. `*link` is the caller's to close, or -1.
 */
bool kct_tracepoints_are_preempted(const struct btf *vmlinux, int *link);

#endif
