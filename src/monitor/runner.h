/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Runs the user's command when something was pinned: by a process that is made before anything is
 * opened, has none of our privileges, and is told by a socket what to run it for. So the command
 * can do what that user can, and may hang: nobody waits for it.
 */
#ifndef KCT_MONITOR_RUNNER_H
#define KCT_MONITOR_RUNNER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* How long a command may take; then its process group is killed. */
#define KCT_COMMAND_S 30

/* What became of a command. */
#define KCT_COMMAND_RESULTS(X)                                                                     \
	X(OK, "ok")                                                                                \
	X(FAILED, "failed")   /* another exit status than 0, or it could not be started */         \
	X(TIMEOUT, "timeout") /* it was killed */                                                  \
	X(SKIPPED, "skipped") /* it was not run: too many wait already */

#define KCT_COMMAND_RESULT_ROW(name, text) KCT_COMMAND_##name,
enum kct_command_result { KCT_COMMAND_RESULTS(KCT_COMMAND_RESULT_ROW) KCT_NR_COMMAND_RESULTS };
extern const char *const kct_command_result_names[KCT_NR_COMMAND_RESULTS];

struct kct_runner {
	int socket; /* -1: there is none. Readable when a command has ended */
	pid_t pid;
	uint64_t sent, ended; /* commands */
	uint64_t counts[KCT_NR_COMMAND_RESULTS];
};

/* Variables for the command's environment: "NAME=value", each with its NUL. */
struct kct_facts {
	char text[8192];
	size_t size;
	bool is_full; /* something had no room */
};
void kct_facts_add(struct kct_facts *facts, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Make the process, of `user` (a name of /etc/passwd, or a number); NULL: "nobody" where we are
 * root, else ourselves. 0 or -errno; -ENOENT: there is no such user.
 */
int kct_runner_start(struct kct_runner *runner, const char *command, const char *user);
/* Have the command run. */
void kct_runner_run(struct kct_runner *runner, const struct kct_facts *facts);
/* Read of those that have ended. */
void kct_runner_read(struct kct_runner *runner);
/* End it: the command that runs has this much time left, ms. */
void kct_runner_end(struct kct_runner *runner, int ms);

#endif
