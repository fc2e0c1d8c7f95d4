/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The terminal, while the live view has it: by ncurses. There is one, and whatever ends the process
 * but SIGKILL leaves it as it was.
 */
#ifndef KCT_SCREEN_TERMINAL_H
#define KCT_SCREEN_TERMINAL_H

#include <wchar.h>

#include "screen/page.h"

/*
 * Take it. `told` is readable once the run has to end: then a terminal that takes nothing is given
 * up, and the process with it. What is written to a standard error that is the terminal is kept
 * until it is closed. 0; or an enum kct_exit, said, and nothing has changed.
 */
int kct_terminal_open(int told);
/* Give it back as it was; without effect if it is not open. */
void kct_terminal_close(void);

/* Readable when there are keys, or the size has changed. */
int kct_terminal_fd(void);
/* Does it show nothing but ASCII, by the locale? */
bool kct_terminal_is_ascii(void);
void kct_terminal_size(uint16_t *lines, uint16_t *columns);
/* The next key, without waiting; false: there is none. *hung_up: there will not be another one. */
bool kct_terminal_key(bool *is_code, wint_t *key, bool *hung_up);
void kct_terminal_show(const struct kct_page *page);
/* What was written to standard error since it was asked last, its last line; false: nothing. */
bool kct_terminal_said(char *text, size_t size);

#endif
