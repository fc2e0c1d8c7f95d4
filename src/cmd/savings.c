// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/number.h"
#include "cmd/savings.h"
#include "record/load.h"

/* The target on one kernel, recorded or predicted. */
struct course {
	const struct replays *of;
	uint64_t jumps_ns; /* of its PVTIs since the clock was set, added up without their signs */
	struct kct_histories histories; /* of what is predicted */
	struct kct_whatif *replay;	/* NULL: none */
};

struct replays {
	uint32_t vm;
	uint64_t since_ns; /* boot time of the setting of the clock */
	struct course recorded, predicted[KCT_NR_REMEDIES];
	bool failed;
};

static void count_jump(struct course *course, const union kct_any_event *event)
{
	const struct kct_pvti_event *pvti = &event->pvti;

	if (event->event.kind == KCT_EVENT_PVTI && event->event.vm == course->of->vm &&
	    event->event.ns >= course->of->since_ns && pvti->has_drift && !pvti->clock_set)
		course->jumps_ns += kct_magnitude(pvti->drift_ns);
}

static int on_predicted(void *context, const union kct_any_event *event)
{
	struct course *course = context;

	count_jump(course, event);
	return kct_histories_event(&course->histories, event);
}

static bool on_event(void *context, const union kct_any_event *event,
		     const struct kct_vm_name *name)
{
	struct replays *r = context;

	(void)name;
	count_jump(&r->recorded, event);
	for (int i = 0; i < KCT_NR_REMEDIES; i++)
		if (r->predicted[i].replay && kct_whatif_event(r->predicted[i].replay, event))
			r->failed = true;
	return false; /* no model is wanted of them */
}

static int begin(struct replays *r)
{
	r->recorded.of = r;
	for (int i = 0; i < KCT_NR_REMEDIES; i++) {
		struct course *course = &r->predicted[i];

		kct_histories_init(&course->histories);
		if (i == KCT_REMEDY_QEMU_REALTIME)
			continue;
		course->of = r;
		course->replay = kct_whatif_new(1U << kct_remedy_changes[i], on_predicted, course);
		if (!course->replay)
			return -ENOMEM;
	}
	return 0;
}

/*
 * The jumps, and what the snapshots before the first PVTI moved that: there is no PVTI before it to
 * jump from.
 */
static struct kct_ns moved(const struct course *course, const struct kct_migration *m)
{
	struct kct_ns sum = {.known = m->nr_vcpus};
	uint64_t ns = course->jumps_ns;

	for (size_t i = 0; i < m->nr_vcpus; i++) {
		sum.known &= m->vcpus[i].by_updates.known;
		ns += kct_magnitude(m->vcpus[i].by_updates.ns);
	}
	sum.ns = (int64_t)ns;
	return sum;
}

/* The same on the kernel that is predicted; 0 or -ENOMEM. */
static int foretell(const struct course *course, const struct kct_side *source,
		    const struct kct_side *target, bool same_host, struct kct_ns *ns)
{
	struct kct_side side = *target;
	struct kct_migration m = {0};
	char why[200];
	int error;

	*ns = (struct kct_ns){0};
	side.history = kct_history_of(&course->histories, course->of->vm);
	if (!side.history)
		return 0;
	error = kct_migrate(&m, source, &side, same_host, why, sizeof(why));
	if (error)
		return error == -ENOMEM ? error : 0;
	*ns = moved(course, &m);
	kct_migration_clear(&m);
	return 0;
}

static int compare(struct replays *r, const struct kct_migration *m, const struct kct_side *source,
		   const struct kct_side *target, struct kct_savings *savings)
{
	const struct kct_ns recorded = moved(&r->recorded, m);
	int error = 0;

	for (int i = 0; i < KCT_NR_REMEDIES && !error; i++) {
		struct course *course = &r->predicted[i];
		struct kct_ns predicted = {0};
		const char *why;

		if (!course->replay)
			continue;
		error = kct_whatif_end(course->replay);
		if (!error)
			error = foretell(course, source, target, m->same_host, &predicted);
		if (error || !recorded.known || !predicted.known ||
		    kct_whatif_unknown(course->replay, r->vm, &why) != KCT_ALL_KNOWN)
			continue;
		savings->saved[i] = (struct kct_ns){true, recorded.ns - predicted.ns};
	}
	return error;
}

/* TSC offsets and KVM_CLOCK_REALTIME leave none of the drift that the VMM's steps give. */
static struct kct_ns drift_of_steps(const struct kct_migration *m)
{
	struct kct_ns most = {.known = m->nr_vcpus};

	for (size_t i = 0; i < m->nr_vcpus; i++) {
		int64_t size = (int64_t)kct_magnitude(m->vcpus[i].predicted.ns);

		most.known &= m->vcpus[i].predicted.known;
		most.ns = size > most.ns ? size : most.ns;
	}
	return most.known ? most : (struct kct_ns){0};
}

/* A pipe, or standard input: that nothing more is known of it is no error. */
static bool is_read_once(const char *path)
{
	struct stat status;

	return !strcmp(path, "-") ||
	       (!stat(path, &status) && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode));
}

int kct_find_savings(struct kct_savings *savings, const struct kct_migration *m,
		     const struct kct_side *source, const struct kct_side *target, const char *path,
		     const struct kct_span *span)
{
	struct replays r = {.vm = m->target->number, .since_ns = m->target->set.update.event.ns};
	const struct kct_wanted wanted = {span, on_event, &r, NULL, false};
	int error;

	*savings = (struct kct_savings){0};
	if (m->doubted)
		return 0;
	savings->saved[KCT_REMEDY_QEMU_REALTIME] = drift_of_steps(m);
	error = begin(&r);
	if (!error && kct_load_again(path, &wanted))
		error = r.failed ? -ENOMEM : compare(&r, m, source, target, savings);
	else if (!error && !is_read_once(path))
		error = -EIO;
	for (int i = 0; i < KCT_NR_REMEDIES; i++) {
		kct_whatif_free(r.predicted[i].replay);
		kct_histories_clear(&r.predicted[i].histories);
	}
	return error;
}
