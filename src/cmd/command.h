/* SPDX-License-Identifier: GPL-2.0 */
/* The command that `record -- COMMAND` runs. */
#ifndef KCT_CMD_COMMAND_H
#define KCT_CMD_COMMAND_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

/*
 * Start argv[0], found through PATH, with the signal mask `mask`; `silent` sends its standard
 * output to /dev/null. Its pid, or -errno if it could not be run at all.
 */
pid_t kct_command_start(char **argv, const sigset_t *mask, bool silent);

/* The exit status of a waitpid() status, as a shell gives it: 128 and more for a signal. */
int kct_command_status(int wait_status);

#endif
