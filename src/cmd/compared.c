// SPDX-License-Identifier: GPL-2.0
/* What is told of one recording that is compared. */
#include <string.h>

#include "base/json.h"
#include "cmd/compare.h"
#include "record/writer.h"
#include "show/report.h"

const char *kct_compared_scenario(const struct kct_compared *side)
{
	const char *at = strstr(side->recording.header.command, "workload ");

	return at ? at : side->recording.header.command;
}

json_t *kct_compared_json(const struct kct_compared *side)
{
	return json_pack("{s:s, s:o, s:s, s:o, s:o}", "path", side->shown_path, "host",
			 kct_json_host(&side->recording.header), "verdict",
			 kct_verdict_names[side->measured.all.verdict], "why",
			 kct_json_text(side->measured.all.why), "passed_over",
			 kct_json_passed(&side->recording.model.passed));
}
