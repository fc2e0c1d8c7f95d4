/* SPDX-License-Identifier: GPL-2.0 */
/* The command that `record -- COMMAND` runs. */
#ifndef KCT_CMD_COMMAND_H
#define KCT_CMD_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Start argv[0], found through PATH, with signals as they were before kct_signals_catch();
 * `silent` sends its standard output to /dev/null. Its pid, or -errno if it could not be run at
 * all.
 */
pid_t kct_command_start(char **argv, bool silent);

/*
 * The printable form of a command, as a shell would take it: words with anything else than letters,
 * digits and the like in them are quoted. So it tells "a b" from "a" "b", and does no harm where
 * somebody pastes it.
 */
void kct_command_text(char *text, size_t room, char **argv);

/* The exit status of a waitpid() status, as a shell gives it: 128 and more for a signal. */
int kct_command_status(int wait_status);

#endif
