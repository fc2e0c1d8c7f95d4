/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What systemd wants to be told of a service (sd_notify(3)): a datagram to the socket that it has
 * named. Without one nothing is sent.
 */
#ifndef KCT_MONITOR_NOTIFY_H
#define KCT_MONITOR_NOTIFY_H

#include <stdint.h>

/* "READY=1", "STOPPING=1", ...; several lines may be sent at once. */
void kct_notify(const char *state);

/* Before it reopens what it has open; "READY=1" is to follow. */
void kct_notify_reloading(void);

/* How often "WATCHDOG=1" is to be sent, ns; 0: it is not wanted. */
uint64_t kct_notify_interval(void);

#endif
