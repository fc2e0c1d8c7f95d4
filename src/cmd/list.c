// SPDX-License-Identifier: GPL-2.0
#include <argp.h>
#include <inttypes.h>
#include <jansson.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/duration.h"
#include "attach/session.h"
#include "cmd/cmd.h"
#include "cmd/filter.h"
#include "host/host.h"
#include "host/vmname.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "record/writer.h"
#include "model/names.h"
#include "model/off.h"
#include "show/off.h"

#define LIST_SCHEMA  "kvmclock-trace/list"
#define LIST_VERSION 1

/* A VM with what its vCPUs add up to. */
struct row {
	uint64_t kvm; /* address of its struct kvm */
	struct kct_vm_event vm;
	struct kct_vm_name name;
	uint32_t nr_pending;
	uint32_t nr_seen; /* vCPUs that were looked at */
	uint64_t tsc_offset;
	bool offsets_differ;
	struct kct_tsc *tscs; /* of those, where the masterclock is off */
};

struct list {
	struct kct_filter filter;
	bool json, verbose;
	const char *complete; /* "vm" or "pid": what is to be completed */
	bool proc_is_ours;
	struct row **rows; /* oldest first */
	size_t nr_rows, room;
	struct row *row; /* the one whose vCPUs come now; NULL: it is not wanted */
	void *known;	 /* tree of the rows by address of the struct kvm */
	void *named;	 /* tree of those named first of each process, by pid */
	json_t *vms;
	uint64_t base_ns; /* the kvmclock base, when the census was taken */
	char clocksource[32];
	bool partial; /* there may be VMs that were not found */
	bool failed;
};

enum { OPTION_COMPLETE = 0x100 };

static const struct argp_option options[] = {
	{"json", 'j', NULL, 0, "One JSON object", 0},
	/* For the shells' completions. */
	{"complete", OPTION_COMPLETE, "WHAT", OPTION_HIDDEN, NULL, 0},
	{"verbose", 'v', NULL, 0, "Also what tells which VM it is, and where its name came from",
	 0},
	{0},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct list *list = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &list->filter;
		return 0;
	case 'j':
		list->json = true;
		return 0;
	case 'v':
		list->verbose = true;
		return 0;
	case OPTION_COMPLETE:
		if (strcmp(text, "vm") && strcmp(text, "pid"))
			argp_error(state, "--complete takes vm or pid");
		list->complete = text;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "list takes no arguments");
	}
	return ARGP_ERR_UNKNOWN;
}

static int compare_rows(const void *a, const void *b)
{
	uint64_t x = ((const struct row *)a)->kvm, y = ((const struct row *)b)->kvm;

	return (x > y) - (x < y);
}

static int compare_pids(const void *a, const void *b)
{
	uint32_t x = ((const struct row *)a)->vm.pid, y = ((const struct row *)b)->vm.pid;

	return (x > y) - (x < y);
}

/* The VMs of one process have its name, which takes several system calls. */
static void name_row(struct list *list, struct row *row)
{
	bool has_process = row->vm.pid != KCT_NO_NUMBER && list->proc_is_ours;
	struct row **named = has_process ? tsearch(row, &list->named, compare_pids) : NULL;
	char comm[sizeof(row->vm.comm) + 1] = "";

	memcpy(comm, row->vm.comm, sizeof(row->vm.comm));
	if (named && *named != row)
		row->name = (*named)->name;
	else if (has_process)
		kct_vm_name_of_pid(&row->name, (pid_t)row->vm.pid, comm);
	else
		kct_vm_name_from_cmdline(&row->name, NULL, 0, comm);
}

static bool has_room(struct list *list)
{
	size_t room = list->room ? 2 * list->room : 64;
	struct row **rows;

	if (list->nr_rows < list->room)
		return true;
	rows = realloc(list->rows, room * sizeof(struct row *));
	if (!rows)
		return false;
	list->rows = rows;
	list->room = room;
	return true;
}

/* NULL also if it is known already: the census may come to a VM twice. */
static struct row *new_row(struct list *list, const struct kct_visit *visit)
{
	struct row *row = has_room(list) ? calloc(1, sizeof(*row)) : NULL, **known = NULL;

	if (row) {
		row->kvm = visit->kvm;
		row->vm = visit->vm;
		known = tsearch(row, &list->known, compare_rows);
	}
	if (!known || *known != row) {
		list->failed |= !known;
		free(row);
		return NULL;
	}
	if (!row->vm.masterclock.active)
		row->tscs = calloc(row->vm.masterclock.nr_vcpus, sizeof(*row->tscs));
	name_row(list, row);
	return list->rows[list->nr_rows++] = row;
}

/* What tells why a masterclock is off; there is room for as many vCPUs as the VM had at first. */
static void take_tsc(struct row *row, const struct kct_vcpu_event *vcpu)
{
	if (row->tscs && row->nr_seen < row->vm.masterclock.nr_vcpus)
		row->tscs[row->nr_seen] = (struct kct_tsc){.vcpu = vcpu->event.vcpu,
							   .khz = vcpu->tsc_khz,
							   .offset = vcpu->tsc_offset,
							   .generation = vcpu->tsc_generation,
							   .has_offset = true};
}

static void take_vcpu(struct row *row, const struct kct_vcpu_event *vcpu)
{
	take_tsc(row, vcpu);
	if (!row->nr_seen++)
		row->tsc_offset = vcpu->tsc_offset;
	else if (row->tsc_offset != vcpu->tsc_offset)
		row->offsets_differ = true;
	row->nr_pending += vcpu->pending;
}

static void take(void *context, const struct kct_visit *visit)
{
	struct list *list = context;

	if (!visit->first_vcpu)
		list->row = new_row(list, visit);
	for (uint32_t i = 0; list->row && i < visit->nr_vcpus; i++)
		take_vcpu(list->row, &visit->vcpus[i]);
}

static bool all_seen(const struct row *row)
{
	return row->nr_seen == row->vm.masterclock.nr_vcpus;
}

/* "equal", "differ", or "unknown" where not every vCPU was seen. */
static const char *offsets(const struct row *row)
{
	if (row->offsets_differ)
		return "differ";
	return all_seen(row) ? "equal" : "unknown";
}

static struct kct_off off(const struct list *list, const struct row *row)
{
	struct kct_off off = {.conditions = row->vm.conditions,
			      .nr_vcpus = row->vm.masterclock.nr_vcpus,
			      .host_tsc = kct_is_tsc_clocksource(list->clocksource)};

	off.reasons = kct_reasons(&off.conditions, off.nr_vcpus, off.host_tsc);
	if (!row->tscs || !all_seen(row) || !(off.reasons >> KCT_REASON_TSC_UNMATCHED & 1))
		return off;
	off.tscs = row->tscs;
	off.nr_tscs = row->nr_seen;
	off.nr_odd = kct_find_odd(off.tscs, off.nr_tscs, &off.odd_known);
	return off;
}

static void show_why_off(const struct list *list, const struct row *row)
{
	const struct kct_off why = off(list, row);

	fputs("    off: ", stdout);
	kct_show_off(stdout, &why, list->clocksource, KCT_FIGURES_ALL);
	putchar('\n');
}

/* "    UUID, openstack, id instance-0000002a; name from nova" */
static void show_identity(const struct kct_vm_name *name)
{
	printf("    %s%s%s%s%s%sname from %s\n", name->uuid, *name->uuid ? ", " : "",
	       kct_orchestrators[name->orchestrator], name->orchestrator ? ", " : "", name->id,
	       *name->id ? ", " : "", kct_name_sources[name->source]);
}

static void show_row(struct list *list, const struct row *row)
{
	const struct kct_masterclock *m = &row->vm.masterclock;
	char age[32] = "-", pid[16] = "-", pending[16] = "?";
	char label[KCT_VM_LABEL_SIZE], c[2][KCT_COLUMN_ROOM(24)];

	if (m->active)
		snprintf(age, sizeof(age), "%.3f s",
			 (double)(int64_t)(list->base_ns - m->kernel_ns) / KCT_NS_PER_S);
	if (row->vm.pid != KCT_NO_NUMBER)
		snprintf(pid, sizeof(pid), "%" PRIu32, row->vm.pid);
	if (all_seen(row))
		snprintf(pending, sizeof(pending), "%" PRIu32, row->nr_pending);
	kct_vm_name_label(&row->name, label, sizeof(label));
	printf("%s %s %8s %5u %-8s %14s %7s %s\n", kct_text_column(c[0], label, 24),
	       kct_text_column(c[1], row->name.vmm, 16), pid, m->nr_vcpus,
	       kct_masterclock_names[m->active], age, pending, offsets(row));
	if (!m->active)
		show_why_off(list, row);
	if (list->verbose)
		show_identity(&row->name);
}

/* A word, a tab, what it is; names and UUIDs both, as --vm takes both. */
static void complete_row(const struct list *list, const struct row *row)
{
	char label[KCT_VM_LABEL_SIZE];

	kct_vm_name_label(&row->name, label, sizeof(label));
	if (!strcmp(list->complete, "pid")) {
		if (row->vm.pid != KCT_NO_NUMBER)
			printf("%" PRIu32 "\t%s\n", row->vm.pid, label);
		return;
	}
	printf("%s\t%s\n", label, row->name.vmm);
	if (*row->name.uuid)
		printf("%s\t%s\n", row->name.uuid, label);
}

static json_t *row_json(const struct list *list, const struct row *row)
{
	const struct kct_masterclock *m = &row->vm.masterclock;
	const struct kct_off why = off(list, row);
	json_t *age =
		m->active ? json_integer((json_int_t)(list->base_ns - m->kernel_ns)) : json_null();

	json_t *pid = row->vm.pid == KCT_NO_NUMBER ? json_null() : json_integer(row->vm.pid);
	json_t *pending = all_seen(row) ? json_integer(row->nr_pending) : json_null();
	json_t *object = json_pack("{s:s, s:o, s:I, s:s, s:o, s:o, s:s}", "name", row->name.name,
				   "pid", pid, "nr_vcpus", (json_int_t)m->nr_vcpus, "masterclock",
				   kct_masterclock_names[m->active], "snapshot_age_ns", age,
				   "nr_pending", pending, "tsc_offsets", offsets(row));

	kct_json_set_identity(object, &row->name);
	json_object_set_new(object, "masterclock_off",
			    m->active ? json_null()
				      : kct_off_json(&why, list->clocksource, KCT_FIGURES_ALL));
	return object;
}

static void show_rows(struct list *list)
{
	for (size_t i = 0; i < list->nr_rows; i++) {
		const struct row *row = list->rows[i];

		if (!kct_filter_wants(&list->filter, row->vm.pid, &row->name))
			continue;
		if (list->complete)
			complete_row(list, row);
		else if (list->json)
			json_array_append_new(list->vms, row_json(list, row));
		else
			show_row(list, row);
	}
}

static void show(struct list *list)
{
	list->vms = json_array();
	if (!list->json && !list->complete)
		printf("%-24s %-16s %8s %5s %-8s %14s %7s %s\n", "VM", "VMM", "PID", "vCPUs",
		       "CLOCK", "SNAPSHOT AGE", "PENDING", "TSC OFFSETS");
	show_rows(list);
	if (list->json)
		kct_json_print(stdout,
			       json_pack("{s:s, s:i, s:b, s:o, s:O}", "schema", LIST_SCHEMA,
					 "version", LIST_VERSION, "complete", !list->partial,
					 "incomplete_why",
					 kct_json_text(list->partial ? KCT_HOST_PARTIAL : NULL),
					 "vms", list->vms));
	json_decref(list->vms);
}

/* It is of the other tree. */
static void leave_row(void *row)
{
	(void)row;
}

static void free_row(void *data)
{
	struct row *row = data;

	free(row->tscs);
	free(row);
}

static void clear(struct list *list)
{
	tdestroy(list->named, leave_row);
	tdestroy(list->known, free_row);
	free(list->rows);
}

int cmd_list(int argc, char **argv)
{
	static const struct argp_child children[] = {{&kct_filter_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "The VMs that there are now, from a census; nothing is traced.",
		.children = children,
	};
	struct list list = {0};
	int status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &list))
		return KCT_EXIT_USAGE;
	list.proc_is_ours = kct_host_proc_is_ours();
	status = kct_census(take, &list, &list.partial);
	list.base_ns = kct_kvmclock_base_ns();
	kct_host_clocksource(list.clocksource, sizeof(list.clocksource));
	if (!status && list.failed) {
		kct_error("out of memory");
		status = KCT_EXIT_HOST;
	}
	if (!status)
		show(&list);
	clear(&list);
	if (!status && !kct_host_is_pid_namespace())
		kct_error("%s", list.partial ? KCT_HOST_PARTIAL : KCT_HOST_NAMELESS);
	return !status && list.partial ? KCT_EXIT_INCOMPLETE : status;
}
