// SPDX-License-Identifier: GPL-2.0
/* VMs that are gone: those that we know are looked for in KVM's list, and their places freed. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attach/census.h"
#include "attach/inside.h"
#include "attach/maps.h"
#include "host/host.h"

/* ---- keys of a map whose VMs are dead ---- */

struct search {
	struct kvmclock_bpf *bpf;
	struct kct_question questions[KCT_QUESTIONS];
	struct kct_key keys[KCT_QUESTIONS]; /* in the map, of the VM asked about */
	size_t nr_questions;
	struct kct_key *dead;
	size_t nr_dead, room;
};

static int note_dead(struct search *search, const struct kct_key *key)
{
	if (search->nr_dead == search->room) {
		size_t room = search->room ? 2 * search->room : KCT_QUESTIONS;
		struct kct_key *dead = realloc(search->dead, room * sizeof(*dead));

		if (!dead)
			return -ENOMEM;
		search->dead = dead;
		search->room = room;
	}
	search->dead[search->nr_dead++] = *key;
	return 0;
}

static int ask(struct search *search)
{
	int error = kct_census_who_lives(search->bpf, search->questions, search->nr_questions);

	for (size_t i = 0; !error && i < search->nr_questions; i++)
		if (!search->questions[i].lives)
			error = note_dead(search, &search->keys[i]);
	search->nr_questions = 0;
	return error;
}

static int ask_about(struct search *search, const struct kct_key *key, uint64_t vm, uint64_t mm)
{
	struct kct_question *question = &search->questions[search->nr_questions];

	question->key = (struct kct_key){vm, key->token};
	question->mm = mm;
	search->keys[search->nr_questions++] = *key;
	return search->nr_questions < KCT_QUESTIONS ? 0 : ask(search);
}

static int ask_about_vm(void *context, const struct kct_key *key, const void *value)
{
	const struct kct_vm_state *vm = value;

	return ask_about(context, key, key->address, vm->mm);
}

static int ask_about_refused(void *context, const struct kct_key *key, const void *value)
{
	const struct kct_refused *vm = value;

	return ask_about(context, key, vm->kvm, vm->mm);
}

/* Find the dead of a map. The caller frees search->dead. */
static int search_map(struct search *search, const struct bpf_map *map, kct_map_visit visit)
{
	int error = kct_map_each(bpf_map__fd(map), bpf_map__value_size(map), visit, search);

	return error || !search->nr_questions ? error : ask(search);
}

/* ---- VMs ---- */

struct gone {
	uint32_t number;
	bool told; /* kvm_destroy_vm() was seen, and the event delivered */
};

static bool is_generation(uint64_t generation, const struct kct_key *key)
{
	return (generation & ~KCT_GENERATION_OVER) == key->token;
}

/*
 * Its generation is over. If the next VM at its address has begun one, that stays: while it is not
 * in the map, its VM would be taken for another one. So it is looked at first; and should it begin
 * between the look and the deletion, it is put back.
 */
static void free_generation(struct kct_session *session, const struct kct_key *key)
{
	int map = bpf_map__fd(session->bpf->maps.generations);
	uint64_t generation;

	if (!(key->token & KCT_GENERATION) ||
	    bpf_map_lookup_elem(map, &key->address, &generation) ||
	    !is_generation(generation, key) ||
	    bpf_map_lookup_and_delete_elem(map, &key->address, &generation))
		return;
	if (!is_generation(generation, key))
		bpf_map_update_elem(map, &key->address, &generation, BPF_NOEXIST);
}

/* Their last counters go to whoever wants them. */
static int free_vms(struct kct_session *session, const struct search *search, struct gone *gone)
{
	int map = bpf_map__fd(session->bpf->maps.vms), error = 0;
	struct kct_vm_state vm;

	for (size_t i = 0; !error && i < search->nr_dead; i++) {
		if (bpf_map_lookup_elem(map, &search->dead[i], &vm)) {
			error = errno == ENOENT ? 0 : -errno;
			continue;
		}
		gone[i] = (struct gone){vm.vm.event.vm, vm.gone && session->tells_vm_gone};
		if (session->last_counters)
			error = kct_take_vm(session, session->last_counters, &vm);
		bpf_map_delete_elem(map, &search->dead[i]);
		free_generation(session, &search->dead[i]);
	}
	return error;
}

static int compare_numbers(const void *a, const void *b)
{
	uint32_t x = ((const struct gone *)a)->number, y = ((const struct gone *)b)->number;

	return (x > y) - (x < y);
}

/* ---- their vCPUs ---- */

struct vcpu_search {
	struct search search; /* only for its list */
	struct kct_session *session;
	const struct gone *gone;
	size_t nr_gone;
};

static int note_vcpu(void *context, const struct kct_key *key, const void *value)
{
	struct vcpu_search *v = context;
	const struct kct_vcpu_state *vcpu = value;
	struct gone its_vm = {.number = vcpu->vm};
	int error = 0;

	if (!bsearch(&its_vm, v->gone, v->nr_gone, sizeof(*v->gone), compare_numbers))
		return 0;
	if (v->session->last_counters)
		error = kct_take_vcpu(v->session->last_counters, vcpu);
	return error ? error : note_dead(&v->search, key);
}

static void free_keys(const struct bpf_map *map, const struct search *search)
{
	for (size_t i = 0; i < search->nr_dead; i++)
		bpf_map_delete_elem(bpf_map__fd(map), &search->dead[i]);
}

static int free_vcpus(struct kct_session *session, const struct gone *gone, size_t count)
{
	struct vcpu_search v = {.session = session, .gone = gone, .nr_gone = count};
	const struct bpf_map *map = session->bpf->maps.vcpus;
	int error = kct_map_each(bpf_map__fd(map), sizeof(struct kct_vcpu_state), note_vcpu, &v);

	free_keys(map, &v.search);
	free(v.search.dead);
	return error;
}

/* ---- all of it ---- */

static void deliver_gone(struct kct_session *session, uint32_t number)
{
	union kct_any_event event;

	/* An initialiser would clear its first member only. */
	memset(&event, 0, sizeof(event));
	event.event.kind = KCT_EVENT_VM_GONE;
	event.event.ns = kct_clock_ns(CLOCK_BOOTTIME);
	event.event.vm = number;
	event.event.vcpu = KCT_NO_VCPU;
	session->on_event(session->context, &event);
}

static int free_dead(struct kct_session *session, const struct search *search)
{
	struct gone *gone = calloc(search->nr_dead, sizeof(*gone));
	int error;

	if (!gone)
		return -ENOMEM;
	/* What happened before they went is delivered before that they went. */
	kct_read_ring(session, KCT_ALL_IN_RING(session));
	error = free_vms(session, search, gone);
	qsort(gone, search->nr_dead, sizeof(*gone), compare_numbers);
	if (!error)
		error = free_vcpus(session, gone, search->nr_dead);
	for (size_t i = 0; i < search->nr_dead; i++)
		if (gone[i].number && !gone[i].told)
			deliver_gone(session, gone[i].number);
	free(gone);
	return error;
}

/* Of those that found no room nothing is kept but that they were counted. */
static int free_refused(struct kct_session *session)
{
	struct search search = {.bpf = session->bpf};
	const struct bpf_map *map = session->bpf->maps.refused;
	int error = search_map(&search, map, ask_about_refused);

	free_keys(map, &search);
	free(search.dead);
	return error;
}

int kct_reap(struct kct_session *session)
{
	struct search search = {.bpf = session->bpf};
	int error = search_map(&search, session->bpf->maps.vms, ask_about_vm);

	session->born = 0;
	if (!error && search.nr_dead)
		error = free_dead(session, &search);
	if (!error && session->bpf->bss->has_refused)
		error = free_refused(session);
	free(search.dead);
	return error;
}
