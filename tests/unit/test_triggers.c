// SPDX-License-Identifier: GPL-2.0
/* Triggers: what is taken for one, what fires it, and which spans of time are pinned for that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "monitor/pins.h"

#define S 1000000000ULL

/* ---- what is taken for one ---- */

static void test_texts(void **unused)
{
	static const char *const wrong[] = {
		"",
		"clock",
		"signal",
		"set-clock>=1",
		"set-clock ",
		"unnecessary",
		"unnecessary>1",
		"unnecessary>=",
		"jump",
		"jump>=",
		"jump>=1",
		"unnecessary>=0",
		"jump>=0",
		"jump>=-1s",
		"vm-gone,",
		"vm-gone,vm=",
		"vm-gone,pid=0",
		"vm-gone,pid=x",
		"vm-gone,id=1",
		"unnecessary>=1x",
		"jump>=1s,vm=",
		"set-clock,pid=1,pid=2",
	};
	struct kct_trigger trigger;

	(void)unused;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (kct_trigger_parse(&trigger, wrong[i]))
			fail_msg("'%s' was taken", wrong[i]);
	assert_true(kct_trigger_parse(&trigger, "set-clock"));
	assert_int_equal(trigger.kind, KCT_TRIGGER_SET_CLOCK);
	assert_true(kct_trigger_parse(&trigger, "masterclock-off,pid=12"));
	assert_int_equal(trigger.kind, KCT_TRIGGER_MASTERCLOCK_OFF);
	assert_int_equal(trigger.pid, 12);
	assert_true(kct_trigger_parse(&trigger, "unnecessary>=7,vm=a,pid=3"));
	assert_int_equal(trigger.at_least, 7);
	assert_int_equal(trigger.pid, 0);
	assert_string_equal(trigger.vm, "a,pid=3");
	assert_true(kct_trigger_parse(&trigger, "jump>=20us,pid=5,vm=web1"));
	assert_int_equal(trigger.at_least, 20000);
	assert_int_equal(trigger.pid, 5);
	assert_string_equal(trigger.vm, "web1");
}

/* ---- what fires it ---- */

static struct kct_state state;

static void add_vm(uint32_t number, uint32_t pid, const char *called)
{
	union kct_any_event event = {.vm = {.event = {.vm = number, .kind = KCT_EVENT_VM}}};
	struct kct_vm_name name = {0};

	event.vm.pid = pid;
	event.vm.event.vcpu = KCT_NO_VCPU;
	strcpy(name.name, called);
	assert_int_equal(kct_state_event(&state, &event, &name), 0);
}

static int set_up(void **unused)
{
	(void)unused;
	add_vm(1, 10, "one");
	add_vm(2, 20, "two");
	return 0;
}

static int tear_down(void **unused)
{
	(void)unused;
	kct_state_clear(&state);
	return 0;
}

static union kct_any_event update(uint32_t vm, enum kct_cause cause, enum kct_effect effect)
{
	union kct_any_event event = {
		.update = {
			.event = {.ns = 5, .vm = vm, .vcpu = KCT_NO_VCPU, .kind = KCT_EVENT_UPDATE},
			.cause = (uint8_t)cause,
			.effect = (uint8_t)effect,
			.host_clock = KCT_NO_NUMBER}};

	return event;
}

static union kct_any_event published(int64_t drift_ns)
{
	union kct_any_event event = {.pvti = {.event = {.vm = 1, .kind = KCT_EVENT_PVTI},
					      .drift_ns = drift_ns,
					      .has_drift = 1}};

	return event;
}

/* As the monitor has it: the state is taken last. */
static bool fires(const char *text, const union kct_any_event *event, struct kct_fired *fired)
{
	struct kct_trigger trigger;
	bool does;

	assert_true(kct_trigger_parse(&trigger, text));
	does = kct_trigger_fires(&trigger, event, &state, fired);
	assert_int_equal(kct_state_event(&state, event, NULL), 0);
	return does;
}

static void test_set_clock(void **unused)
{
	static const enum kct_cause causes[] = {KCT_CAUSE_SET_CLOCK, KCT_CAUSE_SET_CLOCK_REALTIME,
						KCT_CAUSE_SET_CLOCK_GUEST};
	union kct_any_event event = update(1, KCT_CAUSE_VM_CREATE, KCT_EFFECT_ENABLED);
	struct kct_fired fired;

	(void)unused;
	assert_false(fires("set-clock", &event, &fired));
	for (int i = 0; i < 3; i++) {
		event = update(1, causes[i], KCT_EFFECT_RESNAPSHOT);
		assert_true(fires("set-clock", &event, &fired));
	}
	assert_int_equal(fired.vm, 1);
	assert_int_equal(fired.ns, 5);
	assert_int_equal(fired.pid, 10);
	assert_string_equal(fired.name.name, "one");
	assert_false(fired.has_value);
}

static void test_unnecessary(void **unused)
{
	union kct_any_event set = update(1, KCT_CAUSE_SET_CLOCK, KCT_EFFECT_RESNAPSHOT);
	union kct_any_event one = update(1, KCT_CAUSE_VCPU_REQUEST, KCT_EFFECT_RESNAPSHOT);
	union kct_any_event other = update(2, KCT_CAUSE_VCPU_REQUEST, KCT_EFFECT_RESNAPSHOT);
	union kct_any_event needed = update(1, KCT_CAUSE_VCPU_REQUEST, KCT_EFFECT_ENABLED);
	struct kct_fired fired;

	(void)unused;
	for (int times = 0; times < 2; times++) {
		assert_false(fires("unnecessary>=3", &set, &fired));
		assert_false(fires("unnecessary>=3", &one, &fired));
		assert_false(fires("unnecessary>=3", &other, &fired));
		assert_false(fires("unnecessary>=3", &one, &fired));
		assert_false(fires("unnecessary>=3", &needed, &fired));
		assert_true(fires("unnecessary>=3", &one, &fired));
		assert_int_equal(fired.value, 3);
		/* Once. */
		assert_false(fires("unnecessary>=3", &one, &fired));
	}
}

static void test_jump(void **unused)
{
	union kct_any_event event = published(999);
	struct kct_fired fired;

	(void)unused;
	assert_false(fires("jump>=1us", &event, &fired));
	event = published(1000);
	assert_true(fires("jump>=1us", &event, &fired));
	assert_int_equal(fired.value, 1000);
	event = published(-1000);
	assert_true(fires("jump>=1us", &event, &fired));
	assert_int_equal(fired.value, -1000);
	event = published(INT64_MIN);
	assert_true(fires("jump>=1us", &event, &fired));
	/* That was asked for; that is not known. */
	event = published(5000);
	event.pvti.clock_set = 1;
	assert_false(fires("jump>=1us", &event, &fired));
	event = published(5000);
	event.pvti.has_drift = 0;
	assert_false(fires("jump>=1us", &event, &fired));
}

static void test_masterclock_off(void **unused)
{
	union kct_any_event event = update(1, KCT_CAUSE_VCPU_REQUEST, KCT_EFFECT_DISABLED);
	struct kct_fired fired;

	(void)unused;
	event.update.host_clock = 1;
	event.update.after.nr_vcpus = 2;
	event.update.conditions = (struct kct_conditions){.known = 1,
							  .nr_matched = 0,
							  .tsc_matched = KCT_NO,
							  .tsc_backwards = KCT_NO,
							  .old_kvmclock = KCT_NO,
							  .tsc_protected = KCT_NO};
	assert_true(fires("masterclock-off", &event, &fired));
	assert_int_equal(fired.reasons, 1U << KCT_REASON_TSC_UNMATCHED);
	/* It stays off. */
	event.update.effect = KCT_EFFECT_INACTIVE;
	assert_false(fires("masterclock-off", &event, &fired));
}

static void test_gone(void **unused)
{
	union kct_any_event event = {
		.event = {.vm = 2, .vcpu = KCT_NO_VCPU, .kind = KCT_EVENT_VM_GONE}};
	struct kct_fired fired;

	(void)unused;
	assert_true(fires("vm-gone", &event, &fired));
	assert_string_equal(fired.name.name, "two");
	/* It is of nobody that is known now. */
	assert_true(fires("vm-gone", &event, &fired));
	assert_false(fired.is_known);
}

static void test_of_which_vm(void **unused)
{
	union kct_any_event one = update(1, KCT_CAUSE_SET_CLOCK, KCT_EFFECT_RESNAPSHOT);
	union kct_any_event two = update(2, KCT_CAUSE_SET_CLOCK, KCT_EFFECT_RESNAPSHOT);
	union kct_any_event nobody = update(KCT_NO_VM, KCT_CAUSE_SET_CLOCK, KCT_EFFECT_RESNAPSHOT);
	struct kct_fired fired;

	(void)unused;
	assert_true(fires("set-clock,vm=one", &one, &fired));
	assert_false(fires("set-clock,vm=one", &two, &fired));
	assert_true(fires("set-clock,pid=20", &two, &fired));
	assert_false(fires("set-clock,pid=20", &one, &fired));
	assert_false(fires("set-clock,pid=20,vm=one", &one, &fired));
	assert_false(fires("set-clock,pid=20,vm=one", &two, &fired));
	assert_true(fires("set-clock,pid=20,vm=two", &two, &fired));
	assert_true(fires("set-clock", &nobody, &fired));
	assert_false(fires("set-clock,vm=one", &nobody, &fired));
}

/* ---- which spans are pinned ---- */

static struct kct_fired at(enum kct_trigger_kind kind, uint64_t ns)
{
	return (struct kct_fired){.kind = kind, .ns = ns};
}

static enum kct_trigger_result fire(struct kct_pins *pins, uint64_t ns)
{
	struct kct_fired fired = at(KCT_TRIGGER_JUMP, ns);

	return kct_pins_fire(pins, &fired);
}

static struct kct_pins made(uint64_t pre, uint64_t post, uint64_t interval)
{
	return (struct kct_pins){.rolls = {pre, post, interval}};
}

static void test_span(void **unused)
{
	struct kct_pins pins = made(60 * S, 10 * S, 0);
	struct kct_pin pin;

	(void)unused;
	assert_true(kct_pins_due(&pins) == UINT64_MAX);
	assert_int_equal(fire(&pins, 100 * S), KCT_TRIGGER_PINNED);
	assert_int_equal(kct_pins_due(&pins), 110 * S + KCT_PIN_SLACK_NS);
	pin = kct_pins_take(&pins, 111 * S);
	assert_int_equal(pin.start_ns, 40 * S);
	assert_int_equal(pin.end_ns, 110 * S);
	assert_int_equal(kct_pin_folded(&pin), 0);
	assert_true(kct_pins_due(&pins) == UINT64_MAX);
	/* Before the host was up that long; and ended early. */
	pins = made(60 * S, 10 * S, 0);
	assert_int_equal(fire(&pins, 20 * S), KCT_TRIGGER_PINNED);
	pin = kct_pins_take(&pins, 25 * S);
	assert_int_equal(pin.start_ns, 0);
	assert_int_equal(pin.end_ns, 25 * S);
}

static void test_folding(void **unused)
{
	struct kct_pins pins = made(60 * S, 10 * S, 1000 * S);
	struct kct_fired other = at(KCT_TRIGGER_VM_GONE, 119 * S);
	struct kct_pin pin;

	(void)unused;
	assert_int_equal(fire(&pins, 100 * S), KCT_TRIGGER_PINNED);
	assert_int_equal(fire(&pins, 110 * S), KCT_TRIGGER_FOLDED);
	assert_int_equal(pins.open.end_ns, 120 * S);
	/* Events of two CPUs are not quite in order. */
	assert_int_equal(fire(&pins, 109 * S), KCT_TRIGGER_FOLDED);
	assert_int_equal(pins.open.end_ns, 120 * S);
	assert_int_equal(kct_pins_fire(&pins, &other), KCT_TRIGGER_FOLDED);
	assert_int_equal(pins.open.end_ns, 129 * S);
	assert_int_equal(pins.open.start_ns, 40 * S);
	pin = kct_pins_take(&pins, 200 * S);
	assert_int_equal(kct_pin_folded(&pin), 3);
	assert_int_equal(pins.counts[KCT_TRIGGER_JUMP][KCT_TRIGGER_FOLDED], 0);
	kct_pins_settle(&pins, &pin, true);
	assert_int_equal(pins.counts[KCT_TRIGGER_JUMP][KCT_TRIGGER_PINNED], 1);
	assert_int_equal(pins.counts[KCT_TRIGGER_JUMP][KCT_TRIGGER_FOLDED], 2);
	assert_int_equal(pins.counts[KCT_TRIGGER_VM_GONE][KCT_TRIGGER_PINNED], 0);
	assert_int_equal(pins.counts[KCT_TRIGGER_VM_GONE][KCT_TRIGGER_FOLDED], 1);
	kct_pins_settle(&pins, &pin, false);
	assert_int_equal(pins.counts[KCT_TRIGGER_JUMP][KCT_TRIGGER_FAILED], 3);
	assert_int_equal(pins.counts[KCT_TRIGGER_VM_GONE][KCT_TRIGGER_FAILED], 1);
	assert_int_equal(pins.counts[KCT_TRIGGER_JUMP][KCT_TRIGGER_PINNED], 1);
}

/* Triggers that never cease do not make a span that never ends. */
static void test_longest(void **unused)
{
	struct kct_pins pins = made(S, 10 * S, 0);
	uint64_t ns = 100 * S;

	(void)unused;
	assert_int_equal(fire(&pins, ns), KCT_TRIGGER_PINNED);
	while (fire(&pins, ns) == KCT_TRIGGER_FOLDED)
		ns += 3 * S;
	assert_int_equal(pins.open.end_ns, (100 + 10 * KCT_PIN_ROLLS) * S);
	assert_true(ns > pins.open.end_ns);
	/* It waits to be written: what comes now is in no span. */
	assert_int_equal(pins.counts[KCT_TRIGGER_JUMP][KCT_TRIGGER_LIMITED], 1);
}

static void test_limit(void **unused)
{
	struct kct_pins pins = made(S, S, 60 * S);

	(void)unused;
	assert_int_equal(fire(&pins, 100 * S), KCT_TRIGGER_PINNED);
	kct_pins_take(&pins, 102 * S);
	assert_int_equal(fire(&pins, 103 * S), KCT_TRIGGER_LIMITED);
	assert_int_equal(fire(&pins, 160 * S - 1), KCT_TRIGGER_LIMITED);
	assert_int_equal(pins.counts[KCT_TRIGGER_JUMP][KCT_TRIGGER_LIMITED], 2);
	assert_int_equal(fire(&pins, 160 * S), KCT_TRIGGER_PINNED);
}

static void test_huge(void **unused)
{
	struct kct_pins pins = made(UINT64_MAX, UINT64_MAX, UINT64_MAX);

	(void)unused;
	assert_int_equal(fire(&pins, 100 * S), KCT_TRIGGER_PINNED);
	assert_int_equal(pins.open.start_ns, 0);
	assert_true(pins.open.end_ns == UINT64_MAX);
	assert_true(kct_pins_due(&pins) == UINT64_MAX);
	assert_int_equal(fire(&pins, 1000 * S), KCT_TRIGGER_FOLDED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test_setup_teardown(test_set_clock, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unnecessary, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_jump, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_masterclock_off, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_of_which_vm, set_up, tear_down),
		cmocka_unit_test(test_span),
		cmocka_unit_test(test_folding),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_huge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
