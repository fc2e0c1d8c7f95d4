// SPDX-License-Identifier: GPL-2.0
/*
 * All that runs in the kernel, as one object: which of its programs are loaded, src/attach/ finds
 * out by trying. A hook finds out who it is about, and calls its observer.
 */
#include "census.bpf.h"
#include "clock.bpf.h"
#include "ioctls.bpf.h"
#include "requests.bpf.h"
#include "tracepoints.bpf.h"

char LICENSE[] SEC("license") = "GPL";
