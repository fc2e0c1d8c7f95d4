// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <string.h>

#include "base/duration.h"
#include "base/text.h"
#include "model/names.h"
#include "show/line.h"
#include "show/off.h"
#include "show/report.h"

static const char *derived(int is)
{
	return is ? " (derived)" : "";
}

static void show_vm(FILE *out, const struct kct_vm_event *e, const struct kct_vm *vm)
{
	fprintf(out, "%s pid %" PRIu32 ", masterclock %s, %s", vm ? vm->name.vmm : "?", e->pid,
		kct_masterclock_names[e->masterclock.active],
		e->created ? "just made" : "ran already");
}

static void show_vcpu(FILE *out, const struct kct_vcpu_event *e)
{
	fprintf(out, "request %s, tsc_offset %" PRId64, e->pending ? "pending" : "not pending",
		(int64_t)e->tsc_offset);
}

static void show_update(FILE *out, const struct kct_update_event *e)
{
	fprintf(out, "%s%s %s", kct_cause_names[e->cause], derived(e->derived),
		kct_effect_names[e->effect]);
	if (e->effect == KCT_EFFECT_RESNAPSHOT)
		fprintf(out, "%s, snapshot moved by %llu ns and %llu cycles",
			e->cause == KCT_CAUSE_VCPU_REQUEST ? " (unnecessary)" : "",
			e->after.kernel_ns - e->before.kernel_ns,
			e->after.cycle_now - e->before.cycle_now);
}

/* Of every update that leaves the masterclock off: why. */
static void show_off(FILE *out, const struct kct_update_event *e, const struct kct_vm *vm)
{
	if (!vm || vm->active != KCT_NO || !e->after.nr_vcpus)
		return;
	fputs(": ", out);
	kct_show_vm_off(out, vm, NULL, KCT_FIGURES_ALL);
}

static void show_pvti(FILE *out, const struct kct_pvti_event *e)
{
	fprintf(out, "tsc_timestamp %llu system_time %llu mul %u shift %d",
		e->new_pvti.tsc_timestamp, e->new_pvti.system_time, e->new_pvti.tsc_to_system_mul,
		e->new_pvti.tsc_shift);
	if (e->has_drift)
		fprintf(out, ", drift %+lld ns%s", e->drift_ns,
			e->clock_set ? " (the clock was set)" : "");
	else
		fputs(e->has_old ? ", rebased: no drift is claimed" : ", the first seen", out);
}

static void show_set_clock(FILE *out, const struct kct_set_clock_event *e)
{
	if (e->has_data)
		fprintf(out, "to %llu ns, flags %u, ", e->clock, e->flags);
	if (e->has_pvti)
		fprintf(out, "to the line of tsc_timestamp %llu system_time %llu, ",
			e->pvti.tsc_timestamp, e->pvti.system_time);
	if (e->nr_pending == KCT_NO_NUMBER)
		fprintf(out, "%u vCPUs", e->nr_vcpus);
	else
		fprintf(out, "%u of %u vCPUs with a request pending", e->nr_pending, e->nr_vcpus);
	if (e->nr_pending_after != KCT_NO_NUMBER)
		fprintf(out, ", %u when it returned", e->nr_pending_after);
}

static void show_tsc_write(FILE *out, const struct kct_tsc_write_event *e)
{
	fprintf(out, "%s, offset %" PRId64 " -> %" PRId64, kct_ioctl_names[e->ioctl],
		(int64_t)e->old_offset, (int64_t)e->new_offset);
	if (e->has_tsc)
		fprintf(out, ", for the guest TSC %llu", e->tsc);
}

static void show_ioctl(FILE *out, const struct kct_ioctl_event *e)
{
	fputs(kct_ioctl_names[e->ioctl], out);
	if (e->has_tsc)
		fprintf(out, " %llu cycles", e->tsc);
	if (e->has_offset)
		fprintf(out, " %lld cycles", (long long)e->tsc_offset);
	if (e->has_clock)
		fprintf(out, " %llu ns, flags %u", e->clock, e->flags);
	if (e->has_pvti)
		fprintf(out, " tsc_timestamp %llu system_time %llu", e->pvti.tsc_timestamp,
			e->pvti.system_time);
	if (e->nr_pending != KCT_NO_NUMBER)
		fprintf(out, ", %u vCPUs with a request pending", e->nr_pending);
}

static void show_tsc_track(FILE *out, const struct kct_tsc_track_event *e)
{
	fprintf(out, "%" PRIu32 " of %" PRIu32 " matched, masterclock %s, request %s",
		e->nr_matched, e->nr_vcpus, kct_masterclock_names[e->masterclock],
		e->pending == KCT_NOT_KNOWN ? "not known"
		: e->pending		    ? "pending"
					    : "not pending");
}

/* Behind the rest of the line, if it was asked for. */
static void show_stack(FILE *out, uint32_t stack, enum kct_stack_note note)
{
	if (note == KCT_STACK_NOT_ASKED)
		return;
	fputs("; stack ", out);
	kct_show_stack(out, stack, note);
}

static void show_details(FILE *out, const union kct_any_event *event, const struct kct_vm *vm)
{
	switch (event->event.kind) {
	case KCT_EVENT_VM:
		show_vm(out, &event->vm, vm);
		break;
	case KCT_EVENT_VCPU:
		show_vcpu(out, &event->vcpu);
		break;
	case KCT_EVENT_UPDATE:
		show_update(out, &event->update);
		show_off(out, &event->update, vm);
		show_stack(out, event->update.stack, event->update.stack_note);
		break;
	case KCT_EVENT_REQUEST:
		fprintf(out, "%s", kct_request_op_names[event->request.op]);
		if (event->request.op == KCT_REQUEST_MADE)
			fprintf(out, " by %s%s", kct_origin_names[event->request.origin],
				derived(event->request.derived));
		show_stack(out, event->request.stack, event->request.stack_note);
		break;
	case KCT_EVENT_PVTI:
		show_pvti(out, &event->pvti);
		break;
	case KCT_EVENT_TSC_WRITE:
		show_tsc_write(out, &event->tsc_write);
		break;
	case KCT_EVENT_TSC_TRACK:
		show_tsc_track(out, &event->tsc_track);
		break;
	case KCT_EVENT_SET_CLOCK:
		show_set_clock(out, &event->set_clock);
		break;
	case KCT_EVENT_IOCTL:
		show_ioctl(out, &event->ioctl);
		break;
	}
}

/* A longer one is shown whole. */
#define WHO_COLUMNS 24

void kct_show_line(FILE *out, const union kct_any_event *event, const struct kct_vm *vm,
		   uint64_t started_ns)
{
	double seconds = (double)(int64_t)(event->event.ns - started_ns) / KCT_NS_PER_S;
	char time[32];

	snprintf(time, sizeof(time), "%14.9f", seconds);
	kct_show_line_at(out, time, event, vm);
}

void kct_show_line_at(FILE *out, const char *time, const union kct_any_event *event,
		      const struct kct_vm *vm)
{
	char name[KCT_VM_LABEL_SIZE] = "-", who[sizeof(name) + 16];
	size_t width;

	if (vm)
		kct_show_name(name, sizeof(name), vm);
	if (event->event.vcpu == KCT_NO_VCPU)
		snprintf(who, sizeof(who), "%s", name);
	else
		snprintf(who, sizeof(who), "%s/%" PRIu32, name, event->event.vcpu);
	width = kct_text_width(who);
	fprintf(out, "%s %7" PRIu32 " %s%*s %-9s ", time, event->event.tid, who,
		width < WHO_COLUMNS ? (int)(WHO_COLUMNS - width) : 0, "",
		kct_event_names[event->event.kind]);
	show_details(out, event, vm);
	fputc('\n', out);
}
