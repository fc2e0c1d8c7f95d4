// SPDX-License-Identifier: GPL-2.0
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "base/number.h"
#include "base/error.h"
#include "base/json.h"
#include "kvmclock/pvti.h"

#define DRIFT_SCHEMA  "kvmclock-trace/drift"
#define DRIFT_VERSION 1

enum { FIELD_TSC = 1, FIELD_SYSTEM = 2, FIELD_MUL = 4, FIELD_SHIFT = 8, ALL_FIELDS = 15 };

/* A PVTI, and which of its fields have been given. */
struct line {
	struct kct_pvti pvti;
	unsigned int given;
};

/* The four instants of a migration: P1 and P2 in ns, P3 and P4 in cycles of the guest's TSC. */
#define NR_POINTS 4

struct drift {
	struct line old_line, new_line;
	uint64_t points[NR_POINTS];
	bool has_points;
	bool json, verbose;
};

static const struct argp_option options[] = {
	{"old", 'o', "TSC,SYSTEM,MUL,SHIFT", 0, "The PVTI before", 0},
	{"new", 'n', "TSC,SYSTEM,MUL,SHIFT", 0, "The PVTI after", 0},
	{"points", 'p', "P1,P2,P3,P4", 0,
	 "Instead of --new: predict the drift of a migration that saves the TSC at P1 and the "
	 "clock at "
	 "P2 (ns), and writes the TSC at P3 and sets the clock at P4 (cycles of the guest's TSC)",
	 0},
	{"json", 'j', NULL, 0, "One JSON object", 0},
	{"verbose", 'v', NULL, 0, "Show the arithmetic", 0},
	{0},
};

/* A field's value, with the bounds that it has in the PVTI. 0 or -EINVAL. */
static int set_field(struct line *line, unsigned int field, const char *text)
{
	uint64_t max = field == FIELD_MUL ? UINT32_MAX : UINT64_MAX, value = 0;
	int64_t shift = 0;

	if (field == FIELD_SHIFT ? kct_parse_signed(text, -63, 63, &shift)
				 : kct_parse_number(text, 0, max, &value))
		return -EINVAL;
	if (field == FIELD_TSC)
		line->pvti.tsc_timestamp = value;
	else if (field == FIELD_SYSTEM)
		line->pvti.system_time = value;
	else if (field == FIELD_MUL)
		line->pvti.tsc_to_system_mul = (uint32_t)value;
	else
		line->pvti.tsc_shift = (int8_t)shift;
	line->given |= field;
	return 0;
}

static int parse_line(struct line *line, const char *text)
{
	char copy[128], *rest = copy, *word;
	unsigned int field = FIELD_TSC;

	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	strcpy(copy, text);
	line->given = 0;
	while ((word = strsep(&rest, ",")) != NULL) {
		if (field > FIELD_SHIFT || set_field(line, field, word))
			return -EINVAL;
		field <<= 1;
	}
	return line->given == ALL_FIELDS ? 0 : -EINVAL;
}

/* Four numbers, of which the second is not before the first, nor the fourth before the third. */
static int parse_points(struct drift *drift, const char *text)
{
	char copy[128], *rest = copy, *word;
	size_t count = 0;

	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	strcpy(copy, text);
	while ((word = strsep(&rest, ",")) != NULL)
		if (count == NR_POINTS ||
		    kct_parse_number(word, 0, UINT64_MAX, &drift->points[count++]))
			return -EINVAL;
	drift->has_points = count == NR_POINTS;
	return drift->has_points && drift->points[0] <= drift->points[1] &&
			       drift->points[2] <= drift->points[3]
		       ? 0
		       : -EINVAL;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct drift *drift = state->input;

	switch (key) {
	case 'o':
	case 'n':
		if (parse_line(key == 'o' ? &drift->old_line : &drift->new_line, text))
			argp_error(state, "'%s' is not TSC,SYSTEM,MUL,SHIFT", text);
		return 0;
	case 'p':
		if (parse_points(drift, text))
			argp_error(state, "'%s' is not P1,P2,P3,P4 with P1 <= P2 and P3 <= P4",
				   text);
		return 0;
	case 'j':
		drift->json = true;
		return 0;
	case 'v':
		drift->verbose = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "drift takes no arguments");
	}
	return ARGP_ERR_UNKNOWN;
}

/*
 * One line as the kernel's mailing list has them: "old_clock->tsc_timestamp = 32041800585", quoted
 * or not. Other lines are passed over. 0, or -EINVAL for such a line with another value.
 */
static int read_line(struct drift *drift, char *text)
{
	static const struct {
		const char *name;
		unsigned int field;
	} fields[] = {
		{"tsc_timestamp", FIELD_TSC},
		{"system_time", FIELD_SYSTEM},
		{"tsc_to_system_mul", FIELD_MUL},
		{"tsc_shift", FIELD_SHIFT},
	};
	char which[8], name[32], value[32];

	text += strspn(text, "> \t");
	if (sscanf(text, "%3[a-z]_clock->%31[a-z_] = %31[^; \t\r\n]", which, name, value) != 3)
		return 0;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (strcmp(fields[i].name, name))
			continue;
		if (!strcmp(which, "old"))
			return set_field(&drift->old_line, fields[i].field, value);
		if (!strcmp(which, "new"))
			return set_field(&drift->new_line, fields[i].field, value);
	}
	return 0;
}

static int read_lines(struct drift *drift)
{
	char text[512];

	while (fgets(text, sizeof(text), stdin))
		if (read_line(drift, text)) {
			text[strcspn(text, "\n")] = '\0';
			kct_error("'%s' has an impossible value", text);
			return KCT_EXIT_USAGE;
		}
	return 0;
}

static void show(const struct drift *drift)
{
	const struct kct_pvti *a = &drift->old_line.pvti, *b = &drift->new_line.pvti;
	uint64_t predicted = kct_pvti_read(a, b->tsc_timestamp);
	int64_t cycles = (int64_t)(b->tsc_timestamp - a->tsc_timestamp);

	if (drift->verbose) {
		printf("cycles between the two:        %" PRId64 "\n", cycles);
		printf("in ns, by the old mul, shift:  (%" PRId64 " %s %d) * %u >> 32 = %" PRId64
		       "\n",
		       cycles, a->tsc_shift < 0 ? ">>" : "<<", abs(a->tsc_shift),
		       a->tsc_to_system_mul, (int64_t)(predicted - (uint64_t)a->system_time));
		printf("the old PVTI at the new TSC:   %llu + that = %" PRIu64 "\n", a->system_time,
		       predicted);
		printf("the new PVTI there:            %llu\n", b->system_time);
	}
	printf("%+lld ns%s\n", kct_pvti_drift(a, b),
	       drift->verbose ? " (new minus old; + is a jump forward of the kvm-clock)" : "");
}

static void show_json(const struct drift *drift)
{
	const struct kct_pvti *a = &drift->old_line.pvti, *b = &drift->new_line.pvti;

	kct_json_print(stdout, json_pack("{s:s, s:i, s:I, s:o}", "schema", DRIFT_SCHEMA, "version",
					 DRIFT_VERSION, "drift_ns",
					 (json_int_t)kct_pvti_drift(a, b), "predicted_system_time",
					 kct_json_u64(kct_pvti_read(a, b->tsc_timestamp))));
}

/* ---- the four instants of a migration ---- */

static void show_prediction(const struct drift *drift)
{
	const struct kct_pvti *pvti = &drift->old_line.pvti;
	uint64_t t1 = drift->points[1] - drift->points[0];
	uint64_t cycles = drift->points[3] - drift->points[2];
	uint64_t t2 = kct_pvti_scale(cycles, pvti->tsc_to_system_mul, pvti->tsc_shift);
	int64_t predicted = kct_migration_drift(t1, cycles, pvti);

	if (drift->json) {
		kct_json_print(stdout, json_pack("{s:s, s:i, s:o, s:o, s:I}", "schema",
						 DRIFT_SCHEMA, "version", DRIFT_VERSION, "t1_ns",
						 kct_json_u64(t1), "t2_ns", kct_json_u64(t2),
						 "predicted_ns", (json_int_t)predicted));
		return;
	}
	if (drift->verbose) {
		printf("T1 = P2 - P1, when only the kvm-clock went on:  %" PRIu64 " ns\n", t1);
		printf("T2 = P4 - P3, when only the TSC went on:        %" PRIu64
		       " cycles = %" PRIu64 " ns\n",
		       cycles, t2);
	}
	printf("%+" PRId64 " ns%s\n", predicted,
	       drift->verbose ? " (T1 - T2; + is a jump forward of the kvm-clock)" : "");
}

/* Which of the PVTIs that are needed is not complete; NULL if none. */
static const char *what_is_missing(const struct drift *drift)
{
	if (drift->old_line.given != ALL_FIELDS)
		return "old";
	return drift->has_points || drift->new_line.given == ALL_FIELDS ? NULL : "new";
}

int cmd_drift(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "By how much the kvm-clock jumps from one PVTI to another: the new "
		       "system_time minus what the old PVTI gives at the new tsc_timestamp; + is "
		       "forward. "
		       "Without --old and --new, lines such as 'old_clock->tsc_timestamp = "
		       "32041800585' are read from standard input.",
	};
	struct drift drift = {0};
	const char *missing;

	if (argp_parse(&argp, argc, argv, 0, NULL, &drift))
		return KCT_EXIT_USAGE;
	if (!drift.old_line.given && !drift.new_line.given && read_lines(&drift))
		return KCT_EXIT_USAGE;
	missing = what_is_missing(&drift);
	if (missing) {
		kct_error("the %s PVTI is not complete: tsc_timestamp, system_time, "
			  "tsc_to_system_mul and tsc_shift are needed",
			  missing);
		return KCT_EXIT_USAGE;
	}
	if (drift.has_points && drift.new_line.given) {
		kct_error("--points predicts what --new would show: give one of them");
		return KCT_EXIT_USAGE;
	}
	if (drift.has_points)
		show_prediction(&drift);
	else if (drift.json)
		show_json(&drift);
	else
		show(&drift);
	return KCT_EXIT_OK;
}
