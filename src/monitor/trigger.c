// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "base/duration.h"
#include "base/number.h"
#include "base/text.h"
#include "kvmclock/account.h"
#include "model/names.h"
#include "model/off.h"
#include "monitor/trigger.h"

#define TEXT_ROW(name, text) text,
const char *const kct_trigger_names[KCT_NR_TRIGGERS] = {KCT_TRIGGERS(TEXT_ROW)};

/* ---- what is asked for ---- */

/* The text up to a character of `stops` or the end, copied; false if it has no room. */
static bool take_word(const char **text, const char *stops, char *word, size_t room)
{
	size_t size = strcspn(*text, stops);

	if (size >= room)
		return false;
	memcpy(word, *text, size);
	word[size] = '\0';
	*text += size;
	return true;
}

static bool take_value(struct kct_trigger *trigger, const char **text)
{
	char value[32];

	if (trigger->kind != KCT_TRIGGER_UNNECESSARY && trigger->kind != KCT_TRIGGER_JUMP)
		return true;
	if (strncmp(*text, ">=", 2) != 0)
		return false;
	*text += 2;
	if (!take_word(text, ",", value, sizeof(value)))
		return false;
	if (trigger->kind == KCT_TRIGGER_UNNECESSARY)
		return !kct_parse_number(value, 1, INT64_MAX, &trigger->at_least);
	return !kct_parse_duration(value, &trigger->at_least) && trigger->at_least;
}

static bool take_pid(struct kct_trigger *trigger, const char **text)
{
	char pid[16];
	uint64_t number;

	if (strncmp(*text, ",pid=", 5) != 0)
		return true;
	*text += 5;
	if (!take_word(text, ",", pid, sizeof(pid)) || kct_parse_number(pid, 1, INT32_MAX, &number))
		return false;
	trigger->pid = (uint32_t)number;
	return true;
}

/* A name may hold a comma. */
static bool take_vm(struct kct_trigger *trigger, const char **text)
{
	if (strncmp(*text, ",vm=", 4) != 0)
		return true;
	trigger->vm = *text + 4;
	*text += strlen(*text);
	kct_text(trigger->form, sizeof(trigger->form), trigger->vm, strlen(trigger->vm),
		 KCT_TEXT_NAME);
	return *trigger->vm;
}

bool kct_trigger_parse(struct kct_trigger *trigger, const char *text)
{
	char word[32];
	int kind;

	*trigger = (struct kct_trigger){.vm = ""};
	if (!take_word(&text, ">,", word, sizeof(word)))
		return false;
	kind = kct_name_number(kct_trigger_names, KCT_NR_TRIGGERS, word);
	/* A signal is nothing that has to be asked for. */
	if (kind < 0 || kind == KCT_TRIGGER_SIGNAL)
		return false;
	trigger->kind = (enum kct_trigger_kind)kind;
	return take_value(trigger, &text) && take_pid(trigger, &text) && take_vm(trigger, &text) &&
	       !*text;
}

/* ---- what happens ---- */

static bool is_wanted(const struct kct_trigger *trigger, const struct kct_state_vm *vm)
{
	if (!trigger->pid && !*trigger->vm)
		return true;
	if (!vm || (trigger->pid && trigger->pid != vm->vm.pid))
		return false;
	return !*trigger->vm || kct_vm_name_is(&vm->name, trigger->vm) ||
	       kct_vm_name_is(&vm->name, trigger->form);
}

static bool tell(struct kct_fired *fired, int64_t value)
{
	fired->has_value = true;
	fired->value = value;
	return true;
}

static bool on_update(const struct kct_trigger *trigger, const struct kct_update_event *e,
		      const struct kct_state_vm *vm, struct kct_fired *fired)
{
	switch (trigger->kind) {
	case KCT_TRIGGER_SET_CLOCK:
		return kct_is_setting(e->cause);
	case KCT_TRIGGER_UNNECESSARY:
		/* Once, and again when the clock has been set. */
		return vm && kct_is_unnecessary(e) && vm->unnecessary + 1 == trigger->at_least &&
		       tell(fired, (int64_t)trigger->at_least);
	case KCT_TRIGGER_MASTERCLOCK_OFF:
		if (e->effect != KCT_EFFECT_DISABLED)
			return false;
		fired->reasons = kct_reasons(&e->conditions, e->after.nr_vcpus,
					     kct_is_tsc_mode(e->host_clock));
		return true;
	default:
		return false;
	}
}

static bool has_happened(const struct kct_trigger *trigger, const union kct_any_event *event,
			 const struct kct_state_vm *vm, struct kct_fired *fired)
{
	const struct kct_pvti_event *pvti = &event->pvti;

	switch (event->event.kind) {
	case KCT_EVENT_UPDATE:
		return on_update(trigger, &event->update, vm, fired);
	case KCT_EVENT_PVTI:
		return trigger->kind == KCT_TRIGGER_JUMP && pvti->has_drift && !pvti->clock_set &&
		       kct_magnitude(pvti->drift_ns) >= trigger->at_least &&
		       tell(fired, pvti->drift_ns);
	case KCT_EVENT_VM_GONE:
		return trigger->kind == KCT_TRIGGER_VM_GONE;
	}
	return false;
}

bool kct_trigger_fires(const struct kct_trigger *trigger, const union kct_any_event *event,
		       const struct kct_state *state, struct kct_fired *fired)
{
	const struct kct_state_vm *vm = kct_state_vm(state, event->event.vm);

	*fired = (struct kct_fired){.kind = trigger->kind,
				    .ns = event->event.ns,
				    .vm = event->event.vm,
				    .is_known = vm != NULL,
				    .pid = KCT_NO_NUMBER};
	if (!has_happened(trigger, event, vm, fired) || !is_wanted(trigger, vm))
		return false;
	if (vm) {
		fired->pid = vm->vm.pid;
		fired->name = vm->name;
	}
	return true;
}
