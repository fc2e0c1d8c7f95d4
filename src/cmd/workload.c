// SPDX-License-Identifier: GPL-2.0
/* The command "workload": options in, the workload run. */
#include <argp.h>

#include "cmd/cmd.h"
#include "base/number.h"
#include "base/duration.h"
#include "base/error.h"
#include "workload/workload.h"

#define KEY_FIRST 0x100 /* of the scenarios' options: not printable, so they have no short form */
#define KEY_JSON  (KEY_FIRST + KCT_WORKLOAD_OPTIONS)

struct parsed {
	struct kct_workload workload;
	unsigned int given; /* bit 1 << enum kct_workload_option */
};

static void parse_value(struct argp_state *state, struct parsed *parsed, int option,
			const char *text)
{
	const struct kct_workload_option_info *info = &kct_workload_option_info[option];
	uint64_t *value = &parsed->workload.values[option];

	parsed->given |= 1U << option;
	switch (info->kind) {
	case KCT_WORKLOAD_IS_FLAG:
		*value = 1;
		break;
	case KCT_WORKLOAD_IS_COUNT:
		if (kct_parse_number(text, 1, info->max, value))
			argp_error(state, "--%s: '%s' is not a number from 1 to %llu", info->name,
				   text, (unsigned long long)info->max);
		break;
	case KCT_WORKLOAD_IS_DURATION:
		if (kct_parse_duration(text, value) || *value > info->max)
			argp_error(state,
				   "--%s: '%s' is not a duration such as 250ms or 10s (ns, us, "
				   "ms, s, m, h; at most 24h)",
				   info->name, text);
		break;
	}
}

/* All is parsed: what was not given gets the scenario's default, what does not fit is refused. */
static void finish(struct argp_state *state, struct parsed *parsed)
{
	const struct kct_scenario *scenario = parsed->workload.scenario;
	uint64_t max_vcpus = kct_workload_option_info[KCT_WORKLOAD_VCPUS].max;
	uint64_t *values = parsed->workload.values;

	if (!scenario)
		argp_error(state, "no scenario given");
	for (int i = 0; i < KCT_WORKLOAD_OPTIONS; i++) {
		unsigned int bit = 1U << i;

		if (parsed->given & ~scenario->accepts & bit)
			argp_error(state, "--%s has no meaning for %s",
				   kct_workload_option_info[i].name, scenario->name);
		if (!(parsed->given & bit))
			values[i] = scenario->defaults[i];
	}
	if (values[KCT_WORKLOAD_VCPUS] + values[KCT_WORKLOAD_ADD] > max_vcpus)
		argp_error(state, "--vcpus and --add: together more than %llu vCPUs",
			   (unsigned long long)max_vcpus);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct parsed *parsed = state->input;

	if (key >= KEY_FIRST && key < KEY_JSON) {
		parse_value(state, parsed, key - KEY_FIRST, arg);
		return 0;
	}
	switch (key) {
	case KEY_JSON:
		parsed->workload.json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (parsed->workload.scenario)
			argp_error(state, "only one scenario, not '%s' too", arg);
		parsed->workload.scenario = kct_scenario_find(arg);
		if (!parsed->workload.scenario)
			argp_error(state, "no scenario '%s'", arg);
		return 0;
	case ARGP_KEY_END:
		finish(state, parsed);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The scenarios stand in --help as a group without dashes, then the options. */
static void describe(struct argp_option *to)
{
	const struct kct_scenario *scenario;

	*to++ = (struct argp_option){.doc = "Scenarios:", .group = 1};
	for (unsigned int i = 0; (scenario = kct_scenario_at(i)); i++)
		*to++ = (struct argp_option){.name = scenario->name,
					     .doc = scenario->help,
					     .flags = OPTION_DOC | OPTION_NO_USAGE,
					     .group = 1};
	*to++ = (struct argp_option){.doc = "Options:", .group = 2};
	for (int i = 0; i < KCT_WORKLOAD_OPTIONS; i++) {
		const struct kct_workload_option_info *info = &kct_workload_option_info[i];

		*to++ = (struct argp_option){.name = info->name,
					     .key = KEY_FIRST + i,
					     .arg = info->arg,
					     .doc = info->help,
					     .group = 2};
	}
	*to = (struct argp_option){.name = "json",
				   .key = KEY_JSON,
				   .doc = "print one JSON object, on one line",
				   .group = 2};
}

int cmd_workload(int argc, char **argv)
{
	static char name[] = KCT_PROGRAM " workload";
	struct argp_option options[64] = {0};
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "SCENARIO",
		.doc = "Run a small VMM that makes KVM update its masterclock in known ways, and "
		       "tell what it did and what its guests' memory then held.",
	};
	struct parsed parsed = {0};

	describe(options);
	argv[0] = name; /* what argp calls us in its messages */
	argp_err_exit_status = KCT_EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &parsed);
	return kct_workload_run(&parsed.workload);
}
