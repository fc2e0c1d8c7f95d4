/* SPDX-License-Identifier: GPL-2.0 */
/*
 * PVTIs read from guest memory. This is a witness of its own: it owes nothing to tracing, only
 * to what KVM left in the guest's page.
 */
#ifndef KCT_WORKLOAD_PVTI_H
#define KCT_WORKLOAD_PVTI_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* pvclock_vcpu_time_info, as the guest ABI lays it out. */
struct wl_pvti {
	uint32_t version;
	uint32_t pad0;
	uint64_t tsc_timestamp; /* guest TSC */
	uint64_t system_time;	/* ns of kvm-clock */
	uint32_t tsc_to_system_mul;
	int8_t tsc_shift;
	uint8_t flags;
	uint8_t pad[2];
};

/* One PVTI that was seen to have changed. */
struct wl_seen {
	uint64_t ns;  /* boot time when it was read */
	uint64_t run; /* after which KVM_RUN of the vCPU, counted from 1 */
	struct wl_pvti pvti;
};

/* The PVTIs of one vCPU, one after another. Zeroed memory is a new one. */
struct wl_watch {
	struct wl_pvti last;
	struct wl_seen *seen;
	size_t nr;
	size_t room;
};

/*
 * Read vCPU id's PVTI. Only its own KVM_RUN writes there, so that outside of KVM_RUN the read
 * cannot be torn.
 */
struct wl_pvti wl_pvti_read(const uint8_t *memory, unsigned int id);

/* Its version, read while KVM_RUN may be writing; each publication changes it. */
uint32_t wl_pvti_version(const uint8_t *memory, unsigned int id);

/* Read it and note it if it is not what was last seen. */
void wl_watch_look(struct wl_watch *watch, const uint8_t *memory, unsigned int id, uint64_t run);

/* Forget what was noted, but not what was last seen. */
void wl_watch_clear(struct wl_watch *watch);
void wl_watch_free(struct wl_watch *watch);

/* {"vcpu", "version", ..., "flags"}: a new reference, the caller's. */
json_t *wl_pvti_json(unsigned int id, const struct wl_pvti *pvti);

/* Append all that was noted of vCPU id to the array, the last with "final": true. */
void wl_watch_json(json_t *array, unsigned int id, const struct wl_watch *watch);

#endif
