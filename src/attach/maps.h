/* SPDX-License-Identifier: GPL-2.0 */
/* Hash maps whose keys are VMs and vCPUs, read while the BPF programs go on writing. */
#ifndef KCT_ATTACH_MAPS_H
#define KCT_ATTACH_MAPS_H

#include <stddef.h>

#include "kvmclock/state.h"

/* 0, or a negative number that ends the walk. Nothing may be removed from the map meanwhile. */
typedef int (*kct_map_visit)(void *context, const struct kct_key *key, const void *value);

/*
 * Call for each element that is there from beginning to end, once. `size` is that of a value.
 * 0, -errno, or what `visit` gave.
 */
int kct_map_each(int map, size_t size, kct_map_visit visit, void *context);

#endif
