// SPDX-License-Identifier: GPL-2.0
#include <argp.h>
#include <bpf/libbpf.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dwarf/location.h"
#include "attach/plan.h"
#include "attach/session.h"
#include "cmd/attach.h"
#include "cmd/cmd.h"
#include "cmd/doctor.h"
#include "host/host.h"
#include "host/obstacles.h"
#include "base/error.h"
#include "base/json.h"
#include "record/writer.h"

#define DOCTOR_SCHEMA  "kvmclock-trace/doctor"
#define DOCTOR_VERSION 1

struct doctor {
	struct kct_plan_options options;
	bool json;
	struct kct_plan plan;
	struct kct_header host;
	char lockdown[32];
	char missing[64];
	struct kct_obstacle obstacles[KCT_MAX_OBSTACLES];
	size_t nr_obstacles;
	bool btf;
	int status;
};

static const struct argp_option options[] = {
	{"json", 'j', NULL, 0, "One JSON object", 0},
	{0},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct doctor *doctor = state->input;

	(void)text;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &doctor->options;
		return 0;
	case 'j':
		doctor->json = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "doctor takes no arguments");
	}
	return ARGP_ERR_UNKNOWN;
}

/* ---- for people ---- */

static void show_row(const struct kct_plan_row *row)
{
	const struct kct_way *way = row->chosen < 0 ? NULL : &row->evidence->ways[row->chosen];
	const char *target = way ? row->attempts[row->chosen].target : NULL;

	printf("%-20s %-11s %s\n", row->evidence->name,
	       way ? kct_method_names[way->method] : "NONE", target ? target : "");
	printf("    %s\n", row->evidence->tells);
	if (way && way->cannot)
		printf("    %s%s\n", way->method == KCT_DERIVED ? "but: " : "but it does not show ",
		       way->cannot);
}

static void show(const struct doctor *doctor)
{
	const struct kct_header *host = &doctor->host;

	printf("kernel       %s\n", host->kernel);
	printf("KVM          %s, %s\n", host->kvm, *host->vendor ? host->vendor : "vendor unknown");
	printf("clocksource  %s%s\n", host->clocksource,
	       strcmp(host->clocksource, "tsc") ? ": no guest can have the masterclock" : "");
	printf("lockdown     %s\n", doctor->lockdown);
	printf("BTF          %s\n", doctor->btf ? "yes" : "no");
	printf("privileges   %s%s\n", *doctor->missing ? "missing: " : "CAP_BPF, CAP_PERFMON",
	       doctor->missing);
	for (size_t i = 0; i < doctor->nr_obstacles; i++)
		printf("in the way   %s; what would help: %s\n", doctor->obstacles[i].seen,
		       doctor->obstacles[i].remedy);
	putchar('\n');
	for (size_t i = 0; i < doctor->plan.nr_rows; i++)
		show_row(&doctor->plan.rows[i]);
	for (size_t i = 0; i < doctor->plan.nr_sites; i++)
		printf("inlined: %s+0x%llx, in %s\n", doctor->plan.sites[i].function,
		       (unsigned long long)doctor->plan.sites[i].offset,
		       doctor->plan.sites[i].caller);
	kct_doctor_show_refusals(&doctor->plan);
	printf("\n%s\n", doctor->status == KCT_EXIT_OK ? "all evidence is there"
			 : doctor->status == KCT_EXIT_INCOMPLETE
				 ? "some evidence is missing or derived"
				 : "tracing is impossible here");
}

/* ---- for machines ---- */

static json_t *refused_json(const struct kct_plan_row *row)
{
	json_t *refused = json_array();

	for (size_t i = 0; i < row->evidence->nr_ways; i++) {
		const struct kct_way *way = &row->evidence->ways[i];
		const struct kct_attempt *attempt = &row->attempts[i];

		if (!attempt->tried || !attempt->error)
			continue;
		json_array_append_new(refused,
				      json_pack("{s:s, s:o, s:i, s:s, s:o}", "way",
						kct_method_names[way->method], "target",
						kct_json_text(attempt->target), "errno",
						-attempt->error, "why", attempt->why, "help",
						kct_json_text(kct_doctor_help(way, attempt))));
	}
	return refused;
}

static json_t *row_json(const struct kct_plan_row *row)
{
	const struct kct_way *way = row->chosen < 0 ? NULL : &row->evidence->ways[row->chosen];

	return json_pack("{s:s, s:s, s:b, s:s, s:o, s:o, s:o}", "evidence", row->evidence->name,
			 "tells", row->evidence->tells, "vital", row->evidence->vital, "way",
			 way ? kct_method_names[way->method] : "none", "target",
			 kct_json_text(way ? row->attempts[row->chosen].target : NULL), "not_shown",
			 kct_json_text(way ? way->cannot : NULL), "refused", refused_json(row));
}

static json_t *obstacles_json(const struct doctor *doctor)
{
	json_t *obstacles = json_array();

	for (size_t i = 0; i < doctor->nr_obstacles; i++) {
		const struct kct_obstacle *o = &doctor->obstacles[i];

		json_array_append_new(obstacles, json_pack("{s:s, s:s, s:s}", "what", o->what,
							   "seen", o->seen, "remedy", o->remedy));
	}
	return obstacles;
}

static json_t *site_json(const struct kct_inlined_site *site)
{
	return json_pack("{s:s, s:I, s:s, s:o, s:o}", "function", site->function, "offset",
			 (json_int_t)site->offset, "caller", site->caller, "vcpu_register",
			 kct_json_text(kct_register_name(site->vcpu_reg)), "problem",
			 kct_json_text(site->why));
}

static void show_json(const struct doctor *doctor)
{
	json_t *rows = json_array(), *sites = json_array(), *object;

	for (size_t i = 0; i < doctor->plan.nr_rows; i++)
		json_array_append_new(rows, row_json(&doctor->plan.rows[i]));
	for (size_t i = 0; i < doctor->plan.nr_sites; i++)
		json_array_append_new(sites, site_json(&doctor->plan.sites[i]));
	object = json_pack("{s:s, s:i, s:o, s:s, s:b, s:o, s:o, s:s, s:o, s:o}", "schema",
			   DOCTOR_SCHEMA, "version", DOCTOR_VERSION, "host",
			   kct_json_host(&doctor->host), "lockdown", doctor->lockdown, "btf",
			   doctor->btf, "missing_capabilities", kct_json_text(doctor->missing),
			   "obstacles", obstacles_json(doctor), "verdict",
			   doctor->status == KCT_EXIT_OK	   ? "whole"
			   : doctor->status == KCT_EXIT_INCOMPLETE ? "partial"
								   : "impossible",
			   "evidence", rows, "inlined_sites", sites);
	kct_json_print(stdout, object);
}

static int silent(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

int cmd_doctor(int argc, char **argv)
{
	static const struct argp_child children[] = {{&kct_attach_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "What this host can show: for each piece of evidence the way chosen, the "
		       "ways refused and why. Exit status 0: all of it; 4: some is missing or only "
		       "derived; 3: tracing is impossible.",
		.children = children,
	};
	struct doctor doctor = {.options.method = -1};
	struct kct_kernel_btf kernel;
	int error;

	if (argp_parse(&argp, argc, argv, 0, NULL, &doctor))
		return KCT_EXIT_USAGE;
	libbpf_set_print(silent);
	error = kct_check_kernel();
	if (error)
		return error;
	kct_host_describe(&doctor.host);
	kct_host_lockdown(doctor.lockdown, sizeof(doctor.lockdown));
	kct_host_missing_capabilities(doctor.missing, sizeof(doctor.missing));
	doctor.nr_obstacles = kct_host_obstacles(doctor.obstacles);
	doctor.btf = !access("/sys/kernel/btf/vmlinux", R_OK);
	kct_kernel_btf_open(&kernel);
	error = kct_plan_make(&doctor.plan, &kernel, &doctor.options, true);
	kct_kernel_btf_close(&kernel);
	if (error)
		return error;
	doctor.status = kct_plan_missing(&doctor.plan)	  ? KCT_EXIT_HOST
			: kct_plan_is_whole(&doctor.plan) ? KCT_EXIT_OK
							  : KCT_EXIT_INCOMPLETE;
	if (doctor.json)
		show_json(&doctor);
	else
		show(&doctor);
	kct_plan_clear(&doctor.plan);
	return doctor.status;
}
