// SPDX-License-Identifier: GPL-2.0
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "workload/guest.h"
#include "workload/pvti.h"
#include "workload/step.h"

static_assert(sizeof(struct wl_pvti) == 32, "the guest ABI says 32 bytes");

struct wl_pvti wl_pvti_read(const uint8_t *memory, unsigned int id)
{
	struct wl_pvti pvti;

	/* KVM wrote behind the compiler's back, in an ioctl that the compiler cannot look into. */
	memcpy(&pvti, memory + wl_guest_pvti_address(id), sizeof(pvti));
	return pvti;
}

uint32_t wl_pvti_version(const uint8_t *memory, unsigned int id)
{
	const void *at = memory + wl_guest_pvti_address(id);

	return __atomic_load_n((const uint32_t *)at, __ATOMIC_ACQUIRE);
}

void wl_watch_look(struct wl_watch *watch, const uint8_t *memory, unsigned int id, uint64_t run)
{
	struct wl_pvti now = wl_pvti_read(memory, id);

	if (!memcmp(&now, &watch->last, sizeof(now)))
		return;
	if (watch->nr == watch->room) {
		watch->room = watch->room ? 2 * watch->room : 16;
		watch->seen = wl_need(realloc(watch->seen, watch->room * sizeof(*watch->seen)));
	}
	watch->seen[watch->nr++] = (struct wl_seen){wl_now(), run, now};
	watch->last = now;
}

void wl_watch_clear(struct wl_watch *watch)
{
	watch->nr = 0;
}

void wl_watch_free(struct wl_watch *watch)
{
	free(watch->seen);
	*watch = (struct wl_watch){0};
}

json_t *wl_pvti_json(unsigned int id, const struct wl_pvti *pvti)
{
	json_t *json = wl_need(json_object());

	wl_set_u64(json, "vcpu", id);
	wl_set_u64(json, "version", pvti->version);
	wl_set_u64(json, "tsc_timestamp", pvti->tsc_timestamp);
	wl_set_u64(json, "system_time", pvti->system_time);
	wl_set_u64(json, "tsc_to_system_mul", pvti->tsc_to_system_mul);
	wl_set(json, "tsc_shift", json_integer(pvti->tsc_shift));
	wl_set_u64(json, "flags", pvti->flags);
	return json;
}

void wl_watch_json(json_t *array, unsigned int id, const struct wl_watch *watch)
{
	for (size_t i = 0; i < watch->nr; i++) {
		const struct wl_seen *seen = &watch->seen[i];
		json_t *json = wl_pvti_json(id, &seen->pvti);

		wl_set_u64(json, "ns", seen->ns);
		wl_set_u64(json, "run", seen->run);
		wl_set(json, "final", json_boolean(i + 1 == watch->nr));
		wl_append(array, json);
	}
}
