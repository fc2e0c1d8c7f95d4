// SPDX-License-Identifier: GPL-2.0
/*
 * Events in, verdict out. Each story of a VM is told by hand: `tell` keeps what one event must know
 * of those before it, so that only what a test breaks is broken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "verdict/verdict.h"

#define VM	 1
#define VCPUS	 8
#define SECOND	 1000000000ULL
#define REALTIME (1700000000 * SECOND)

/* ---- a story ---- */

struct story {
	struct kct_judge *judge;
	uint64_t ns;
	uint32_t vm;
	struct kct_masterclock clock;
	struct kct_pvti pvti[VCPUS];
	bool has_pvti[VCPUS];
};

static struct kct_event head(struct story *s, uint32_t kind, uint32_t vcpu)
{
	s->ns += 1000;
	return (struct kct_event){.ns = s->ns, .vm = s->vm, .vcpu = vcpu, .tid = 42, .kind = kind};
}

static void take(struct story *s, const union kct_any_event *event)
{
	assert_int_equal(kct_judge_event(s->judge, event), 0);
}

static void tell_vm(struct story *s, uint32_t active)
{
	union kct_any_event e = {.vm = {.event = head(s, KCT_EVENT_VM, KCT_NO_VCPU)}};

	s->clock = (struct kct_masterclock){.kernel_ns = 100, .cycle_now = 200, .active = active};
	e.vm.masterclock = s->clock;
	take(s, &e);
}

static void tell_vcpu(struct story *s, uint32_t vcpu, int pending, uint64_t offset)
{
	union kct_any_event e = {.vcpu = {.event = head(s, KCT_EVENT_VCPU, vcpu),
					  .tsc_offset = offset,
					  .pending = (uint8_t)pending}};

	take(s, &e);
}

static void tell_request(struct story *s, uint32_t vcpu, int op)
{
	union kct_any_event e = {.request = {.event = head(s, KCT_EVENT_REQUEST, vcpu),
					     .op = (uint8_t)op,
					     .origin = KCT_ORIGIN_TSC_WRITE}};

	take(s, &e);
}

static void made(struct story *s, uint32_t vcpu)
{
	tell_request(s, vcpu, KCT_REQUEST_MADE);
}

static void cleared(struct story *s, uint32_t vcpu)
{
	tell_request(s, vcpu, KCT_REQUEST_CLEARED);
}

static void tell_update(struct story *s, uint32_t vcpu, int cause, int effect)
{
	union kct_any_event e = {.update = {.event = head(s, KCT_EVENT_UPDATE, vcpu),
					    .before = s->clock,
					    .cause = (uint8_t)cause,
					    .effect = (uint8_t)effect}};

	if (effect == KCT_EFFECT_RESNAPSHOT || effect == KCT_EFFECT_ENABLED) {
		s->clock.kernel_ns += 5000;
		s->clock.cycle_now += 10000;
		s->clock.active = KCT_YES;
	}
	if (effect == KCT_EFFECT_DISABLED)
		s->clock.active = KCT_NO;
	e.update.after = s->clock;
	take(s, &e);
}

static void served(struct story *s, uint32_t vcpu, int effect)
{
	tell_update(s, vcpu, KCT_CAUSE_VCPU_REQUEST, effect);
}

static union kct_any_event set_clock_event(struct story *s, uint32_t pending, uint32_t after)
{
	return (union kct_any_event){
		.set_clock = {.event = head(s, KCT_EVENT_SET_CLOCK, KCT_NO_VCPU),
			      .has_data = 1,
			      .nr_pending = pending,
			      .nr_pending_after = after}};
}

static int setting_effect(const struct story *s)
{
	return s->clock.active == KCT_YES ? KCT_EFFECT_RESNAPSHOT : KCT_EFFECT_ENABLED;
}

/* As older releases recorded KVM_SET_CLOCK with function hooks: its update first, then the call. */
static void clock_set_before(struct story *s, uint32_t pending, uint32_t after)
{
	union kct_any_event e;

	tell_update(s, KCT_NO_VCPU, KCT_CAUSE_SET_CLOCK, setting_effect(s));
	e = set_clock_event(s, pending, after);
	take(s, &e);
}

static void set_returned(struct story *s, int ioctl, uint32_t pending)
{
	union kct_any_event e = {.ioctl = {.event = head(s, KCT_EVENT_IOCTL, KCT_NO_VCPU),
					   .ioctl = (uint8_t)ioctl,
					   .nr_pending = pending}};

	if (pending != KCT_NO_NUMBER)
		take(s, &e);
}

/* What is asked for right before its update, and, where a hook tells, that it returned. */
static void clock_set(struct story *s, uint32_t pending, uint32_t after)
{
	union kct_any_event e = set_clock_event(s, pending, KCT_NO_NUMBER);

	take(s, &e);
	tell_update(s, KCT_NO_VCPU, KCT_CAUSE_SET_CLOCK, setting_effect(s));
	set_returned(s, KCT_IOCTL_SET_CLOCK, after);
}

/* KVM_SET_CLOCK_GUEST of vCPU 0. */
static void clock_set_guest(struct story *s, uint32_t pending, uint32_t after)
{
	union kct_any_event e = {.set_clock = {.event = head(s, KCT_EVENT_SET_CLOCK, 0),
					       .ioctl = KCT_IOCTL_SET_CLOCK_GUEST,
					       .has_pvti = 1,
					       .nr_pending = pending,
					       .nr_pending_after = KCT_NO_NUMBER}};

	take(s, &e);
	tell_update(s, KCT_NO_VCPU, KCT_CAUSE_SET_CLOCK_GUEST, setting_effect(s));
	set_returned(s, KCT_IOCTL_SET_CLOCK_GUEST, after);
}

static void published(struct story *s, uint32_t vcpu, uint64_t system_time, int64_t drift,
		      int clock_set)
{
	union kct_any_event e = {.pvti = {.event = head(s, KCT_EVENT_PVTI, vcpu),
					  .old_pvti = s->pvti[vcpu],
					  .new_pvti = {.tsc_timestamp = 1,
						       .system_time = system_time,
						       .flags = KCT_PVTI_TSC_STABLE},
					  .drift_ns = drift,
					  .has_old = s->has_pvti[vcpu],
					  .has_drift = s->has_pvti[vcpu],
					  .clock_set = (uint8_t)clock_set}};

	s->pvti[vcpu] = e.pvti.new_pvti;
	s->has_pvti[vcpu] = true;
	take(s, &e);
}

static struct story begin(uint32_t active, uint32_t nr_vcpus)
{
	struct story s = {.judge = kct_judge_new(), .ns = SECOND, .vm = VM};

	assert_non_null(s.judge);
	kct_judge_anchor(s.judge, SECOND, REALTIME);
	tell_vm(&s, active);
	for (uint32_t i = 0; i < nr_vcpus; i++)
		tell_vcpu(&s, i, 0, 0);
	return s;
}

static struct kct_judgement end(struct story *s)
{
	struct kct_judgement all = kct_judge_all(s->judge);

	kct_judge_free(s->judge);
	return all;
}

static void check_end(struct story *s, enum kct_verdict verdict)
{
	struct kct_judgement all = end(s);

	assert_string_equal(all.why, "");
	assert_string_equal(kct_verdict_names[all.verdict], kct_verdict_names[verdict]);
}

static void check_doubt(struct story *s, const char *why)
{
	struct kct_judgement all = end(s);

	assert_string_equal(kct_verdict_names[all.verdict], "inconclusive");
	assert_string_equal(all.why, why);
}

/* Requests of four vCPUs wait for the clock to be set. */
static struct story waiting(void)
{
	struct story s = begin(KCT_NO, 4);

	for (uint32_t i = 0; i < 4; i++)
		made(&s, i);
	return s;
}

/* The target of a migration. */
static struct story restored(uint32_t pending_after)
{
	struct story s = waiting();

	clock_set(&s, 4, pending_after);
	return s;
}

/* ---- verdicts ---- */

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(kct_verdict_names[KCT_VERDICT_NOTHING], "nothing-to-suppress");
	assert_string_equal(kct_verdict_names[KCT_VERDICT_SUPPRESSED], "suppressed");
	assert_string_equal(kct_verdict_names[KCT_VERDICT_COALESCED], "coalesced");
	assert_string_equal(kct_verdict_names[KCT_VERDICT_PER_VCPU], "per-vcpu");
	assert_string_equal(kct_verdict_names[KCT_VERDICT_INCONCLUSIVE], "inconclusive");
}

static void check_per_vcpu(struct story s)
{
	struct kct_judgement all;

	for (uint32_t i = 0; i < 4; i++)
		served(&s, i, KCT_EFFECT_RESNAPSHOT);
	all = end(&s);
	assert_int_equal(all.verdict, KCT_VERDICT_PER_VCPU);
	assert_int_equal(all.number, KCT_NO_VM);
	assert_int_equal(all.findings.made, 4);
	assert_int_equal(all.findings.pending_at_set, 4);
	assert_int_equal(all.findings.pending_after_set, 4);
	assert_true(all.findings.after_set_known);
	assert_int_equal(all.findings.judged, 4);
	assert_int_equal(all.findings.served, 4);
	assert_int_equal(all.findings.cleared, 0);
	assert_int_equal(all.findings.unresolved, 0);
	assert_int_equal(all.findings.snapshots, 4);
	assert_int_equal(all.findings.kept, 0);
	assert_int_equal(all.findings.shared, 0);
	assert_int_equal(all.findings.repeated, 3);
	assert_int_equal(all.findings.updates, 5);
	assert_int_equal(all.findings.clock_sets, 1);
}

static void test_per_vcpu(void **state)
{
	struct story s = restored(4);

	(void)state;
	check_per_vcpu(s);
	s = waiting();
	clock_set_before(&s, 4, 4);
	check_per_vcpu(s);
	s = waiting();
	clock_set_guest(&s, 4, 4);
	check_per_vcpu(s);
}

static void test_coalesced(void **state)
{
	struct story s = restored(KCT_NO_NUMBER);
	struct kct_judgement all;

	(void)state;
	served(&s, 2, KCT_EFFECT_RESNAPSHOT);
	served(&s, 0, KCT_EFFECT_SUPPRESSED);
	cleared(&s, 1);
	served(&s, 3, KCT_EFFECT_SUPPRESSED);
	all = end(&s);
	assert_int_equal(all.verdict, KCT_VERDICT_COALESCED);
	assert_false(all.findings.after_set_known);
	assert_int_equal(all.findings.judged, 4);
	assert_int_equal(all.findings.served, 3);
	assert_int_equal(all.findings.cleared, 1);
	assert_int_equal(all.findings.snapshots, 1);
	assert_int_equal(all.findings.kept, 2);
	assert_int_equal(all.findings.shared, 3);
	assert_int_equal(all.findings.repeated, 0);
	/* Two at a time, and one that is alone. */
	s = begin(KCT_YES, 4);
	made(&s, 0);
	made(&s, 1);
	served(&s, 1, KCT_EFFECT_RESNAPSHOT);
	made(&s, 2);
	cleared(&s, 0);
	served(&s, 2, KCT_EFFECT_RESNAPSHOT);
	all = end(&s);
	assert_int_equal(all.verdict, KCT_VERDICT_COALESCED);
	assert_int_equal(all.findings.snapshots, 2);
	assert_int_equal(all.findings.shared, 1);
	assert_int_equal(all.findings.repeated, 0);
}

/* What a kernel may make of each of three requests that are pending at once, in every way. */
enum fate { SNAPSHOT, KEPT, CLEARED, NR_FATES };

static void meet(struct story *s, uint32_t vcpu, enum fate fate)
{
	if (fate == CLEARED)
		cleared(s, vcpu);
	else
		served(s, vcpu, fate == KEPT ? KCT_EFFECT_SUPPRESSED : KCT_EFFECT_RESNAPSHOT);
}

static enum kct_verdict verdict_of(const enum fate fates[3])
{
	int snapshots = (fates[0] == SNAPSHOT) + (fates[1] == SNAPSHOT) + (fates[2] == SNAPSHOT);

	if (!snapshots)
		return KCT_VERDICT_SUPPRESSED;
	/* One for all: the others come to it when it is there. */
	if (snapshots == 1 && fates[2] != SNAPSHOT)
		return KCT_VERDICT_COALESCED;
	return KCT_VERDICT_PER_VCPU;
}

static void test_every_fate(void **state)
{
	(void)state;
	for (int i = 0; i < NR_FATES * NR_FATES * NR_FATES; i++) {
		const enum fate fates[3] = {i % NR_FATES, i / NR_FATES % NR_FATES,
					    i / NR_FATES / NR_FATES};
		struct story s = begin(KCT_YES, 3);

		for (uint32_t vcpu = 0; vcpu < 3; vcpu++)
			made(&s, vcpu);
		for (uint32_t vcpu = 0; vcpu < 3; vcpu++)
			meet(&s, vcpu, fates[vcpu]);
		check_end(&s, verdict_of(fates));
	}
}

/* Cleared when the clock was set is one story, what takes a snapshot later another one. */
static void test_two_stories(void **state)
{
	struct story s = restored(0);
	struct kct_judgement all;

	(void)state;
	for (uint32_t i = 0; i < 4; i++) {
		cleared(&s, i);
		if (i)
			made(&s, i);
	}
	for (uint32_t i = 1; i < 4; i++)
		served(&s, i, KCT_EFFECT_RESNAPSHOT);
	all = end(&s);
	assert_int_equal(all.verdict, KCT_VERDICT_PER_VCPU);
	assert_int_equal(all.findings.judged, 7);
	assert_int_equal(all.findings.cleared, 4);
	assert_int_equal(all.findings.snapshots, 3);
	assert_int_equal(all.findings.shared, 0);
	/* And with a snapshot for the three. */
	s = restored(0);
	for (uint32_t i = 0; i < 4; i++) {
		cleared(&s, i);
		if (i)
			made(&s, i);
	}
	served(&s, 2, KCT_EFFECT_RESNAPSHOT);
	cleared(&s, 1);
	cleared(&s, 3);
	all = end(&s);
	assert_int_equal(all.verdict, KCT_VERDICT_COALESCED);
	assert_int_equal(all.findings.cleared, 6);
	assert_int_equal(all.findings.shared, 2);
	/* One that comes alone afterwards. */
	s = restored(0);
	for (uint32_t i = 0; i < 4; i++)
		cleared(&s, i);
	made(&s, 0);
	served(&s, 0, KCT_EFFECT_RESNAPSHOT);
	check_end(&s, KCT_VERDICT_PER_VCPU);
}

/* A kernel that clears the requests before the update of the setting: it finds none pending. */
static void test_cleared_before_update(void **state)
{
	struct story s = waiting();
	struct kct_judgement all;

	(void)state;
	clock_set(&s, 0, KCT_NO_NUMBER);
	for (uint32_t i = 0; i < 4; i++)
		cleared(&s, i);
	all = end(&s);
	assert_string_equal(all.why, "");
	assert_int_equal(all.verdict, KCT_VERDICT_SUPPRESSED);
	assert_int_equal(all.findings.pending_at_set, 4);
	assert_int_equal(all.findings.cleared, 4);
	/* A guest that never runs does not tell of it. */
	s = waiting();
	clock_set(&s, 0, KCT_NO_NUMBER);
	all = end(&s);
	assert_string_equal(all.why, "");
	assert_int_equal(all.verdict, KCT_VERDICT_SUPPRESSED);
	assert_int_equal(all.findings.cleared, 4);
	assert_int_equal(all.findings.unresolved, 0);
	/* But where they were still pending, nobody knows. */
	s = restored(KCT_NO_NUMBER);
	check_doubt(&s, "4 requests were still pending at the end");
	s = restored(4);
	check_doubt(&s, "4 requests were still pending at the end");
	/* After the update, before the ioctl returns. */
	s = restored(0);
	check_end(&s, KCT_VERDICT_SUPPRESSED);
	/* One is made anew before its vCPU comes by, and takes a snapshot. */
	s = waiting();
	clock_set(&s, 0, KCT_NO_NUMBER);
	made(&s, 3);
	served(&s, 3, KCT_EFFECT_RESNAPSHOT);
	all = end(&s);
	assert_int_equal(all.verdict, KCT_VERDICT_PER_VCPU);
	assert_int_equal(all.findings.cleared, 4);
	assert_int_equal(all.findings.snapshots, 1);
	assert_int_equal(all.findings.shared, 0);
}

/* Of a guest that runs: a vCPU has taken its bit and waits for the lock, so its update is to come.
 */
static void test_served_after_update(void **state)
{
	struct story s = waiting();
	struct kct_judgement all;

	(void)state;
	clock_set(&s, 0, KCT_NO_NUMBER);
	served(&s, 2, KCT_EFFECT_RESNAPSHOT);
	for (uint32_t i = 0; i < 4; i++)
		if (i != 2)
			cleared(&s, i);
	all = end(&s);
	assert_string_equal(all.why, "");
	assert_int_equal(all.verdict, KCT_VERDICT_PER_VCPU);
	assert_int_equal(all.findings.served, 1);
	assert_int_equal(all.findings.cleared, 3);
	assert_int_equal(all.findings.shared, 0);
	/* Some of them: who, is only told by what comes. */
	s = waiting();
	clock_set(&s, 2, KCT_NO_NUMBER);
	for (uint32_t i = 0; i < 4; i++)
		served(&s, i, KCT_EFFECT_RESNAPSHOT);
	check_end(&s, KCT_VERDICT_PER_VCPU);
	s = waiting();
	clock_set(&s, 2, KCT_NO_NUMBER);
	served(&s, 1, KCT_EFFECT_RESNAPSHOT);
	check_doubt(&s, "3 requests were still pending at the end");
}

/* KVM_SET_CLOCK, and KVM_SET_CLOCK_GUEST to make it exact: the same requests wait at both. */
static void test_set_twice(void **state)
{
	struct story s = restored(4);
	struct kct_judgement all;

	(void)state;
	clock_set_guest(&s, 4, 4);
	for (uint32_t i = 0; i < 4; i++)
		served(&s, i, KCT_EFFECT_RESNAPSHOT);
	all = end(&s);
	assert_string_equal(all.why, "");
	assert_int_equal(all.verdict, KCT_VERDICT_PER_VCPU);
	assert_int_equal(all.findings.pending_at_set, 4);
	assert_int_equal(all.findings.pending_after_set, 4);
	assert_int_equal(all.findings.clock_sets, 2);
	/* Cleared by the second one. */
	s = restored(4);
	clock_set_guest(&s, 4, 0);
	all = end(&s);
	assert_int_equal(all.verdict, KCT_VERDICT_SUPPRESSED);
	assert_int_equal(all.findings.pending_at_set, 4);
	assert_int_equal(all.findings.pending_after_set, 0);
	/* With the guest running in between they are two. */
	s = restored(4);
	for (uint32_t i = 0; i < 4; i++)
		served(&s, i, KCT_EFFECT_RESNAPSHOT);
	published(&s, 0, 1000, 0, 1);
	made(&s, 0);
	clock_set_guest(&s, 1, 1);
	served(&s, 0, KCT_EFFECT_RESNAPSHOT);
	all = end(&s);
	assert_int_equal(all.findings.pending_at_set, 5);
	assert_int_equal(all.findings.pending_after_set, 5);
}

/* What was asked for is told when the ioctl returns: a vCPU has served its request by then. */
static void test_served_before_told(void **state)
{
	struct story s = waiting();
	struct kct_judgement all;
	union kct_any_event e;

	(void)state;
	tell_update(&s, KCT_NO_VCPU, KCT_CAUSE_SET_CLOCK, setting_effect(&s));
	served(&s, 2, KCT_EFFECT_RESNAPSHOT);
	e = set_clock_event(&s, 4, KCT_NO_NUMBER);
	take(&s, &e);
	for (uint32_t i = 0; i < 4; i++)
		if (i != 2)
			served(&s, i, KCT_EFFECT_RESNAPSHOT);
	all = end(&s);
	assert_string_equal(all.why, "");
	assert_int_equal(all.findings.pending_at_set, 4);
	assert_int_equal(all.findings.snapshots, 4);
}

static void test_suppressed(void **state)
{
	struct story s = restored(4);

	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		served(&s, i, KCT_EFFECT_SUPPRESSED);
	check_end(&s, KCT_VERDICT_SUPPRESSED);
	s = restored(0);
	for (uint32_t i = 0; i < 4; i++)
		cleared(&s, i);
	check_end(&s, KCT_VERDICT_SUPPRESSED);
	/* One is enough. */
	s = begin(KCT_YES, 1);
	made(&s, 0);
	served(&s, 0, KCT_EFFECT_SUPPRESSED);
	check_end(&s, KCT_VERDICT_SUPPRESSED);
}

static void test_nothing(void **state)
{
	struct story s = begin(KCT_NO, 2);

	(void)state;
	/* A first start: the second update is not needed, but was asked for when the first was. */
	made(&s, 0);
	made(&s, 1);
	served(&s, 0, KCT_EFFECT_ENABLED);
	served(&s, 1, KCT_EFFECT_RESNAPSHOT);
	check_end(&s, KCT_VERDICT_NOTHING);
	/* Nothing at all happens. */
	s = begin(KCT_YES, 2);
	check_end(&s, KCT_VERDICT_NOTHING);
	/* The masterclock stays off. */
	s = begin(KCT_NO, 1);
	made(&s, 0);
	served(&s, 0, KCT_EFFECT_INACTIVE);
	check_end(&s, KCT_VERDICT_NOTHING);
	/* Made when it was off, cleared when it still is. */
	s = begin(KCT_NO, 1);
	made(&s, 0);
	cleared(&s, 0);
	check_end(&s, KCT_VERDICT_NOTHING);
}

/* An update that turns the masterclock off or on was needed: it is not judged. */
static void test_needed(void **state)
{
	struct story s = begin(KCT_YES, 2);
	struct kct_judgement all;

	(void)state;
	made(&s, 0);
	served(&s, 0, KCT_EFFECT_DISABLED);
	made(&s, 1);
	served(&s, 1, KCT_EFFECT_ENABLED);
	all = end(&s);
	assert_int_equal(all.verdict, KCT_VERDICT_NOTHING);
	assert_int_equal(all.findings.judged, 0);
	assert_int_equal(all.findings.made, 2);
	/* Beside others that are. */
	s = begin(KCT_YES, 3);
	made(&s, 2);
	served(&s, 2, KCT_EFFECT_RESNAPSHOT);
	made(&s, 0);
	served(&s, 0, KCT_EFFECT_DISABLED);
	check_end(&s, KCT_VERDICT_PER_VCPU);
}

/* Found running with a request pending. */
static void test_pending_at_first_sight(void **state)
{
	struct story s = begin(KCT_YES, 0);
	struct kct_judgement all;

	(void)state;
	tell_vcpu(&s, 0, 1, 0);
	served(&s, 0, KCT_EFFECT_RESNAPSHOT);
	all = end(&s);
	assert_int_equal(all.verdict, KCT_VERDICT_PER_VCPU);
	assert_int_equal(all.findings.made, 0);
	assert_int_equal(all.findings.judged, 1);
	/* Off then, but pending when the clock is set. */
	s = begin(KCT_NO, 0);
	tell_vcpu(&s, 0, 1, 0);
	clock_set(&s, 1, 1);
	served(&s, 0, KCT_EFFECT_SUPPRESSED);
	check_end(&s, KCT_VERDICT_SUPPRESSED);
}

static void test_several_vms(void **state)
{
	struct story s = restored(4);
	struct kct_judgement all;
	struct story other;

	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		served(&s, i, KCT_EFFECT_SUPPRESSED);
	other = (struct story){.judge = s.judge, .ns = s.ns, .vm = 9};
	tell_vm(&other, KCT_YES);
	tell_vcpu(&other, 0, 0, 0);
	made(&other, 0);
	served(&other, 0, KCT_EFFECT_RESNAPSHOT);
	all = end(&s);
	assert_int_equal(all.verdict, KCT_VERDICT_PER_VCPU);
	assert_int_equal(all.findings.judged, 5);
	assert_int_equal(all.findings.snapshots, 1);
	assert_int_equal(all.findings.kept, 4);
}

struct seen {
	uint32_t numbers[4];
	enum kct_verdict verdicts[4];
	size_t count;
};

static void see(const struct kct_judgement *judgement, void *context)
{
	struct seen *seen = context;

	seen->numbers[seen->count] = judgement->number;
	seen->verdicts[seen->count++] = judgement->verdict;
}

static void test_each_vm(void **state)
{
	struct story s = begin(KCT_YES, 1);
	struct story other = {.judge = s.judge, .ns = s.ns, .vm = 7};
	struct seen seen = {0};

	(void)state;
	made(&s, 0);
	served(&s, 0, KCT_EFFECT_SUPPRESSED);
	tell_vm(&other, KCT_YES);
	tell_vcpu(&other, 3, 0, 0);
	made(&other, 3);
	kct_judge_each(s.judge, see, &seen);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.numbers[0], VM);
	assert_int_equal(seen.verdicts[0], KCT_VERDICT_SUPPRESSED);
	assert_int_equal(seen.numbers[1], 7);
	assert_int_equal(seen.verdicts[1], KCT_VERDICT_INCONCLUSIVE);
	check_doubt(&s, "1 requests were still pending at the end");
}

/* ---- doubts ---- */

static void test_nobody(void **state)
{
	struct story s = {.judge = kct_judge_new()};

	(void)state;
	check_doubt(&s, "no VM was seen");
}

static void test_told_doubt(void **state)
{
	struct story s = restored(4);
	struct seen seen = {0};

	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		served(&s, i, KCT_EFFECT_SUPPRESSED);
	kct_judge_doubt(s.judge, "3 events were lost");
	kct_judge_doubt(s.judge, "and something else");
	/* It is a doubt about each VM, too. */
	kct_judge_each(s.judge, see, &seen);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.verdicts[0], KCT_VERDICT_INCONCLUSIVE);
	check_doubt(&s, "3 events were lost");
}

/* What the kernel skipped is a doubt only where the verdict rests on it. */
static void test_losses(void **state)
{
	static const struct {
		uint64_t full, missed;
		struct kct_misses misses;
		const char *why; /* NULL: no doubt */
	} cases[] = {
		{0, 0, {{{"set-clock", 0, false}}, 1}, NULL},
		{0, 5, {{{"clock-read", 3, true}, {"vm-gone", 2, true}}, 2}, NULL},
		{0, 1, {{{"tsc-read", 1, true}, {"pvti", 0, false}}, 2}, NULL},
		{0,
		 5,
		 {{{"tsc-read", 3, true}, {"pvti", 2, true}}, 2},
		 "the kernel skipped 2 calls of what tells pvti"},
		{0,
		 2,
		 {{{"request-clocksource", 2, true}}, 1},
		 "the kernel skipped 2 calls of what tells request-clocksource"},
		/* A recording of the first release does not say what it bears on. */
		{0, 4, {.count = 0}, "4 events were lost"},
		{7, 0, {.count = 0}, "7 events were lost"},
		{7, 3, {{{"clock-read", 3, true}}, 1}, "10 events were lost"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct story s = restored(4);
		struct kct_model model;

		kct_model_init(&model);
		for (uint32_t id = 0; id < 4; id++)
			served(&s, id, KCT_EFFECT_SUPPRESSED);
		model.lost.losses[KCT_LOSS_RING_FULL] = cases[i].full;
		model.lost.losses[KCT_LOSS_MISSED] = cases[i].missed;
		model.lost.misses = cases[i].misses;
		kct_judge_losses(s.judge, &model);
		if (cases[i].why)
			check_doubt(&s, cases[i].why);
		else
			check_end(&s, KCT_VERDICT_SUPPRESSED);
	}
}

static void test_unresolved(void **state)
{
	struct story s = restored(4);
	struct kct_judgement all;

	(void)state;
	served(&s, 0, KCT_EFFECT_SUPPRESSED);
	cleared(&s, 1);
	all = end(&s);
	assert_int_equal(all.verdict, KCT_VERDICT_INCONCLUSIVE);
	assert_int_equal(all.findings.unresolved, 2);
	assert_string_equal(all.why, "2 requests were still pending at the end");
}

static void test_requests_that_do_not_add_up(void **state)
{
	struct story s = begin(KCT_YES, 2);

	(void)state;
	served(&s, 1, KCT_EFFECT_RESNAPSHOT);
	check_doubt(&s, "vCPU 1 served a request that was not seen to be made");
	s = begin(KCT_YES, 2);
	cleared(&s, 1);
	check_doubt(&s, "a request of vCPU 1 was cleared that was not seen to be made");
	s = begin(KCT_YES, 2);
	made(&s, 1);
	made(&s, 1);
	served(&s, 1, KCT_EFFECT_SUPPRESSED);
	check_doubt(&s, "vCPU 1 made a request twice: what became of the first is missing");
	s = begin(KCT_NO, 2);
	made(&s, 0);
	clock_set(&s, 2, 0);
	cleared(&s, 0);
	check_doubt(&s, "2 requests were pending when the clock was set, the events account for 1");
	s = restored(4);
	for (uint32_t i = 0; i < 4; i++)
		served(&s, i, KCT_EFFECT_UNKNOWN);
	check_doubt(&s, "an update whose effect is not known");
}

static void test_tracked_requests(void **state)
{
	for (int pending = KCT_NO; pending <= KCT_NOT_KNOWN; pending++) {
		struct story s = begin(KCT_YES, 1);
		union kct_any_event e = {.tsc_track = {.event = head(&s, KCT_EVENT_TSC_TRACK, 0),
						       .pending = (uint8_t)pending}};

		(void)state;
		take(&s, &e);
		if (pending == KCT_YES)
			check_doubt(&s, "a request of vCPU 0 is missing");
		else
			check_end(&s, KCT_VERDICT_NOTHING);
	}
}

static void test_missing_update(void **state)
{
	static const char why[] =
		"an update is missing: the values before one are not those after the last";
	struct story s = restored(4);

	(void)state;
	served(&s, 0, KCT_EFFECT_SUPPRESSED);
	s.clock.kernel_ns++;
	served(&s, 1, KCT_EFFECT_SUPPRESSED);
	check_doubt(&s, why);
	s = begin(KCT_YES, 1);
	s.clock.cycle_now++;
	made(&s, 0);
	served(&s, 0, KCT_EFFECT_SUPPRESSED);
	check_doubt(&s, why);
	s = begin(KCT_NO, 1);
	s.clock.active = KCT_YES;
	made(&s, 0);
	served(&s, 0, KCT_EFFECT_RESNAPSHOT);
	check_doubt(&s, why);
	/* Of a VM whose values were not known at first, nothing is claimed before the first. */
	s = begin(KCT_NOT_KNOWN, 1);
	s.clock.active = KCT_YES;
	s.clock.kernel_ns++;
	made(&s, 0);
	served(&s, 0, KCT_EFFECT_RESNAPSHOT);
	check_end(&s, KCT_VERDICT_NOTHING);
}

static void test_set_clock_and_its_update(void **state)
{
	static const int causes[] = {KCT_CAUSE_SET_CLOCK, KCT_CAUSE_SET_CLOCK_REALTIME,
				     KCT_CAUSE_SET_CLOCK_GUEST};
	union kct_any_event e;
	struct story s;

	(void)state;
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
		s = begin(KCT_YES, 1);
		tell_update(&s, KCT_NO_VCPU, causes[i], KCT_EFFECT_RESNAPSHOT);
		check_doubt(&s, "a setting of the clock is missing that made an update");
	}
	s = begin(KCT_YES, 1);
	e = set_clock_event(&s, 0, 0);
	take(&s, &e);
	check_doubt(&s, "the update that a setting of the clock made is missing");
	/* Each with its own, in either order; and an update that sets no clock. */
	s = begin(KCT_YES, 1);
	clock_set(&s, 0, KCT_NO_NUMBER);
	clock_set_before(&s, 0, 0);
	clock_set_guest(&s, 0, 0);
	tell_update(&s, KCT_NO_VCPU, KCT_CAUSE_HYPERV, KCT_EFFECT_RESNAPSHOT);
	check_end(&s, KCT_VERDICT_NOTHING);
}

static void test_causes(void **state)
{
	struct story s = begin(KCT_YES, 1);

	(void)state;
	tell_update(&s, KCT_NO_VCPU, KCT_CAUSE_UNKNOWN, KCT_EFFECT_RESNAPSHOT);
	check_doubt(&s, "an update of unknown cause");
	s = begin(KCT_YES, 1);
	served(&s, KCT_NO_VCPU, KCT_EFFECT_RESNAPSHOT);
	check_doubt(&s, "an update for a request of no known vCPU");
}

static void test_first_events(void **state)
{
	struct story s = begin(KCT_YES, 1);

	(void)state;
	made(&s, 5);
	served(&s, 5, KCT_EFFECT_SUPPRESSED);
	check_doubt(&s, "the first event of vCPU 5 is missing");
	s = (struct story){.judge = kct_judge_new(), .ns = SECOND, .vm = VM};
	tell_vcpu(&s, 0, 0, 0);
	check_doubt(&s, "the VM's first event is missing");
	s = begin(KCT_YES, 2);
	tell_vcpu(&s, 1, 0, 0);
	check_doubt(&s, "vCPU 1 is seen for the first time twice");
	s = begin(KCT_YES, 2);
	tell_vm(&s, KCT_YES);
	check_doubt(&s, "the VM is seen for the first time twice");
}

static void test_order(void **state)
{
	struct story s = begin(KCT_YES, 2);

	(void)state;
	made(&s, 0);
	s.ns -= 1500; /* before what vCPU 0 did last, behind what came before it */
	made(&s, 1);  /* another one's time is its own */
	s.ns -= 1000;
	served(&s, 0, KCT_EFFECT_SUPPRESSED);
	served(&s, 1, KCT_EFFECT_SUPPRESSED);
	check_doubt(&s, "events are out of order");
	/* Updates of a VM are under a lock, whoever runs them. */
	s = begin(KCT_YES, 2);
	made(&s, 0);
	made(&s, 1);
	s.ns += 5000;
	served(&s, 0, KCT_EFFECT_SUPPRESSED);
	s.ns -= 3000;
	served(&s, 1, KCT_EFFECT_SUPPRESSED);
	check_doubt(&s, "events are out of order");
}

/* Events of another host, spliced in: they are of another time. */
static void test_other_times(void **state)
{
	struct story s = begin(KCT_YES, 2), other;

	(void)state;
	s.ns += 3600 * SECOND;
	made(&s, 0);
	s.ns -= 3599 * SECOND;
	made(&s, 1);
	served(&s, 1, KCT_EFFECT_SUPPRESSED);
	s.ns += 3600 * SECOND;
	served(&s, 0, KCT_EFFECT_SUPPRESSED);
	check_doubt(&s, "events are out of order");
	s = begin(KCT_YES, 1);
	kct_judge_anchor(s.judge, 3 * SECOND, REALTIME);
	made(&s, 0);
	check_doubt(&s, "an event is older than the recording");
	/* But a VM that was there before is announced with the time at which it was met. */
	s = begin(KCT_YES, 1);
	other = (struct story){.judge = s.judge, .ns = 1000, .vm = 2};
	tell_vm(&other, KCT_YES);
	other.ns = s.ns;
	tell_vcpu(&other, 0, 0, 0);
	check_end(&s, KCT_VERDICT_NOTHING);
	/* And two CPUs need not deliver in the order of time. */
	s = begin(KCT_YES, 2);
	s.ns += SECOND / 2;
	made(&s, 0);
	s.ns -= SECOND / 2;
	made(&s, 1);
	served(&s, 1, KCT_EFFECT_SUPPRESSED);
	s.ns += SECOND;
	served(&s, 0, KCT_EFFECT_SUPPRESSED);
	check_end(&s, KCT_VERDICT_SUPPRESSED);
}

static void test_pvti_chain(void **state)
{
	struct story s = begin(KCT_YES, 2);

	(void)state;
	published(&s, 0, 1000, 0, 0);
	s.pvti[0].system_time++;
	published(&s, 0, 2000, 0, 0);
	check_doubt(&s, "a PVTI update of vCPU 0 is missing");
	s = begin(KCT_YES, 2);
	published(&s, 1, 1000, 0, 0);
	s.has_pvti[1] = false;
	published(&s, 1, 2000, 0, 0);
	check_doubt(&s, "a PVTI update of vCPU 1 is missing");
	s = begin(KCT_YES, 2);
	s.has_pvti[1] = true;
	published(&s, 1, 2000, 0, 0);
	check_doubt(&s, "the first PVTI update of vCPU 1 is missing");
	/* Flags are not of the line. */
	s = begin(KCT_YES, 2);
	published(&s, 0, 1000, 0, 0);
	s.pvti[0].flags ^= KCT_PVTI_GUEST_STOPPED;
	published(&s, 0, 1000, 0, 0);
	check_end(&s, KCT_VERDICT_NOTHING);
}

static void test_unattributed(void **state)
{
	struct story s = begin(KCT_YES, 1);

	(void)state;
	s.vm = KCT_NO_VM;
	tell_update(&s, KCT_NO_VCPU, KCT_CAUSE_VM_CREATE, KCT_EFFECT_INACTIVE);
	s.vm = VM;
	check_end(&s, KCT_VERDICT_NOTHING);
	s = begin(KCT_YES, 1);
	s.vm = KCT_NO_VM;
	tell_update(&s, KCT_NO_VCPU, KCT_CAUSE_HYPERV, KCT_EFFECT_UNKNOWN);
	check_doubt(&s, "an update could not be attributed to its VM");
	s = begin(KCT_YES, 1);
	s.vm = KCT_NO_VM;
	published(&s, 0, 1, 0, 0);
	check_doubt(&s, "a PVTI update could not be attributed to its VM");
}

/* ---- further numbers ---- */

static void test_negative_deltas(void **state)
{
	struct story s = begin(KCT_YES, 2);
	struct kct_judgement all;

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		union kct_any_event e = {
			.pvti = {.event = head(&s, KCT_EVENT_PVTI, i), .negative_delta = 1}};

		take(&s, &e);
	}
	s.has_pvti[0] = true;
	published(&s, 0, 0, 0, 0);
	all = end(&s);
	assert_int_equal(all.verdict, KCT_VERDICT_NOTHING);
	assert_int_equal(all.findings.negative_deltas, 2);
	assert_int_equal(all.findings.pvti_updates, 3);
}

static void tell_tsc_write(struct story *s, uint32_t vcpu, uint64_t offset, int ioctl)
{
	union kct_any_event e = {.tsc_write = {.event = head(s, KCT_EVENT_TSC_WRITE, vcpu),
					       .new_offset = offset,
					       .ioctl = (uint8_t)ioctl}};

	take(s, &e);
}

static void write_tsc(struct story *s, uint32_t vcpu, uint64_t offset)
{
	tell_tsc_write(s, vcpu, offset, KCT_IOCTL_SET_TSC);
}

/* A PVTI with that TSC, of a snapshot that is older than the write of a TSC 2e9 cycles behind. */
static struct kct_findings negative_delta(uint64_t tsc)
{
	struct story s = begin(KCT_NOT_KNOWN, 1);
	union kct_any_event e;

	s.clock.cycle_now = 5000 * SECOND;
	tell_update(&s, KCT_NO_VCPU, KCT_CAUSE_HYPERV, KCT_EFFECT_ENABLED);
	write_tsc(&s, 0, -2 * SECOND);
	/* What KVM then makes of it, or the guest. */
	tell_tsc_write(&s, 0, tsc - s.clock.cycle_now, KCT_IOCTL_RUN);
	e = (union kct_any_event){.pvti = {.event = head(&s, KCT_EVENT_PVTI, 0),
					   .new_pvti.tsc_timestamp = tsc,
					   .negative_delta = 1}};
	take(&s, &e);
	return end(&s).findings;
}

static void test_wrong_negative_deltas(void **state)
{
	const uint64_t tsc = 4998 * SECOND;
	/* 10 ms at 2 GHz by shift 2 and a factor of a half: signed, and as KVM up to 6.18 does. */
	const int64_t signed_cycles = -20000000;
	const uint64_t unsigned_cycles = ((uint64_t)-10000000 << 2) / 2;

	(void)state;
	assert_int_equal(negative_delta(tsc).negative_deltas, 1);
	assert_int_equal(negative_delta(tsc).negative_wrong, 0);
	assert_int_equal(negative_delta(tsc + (uint64_t)signed_cycles).negative_wrong, 0);
	assert_int_equal(negative_delta(tsc + unsigned_cycles).negative_wrong, 1);
	/* The guest set its TSC to 0 meanwhile. */
	assert_int_equal(negative_delta(0).negative_wrong, 0);
}

static uint64_t unstable(uint32_t active, int flags)
{
	struct story s = begin(active, 1);
	union kct_any_event e = {
		.pvti = {.event = head(&s, KCT_EVENT_PVTI, 0),
			 .new_pvti = {.tsc_timestamp = 1, .flags = (uint8_t)flags}}};

	take(&s, &e);
	return end(&s).findings.pvti_unstable;
}

/* A guest that must not trust its TSC, though KVM has a masterclock for it. */
static void test_unstable(void **state)
{
	(void)state;
	assert_int_equal(unstable(KCT_YES, 0), 1);
	assert_int_equal(unstable(KCT_YES, KCT_PVTI_TSC_STABLE), 0);
	assert_int_equal(unstable(KCT_NO, 0), 0);
	assert_int_equal(unstable(KCT_NO, KCT_PVTI_TSC_STABLE), 0);
	assert_int_equal(unstable(KCT_NOT_KNOWN, 0), 0);
}

static bool offsets_differ(struct story *s)
{
	return end(s).findings.tsc_offsets_differ;
}

static void test_tsc_offsets(void **state)
{
	struct story s = begin(KCT_YES, 3);

	(void)state;
	/* Different only until an update. */
	write_tsc(&s, 1, 5);
	write_tsc(&s, 1, 0);
	clock_set(&s, 0, 0);
	assert_false(offsets_differ(&s));
	s = begin(KCT_YES, 3);
	write_tsc(&s, 1, 5);
	clock_set(&s, 0, 0);
	assert_true(offsets_differ(&s));
	/* All of them moved alike. */
	s = begin(KCT_YES, 3);
	for (uint32_t i = 0; i < 3; i++)
		write_tsc(&s, i, (uint64_t)-77);
	clock_set(&s, 0, 0);
	assert_false(offsets_differ(&s));
	/* Without the masterclock it does not matter. */
	s = begin(KCT_YES, 3);
	write_tsc(&s, 2, 1);
	made(&s, 2);
	served(&s, 2, KCT_EFFECT_DISABLED);
	assert_false(offsets_differ(&s));
	/* As the vCPUs were found. */
	s = begin(KCT_YES, 1);
	tell_vcpu(&s, 1, 0, 1);
	clock_set(&s, 0, 0);
	assert_true(offsets_differ(&s));
}

static int64_t blackout(uint64_t after_start, uint64_t realtime, uint32_t flags, bool anchored)
{
	struct story s = begin(KCT_YES, 1);
	union kct_any_event e = set_clock_event(&s, 0, 0);

	if (!anchored)
		kct_judge_anchor(s.judge, 0, 0);
	e.set_clock.event.ns = SECOND + after_start;
	e.set_clock.realtime = realtime;
	e.set_clock.flags = flags;
	take(&s, &e);
	return end(&s).findings.blackout_ns;
}

static void test_blackout(void **state)
{
	(void)state;
	/* The wall clock is at REALTIME + 5 s; it was at REALTIME + 2 s when it was saved. */
	assert_int_equal(blackout(5 * SECOND, REALTIME + 2 * SECOND, 4, true), 3 * SECOND);
	assert_int_equal(blackout(5 * SECOND, REALTIME + 2 * SECOND, 6, true), 3 * SECOND);
	assert_int_equal(blackout(5 * SECOND, REALTIME + 6 * SECOND, 4, true), -(int64_t)SECOND);
	assert_int_equal(blackout(5 * SECOND, REALTIME + 2 * SECOND, 2, true), 0);
	assert_int_equal(blackout(5 * SECOND, REALTIME + 2 * SECOND, 4, false), 0);
}

/* What a start moves, and what KVM_SET_CLOCK asks for, is neither a move nor a drift. */
static void test_drift(void **state)
{
	struct story s = begin(KCT_YES, 2);
	struct kct_judgement all;

	(void)state;
	published(&s, 0, 1000, 0, 0);
	published(&s, 0, 9000, 5000, 0);
	clock_set(&s, 0, 0);
	published(&s, 0, 100000, 91000, 1);
	published(&s, 1, 100000, 0, 1);
	published(&s, 0, 100000, 0, 0);
	published(&s, 0, 100004, 4, 0);
	published(&s, 1, 99993, -7, 0);
	published(&s, 1, 99995, 2, 0);
	published(&s, 1, 99995, 500, 1); /* was asked for by a call that is not told of yet */
	all = end(&s);
	assert_int_equal(all.findings.pvti_updates, 7);
	assert_int_equal(all.findings.pvti_moved, 3);
	assert_int_equal(all.findings.drift.total, -1);
	assert_int_equal(all.findings.drift.max_forward, 4);
	assert_int_equal(all.findings.drift.max_backward, -7);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_names),
		TEST(test_per_vcpu),
		TEST(test_coalesced),
		TEST(test_every_fate),
		TEST(test_two_stories),
		TEST(test_cleared_before_update),
		TEST(test_served_after_update),
		TEST(test_set_twice),
		TEST(test_served_before_told),
		TEST(test_suppressed),
		TEST(test_nothing),
		TEST(test_needed),
		TEST(test_pending_at_first_sight),
		TEST(test_several_vms),
		TEST(test_each_vm),
		TEST(test_nobody),
		TEST(test_told_doubt),
		TEST(test_losses),
		TEST(test_unresolved),
		TEST(test_requests_that_do_not_add_up),
		TEST(test_tracked_requests),
		TEST(test_missing_update),
		TEST(test_set_clock_and_its_update),
		TEST(test_causes),
		TEST(test_first_events),
		TEST(test_order),
		TEST(test_other_times),
		TEST(test_pvti_chain),
		TEST(test_unattributed),
		TEST(test_negative_deltas),
		TEST(test_wrong_negative_deltas),
		TEST(test_unstable),
		TEST(test_tsc_offsets),
		TEST(test_blackout),
		TEST(test_drift),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
