// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "migration/advice.h"

static size_t add_step(struct kct_shown_step *steps, size_t count, struct kct_step step,
		       bool derived)
{
	steps[count] = (struct kct_shown_step){step, derived};
	return count + 1;
}

static size_t copy_steps(struct kct_shown_step *to, size_t count, const struct kct_steps *from)
{
	for (size_t i = 0; i < from->count; i++)
		count = add_step(to, count, from->list[i], false);
	return count;
}

size_t kct_source_steps(const struct kct_migration *m,
			struct kct_shown_step steps[KCT_MAX_SHOWN_STEPS])
{
	const struct kct_history *h = m->source;
	const struct kct_steps *done = h->arrival_ns ? &h->since : &h->before;
	size_t count = 0;

	/* How a VM that was a target itself came there is not a part of its leaving. */
	for (size_t i = 0; i < done->count; i++)
		if (done->list[i].ioctl != KCT_IOCTL_SET_TSC &&
		    done->list[i].ioctl != KCT_IOCTL_SET_TSC_OFFSET)
			count = add_step(steps, count, done->list[i], false);
	if (!m->tsc_saved && m->saved_first.known)
		count = add_step(steps, count,
				 (struct kct_step){.ioctl = KCT_IOCTL_GET_TSC,
						   .count = (uint32_t)m->nr_vcpus,
						   .first_ns = m->saved_first.boot_ns,
						   .last_ns = m->saved_last.boot_ns},
				 true);
	if (!m->clock_saved && m->read.known)
		count = add_step(steps, count,
				 (struct kct_step){.ioctl = KCT_IOCTL_GET_CLOCK,
						   .count = 1,
						   .first_ns = m->read.boot_ns,
						   .last_ns = m->read.boot_ns},
				 true);
	return count;
}

size_t kct_target_steps(const struct kct_migration *m,
			struct kct_shown_step steps[KCT_MAX_SHOWN_STEPS])
{
	return copy_steps(steps, 0, &m->target->before);
}

/* The guest's clock stood still, and nobody put that right. */
static bool lost_time(const struct kct_migration *m)
{
	const int64_t noticed_ns = 1000000;
	const struct kct_ns lost = kct_clock_lost(m);

	return lost.known && lost.ns > noticed_ns;
}

static const char *account_for(const struct kct_migration *m)
{
	if (m->by_line)
		return "the guest's clock stood still over the blackout, with its TSC: what it "
		       "keeps by the kvm-clock is behind by that until NTP steps it; a VMM that "
		       "carries the TSC over by its offset (KVM_VCPU_TSC_OFFSET) accounts for it";
	return "the guest's clock stood still over the blackout: what it keeps by the kvm-clock is "
	       "behind by that until NTP steps it; KVM_CLOCK_REALTIME accounts for it";
}

/* Before a vCPU first ran: what is requested after that has other reasons. */
static bool took_snapshots(const struct kct_migration *m)
{
	for (size_t i = 0; i < m->nr_vcpus; i++)
		if (m->vcpus[i].unnecessary)
			return true;
	return false;
}

/* About the way in which the VMM went about it. */
static size_t advise_vmm(const struct kct_migration *m, const char *advice[KCT_MAX_ADVICE])
{
	bool offsets =
		m->pattern == KCT_PATTERN_OFFSET || m->pattern == KCT_PATTERN_OFFSET_REALTIME ||
		m->pattern == KCT_PATTERN_DOCUMENTED ||
		m->pattern == KCT_PATTERN_CLOUD_HYPERVISOR || m->pattern == KCT_PATTERN_CLOCK_GUEST;
	size_t n = 0;

	if (!kct_pattern_is_known(m))
		return 0;
	if (m->pattern != KCT_PATTERN_OTHER && !offsets)
		advice[n++] = "TSCs and clock were stopped and started one after the other, which "
			      "is the drift T1 - T2: a VMM that carries the TSC over by its offset "
			      "(KVM_VCPU_TSC_OFFSET) and sets the clock with KVM_CLOCK_REALTIME "
			      "avoids it";
	if (m->pattern == KCT_PATTERN_CLOCK_FIRST)
		advice[n++] =
			"the clock was set before the TSCs were written: the snapshot that it "
			"was set with is not the one that the guest runs by";
	if (offsets && !m->realtime && m->pattern != KCT_PATTERN_CLOCK_GUEST)
		advice[n++] = "the TSC goes on over the blackout and the clock does not: set it "
			      "with KVM_CLOCK_REALTIME";
	if (m->realtime && !offsets)
		advice[n++] = "the clock was advanced over the blackout and the TSCs were not: "
			      "write their offsets (KVM_VCPU_TSC_OFFSET) instead";
	return n;
}

size_t kct_advise(const struct kct_migration *m, const char *advice[KCT_MAX_ADVICE])
{
	size_t n = advise_vmm(m, advice);

	if (lost_time(m))
		advice[n++] = account_for(m);
	if (m->tsc_as_created)
		advice[n++] = "KVM took the TSC that was written for an attempt to agree with the "
			      "vCPU's creation, and kept the TSC of that, as the two were less "
			      "than a second apart: so with a guest that has just been started, by "
			      "Linux before 6.7, and by later ones if the VMM had written a TSC of "
			      "0 before";
	else if (m->tsc_not_in_force)
		advice[n++] = "the guest's TSC went on although it was written: this host does not "
			      "apply a written TSC, so the blackout is drift of the clock against "
			      "the TSC";
	if (took_snapshots(m))
		advice[n++] = "the kernel took new snapshots for requests that were still pending "
			      "when the clock had been set: `verify` judges a kernel that has the "
			      "patches against it";
	return n;
}
