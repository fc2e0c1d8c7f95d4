/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The signals that end a run in good order: SIGINT, SIGTERM, and SIGHUP unless it is ignored, as
 * nohup(1) has it. After the first of them each has its default effect: another one kills,
 * whatever the program is at.
 */
#ifndef KCT_CMD_SIGNALS_H
#define KCT_CMD_SIGNALS_H

/* Catch them. A descriptor that is readable once one has come, for the caller to close; or -errno.
 */
int kct_signals_catch(void);
/* As it was before; also for a child that is about to execute something else. */
void kct_signals_restore(void);

#endif
