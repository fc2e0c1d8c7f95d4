// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>

#include "base/json.h"
#include "base/text.h"
#include "record/writer.h"
#include "show/report.h"
#include "show/whatif.h"

/* ---- a table ---- */

#define ROW	   "%s %-10s %8s %10s %7s %8s %12s  %s\n"
#define VM_COLUMNS 24

struct number {
	char text[24];
};

static const char *count(struct number *n, bool known, uint64_t value)
{
	if (!known)
		return "?";
	snprintf(n->text, sizeof(n->text), "%" PRIu64, value);
	return n->text;
}

static const char *drift(struct number *n, bool known, int64_t ns)
{
	if (!known)
		return "?";
	snprintf(n->text, sizeof(n->text), ns ? "%+" PRId64 : "%" PRId64, ns);
	return n->text;
}

static void show_foretold(FILE *out, const char *name, const char *which,
			  const struct kct_foretold *f)
{
	char column[KCT_COLUMN_ROOM(VM_COLUMNS)];
	struct number n[5];

	fprintf(out, ROW, kct_text_column(column, name, VM_COLUMNS), which,
		count(&n[0], f->known, f->updates), count(&n[1], f->known, f->snapshots),
		count(&n[2], f->known, f->unnecessary), count(&n[3], f->lines_known, f->pvti_moved),
		drift(&n[4], f->lines_known, f->drift_ns),
		f->known ? kct_verdict_names[f->verdict] : "?");
}

static void show_row(FILE *out, const struct kct_whatif_row *row)
{
	char name[KCT_VM_LABEL_SIZE] = "all";

	if (row->vm)
		kct_show_name(name, sizeof(name), row->vm);
	show_foretold(out, name, "recorded", &row->recorded);
	show_foretold(out, "", "predicted", &row->predicted);
	if (row->recorded.verdict_why)
		fprintf(out, "    recorded: %s\n", row->recorded.verdict_why);
	if (row->why)
		fprintf(out, "    predicted: %s\n", row->why);
	else if (row->predicted.known && row->predicted.verdict_why)
		fprintf(out, "    predicted: %s\n", row->predicted.verdict_why);
}

void kct_show_whatif(FILE *out, const struct kct_whatif_view *view)
{
	char column[KCT_COLUMN_ROOM(VM_COLUMNS)];

	fprintf(out, "%s, kernel %s, with", view->path, view->header->kernel);
	for (int i = 0; i < KCT_NR_CHANGES; i++)
		if (view->changes >> i & 1)
			fprintf(out, " %s", kct_change_names[i]);
	fputs("\n\n", out);
	fprintf(out, ROW, kct_text_column(column, "VM", VM_COLUMNS), "", "UPDATES", "SNAPSHOTS",
		"UNNEC", "MOVED", "DRIFT ns", "VERDICT");
	for (size_t i = 0; i < view->nr_rows; i++)
		show_row(out, &view->rows[i]);
	fputs("\nSNAPSHOTS: updates that left the masterclock on, with a new snapshot. MOVED, "
	      "DRIFT: of the PVTIs\nsince the clock was set, without what that asked for; + is a "
	      "jump forward. ?: cannot be known.\n",
	      out);
	if (view->incomplete)
		fprintf(out, "INCOMPLETE: %s\n", view->incomplete);
}

/* ---- JSON ---- */

static json_t *foretold_json(const struct kct_foretold *f)
{
	json_t *(*number)(uint64_t value) = kct_json_u64;

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "updates",
			 f->known ? number(f->updates) : json_null(), "snapshots",
			 f->known ? number(f->snapshots) : json_null(), "unnecessary",
			 f->known ? number(f->unnecessary) : json_null(), "pvti_moved",
			 f->lines_known ? number(f->pvti_moved) : json_null(), "drift_ns",
			 f->lines_known ? json_integer((json_int_t)f->drift_ns) : json_null(),
			 "verdict",
			 f->known ? json_string(kct_verdict_names[f->verdict]) : json_null());
}

static const char *why(const struct kct_whatif_row *row)
{
	return row->why ? row->why : row->predicted.verdict_why;
}

static json_t *vm_json(const struct kct_whatif_row *row)
{
	char name[KCT_VM_LABEL_SIZE];

	kct_show_name(name, sizeof(name), row->vm);
	return json_pack("{s:I, s:s, s:o, s:o, s:o}", "number", (json_int_t)row->vm->number, "name",
			 *row->vm->name.name ? row->vm->name.name : name, "as_recorded",
			 foretold_json(&row->recorded), "predicted", foretold_json(&row->predicted),
			 "why", kct_json_text(why(row)));
}

void kct_show_whatif_json(FILE *out, const struct kct_whatif_view *view)
{
	json_t *changes = json_array(), *vms = json_array();

	for (int i = 0; i < KCT_NR_CHANGES; i++)
		if (view->changes >> i & 1)
			json_array_append_new(changes, json_string(kct_change_names[i]));
	for (size_t i = 1; i < view->nr_rows; i++)
		json_array_append_new(vms, vm_json(&view->rows[i]));
	kct_json_print(out,
		       json_pack("{s:s, s:i, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o}",
				 "schema", KCT_WHATIF_SCHEMA, "version", KCT_WHATIF_VERSION,
				 "recording", kct_json_text(view->path), "host",
				 kct_json_host(view->header), "complete", view->incomplete == NULL,
				 "incomplete_why", kct_json_text(view->incomplete), "changes",
				 changes, "as_recorded", foretold_json(&view->rows[0].recorded),
				 "predicted", foretold_json(&view->rows[0].predicted), "why",
				 kct_json_text(why(&view->rows[0])), "vms", vms));
}
