// SPDX-License-Identifier: GPL-2.0
#include "attach/plan.h"
#include "cmd/attach.h"
#include "model/names.h"

enum { OPTION_ATTACH = 0x200, OPTION_DEBUGINFO };

static const struct argp_option options[] = {
	{"attach", OPTION_ATTACH, "METHOD", 0,
	 "Hook only by fentry, kprobe or tracepoint; without it, by the best available", 3},
	{"debuginfo", OPTION_DEBUGINFO, "PATH", OPTION_ARG_OPTIONAL,
	 "Hook each place where kvm_make_request() was inlined, from the debug information of the "
	 "kernel or its kvm module; without PATH it is looked for in the usual places",
	 3},
	{0},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct kct_plan_options *plan = state->input;

	switch (key) {
	case OPTION_ATTACH:
		plan->method = kct_name_number(kct_method_names, KCT_TRACEPOINT + 1, text);
		if (plan->method < 0)
			argp_error(state, "--attach takes fentry, kprobe or tracepoint");
		return 0;
	case OPTION_DEBUGINFO:
		plan->debuginfo = text ? text : "";
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

const struct argp kct_attach_argp = {.options = options, .parser = parse};
