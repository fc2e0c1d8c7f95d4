// SPDX-License-Identifier: GPL-2.0
#include "host/host.h"
#include "monitor/ends.h"

void kct_anchor_at(struct kct_anchor *anchor, uint64_t boot_ns)
{
	uint64_t off;

	kct_host_anchor(anchor);
	off = anchor->boot_ns - boot_ns;
	anchor->boot_ns -= off;
	anchor->realtime_ns -= off;
	anchor->base_ns -= off;
}
