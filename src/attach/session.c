// SPDX-License-Identifier: GPL-2.0
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "attach/census.h"
#include "attach/session.h"
#include "host/host.h"
#include "kct.h"
#include "kvmclock.skel.h"

#define VCPUS_PER_VM 8

struct kct_session {
	struct kvmclock_bpf *bpf;
	struct ring_buffer *ring;
	kct_on_event on_event;
	void *context;
	int nr_cpus;
	uint32_t max_vms;
	struct kct_model *last_counters; /* not ours; may be NULL */
	uint32_t born;			 /* `vm` events since the last reaping */
};

/* libbpf tells every failed attempt at length; what matters of it we say ourselves. */
static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level != LIBBPF_DEBUG && getenv("KVMCLOCK_TRACE_DEBUG"))
		return vfprintf(stderr, format, args);
	return 0;
}

static int refused(int error)
{
	char missing[64];

	kct_host_missing_capabilities(missing, sizeof(missing));
	if (*missing)
		kct_error("tracing needs CAP_BPF and CAP_PERFMON; missing: %s (try as root)",
			  missing);
	else if (access("/sys/kernel/btf/vmlinux", R_OK))
		kct_error("this kernel has no BTF (/sys/kernel/btf/vmlinux): its structures "
			  "cannot be read; it must be built with CONFIG_DEBUG_INFO_BTF");
	else if (error == EPERM)
		kct_error("the kernel refuses BPF although the privileges are there: by a "
			  "seccomp filter, or locked down for confidentiality");
	else if (error == ESRCH || error == ENOENT)
		kct_error("KVM's tracepoints are not there: is the kvm module loaded?");
	else
		kct_error("the kernel refuses the BPF programs: %s", strerror(error));
	return KCT_EXIT_HOST;
}

static int on_record(void *context, void *data, size_t size)
{
	struct kct_session *session = context;
	union kct_any_event event;

	if (size > sizeof(event))
		size = sizeof(event);
	memcpy(&event, data, size);
	if (event.event.kind == KCT_EVENT_VM)
		session->born++;
	session->on_event(session->context, &event);
	return 0;
}

static int prepare(struct kct_session *session, const struct kct_session_options *options)
{
	struct kvmclock_bpf *bpf = session->bpf;

	bpf->rodata->emitted_kinds = options->emitted_kinds;
	return bpf_map__set_max_entries(bpf->maps.vms, options->max_vms) ||
	       bpf_map__set_max_entries(bpf->maps.vcpus, options->max_vms * VCPUS_PER_VM) ||
	       bpf_map__set_max_entries(bpf->maps.events, options->ring_bytes);
}

/* Everything but the census, which is a file that is read when it is wanted. */
static int attach(struct kvmclock_bpf *bpf)
{
	bpf_program__set_autoattach(bpf->progs.census, false);
	return kvmclock_bpf__attach(bpf);
}

int kct_session_open(struct kct_session **out, const struct kct_session_options *options,
		     kct_on_event on_event, void *context)
{
	struct kct_session *session = calloc(1, sizeof(*session));
	int error;

	*out = session;
	libbpf_set_print(quiet);
	if (!session) {
		kct_error("out of memory");
		return KCT_EXIT_HOST;
	}
	session->on_event = on_event;
	session->context = context;
	session->max_vms = options->max_vms;
	session->last_counters = options->last_counters;
	session->nr_cpus = libbpf_num_possible_cpus();
	session->bpf = kvmclock_bpf__open();
	if (!session->bpf || prepare(session, options))
		return refused(errno);
	error = kvmclock_bpf__load(session->bpf);
	if (!error)
		error = attach(session->bpf);
	if (error)
		return refused(-error);
	session->ring =
		ring_buffer__new(bpf_map__fd(session->bpf->maps.events), on_record, session, NULL);
	return session->ring ? 0 : refused(errno);
}

void kct_session_disarm(struct kct_session *session)
{
	session->bpf->bss->armed = 0;
	kvmclock_bpf__detach(session->bpf);
}

void kct_session_close(struct kct_session *session)
{
	if (!session)
		return;
	ring_buffer__free(session->ring);
	kvmclock_bpf__destroy(session->bpf);
	free(session);
}

static void ignore(void *context, const struct kct_census_entry *entry)
{
	(void)context;
	(void)entry;
}

int kct_session_arm(struct kct_session *session)
{
	int error;

	session->bpf->bss->census_seeds = 1;
	error = kct_census_read(session->bpf->progs.census, ignore, NULL);
	session->bpf->bss->census_seeds = 0;
	if (error)
		return refused(-error);
	session->bpf->bss->armed = 1;
	return 0;
}

int kct_session_fd(const struct kct_session *session)
{
	return ring_buffer__epoll_fd(session->ring);
}

int kct_session_consume(struct kct_session *session)
{
	int error = ring_buffer__consume(session->ring);

	if (error < 0) {
		kct_error("reading the ring buffer: %s", strerror(-error));
		return KCT_EXIT_HOST;
	}
	/* Make room before there is none: churn may leave thousands of dead VMs behind. */
	if (session->born > session->max_vms / 4)
		return kct_session_reap(session);
	return 0;
}

/* ---- what the maps hold ---- */

static void recursion_misses(const struct kvmclock_bpf *bpf, uint64_t *missed)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, bpf->obj)
	{
		struct bpf_prog_info info = {0};
		__u32 size = sizeof(info);
		int fd = bpf_program__fd(program);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &size))
			*missed += info.recursion_misses;
	}
}

void kct_session_losses(const struct kct_session *session, uint64_t losses[KCT_NR_LOSSES])
{
	struct kct_tally per_cpu[session->nr_cpus];
	__u32 zero = 0;

	memset(losses, 0, KCT_NR_LOSSES * sizeof(*losses));
	if (bpf_map_lookup_elem(bpf_map__fd(session->bpf->maps.tally), &zero, per_cpu))
		return;
	for (int cpu = 0; cpu < session->nr_cpus; cpu++)
		for (int i = 0; i < KCT_NR_LOSSES; i++)
			losses[i] += per_cpu[cpu].losses[i];
	recursion_misses(session->bpf, &losses[KCT_LOSS_MISSED]);
}

static void read_unattributed(const struct kct_session *session, struct kct_unattributed *sum)
{
	struct kct_unattributed per_cpu[session->nr_cpus];
	uint64_t *to = (uint64_t *)sum;
	__u32 zero = 0;

	memset(sum, 0, sizeof(*sum));
	if (bpf_map_lookup_elem(bpf_map__fd(session->bpf->maps.unattributed), &zero, per_cpu))
		return;
	/* Every member is a u64 counter; the drifts are 0, as nobody's PVTIs have no old one. */
	for (int cpu = 0; cpu < session->nr_cpus; cpu++)
		for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
			to[i] += ((const uint64_t *)&per_cpu[cpu])[i];
}

static int take_vm(struct kct_model *model, const struct kct_vm_state *state)
{
	struct kct_vm *vm = kct_model_vm(model, state->vm.event.vm);

	if (!vm)
		return -ENOMEM;
	vm->introduced = true;
	vm->info = state->vm;
	vm->counters = state->counters;
	vm->active = state->masterclock.active;
	return 0;
}

static int take_vcpu(struct kct_model *model, const struct kct_vcpu_state *state)
{
	struct kct_vm *vm = kct_model_vm(model, state->vm);
	struct kct_vcpu *vcpu = vm ? kct_vm_vcpu(vm, state->id) : NULL;

	if (!vcpu)
		return -ENOMEM;
	vcpu->pending = state->pending;
	vcpu->counters = state->counters;
	return 0;
}

int kct_session_counters(const struct kct_session *session, struct kct_model *model)
{
	int vms = bpf_map__fd(session->bpf->maps.vms);
	int vcpus = bpf_map__fd(session->bpf->maps.vcpus);
	struct kct_vcpu_state vcpu;
	struct kct_vm_state vm;
	struct kct_key key, *at;
	int error = 0;

	for (at = NULL; !error && !bpf_map_get_next_key(vms, at, &key); at = &key)
		if (!bpf_map_lookup_elem(vms, &key, &vm))
			error = take_vm(model, &vm);
	for (at = NULL; !error && !bpf_map_get_next_key(vcpus, at, &key); at = &key)
		if (!bpf_map_lookup_elem(vcpus, &key, &vcpu))
			error = take_vcpu(model, &vcpu);
	read_unattributed(session, &model->unattributed);
	kct_session_losses(session, model->losses);
	return error;
}

/* ---- VMs that are gone ---- */

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

/* Remove the VMs numbered up to `last` that are not alive; their numbers go into `gone`. */
static size_t remove_vms(struct kct_session *session, const struct alive *alive, uint32_t last,
			 uint32_t *gone, size_t room)
{
	int map = bpf_map__fd(session->bpf->maps.vms);
	struct kct_key *dead = calloc(room, sizeof(*dead));
	struct kct_key key, *at;
	struct kct_vm_state vm;
	size_t count = 0;

	for (at = NULL; dead && count < room && !bpf_map_get_next_key(map, at, &key); at = &key) {
		if (bpf_map_lookup_elem(map, &key, &vm) || vm.vm.event.vm > last ||
		    (alive->count &&
		     bsearch(&key, alive->keys, alive->count, sizeof(key), compare_keys)))
			continue;
		dead[count] = key;
		gone[count++] = vm.vm.event.vm;
		/* One that was not announced came and went before we began to count. */
		if (session->last_counters && vm.announced)
			take_vm(session->last_counters, &vm);
	}
	for (size_t i = 0; i < count; i++)
		bpf_map_delete_elem(map, &dead[i]);
	free(dead);
	return count;
}

static int compare_numbers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Remove the vCPUs of the VMs in `gone`, which is sorted. */
static void remove_vcpus(struct kct_session *session, const uint32_t *gone, size_t count)
{
	int map = bpf_map__fd(session->bpf->maps.vcpus);
	struct kct_key key, next;
	struct kct_vcpu_state vcpu;
	int error = bpf_map_get_next_key(map, NULL, &key);

	/* The next key is asked for before this one is removed, or the walk would start anew. */
	while (!error) {
		error = bpf_map_get_next_key(map, &key, &next);
		if (!bpf_map_lookup_elem(map, &key, &vcpu) &&
		    bsearch(&vcpu.vm, gone, count, sizeof(*gone), compare_numbers)) {
			if (session->last_counters &&
			    kct_model_find_vm(session->last_counters, vcpu.vm))
				take_vcpu(session->last_counters, &vcpu);
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
	uint32_t *gone = calloc(session->max_vms, sizeof(*gone));
	struct alive alive = {0};
	size_t count;
	int error;

	session->born = 0;
	error = kct_census_read(session->bpf->progs.census, note_alive, &alive);
	if (error || alive.failed || !gone) {
		free(alive.keys);
		free(gone);
		return error ? refused(-error) : 0;
	}
	if (alive.count)
		qsort(alive.keys, alive.count, sizeof(*alive.keys), compare_keys);
	count = remove_vms(session, &alive, last, gone, session->max_vms);
	qsort(gone, count, sizeof(*gone), compare_numbers);
	remove_vcpus(session, gone, count);
	/* What happened before they went is delivered before that they went. */
	ring_buffer__consume(session->ring);
	for (size_t i = 0; i < count; i++)
		deliver_gone(session, gone[i]);
	free(alive.keys);
	free(gone);
	return 0;
}

/* ---- the census alone ---- */

int kct_census(void (*visit)(void *context, const struct kct_census_entry *entry), void *context)
{
	struct kvmclock_bpf *bpf;
	struct bpf_program *program;
	int error;

	libbpf_set_print(quiet);
	bpf = kvmclock_bpf__open();
	if (!bpf)
		return refused(errno);
	bpf_object__for_each_program(program, bpf->obj)
	{
		bpf_program__set_autoload(program, program == bpf->progs.census);
	}
	error = kvmclock_bpf__load(bpf);
	if (!error)
		error = kct_census_read(bpf->progs.census, visit, context);
	kvmclock_bpf__destroy(bpf);
	return error ? refused(-error) : 0;
}

/* ---- how it is done ---- */

static const struct kct_hook hooks[] = {
	{"update", "tracepoint", "kvm_update_master_clock",
	 "values before an update are those seen last; its VM is told from the ioctl in progress"},
	{"pvti", "tracepoint", "kvm_pvclock_update", ""},
	{"request", "tracepoint", "kvm_track_tsc",
	 "requests of other origins than a TSC write are derived from the update that served them"},
	{"tsc-write", "tracepoint", "kvm_write_tsc_offset", ""},
	{"set-clock", "tracepoint", "kvm_update_master_clock", ""},
	{"vm", "iterator", "task_file", "a VM's end is noticed at the next census"},
};

void kct_session_hooks(const struct kct_session *session, struct kct_header *header)
{
	(void)session;
	header->nr_hooks = sizeof(hooks) / sizeof(hooks[0]);
	memcpy(header->hooks, hooks, sizeof(hooks));
}
