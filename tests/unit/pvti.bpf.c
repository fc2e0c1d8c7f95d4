// SPDX-License-Identifier: GPL-2.0
/* include/kvmclock/pvti.h as the BPF compiler and the kernel make of it; run by test_pvti.c. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "pvti_vectors.h"

SEC("syscall")
int ask(struct pvti_run *run)
{
	pvti_ask(&run->question, &run->answer);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
