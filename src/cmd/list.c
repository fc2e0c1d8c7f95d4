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
#include "base/tree.h"
#include "model/names.h"

#define LIST_SCHEMA  "kvmclock-trace/list"
#define LIST_VERSION 1

/* A VM with what its vCPUs add up to. */
struct row {
	uint64_t kvm; /* address of its struct kvm: what vCPUs refer to */
	struct kct_vm_event vm;
	struct kct_vm_name name;
	uint32_t nr_pending;
	uint32_t nr_seen; /* vCPUs whose files were found */
	uint64_t tsc_offset;
	bool introduced, offsets_differ;
};

struct list {
	struct kct_filter filter;
	bool json;
	bool names_are_ours;
	void *rows;  /* tree of struct row by kvm */
	void *named; /* tree of those named first of each process, by pid */
	json_t *vms;
	uint64_t base_ns; /* the kvmclock base, when the census was taken */
	bool failed;
};

static const struct argp_option options[] = {
	{"json", 'j', NULL, 0, "One JSON object", 0},
	{0},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct list *list = state->input;

	(void)text;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &list->filter;
		return 0;
	case 'j':
		list->json = true;
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

/* The row of a struct kvm, made if need be: a vCPU's file may come before its VM's. */
static struct row *row_of(struct list *list, uint64_t kvm)
{
	struct row key = {.kvm = kvm}, *row, **node = tfind(&key, &list->rows, compare_rows);

	if (node)
		return *node;
	row = calloc(1, sizeof(*row));
	if (!row)
		return NULL;
	row->kvm = kvm;
	if (tsearch(row, &list->rows, compare_rows))
		return row;
	free(row);
	return NULL;
}

static void take_vcpu(struct row *row, const struct kct_vcpu_event *vcpu)
{
	if (!row->nr_seen++)
		row->tsc_offset = vcpu->tsc_offset;
	else if (row->tsc_offset != vcpu->tsc_offset)
		row->offsets_differ = true;
	row->nr_pending += vcpu->pending;
}

static int compare_pids(const void *a, const void *b)
{
	uint32_t x = ((const struct row *)a)->vm.pid, y = ((const struct row *)b)->vm.pid;

	return (x > y) - (x < y);
}

/* The VMs of one process have its name, which takes several system calls. */
static void name_row(struct list *list, struct row *row)
{
	struct row **named = tsearch(row, &list->named, compare_pids);
	char comm[sizeof(row->vm.comm) + 1] = "";

	memcpy(comm, row->vm.comm, sizeof(row->vm.comm));
	if (named && *named != row)
		row->name = (*named)->name;
	else if (list->names_are_ours)
		kct_vm_name_of_pid(&row->name, (pid_t)row->vm.pid, comm);
	else
		kct_vm_name_from_cmdline(&row->name, NULL, 0, comm);
}

static void take(void *context, const struct kct_census_entry *entry)
{
	struct list *list = context;
	struct row *row = row_of(list, entry->vm_address);

	if (!row) {
		list->failed = true;
		return;
	}
	if (entry->is_vcpu) {
		take_vcpu(row, &entry->vcpu);
		return;
	}
	row->introduced = true;
	row->vm = entry->vm;
	name_row(list, row);
}

/* "equal", "differ", or "unknown" where not every vCPU's file was found. */
static const char *offsets(const struct row *row)
{
	if (row->offsets_differ)
		return "differ";
	return row->nr_seen == row->vm.masterclock.nr_vcpus ? "equal" : "unknown";
}

static void show_row(struct list *list, const struct row *row)
{
	const struct kct_masterclock *m = &row->vm.masterclock;
	char age[32] = "-", c[2][KCT_COLUMN_ROOM(24)];

	if (m->active)
		snprintf(age, sizeof(age), "%.3f s",
			 (double)(int64_t)(list->base_ns - m->kernel_ns) / KCT_NS_PER_S);
	printf("%s %s %8u %5u %-8s %14s %7u %s\n", kct_text_column(c[0], row->name.name, 24),
	       kct_text_column(c[1], row->name.vmm, 16), row->vm.pid, m->nr_vcpus,
	       kct_masterclock_names[m->active], age, row->nr_pending, offsets(row));
}

static json_t *row_json(const struct list *list, const struct row *row)
{
	const struct kct_masterclock *m = &row->vm.masterclock;
	json_t *age =
		m->active ? json_integer((json_int_t)(list->base_ns - m->kernel_ns)) : json_null();

	return json_pack("{s:s, s:o, s:s, s:I, s:I, s:s, s:o, s:I, s:s}", "name", row->name.name,
			 "uuid", kct_json_text(row->name.uuid), "vmm", row->name.vmm, "pid",
			 (json_int_t)row->vm.pid, "nr_vcpus", (json_int_t)m->nr_vcpus,
			 "masterclock", kct_masterclock_names[m->active], "snapshot_age_ns", age,
			 "nr_pending", (json_int_t)row->nr_pending, "tsc_offsets", offsets(row));
}

static void visit(void *item, void *context)
{
	const struct row *row = item;
	struct list *list = context;

	if (!row->introduced || !kct_filter_wants(&list->filter, row->vm.pid, &row->name))
		return;
	if (list->json)
		json_array_append_new(list->vms, row_json(list, row));
	else
		show_row(list, row);
}

static void show(struct list *list)
{
	list->vms = json_array();
	if (!list->json)
		printf("%-24s %-16s %8s %5s %-8s %14s %7s %s\n", "VM", "VMM", "PID", "vCPUs",
		       "CLOCK", "SNAPSHOT AGE", "PENDING", "TSC OFFSETS");
	kct_tree_each(&list->rows, visit, list);
	if (list->json)
		kct_json_print(stdout, json_pack("{s:s, s:i, s:O}", "schema", LIST_SCHEMA,
						 "version", LIST_VERSION, "vms", list->vms));
	json_decref(list->vms);
}

/* It is of the other tree. */
static void leave_row(void *row)
{
	(void)row;
}

int cmd_list(int argc, char **argv)
{
	static const struct argp_child children[] = {{&kct_filter_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "The VMs that run now, from a census of all open files; nothing is traced.",
		.children = children,
	};
	struct list list = {0};
	int status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &list))
		return KCT_EXIT_USAGE;
	list.names_are_ours = kct_host_pids_are_ours();
	status = kct_census(take, &list);
	list.base_ns = kct_kvmclock_base_ns();
	if (!status && list.failed) {
		kct_error("out of memory");
		status = KCT_EXIT_HOST;
	}
	if (!status)
		show(&list);
	tdestroy(list.named, leave_row);
	tdestroy(list.rows, free);
	return status;
}
