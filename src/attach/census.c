// SPDX-License-Identifier: GPL-2.0
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "attach/census.h"
#include "host/host.h"
#include "kvmclock.skel.h"

/* A walk through KVM's list begins anew when a VM that it has come to goes away. */
#define MAX_WALKS 1000
/* No list is so long: what was a VM's memory is somebody else's by now, and leads in a circle. */
#define MAX_RUNS (1 << 16)

void kct_census_choose(struct kvmclock_bpf *bpf, bool traces)
{
	bpf_program__set_autoload(bpf->progs.look_around, true);
	bpf_program__set_autoload(bpf->progs.census, true);
	bpf_program__set_autoload(bpf->progs.walk_list, true);
	bpf_program__set_autoload(bpf->progs.find_head, true);
	bpf_program__set_autoload(bpf->progs.visit_vm, !traces);
	bpf_program__set_autoload(bpf->progs.arm, traces);
	bpf_program__set_autoload(bpf->progs.seed, traces);
	bpf_program__set_autoload(bpf->progs.who_lives, traces);
}

static int run(const struct bpf_program *program)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);

	return bpf_prog_test_run_opts(bpf_program__fd(program), &options) ? -errno : 0;
}

int kct_census_begin(struct kct_census *census, struct kvmclock_bpf *bpf)
{
	memset(census, 0, sizeof(*census));
	census->bpf = bpf;
	return run(bpf->progs.look_around);
}

/*
 * By how much the raw clock is ahead of the monotonic one, or a little more: of a few tries the
 * least. (The programs tell the time since boot themselves: ours is another in a time namespace.)
 */
static int64_t raw_ahead_ns(void)
{
	int64_t least = INT64_MAX;

	for (int i = 0; i < 5; i++) {
		uint64_t monotonic = kct_clock_ns(CLOCK_MONOTONIC);
		int64_t ahead = (int64_t)(kct_clock_ns(CLOCK_MONOTONIC_RAW) - monotonic);

		if (ahead < least)
			least = ahead;
	}
	return least;
}

int kct_census_arm(struct kct_census *census)
{
	census->bpf->bss->raw_ahead_ns = raw_ahead_ns();
	return run(census->bpf->progs.arm);
}

void kct_census_clear(struct kct_census *census)
{
	free(census->files);
	free(census->vms);
	memset(census, 0, sizeof(*census));
}

static int add_vm(struct kct_census *census, uint64_t vm)
{
	if (census->nr_vms == census->vms_room) {
		size_t room = census->vms_room ? 2 * census->vms_room : 64;
		uint64_t *vms = realloc(census->vms, room * sizeof(*vms));

		if (!vms)
			return -ENOMEM;
		census->vms = vms;
		census->vms_room = room;
	}
	census->vms[census->nr_vms++] = vm;
	return 0;
}

/* ---- by the files of all tasks ---- */

static int add_file(struct kct_census *census, const struct kct_found_file *file)
{
	if (census->nr_files == census->files_room) {
		size_t room = census->files_room ? 2 * census->files_room : 64;
		struct kct_found_file *files = realloc(census->files, room * sizeof(*files));

		if (!files)
			return -ENOMEM;
		census->files = files;
		census->files_room = room;
	}
	census->files[census->nr_files++] = *file;
	return 0;
}

static int read_all(struct kct_census *census, int fd)
{
	struct kct_found_file found[64];
	size_t have = 0, used;
	ssize_t got;
	int error = 0;

	while (!error && (got = read(fd, (char *)found + have, sizeof(found) - have)) != 0) {
		if (got < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		have += got > 0 ? (size_t)got : 0;
		for (used = 0; !error && used < have / sizeof(*found); used++)
			error = add_file(census, &found[used]);
		have -= used * sizeof(*found);
		memmove(found, found + used, have);
	}
	return error;
}

/* The owner's file comes first. */
static int compare_files(const void *a, const void *b)
{
	const struct kct_found_file *x = a, *y = b;

	if (x->kvm != y->kvm)
		return x->kvm > y->kvm ? 1 : -1;
	return (int)y->owner - (int)x->owner;
}

static void keep_one_of_each(struct kct_census *census)
{
	size_t kept = 0;

	if (!census->nr_files)
		return;
	qsort(census->files, census->nr_files, sizeof(*census->files), compare_files);
	for (size_t i = 1; i < census->nr_files; i++)
		if (census->files[i].kvm != census->files[kept].kvm)
			census->files[++kept] = census->files[i];
	census->nr_files = kept + 1;
}

static int read_files(struct kct_census *census)
{
	struct bpf_link *link = bpf_program__attach_iter(census->bpf->progs.census, NULL);
	int fd, error;

	census->nr_files = 0;
	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	error = fd < 0 ? -errno : read_all(census, fd);
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	keep_one_of_each(census);
	return error;
}

static int take_files(struct kct_census *census)
{
	int error = 0;

	for (size_t i = 0; !error && i < census->nr_files; i++)
		error = add_vm(census, census->files[i].kvm);
	return error;
}

/* ---- by KVM's list ---- */

/* On from a VM, or a node, to the head: 0, or -EAGAIN if the way was lost. */
static int walk(struct kct_census *census, uint64_t vm, uint64_t node)
{
	struct kct_walk *walk = &census->bpf->bss->walk;
	int error = 0;

	census->nr_vms = 0;
	walk->kvm = vm;
	walk->node = node;
	walk->status = KCT_WALK_ON;
	for (int i = 0; !error && walk->status == KCT_WALK_ON && i < MAX_RUNS; i++) {
		error = run(census->bpf->progs.walk_list);
		walk->kvm = 0;
		for (uint32_t j = 0; !error && j < walk->count; j++)
			if (walk->found[j])
				error = add_vm(census, walk->found[j]);
	}
	return error ? error : walk->status == KCT_WALK_DONE ? 0 : -EAGAIN;
}

/* From any VM the list leads to its head. */
static int find_head_from(struct kct_census *census, uint64_t vm)
{
	int error = walk(census, vm, 0);

	if (!error)
		census->head = census->bpf->bss->walk.node;
	return error == -EAGAIN ? 0 : error;
}

static int find_head(struct kct_census *census)
{
	int error = 0;

	for (size_t i = 0; !error && !census->head && i < census->nr_files; i++)
		error = find_head_from(census, census->files[i].kvm);
	if (!error && !census->head && !census->symbol_sought) {
		census->symbol_sought = true;
		error = run(census->bpf->progs.find_head);
		census->head = census->bpf->bss->list_head;
	}
	return error;
}

/* KVM puts a new VM at the front. */
static void oldest_first(struct kct_census *census)
{
	for (size_t i = 0; i < census->nr_vms / 2; i++) {
		uint64_t *other = &census->vms[census->nr_vms - 1 - i], vm = census->vms[i];

		census->vms[i] = *other;
		*other = vm;
	}
}

static int walk_list(struct kct_census *census)
{
	int error = -EAGAIN;

	for (int i = 0; error == -EAGAIN && i < MAX_WALKS; i++)
		error = walk(census, 0, census->head);
	oldest_first(census);
	return error;
}

/* ---- both ---- */

int kct_census_find(struct kct_census *census)
{
	int error = 0;

	census->nr_vms = 0;
	if (!census->head || !census->bpf->bss->tells_process)
		error = read_files(census);
	if (!error && !census->head)
		error = find_head(census);
	if (error)
		return error;
	return census->head ? walk_list(census) : take_files(census);
}

bool kct_census_is_partial(const struct kct_census *census)
{
	return census->bpf->bss->own_pid_level && !census->head;
}

/* ---- what was found ---- */

static int compare_to_file(const void *key, const void *member)
{
	uint64_t vm = *(const uint64_t *)key;
	const struct kct_found_file *file = member;

	return (vm > file->kvm) - (vm < file->kvm);
}

static void tell_process(struct kct_census *census, uint64_t vm)
{
	struct kvmclock_bpf *bpf = census->bpf;
	const struct kct_found_file *file = NULL;

	if (census->nr_files)
		file = bsearch(&vm, census->files, census->nr_files, sizeof(*file),
			       compare_to_file);
	bpf->bss->found_pid = file && file->owner ? file->pid : KCT_NO_NUMBER;
	memset(bpf->bss->found_comm, 0, sizeof(bpf->bss->found_comm));
	if (file && file->owner)
		memcpy(bpf->bss->found_comm, file->comm, sizeof(file->comm));
}

static int visit_one(struct kct_census *census, uint64_t vm, kct_census_visit visit, void *context)
{
	struct kct_visit *told = &census->bpf->bss->visit;
	int error;

	tell_process(census, vm);
	told->kvm = vm;
	told->first_vcpu = 0;
	for (;;) {
		error = run(visit ? census->bpf->progs.visit_vm : census->bpf->progs.seed);
		if (error || !told->lives)
			return error;
		if (visit)
			visit(context, told);
		if (told->nr_vcpus < KCT_VISIT_VCPUS)
			return 0;
		told->first_vcpu += told->nr_vcpus;
	}
}

int kct_census_visit_each(struct kct_census *census, kct_census_visit visit, void *context)
{
	int error = 0;

	for (size_t i = 0; !error && i < census->nr_vms; i++)
		error = visit_one(census, census->vms[i], visit, context);
	return error;
}

int kct_census_seed(struct kct_census *census)
{
	return kct_census_visit_each(census, NULL, NULL);
}

int kct_census_who_lives(struct kvmclock_bpf *bpf, struct kct_question *questions, size_t count)
{
	int error;

	memcpy(bpf->bss->questions, questions, count * sizeof(*questions));
	bpf->bss->nr_questions = (uint32_t)count;
	error = run(bpf->progs.who_lives);
	memcpy(questions, bpf->bss->questions, count * sizeof(*questions));
	return error;
}
