// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/duration.h"
#include "base/json.h"
#include "base/text.h"
#include "record/writer.h"
#include "show/migrations.h"
#include "show/report.h"

#define ROW	     "%-23s %s %s %s %11s %14s %14s %8s %6s %14s %10s %s\n"
#define NUMBER_SIZE  24
#define NAME_COLUMNS 20
#define HOST_COLUMNS 14

static const char *column(char room[KCT_COLUMN_ROOM(NAME_COLUMNS)], const char *text, size_t size)
{
	return kct_text_column(room, text, size);
}

void kct_show_migrations_head(FILE *out)
{
	char c[3][KCT_COLUMN_ROOM(NAME_COLUMNS)];

	fprintf(out, ROW, "WHEN (UTC)", column(c[0], "VM", NAME_COLUMNS),
		column(c[1], "FROM", HOST_COLUMNS), column(c[2], "TO", HOST_COLUMNS), "DOWN ms",
		"PREDICTED ns", "OBSERVED ns", "REST ns", "UNNEC", "BY ORDER ns", "BY SNAP ns",
		"VERDICT");
}

void kct_show_migrations_legend(FILE *out)
{
	fputs("\nPREDICTED, OBSERVED: the drift of the kvm-clock, of the first vCPU; + is forward. "
	      "REST: of OBSERVED, what is\nnot explained, of the vCPU that is furthest from 0. "
	      "UNNEC: unnecessary snapshots until all vCPUs ran.\nBY ORDER: what a VMM avoids that "
	      "carries the TSC over by its offset and sets the clock with KVM_CLOCK_REALTIME;\n"
	      "BY SNAP: what a kernel avoids that takes no unnecessary snapshots. ?: not known.\n",
	      out);
}

static const char *when(char text[32], uint64_t realtime_ns)
{
	time_t s = (time_t)(realtime_ns / KCT_NS_PER_S);
	struct tm tm;
	size_t used;

	if (!gmtime_r(&s, &tm) || !(used = strftime(text, 32, "%Y-%m-%dT%H:%M:%S", &tm)))
		return "?";
	snprintf(text + used, 32 - used, ".%03u", (unsigned)(realtime_ns % KCT_NS_PER_S / 1000000));
	return text;
}

static const char *ns_text(char text[NUMBER_SIZE], const struct kct_ns *ns)
{
	if (!ns->known)
		return "?";
	snprintf(text, NUMBER_SIZE, "%+" PRId64, ns->ns);
	return text;
}

static const char *ms_text(char text[NUMBER_SIZE], const struct kct_ns *ns)
{
	if (!ns->known)
		return "?";
	snprintf(text, NUMBER_SIZE, "%.3f", (double)ns->ns / 1000000);
	return text;
}

static uint64_t unnecessary(const struct kct_migration *m)
{
	uint64_t most = 0;

	for (size_t i = 0; i < m->nr_vcpus; i++)
		if (m->vcpus[i].unnecessary > most)
			most = m->vcpus[i].unnecessary;
	return most;
}

/* What a VMM avoids is what its order explains; where it asked for it, there is nothing to avoid.
 */
static struct kct_ns by_order(const struct kct_migration *m)
{
	return m->nr_vcpus ? m->vcpus[0].predicted : (struct kct_ns){0};
}

static struct kct_ns by_snapshots(const struct kct_migration *m)
{
	struct kct_ns most = {0};

	for (size_t i = 0; i < m->nr_vcpus; i++) {
		const struct kct_ns *one = &m->vcpus[i].by_updates;

		if (one->known && (!most.known || llabs(one->ns) > llabs(most.ns)))
			most = *one;
	}
	return most;
}

static const char *host_of(const struct kct_end *end)
{
	return end && *end->recording->header.host ? end->recording->header.host : "?";
}

void kct_show_migrations_row(FILE *out, const struct kct_migrations_row *row)
{
	static const struct kct_migration none;
	const struct kct_migration *m = row->view ? row->view->migration : &none;
	const struct kct_vcpu_migration unknown = {0}, *first = m->nr_vcpus ? m->vcpus : &unknown;
	struct kct_ns rest = kct_largest_unexplained(m), order = by_order(m);
	struct kct_ns snapshots = by_snapshots(m);
	char n[7][NUMBER_SIZE], c[3][KCT_COLUMN_ROOM(NAME_COLUMNS)], name[KCT_VM_LABEL_SIZE], t[32];

	kct_show_name(name, sizeof(name), row->target->vm);
	snprintf(n[0], NUMBER_SIZE, "%" PRIu64, unnecessary(m));
	fprintf(out, ROW, when(t, row->realtime_ns), column(c[0], name, NAME_COLUMNS),
		column(c[1], row->resumed ? "(resumed)" : host_of(row->source), HOST_COLUMNS),
		column(c[2], host_of(row->target), HOST_COLUMNS), ms_text(n[1], &m->downtime),
		ns_text(n[2], &first->predicted), ns_text(n[3], &first->observed),
		ns_text(n[4], &rest), row->view && !m->doubted ? n[0] : "?", ns_text(n[5], &order),
		ns_text(n[6], &snapshots), *row->verdict ? row->verdict : "?");
	if (row->why)
		fprintf(out, "%23s %s\n", "", row->why);
}

void kct_show_migrations_json(FILE *out, const struct kct_migrations_row *row)
{
	const struct kct_vm *vm = row->target->vm;
	json_t *object = json_pack(
		"{s:s, s:i, s:o, s:o, s:o, s:o, s:b, s:o, s:o}", "schema", KCT_MIGRATIONS_SCHEMA,
		"version", KCT_MIGRATIONS_VERSION, "set_realtime_ns",
		kct_json_u64(row->realtime_ns), "name", kct_json_text(vm->name.name), "from",
		row->source ? kct_json_text(row->source->recording->header.host) : json_null(),
		"to", kct_json_text(row->target->recording->header.host), "resumed", row->resumed,
		"verdict", kct_json_text(row->verdict), "recording", kct_json_text(row->pinned));

	kct_json_set_identity(object, &vm->name);
	json_object_set_new(object, "why", kct_json_text(row->why));
	json_object_set_new(object, "migration",
			    row->view ? kct_migration_json(row->view) : json_null());
	kct_json_print(out, object);
}
