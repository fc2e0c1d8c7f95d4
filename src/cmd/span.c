// SPDX-License-Identifier: GPL-2.0
#include <time.h>

#include "cmd/span.h"
#include "host/host.h"

enum { OPTION_SINCE = 0x500, OPTION_UNTIL };

static const struct argp_option options[] = {
	{"since", OPTION_SINCE, "TIME", 0,
	 "Only what was not before this: 2026-01-31, 2026-01-31T12:30:00 (UTC), 2h ago as 2h, or "
	 "as long behind the beginning of a recording as +1.5s",
	 2},
	{"until", OPTION_UNTIL, "TIME", 0, "Only what was before this", 2},
	{0},
};

static void take(struct kct_time *time, const char *text, struct argp_state *state)
{
	if (kct_parse_time(text, kct_clock_ns(CLOCK_REALTIME), time))
		argp_error(state, "'%s' is no time such as " KCT_TIME_EXAMPLES, text);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct kct_span *span = state->input;

	switch (key) {
	case OPTION_SINCE:
		take(&span->since, text, state);
		return 0;
	case OPTION_UNTIL:
		take(&span->until, text, state);
		return 0;
	case ARGP_KEY_END:
		if (span->since.kind && span->since.kind == span->until.kind &&
		    span->since.ns >= span->until.ns)
			argp_error(state, "--until is not behind --since");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

const struct argp kct_span_argp = {.options = options, .parser = parse};

bool kct_span_is_set(const struct kct_span *span)
{
	return span->since.kind || span->until.kind;
}
