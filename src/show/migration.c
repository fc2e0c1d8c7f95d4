// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "model/names.h"
#include "show/migration.h"
#include "show/report.h"

/* ---- words ---- */

struct text {
	char text[32];
};

static const char *ns_text(struct text *to, const struct kct_ns *ns)
{
	if (ns->known)
		snprintf(to->text, sizeof(to->text), "%+" PRId64, ns->ns);
	else
		strcpy(to->text, "?");
	return to->text;
}

static void show_end(FILE *out, const char *which, const struct kct_end *end)
{
	const struct kct_header *header = &end->recording->header;
	char name[KCT_VM_LABEL_SIZE], pid[16] = "?";

	kct_show_name(name, sizeof(name), end->vm);
	if (kct_vm_has_pid(end->vm))
		snprintf(pid, sizeof(pid), "%" PRIu32, end->vm->info.pid);
	fprintf(out, "%s %s (VM %" PRIu32 ", %s pid %s) on %s, kernel %s, in %s\n", which, name,
		end->vm->number, *end->vm->name.vmm ? end->vm->name.vmm : "?", pid,
		*header->host ? header->host : "?", *header->kernel ? header->kernel : "?",
		end->path);
}

/* ---- timeline ---- */

/* The first instant of the source that is known: what the timeline begins with. */
static const struct kct_instant *origin(const struct kct_migration *m)
{
	return m->saved_first.known ? &m->saved_first : &m->read;
}

static double since_origin(const struct kct_migration_view *view, const struct kct_end *end,
			   const struct kct_instant *instant)
{
	const struct kct_migration *m = view->migration;
	struct kct_ns ns;

	if (end == &view->source)
		return (double)(int64_t)(instant->boot_ns - origin(m)->boot_ns) / KCT_NS_PER_S;
	ns = kct_between(m, &view->source.side, origin(m), &view->target.side, instant);
	return (double)ns.ns / KCT_NS_PER_S;
}

static void show_instant(FILE *out, const struct kct_migration_view *view,
			 const struct kct_end *end, const char *label, const char *what,
			 const struct kct_instant *first, const struct kct_instant *last)
{
	fprintf(out, "  %-3s %-36s ", label, what);
	if (!first->known || !origin(view->migration)->known) {
		fputs("?\n", out);
		return;
	}
	fprintf(out, "%+16.9f s", since_origin(view, end, first));
	if (last->boot_ns != first->boot_ns)
		fprintf(out, " to %+.9f s", since_origin(view, end, last));
	fputs(first->derived ? " (derived)\n" : "\n", out);
}

static void show_timeline(FILE *out, const struct kct_migration_view *view)
{
	const struct kct_migration *m = view->migration;
	const struct kct_end *from = &view->source, *to = &view->target;

	fputs("\nTIMELINE\n", out);
	show_instant(out, view, from, "P1", "the guest TSC is saved", &m->saved_first,
		     &m->saved_last);
	show_instant(out, view, from, "P2", "the clock is read", &m->read, &m->read);
	show_instant(out, view, to, "P3", "the guest TSC is written", &m->written_first,
		     &m->written_last);
	show_instant(out, view, to, "P4", "the clock is set", &m->set, &m->set);
	show_instant(out, view, to, "", "the guest runs", &m->ran, &m->ran);
	if (m->same_host)
		return;
	if (m->between_error.known)
		fprintf(out, "  two hosts: P3 and what follows may be off by %.6f s against P1\n",
			(double)m->between_error.ns / KCT_NS_PER_S);
	else
		fputs("  two hosts, and not both wall clocks are synchronised: P3 and what follows "
		      "may be off by anything against P1\n",
		      out);
}

static void show_step(FILE *out, const struct kct_shown_step *shown)
{
	const struct kct_step *step = &shown->step;

	fprintf(out, " %s", kct_ioctl_names[step->ioctl]);
	if (step->realtime)
		fputs(" with realtime", out);
	if (step->count > 1)
		fprintf(out, " x%" PRIu32, step->count);
	if (shown->derived)
		fputs(" (derived)", out);
}

static void show_steps(FILE *out, const char *side, const struct kct_shown_step *steps,
		       size_t count)
{
	fprintf(out, "  %s ", side);
	for (size_t i = 0; i < count; i++) {
		fputs(i ? "," : "", out);
		show_step(out, &steps[i]);
	}
	fputs(count ? "\n" : " nothing was seen\n", out);
}

static void show_pattern(FILE *out, const struct kct_migration *m)
{
	if (!kct_pattern_is_known(m)) {
		fprintf(out, "\nVMM: ? (%s)\n",
			m->doubted ? "events are missing"
				   : "there was no hook that shows TSC writes on the target");
		return;
	}
	fprintf(out, "\nVMM: %s", kct_pattern_names[m->pattern]);
	if (m->pattern == KCT_PATTERN_CLASSIC &&
	    !kct_figure_is_shown(m->shown, KCT_FIGURE_VMM_PAUSED))
		fputs(" (or firecracker: whether the guest was told of the pause, no hook shows)",
		      out);
	fputc('\n', out);
}

static void show_vmm(FILE *out, const struct kct_migration *m)
{
	struct kct_shown_step steps[KCT_MAX_SHOWN_STEPS];
	size_t count;

	show_pattern(out, m);
	count = kct_source_steps(m, steps);
	show_steps(out, "source", steps, count);
	count = kct_target_steps(m, steps);
	show_steps(out, "target", steps, count);
	if (!kct_figure_is_shown(m->shown, KCT_FIGURE_VMM_STEPS))
		fputs("  target ? TSC writes\n", out);
}

/* ---- drift ---- */

static void show_later(FILE *out, const struct kct_migration *m, const struct kct_vcpu_migration *v)
{
	if (m->doubted)
		fprintf(out, " %6s %10s", "?", "?");
	else
		fprintf(out, " %6" PRIu64 " %10" PRId64, v->later_moved,
			kct_drift_unasked(&v->later));
	if (!m->doubted && v->later.set_clock)
		fprintf(out, ", and %+" PRId64 " that KVM_SET_CLOCK asked for",
			(int64_t)v->later.set_clock);
	if (!m->doubted && !kct_figure_is_shown(m->shown, KCT_FIGURE_TSC_REWRITTEN))
		fputs(" (if its TSC was not written again)", out);
	else if (!m->doubted && v->rewritten)
		fputs(" (and its TSC was written again)", out);
	fputc('\n', out);
}

static void show_vcpu(FILE *out, const struct kct_migration *m, const struct kct_vcpu_migration *v)
{
	struct text t[7];

	fprintf(out, "  %4" PRIu32 " %15s %15s %15s %15s %10s %10s %8s", v->id,
		ns_text(&t[0], &v->t1), ns_text(&t[1], &v->t2), ns_text(&t[2], &v->predicted),
		ns_text(&t[3], &v->observed), ns_text(&t[4], &v->by_updates),
		ns_text(&t[5], &v->by_rate), ns_text(&t[6], &v->unexplained));
	show_later(out, m, v);
	if (v->why)
		fprintf(out, "       %s\n", v->why);
}

static void show_drift(FILE *out, const struct kct_migration *m)
{
	fprintf(out,
		"\nDRIFT (ns; + is a jump forward)\n  %4s %15s %15s %15s %15s %10s %10s %8s %6s "
		"%10s\n",
		"vCPU", "T1", "T2", "PREDICTED", "OBSERVED", "UPDATES", "RATE", "REST", "LATER",
		"ns");
	for (size_t i = 0; i < m->nr_vcpus; i++)
		show_vcpu(out, m, &m->vcpus[i]);
	if (m->nr_unpaired)
		fprintf(out, "  %zu vCPUs are on one side only\n", m->nr_unpaired);
	if (m->by_line)
		fputs("  PREDICTED: the line that KVM_SET_CLOCK_GUEST asked for against the "
		      "source's last PVTI, at P4.\n",
		      out);
	else
		fprintf(out,
			"  T1: P1 to P2, by %s and %s. T2: the guest TSC from P1 to P4.\n"
			"  PREDICTED: T1 - T2%s.\n",
			m->tsc_saved ? "the TSCs that were saved" : "the TSCs that were written",
			m->clock_saved ? "the clock that was read" : "the clock that was set",
			m->realtime ? " and what KVM_CLOCK_REALTIME added" : "");
	fputs("  OBSERVED: the target's first stable PVTI against the source's last.\n"
	      "  Of OBSERVED - PREDICTED: UPDATES, unnecessary ones before that PVTI; RATE, "
	      "another "
	      "mul or shift; REST.\n"
	      "  LATER: PVTIs that moved the line after that one, and their drift.\n",
	      out);
	if (m->other_frequency == KCT_YES)
		fputs("  The guest's TSC has another frequency on the target.\n", out);
}

static void show_seconds(FILE *out, const char *what, const struct kct_ns *ns, const char *how)
{
	if (ns->known)
		fprintf(out, "  %-14s %+.9f s  %s\n", what, (double)ns->ns / KCT_NS_PER_S, how);
	else
		fprintf(out, "  %-14s ?  %s\n", what, how);
}

static void show_blackout(FILE *out, const struct kct_migration *m)
{
	const struct kct_ns unknown = {0}, lost = kct_clock_lost(m);

	fputs("\nBLACKOUT\n", out);
	show_seconds(out, "clock stood", &m->blackout, "from P2 to P4");
	show_seconds(out, "accounted", &m->clock_advance, "added to the clock");
	show_seconds(out, "lost", &lost, "by the kvm-clock");
	show_seconds(out, "TSC went on", m->nr_vcpus ? &m->vcpus[0].tsc_advance : &unknown,
		     "longer than from P3 to P4: by its offset, or as it was not set back");
	show_seconds(out, "downtime", &m->downtime, "from P1 until a vCPU ran: at least");
}

static void show_advice(FILE *out, const struct kct_migration *m)
{
	const char *advice[KCT_MAX_ADVICE];
	size_t count = kct_advise(m, advice);

	if (count)
		fputs("\nADVICE\n", out);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "  - %s.\n", advice[i]);
}

void kct_show_migration(FILE *out, const struct kct_migration_view *view)
{
	show_end(out, "from", &view->source);
	show_end(out, "to  ", &view->target);
	if (view->incomplete)
		fprintf(out, "INCOMPLETE: %s: what rests on it is not shown\n", view->incomplete);
	show_timeline(out, view);
	show_vmm(out, view->migration);
	show_drift(out, view->migration);
	show_blackout(out, view->migration);
	show_advice(out, view->migration);
	if (view->savings)
		kct_show_savings(out, view->savings);
}
