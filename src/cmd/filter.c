// SPDX-License-Identifier: GPL-2.0
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/filter.h"
#include "base/number.h"
#include "base/text.h"

static const struct argp_option options[] = {
	{"pid", 'p', "PID", 0, "Only the VMs of this process", 1},
	{"vm", 'V', "NAME", 0, "Only the VMs of this name, UUID, id, or NAMESPACE/NAME", 1},
	{0},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct kct_filter *filter = state->input;
	uint64_t pid;

	switch (key) {
	case 'p':
		if (kct_parse_number(text, 1, INT32_MAX, &pid))
			argp_error(state, "'%s' is not a process id", text);
		filter->pid = (uint32_t)pid;
		return 0;
	case 'V':
		filter->vm = text;
		kct_text(filter->form, sizeof(filter->form), text, strlen(text), KCT_TEXT_NAME);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

const struct argp kct_filter_argp = {.options = options, .parser = parse};

bool kct_filter_is_set(const struct kct_filter *filter)
{
	return filter->pid || filter->vm;
}

bool kct_filter_wants(const struct kct_filter *filter, uint32_t pid, const struct kct_vm_name *name)
{
	if (filter->pid && (filter->pid != pid || pid == KCT_NO_NUMBER))
		return false;
	return !filter->vm ||
	       (name && (kct_vm_name_is(name, filter->vm) || kct_vm_name_is(name, filter->form)));
}

static int compare_numbers(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t)a, y = (uintptr_t)b;

	return (x > y) - (x < y);
}

bool kct_filter_accepted(const struct kct_filter *filter, uint32_t number)
{
	if (!kct_filter_is_set(filter))
		return true;
	return tfind((void *)(uintptr_t)number, &filter->accepted, compare_numbers) != NULL;
}

bool kct_filter_event(struct kct_filter *filter, const union kct_any_event *event,
		      const struct kct_vm_name *name)
{
	void *number = (void *)(uintptr_t)event->event.vm;
	bool accepted;

	if (event->event.kind == KCT_EVENT_VM && kct_filter_is_set(filter) &&
	    kct_filter_wants(filter, event->vm.pid, name))
		tsearch(number, &filter->accepted, compare_numbers);
	accepted = kct_filter_accepted(filter, event->event.vm);
	/* There is nothing more to come of it. */
	if (accepted && event->event.kind == KCT_EVENT_VM_GONE)
		tdelete(number, &filter->accepted, compare_numbers);
	return accepted;
}

static void nothing_to_free(void *number)
{
	(void)number;
}

void kct_filter_clear(struct kct_filter *filter)
{
	tdestroy(filter->accepted, nothing_to_free);
	filter->accepted = NULL;
}
