// SPDX-License-Identifier: GPL-2.0
/* VMs that are gone: found out by a census, and their places in the maps freed. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attach/census.h"
#include "attach/inside.h"
#include "host/host.h"

struct alive {
	struct kct_key *keys;
	size_t count, room;
	bool failed;
};

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct kct_key));
}

static void note_alive(void *context, const struct kct_census_entry *entry)
{
	struct alive *alive = context;

	if (entry->is_vcpu || alive->failed)
		return;
	if (alive->count == alive->room) {
		size_t room = alive->room ? 2 * alive->room : 64;
		struct kct_key *keys = realloc(alive->keys, room * sizeof(*keys));

		if (!keys) {
			alive->failed = true;
			return;
		}
		alive->keys = keys;
		alive->room = room;
	}
	alive->keys[alive->count++] = entry->key;
}

struct gone {
	uint32_t number;
	bool told; /* kvm_destroy_vm() was seen, and the event delivered */
};

static bool is_gone(const struct kct_key *key, const struct kct_vm_state *vm,
		    const struct alive *alive)
{
	return vm->gone || !alive->count ||
	       !bsearch(key, alive->keys, alive->count, sizeof(*key), compare_keys);
}

/* Remove the VMs numbered up to `last` that are gone. */
static size_t remove_vms(struct kct_session *session, const struct alive *alive, uint32_t last,
			 struct gone *gone)
{
	int map = bpf_map__fd(session->bpf->maps.vms);
	struct kct_key *dead = calloc(session->max_vms, sizeof(*dead));
	struct kct_key key, *at;
	struct kct_vm_state vm;
	size_t count = 0;

	for (at = NULL; dead && count < session->max_vms && !bpf_map_get_next_key(map, at, &key);
	     at = &key) {
		if (bpf_map_lookup_elem(map, &key, &vm) || vm.vm.event.vm > last ||
		    !is_gone(&key, &vm, alive))
			continue;
		dead[count] = key;
		gone[count++] = (struct gone){vm.vm.event.vm, vm.gone};
		/* One that was not announced came and went before we began to count. */
		if (session->last_counters && vm.announced)
			kct_take_vm(session->last_counters, &vm);
	}
	for (size_t i = 0; i < count; i++)
		bpf_map_delete_elem(map, &dead[i]);
	free(dead);
	return count;
}

static int compare_numbers(const void *a, const void *b)
{
	uint32_t x = ((const struct gone *)a)->number, y = ((const struct gone *)b)->number;

	return (x > y) - (x < y);
}

/* Remove the vCPUs of the VMs in `gone`, which is sorted. */
static void remove_vcpus(struct kct_session *session, const struct gone *gone, size_t count)
{
	int map = bpf_map__fd(session->bpf->maps.vcpus);
	struct kct_key key, next;
	struct kct_vcpu_state vcpu;
	int error = bpf_map_get_next_key(map, NULL, &key);

	/* The next key is asked for before this one is removed, or the walk would start anew. */
	while (!error) {
		struct gone its_vm = {0};

		error = bpf_map_get_next_key(map, &key, &next);
		if (!bpf_map_lookup_elem(map, &key, &vcpu))
			its_vm.number = vcpu.vm;
		if (its_vm.number &&
		    bsearch(&its_vm, gone, count, sizeof(*gone), compare_numbers)) {
			if (session->last_counters &&
			    kct_model_find_vm(session->last_counters, vcpu.vm))
				kct_take_vcpu(session->last_counters, &vcpu);
			bpf_map_delete_elem(map, &key);
		}
		key = next;
	}
}

static void deliver_gone(struct kct_session *session, uint32_t number)
{
	union kct_any_event event = {0};

	event.event.kind = KCT_EVENT_VM_GONE;
	event.event.ns = kct_clock_ns(CLOCK_BOOTTIME);
	event.event.vm = number;
	event.event.vcpu = KCT_NO_VCPU;
	session->on_event(session->context, &event);
}

int kct_session_reap(struct kct_session *session)
{
	/* A VM that comes while the census is taken may be missing from it, and has a higher one.
	 */
	uint32_t last = session->bpf->bss->last_vm;
	struct gone *gone = calloc(session->max_vms, sizeof(*gone));
	struct alive alive = {0};
	size_t count;
	int error;

	session->born = 0;
	error = kct_census_read(session->bpf->progs.census, note_alive, &alive);
	if (error || alive.failed || !gone) {
		free(alive.keys);
		free(gone);
		return error ? kct_refused(-error) : 0;
	}
	if (alive.count)
		qsort(alive.keys, alive.count, sizeof(*alive.keys), compare_keys);
	count = remove_vms(session, &alive, last, gone);
	qsort(gone, count, sizeof(*gone), compare_numbers);
	remove_vcpus(session, gone, count);
	/* What happened before they went is delivered before that they went. */
	ring_buffer__consume(session->ring);
	for (size_t i = 0; i < count; i++)
		if (!gone[i].told)
			deliver_gone(session, gone[i].number);
	free(alive.keys);
	free(gone);
	return 0;
}
