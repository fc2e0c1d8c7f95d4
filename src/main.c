// SPDX-License-Identifier: GPL-2.0
#include <argp.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "base/error.h"
#include "base/version.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *does;
} commands[] = {
	{"doctor", cmd_doctor, "what this host can show, and by which hooks"},
	{"list", cmd_list, "the VMs that run now; no tracing"},
	{"stat", cmd_stat, "counters per VM and vCPU, at intervals"},
	{"top", cmd_top, "a screen of all VMs, live or of a recording"},
	{"trace", cmd_trace, "a line for each event, as it happens"},
	{"record", cmd_record, "the events into a file, then the summary"},
	{"report", cmd_report, "the summary of a recording"},
	{"verify", cmd_verify, "a verdict: does this kernel take unnecessary snapshots?"},
	{"compare", cmd_compare, "two recordings side by side"},
	{"migration", cmd_migration, "a migration's drift: predicted, observed, and explained"},
	{"export", cmd_export, "a recording in a form that other programs read"},
	{"cut", cmd_cut, "a part of a recording, as a recording"},
	{"merge", cmd_merge, "recordings that follow one another as one"},
	{"whatif", cmd_whatif, "what a patch would have done to what was recorded"},
	{"monitor", cmd_monitor, "always on: a flight recorder, and a journal of migrations"},
	{"migrations", cmd_migrations, "what the journals of any number of hosts tell"},
	{"drift", cmd_drift, "the PVTI calculator"},
	{"workload", cmd_workload, "the built-in guests, to try it on"},
};
#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int help(FILE *out)
{
	fputs("Usage: " KCT_PROGRAM " COMMAND [OPTION...]\n"
	      "Shows every masterclock update of every KVM guest: who asked for it, and what it "
	      "did "
	      "to the kvm-clock.\n\n",
	      out);
	for (size_t i = 0; i < NR_COMMANDS; i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].does);
	fputs("\n" KCT_PROGRAM " COMMAND --help tells more, as does " KCT_PROGRAM "(8).\n", out);
	return KCT_EXIT_OK;
}

static int finish(int status)
{
	if (fflush(stdout) || ferror(stdout)) {
		kct_error("standard output could not be written");
		return status ? status : KCT_EXIT_INCOMPLETE;
	}
	return status;
}

/*
 * A standard stream that we were not given must not become the first file that we open. What is
 * written to it fails; a command that we start is not given it either.
 */
static void occupy_standard_streams(void)
{
	int fd;

	do
		fd = open("/", O_PATH | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	char invocation[64];

	occupy_standard_streams();
	/* Then a write past the limit tells of it. */
	signal(SIGXFSZ, SIG_IGN);
	argp_err_exit_status = KCT_EXIT_USAGE;
	kct_error_guard_stderr();
	if (argc < 2) {
		help(stderr);
		return KCT_EXIT_USAGE;
	}
	if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help"))
		return finish(help(stdout));
	if (!strcmp(argv[1], "--version")) {
		puts(KCT_PROGRAM " " KCT_VERSION);
		return finish(KCT_EXIT_OK);
	}
	for (size_t i = 0; i < NR_COMMANDS; i++) {
		if (strcmp(argv[1], commands[i].name))
			continue;
		/* What argp calls the program in its messages. */
		snprintf(invocation, sizeof(invocation), KCT_PROGRAM " %s", argv[1]);
		argv[1] = invocation;
		return finish(commands[i].run(argc - 1, argv + 1));
	}
	kct_error("there is no command '%s'; " KCT_PROGRAM " help lists them", argv[1]);
	return KCT_EXIT_USAGE;
}
