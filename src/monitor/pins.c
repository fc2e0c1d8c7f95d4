// SPDX-License-Identifier: GPL-2.0
#include "monitor/pins.h"

#define TEXT_ROW(name, text) text,
const char *const kct_trigger_result_names[KCT_NR_TRIGGER_RESULTS] = {
	KCT_TRIGGER_RESULTS(TEXT_ROW)};

/* A post-roll of hours, or none, is no reason to overflow. */
static uint64_t later(uint64_t ns, uint64_t by)
{
	return by > UINT64_MAX - ns ? UINT64_MAX : ns + by;
}

static uint64_t longest(const struct kct_pins *pins)
{
	uint64_t rolls;

	if (__builtin_mul_overflow(pins->rolls.post_ns, KCT_PIN_ROLLS, &rolls))
		rolls = UINT64_MAX;
	return later(pins->open.first.ns, rolls);
}

static void begin(struct kct_pins *pins, const struct kct_fired *fired)
{
	uint64_t pre = pins->rolls.pre_ns;

	pins->is_open = pins->had_any = true;
	pins->last_ns = fired->ns;
	pins->open = (struct kct_pin){
		.start_ns = fired->ns > pre ? fired->ns - pre : 0,
		.end_ns = later(fired->ns, pins->rolls.post_ns),
		.first = *fired,
	};
	pins->open.fired[fired->kind] = 1;
}

static void fold(struct kct_pins *pins, const struct kct_fired *fired)
{
	uint64_t end = later(fired->ns, pins->rolls.post_ns), last = longest(pins);

	if (end > last)
		end = last;
	if (end > pins->open.end_ns)
		pins->open.end_ns = end;
	pins->open.fired[fired->kind]++;
}

enum kct_trigger_result kct_pins_fire(struct kct_pins *pins, const struct kct_fired *fired)
{
	if (pins->is_open && fired->ns <= pins->open.end_ns) {
		fold(pins, fired);
		return KCT_TRIGGER_FOLDED;
	}
	if (pins->is_open ||
	    (pins->had_any && fired->ns < later(pins->last_ns, pins->rolls.interval_ns))) {
		pins->counts[fired->kind][KCT_TRIGGER_LIMITED]++;
		return KCT_TRIGGER_LIMITED;
	}
	begin(pins, fired);
	return KCT_TRIGGER_PINNED;
}

uint64_t kct_pins_due(const struct kct_pins *pins)
{
	return pins->is_open ? later(pins->open.end_ns, KCT_PIN_SLACK_NS) : UINT64_MAX;
}

struct kct_pin kct_pins_take(struct kct_pins *pins, uint64_t now_ns)
{
	struct kct_pin pin = pins->open;

	if (pin.end_ns > now_ns)
		pin.end_ns = now_ns;
	pins->is_open = false;
	return pin;
}

void kct_pins_settle(struct kct_pins *pins, const struct kct_pin *pin, bool is_written)
{
	for (int kind = 0; kind < KCT_NR_TRIGGERS; kind++) {
		uint64_t first = kind == (int)pin->first.kind;
		uint64_t *counts = pins->counts[kind];

		counts[is_written ? KCT_TRIGGER_PINNED : KCT_TRIGGER_FAILED] += first;
		counts[is_written ? KCT_TRIGGER_FOLDED : KCT_TRIGGER_FAILED] +=
			pin->fired[kind] - first;
	}
}

uint64_t kct_pin_folded(const struct kct_pin *pin)
{
	uint64_t sum = 0;

	for (int kind = 0; kind < KCT_NR_TRIGGERS; kind++)
		sum += pin->fired[kind];
	return sum - 1;
}
