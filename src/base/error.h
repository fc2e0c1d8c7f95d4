/* SPDX-License-Identifier: GPL-2.0 */
/* What every file of the program shares: its name, its exit statuses, its voice on stderr. */
#ifndef KCT_BASE_ERROR_H
#define KCT_BASE_ERROR_H

#define KCT_PROGRAM "kvmclock-trace"

/* The exit statuses of every command; the man page documents them. */
enum kct_exit {
	KCT_EXIT_OK = 0,	 /* done, and the evidence is whole */
	KCT_EXIT_FAILED = 1,	 /* an expectation does not hold */
	KCT_EXIT_USAGE = 2,	 /* a wrong option, argument or input file */
	KCT_EXIT_HOST = 3,	 /* this host, or these privileges, cannot do it */
	KCT_EXIT_INCOMPLETE = 4, /* evidence is missing: lost events, a cut recording */
};

/*
 * How long a standard error that takes nothing is waited for; without end unless this is called.
 * What it did not take is lost then: the exit status tells as well.
 */
void kct_error_patience(int ms);

/*
 * Print one line, "kvmclock-trace: " and the message, on stderr. Paths, arguments and whatever else
 * is quoted in it may hold anything: the line is printable (base/text.h).
 */
void kct_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * From now on all that is written to stderr is printable: libraries quote arguments there as they
 * are (argp, getopt). Only for a program's beginning.
 */
void kct_error_guard_stderr(void);

#endif
