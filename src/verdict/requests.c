// SPDX-License-Identifier: GPL-2.0
/* Each request, from where it is made to what becomes of it. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/tree.h"
#include "verdict/inside.h"

void kct_judge_doubt_vm(struct vm *vm, const char *format, ...)
{
	va_list args;

	if (*vm->doubt)
		return;
	va_start(args, format);
	vsnprintf(vm->doubt, sizeof(vm->doubt), format, args);
	va_end(args);
}

static void forget(struct vcpu *vcpu)
{
	vcpu->pending = false;
	vcpu->request = (struct pending_request){0};
}

/* No update of its own came of it: another one's snapshot served it, or none had to. */
static void count_cleared(struct kct_findings *f, const struct pending_request *request)
{
	f->judged++;
	f->found += request->found;
	f->cleared++;
	if (request->passed)
		f->shared++;
}

void kct_follow_made(struct vm *vm, struct vcpu *vcpu)
{
	struct kct_findings *f = &vm->findings;

	if (vcpu->pending && !vcpu->request.off)
		kct_judge_doubt_vm(vm,
				   "vCPU %" PRIu32 " made a request twice: what became of the "
				   "first is missing",
				   vcpu->id);
	else if (vcpu->pending)
		kct_follow_cleared(vm, vcpu);
	f->made++;
	forget(vcpu);
	vcpu->pending = true;
	vcpu->request.judged = vm->masterclock.active == KCT_YES;
}

void kct_follow_cleared(struct vm *vm, struct vcpu *vcpu)
{
	if (!vcpu->pending)
		kct_judge_doubt_vm(vm,
				   "a request of vCPU %" PRIu32 " was cleared that was not seen "
				   "to be made",
				   vcpu->id);
	if (vcpu->request.judged && vm->masterclock.active == KCT_YES)
		count_cleared(&vm->findings, &vcpu->request);
	forget(vcpu);
}

/* ---- served ---- */

struct served {
	const struct vcpu *by;
};

static void visit_passed(void *item, void *data)
{
	struct vcpu *vcpu = item;
	const struct served *served = data;

	if (vcpu == served->by)
		return;
	/* What was cleared before is not served by this snapshot. */
	if (vcpu->pending && vcpu->request.judged && !vcpu->request.off)
		vcpu->request.passed = true;
}

static void took_snapshot(struct vm *vm, const struct vcpu *vcpu)
{
	struct kct_findings *f = &vm->findings;
	struct served served = {vcpu};

	f->snapshots++;
	f->repeated += vcpu->request.passed;
	kct_tree_each(&vm->vcpus, visit_passed, &served);
}

void kct_follow_served(struct vm *vm, struct vcpu *vcpu, enum kct_effect effect)
{
	struct kct_findings *f = &vm->findings;

	if (!vcpu->pending)
		kct_judge_doubt_vm(vm,
				   "vCPU %" PRIu32 " served a request that was not seen to be made",
				   vcpu->id);
	if (vcpu->request.judged && effect == KCT_EFFECT_UNKNOWN)
		kct_judge_doubt_vm(vm, "an update whose effect is not known");
	/* With another effect the masterclock was off, or had to go on or off: it was needed. */
	if (vcpu->request.judged &&
	    (effect == KCT_EFFECT_RESNAPSHOT || effect == KCT_EFFECT_SUPPRESSED)) {
		f->judged++;
		f->served++;
		f->found += vcpu->request.found;
		if (effect == KCT_EFFECT_RESNAPSHOT) {
			took_snapshot(vm, vcpu);
		} else {
			f->kept++;
			f->shared += vcpu->request.passed;
		}
	}
	forget(vcpu);
}

/* ---- the clock is set ---- */

struct setting {
	uint64_t pending, new; /* of these, that no earlier setting found */
};

static void visit_at_set(void *item, void *data)
{
	struct vcpu *vcpu = item;
	struct setting *setting = data;

	if (!vcpu->pending)
		return;
	setting->pending++;
	setting->new += !vcpu->request.at_set;
	vcpu->request.at_set = true;
	vcpu->request.judged = true;
}

uint64_t kct_follow_setting(struct vm *vm)
{
	struct setting setting = {0};

	kct_tree_each(&vm->vcpus, visit_at_set, &setting);
	vm->findings.pending_at_set += setting.new;
	return setting.pending;
}

static void visit_off(void *item, void *data)
{
	struct vcpu *vcpu = item;

	(void)data;
	vcpu->request.off = vcpu->pending;
}

void kct_follow_none_pending(struct vm *vm)
{
	kct_tree_each(&vm->vcpus, visit_off, NULL);
}

/* ---- the end ---- */

struct end {
	const struct vm *vm;
	struct kct_findings *findings;
};

static void visit_end(void *item, void *data)
{
	const struct vcpu *vcpu = item;
	const struct end *end = data;

	if (!vcpu->pending || !vcpu->request.judged)
		return;
	if (!vcpu->request.off)
		end->findings->unresolved++;
	else if (end->vm->masterclock.active == KCT_YES)
		count_cleared(end->findings, &vcpu->request);
}

void kct_follow_end(const struct vm *vm, struct kct_findings *findings)
{
	struct end end = {vm, findings};

	kct_tree_each(&vm->vcpus, visit_end, &end);
}
