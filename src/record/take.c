// SPDX-License-Identifier: GPL-2.0
/* What the lines of a recording say, for the part of it that is wanted. */
#include <stdio.h>
#include <string.h>

#include "record/take.h"

/* ---- one event ---- */

static bool has_room(size_t held, struct kct_reader *reader)
{
	if (held <= KCT_MAX_HELD)
		return true;
	snprintf(reader->why, sizeof(reader->why), "more than %u VMs and vCPUs", KCT_MAX_HELD);
	return false;
}

static bool no_memory(struct kct_reader *reader)
{
	snprintf(reader->why, sizeof(reader->why), "more VMs than there is memory for");
	return false;
}

static bool is_wanted(struct kct_loading *loading, const union kct_any_event *event,
		      const struct kct_vm_name *name)
{
	const struct kct_wanted *wanted = loading->wanted;

	return !wanted->visit || wanted->visit(wanted->context, event, name);
}

/* Into the model; false, with the reason in `why`, if it has no room. */
static bool hold(struct kct_loading *loading, const union kct_any_event *event,
		 const struct kct_vm_name *name)
{
	struct kct_model *model = &loading->recording->model;

	if (kct_model_event(model, event, name))
		return no_memory(&loading->reader);
	return has_room(model->nr_vms + model->nr_vcpus, &loading->reader);
}

/* Before the part: false likewise. */
static bool follow(struct kct_loading *loading)
{
	struct kct_state *state = &loading->cut.state;
	struct kct_reader *reader = &loading->reader;

	if (kct_state_event(state, &reader->event, &reader->name))
		return no_memory(reader);
	return has_room(state->nr_vms + state->nr_vcpus, reader);
}

/* ---- where the part begins ---- */

struct telling {
	struct kct_loading *loading;
	bool failed;
};

static void tell(void *context, const union kct_any_event *event, const struct kct_vm_name *name)
{
	struct telling *telling = context;
	struct kct_loading *loading = telling->loading;

	if (telling->failed || !is_wanted(loading, event, name))
		return;
	if (loading->wanted->copy)
		kct_copy_state(&loading->copy, event, name);
	telling->failed = !hold(loading, event, name);
}

/* With the header that there is now. */
static void begin_part(struct kct_loading *loading)
{
	struct kct_recording *recording = loading->recording;

	loading->begun = true;
	kct_model_passed(&recording->model, KCT_NO_VM, &recording->header.part.passed);
	if (loading->wanted->copy)
		kct_copy_begin(&loading->copy, &recording->header);
}

/* In the middle of things: with how they stand. False if there is no room. */
bool kct_take_late(struct kct_loading *loading)
{
	struct kct_recording *recording = loading->recording;
	struct telling telling = {.loading = loading};

	loading->cut.begun = loading->cut_off = true;
	kct_passed_add(&recording->header.part.passed, &loading->cut.passed);
	begin_part(loading);
	kct_state_tell(&loading->cut.state, tell, &telling);
	kct_state_clear(&loading->cut.state);
	return !telling.failed;
}

/* Nothing that was read so far is of the part. */
static void forget(struct kct_loading *loading)
{
	struct kct_recording *recording = loading->recording;

	kct_model_clear(&recording->model);
	memset(recording, 0, sizeof(*recording));
	kct_model_init(&recording->model);
	kct_join_clear(&loading->join);
	loading->join = (struct kct_join){.recording = recording};
}

/* ---- one line ---- */

static bool take(struct kct_loading *loading)
{
	struct kct_reader *reader = &loading->reader;
	union kct_any_event *event = &reader->event;
	bool settled = loading->cut_off && kct_cut_settle(&loading->cut, event);

	if (!kct_join_is_repeated(&loading->join, event)) {
		if (!is_wanted(loading, event, &reader->name))
			return true;
		if (!hold(loading, event, &reader->name))
			return false;
	}
	if (loading->wanted->copy)
		kct_copy_event(&loading->copy, reader, settled);
	return true;
}

/* An event, in the part or not; false, with the reason in `why`, if there is no room. */
static bool take_event(struct kct_loading *loading)
{
	struct kct_reader *reader = &loading->reader;
	struct kct_cut *cut = &loading->cut;

	if (cut->over)
		return true;
	if (!kct_join_event(&loading->join, &reader->event))
		return no_memory(reader);
	kct_cut_reach(cut, &reader->event);
	if (!cut->begun)
		return follow(loading);
	if (!loading->begun && !kct_take_late(loading))
		return false;
	return cut->over || take(loading);
}

/* An event that only another release knows. */
static bool take_passed(struct kct_loading *loading)
{
	if (!kct_join_event(&loading->join, &loading->reader.event))
		return no_memory(&loading->reader);
	if (loading->begun && !loading->cut.over && loading->wanted->copy)
		kct_copy_event(&loading->copy, &loading->reader, false);
	return true;
}

bool kct_take_refuse(struct kct_loading *loading, const char *why)
{
	if (why != loading->why)
		snprintf(loading->why, sizeof(loading->why), "%s", why);
	loading->refused = true;
	return false;
}

static bool is_empty(const struct kct_cut *cut)
{
	return cut->span.since.kind && cut->span.until.kind && cut->since_ns >= cut->until_ns;
}

/* What a header means for the part that is wanted; false ends it. */
static bool take_part(struct kct_loading *loading)
{
	enum kct_cut_header means = kct_cut_header(&loading->cut, &loading->reader.header);

	if (!loading->begun && is_empty(&loading->cut))
		return kct_take_refuse(loading, "--until is not behind --since");
	switch (means) {
	case KCT_CUT_ANEW:
		forget(loading);
		break;
	case KCT_CUT_BEGINS:
		return kct_take_late(loading);
	case KCT_CUT_BEHIND:
		if (!loading->join.begun)
			return kct_take_refuse(loading,
					       "nothing of it is in that span: it begins later");
		loading->enough = true;
		return loading->begun || kct_take_late(loading);
	case KCT_CUT_GO_ON:
		break;
	}
	return true;
}

static bool take_header(struct kct_loading *loading)
{
	struct kct_reader *reader = &loading->reader;

	if (loading->trailer_due)
		kct_join_cut(&loading->join, "cut off: a segment has no trailer");
	if (loading->cut.asked && !take_part(loading))
		return false;
	loading->trailer_due = !loading->enough;
	if (loading->enough)
		return false;
	if (!kct_join_header(&loading->join, &reader->header, reader->why, sizeof(reader->why)))
		return kct_take_refuse(loading, reader->why);
	if (loading->wanted->copy)
		kct_copy_header(&loading->copy, reader);
	if (loading->cut.begun && !loading->begun)
		begin_part(loading);
	return true;
}

static void take_trailer(struct kct_loading *loading)
{
	struct kct_reader *reader = &loading->reader;

	loading->trailer_due = false;
	kct_join_trailer(&loading->join, &reader->trailer, reader->events);
	if (loading->wanted->copy)
		kct_copy_trailer(&loading->copy, reader);
}

/* What lies before the part may have changed what it begins with; what is behind it, nothing. */
static void count_passed(struct kct_loading *loading, enum kct_line line)
{
	const struct kct_reader *reader = &loading->reader;
	bool is_event = line == KCT_LINE_EVENT || line == KCT_LINE_PASSED;

	if (loading->enough || (is_event && loading->cut.over))
		return;
	if (is_event && !loading->begun)
		kct_passed_add(&loading->cut.passed, &reader->passed);
	else
		kct_model_passed(&loading->recording->model,
				 is_event ? reader->event.event.vm : KCT_NO_VM, &reader->passed);
}

bool kct_take_line(struct kct_loading *loading, enum kct_line line)
{
	bool goes_on = true;

	if (line == KCT_LINE_HEADER)
		goes_on = take_header(loading);
	else if (line == KCT_LINE_EVENT)
		goes_on = take_event(loading);
	else if (line == KCT_LINE_PASSED)
		goes_on = take_passed(loading);
	else if (line == KCT_LINE_TRAILER)
		take_trailer(loading);
	count_passed(loading, line);
	return goes_on;
}
