// SPDX-License-Identifier: GPL-2.0
/* A migration as JSON: every field is always there, null where it is not available. */
#include "base/json.h"
#include "model/names.h"
#include "record/writer.h"
#include "show/figure.h"
#include "show/migration.h"

static json_t *ns_json(const struct kct_ns *ns)
{
	return ns->known ? json_integer((json_int_t)ns->ns) : json_null();
}

static json_t *end_json(const struct kct_end *end)
{
	const struct kct_vm *vm = end->vm;

	json_t *object =
		json_pack("{s:o, s:o, s:I, s:o, s:o}", "path", kct_json_text(end->path), "host",
			  kct_json_host(&end->recording->header), "vm", (json_int_t)vm->number,
			  "name", kct_json_text(vm->name.name), "pid",
			  kct_vm_has_pid(vm) ? json_integer(vm->info.pid) : json_null());

	kct_json_set_identity(object, &vm->name);
	json_object_set_new(object, "passed_over", kct_json_passed(&vm->passed));
	return object;
}

static json_t *instant_json(const struct kct_end *end, const struct kct_instant *instant)
{
	if (!instant->known)
		return json_null();
	return json_pack("{s:o, s:o, s:b}", "boot_ns", kct_json_u64(instant->boot_ns),
			 "realtime_ns",
			 kct_json_u64(kct_realtime_of_boot(&end->side.clocks, instant->boot_ns)),
			 "derived", instant->derived);
}

static json_t *timeline_json(const struct kct_migration_view *view)
{
	const struct kct_migration *m = view->migration;

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "tsc_saved_first",
			 instant_json(&view->source, &m->saved_first), "tsc_saved_last",
			 instant_json(&view->source, &m->saved_last), "clock_read",
			 instant_json(&view->source, &m->read), "tsc_written_first",
			 instant_json(&view->target, &m->written_first), "tsc_written_last",
			 instant_json(&view->target, &m->written_last), "clock_set",
			 instant_json(&view->target, &m->set), "ran",
			 instant_json(&view->target, &m->ran));
}

static void add_steps(json_t *array, const char *side, const struct kct_shown_step *steps,
		      size_t count)
{
	for (size_t i = 0; i < count; i++)
		json_array_append_new(
			array, json_pack("{s:s, s:s, s:I, s:b, s:b, s:o, s:o}", "side", side,
					 "ioctl", kct_ioctl_names[steps[i].step.ioctl], "count",
					 (json_int_t)steps[i].step.count, "realtime",
					 steps[i].step.realtime, "derived", steps[i].derived,
					 "first_boot_ns", kct_json_u64(steps[i].step.first_ns),
					 "last_boot_ns", kct_json_u64(steps[i].step.last_ns)));
}

static json_t *steps_json(const struct kct_migration *m)
{
	struct kct_shown_step steps[KCT_MAX_SHOWN_STEPS];
	json_t *array = json_array();
	size_t count = kct_source_steps(m, steps);

	add_steps(array, "source", steps, count);
	count = kct_target_steps(m, steps);
	add_steps(array, "target", steps, count);
	return array;
}

static json_t *later_json(const struct kct_migration *m, const struct kct_vcpu_migration *v)
{
	json_t *later = json_object();
	json_t *drift = json_pack("{s:I, s:I, s:I, s:I}", "total", (json_int_t)v->later.total,
				  "max_forward", (json_int_t)v->later.max_forward, "max_backward",
				  (json_int_t)v->later.max_backward, "set_clock",
				  (json_int_t)v->later.set_clock);

	kct_json_set_u64(later, "pvti_moved", v->later_moved);
	json_object_set_new(later, "drift_ns", drift);
	kct_figure_set_bool(later, m->shown, KCT_FIGURE_TSC_REWRITTEN, v->rewritten);
	return later;
}

static json_t *vcpu_json(const struct kct_migration *m, const struct kct_vcpu_migration *v)
{
	return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id",
			 (json_int_t)v->id, "t1_ns", ns_json(&v->t1), "t2_ns", ns_json(&v->t2),
			 "predicted_ns", ns_json(&v->predicted), "observed_ns",
			 ns_json(&v->observed), "by_updates_ns", ns_json(&v->by_updates),
			 "by_rate_ns", ns_json(&v->by_rate), "unexplained_ns",
			 ns_json(&v->unexplained), "tsc_advance_ns", ns_json(&v->tsc_advance),
			 "unnecessary", m->doubted ? json_null() : kct_json_u64(v->unnecessary),
			 "later", m->doubted ? json_null() : later_json(m, v), "why",
			 kct_json_text(v->why));
}

static json_t *vcpus_json(const struct kct_migration *m)
{
	json_t *array = json_array();

	for (size_t i = 0; i < m->nr_vcpus; i++)
		json_array_append_new(array, vcpu_json(m, &m->vcpus[i]));
	return array;
}

static json_t *advice_json(const struct kct_migration *m)
{
	const char *advice[KCT_MAX_ADVICE];
	size_t count = kct_advise(m, advice);
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_string(advice[i]));
	return array;
}

/* Two recordings of which one does not tell its boot may be of one host all the same. */
static json_t *same_host_json(const struct kct_migration_view *view)
{
	const struct kct_recording *source = view->source.recording;
	const struct kct_recording *target = view->target.recording;

	if (source != target && (!*source->header.boot_id || !*target->header.boot_id))
		return json_null();
	return json_boolean(view->migration->same_host);
}

static const char *obtained(bool observed, bool known)
{
	return observed ? "observed" : known ? "derived" : NULL;
}

json_t *kct_migration_json(const struct kct_migration_view *view)
{
	const struct kct_migration *m = view->migration;
	const struct kct_vcpu_migration none = {0}, *first = m->nr_vcpus ? &m->vcpus[0] : &none;
	struct kct_ns unexplained = kct_largest_unexplained(m), lost = kct_clock_lost(m);
	json_t *object = json_pack(
		"{s:s, s:i, s:b, s:o, s:o, s:o, s:o}", "schema", KCT_MIGRATION_SCHEMA, "version",
		KCT_MIGRATION_VERSION, "complete", view->incomplete == NULL, "incomplete_why",
		kct_json_text(view->incomplete), "source", end_json(&view->source), "target",
		end_json(&view->target), "same_host", same_host_json(view));

	json_object_set_new(object, "tsc_saved",
			    kct_json_text(obtained(m->tsc_saved, m->saved_first.known)));
	json_object_set_new(object, "clock_saved",
			    kct_json_text(obtained(m->clock_saved, m->read.known)));
	json_object_set_new(object, "timeline", timeline_json(view));
	json_object_set_new(object, "between_error_ns", ns_json(&m->between_error));
	json_object_set_new(object, "t1_ns", ns_json(&first->t1));
	json_object_set_new(object, "t2_ns", ns_json(&first->t2));
	json_object_set_new(object, "predicted_ns", ns_json(&first->predicted));
	json_object_set_new(object, "unexplained_ns", ns_json(&unexplained));
	json_object_set_new(object, "clock_advance_ns", ns_json(&m->clock_advance));
	json_object_set_new(object, "blackout_ns", ns_json(&m->blackout));
	json_object_set_new(object, "clock_lost_ns", ns_json(&lost));
	json_object_set_new(object, "downtime_ns", ns_json(&m->downtime));
	json_object_set_new(
		object, "vmm_pattern",
		kct_json_text(kct_pattern_is_known(m) ? kct_pattern_names[m->pattern] : NULL));
	json_object_set_new(object, "vmm_sequence",
			    kct_figure_is_shown(m->shown, KCT_FIGURE_VMM_STEPS) ? steps_json(m)
										: json_null());
	json_object_set_new(object, "other_frequency",
			    m->other_frequency == KCT_NOT_KNOWN
				    ? json_null()
				    : json_boolean(m->other_frequency == KCT_YES));
	kct_figure_set_bool(object, m->doubted ? 0 : m->shown, KCT_FIGURE_TSC_NOT_IN_FORCE,
			    m->tsc_not_in_force);
	json_object_set_new(object, "unpaired_vcpus", json_integer((json_int_t)m->nr_unpaired));
	json_object_set_new(object, "vcpus", vcpus_json(m));
	json_object_set_new(object, "advice", advice_json(m));
	json_object_set_new(object, "savings_ns",
			    view->savings ? kct_savings_json(view->savings) : json_null());
	return object;
}

void kct_show_migration_json(FILE *out, const struct kct_migration_view *view)
{
	kct_json_print(out, kct_migration_json(view));
}
