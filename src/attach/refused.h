/* SPDX-License-Identifier: GPL-2.0 */
/* Why the kernel refuses to let us trace: the cause, in one line on stderr. */
#ifndef KCT_ATTACH_REFUSED_H
#define KCT_ATTACH_REFUSED_H

#include <stdbool.h>

/* Say what an errno of the kernel's means, and give the exit status. */
int kct_explain_refusal(int error);

/* Is it a want of something, and no refusal? */
bool kct_is_shortage(int error);

/* Are there file descriptors enough to begin with? 0, or the exit status, said. */
int kct_check_descriptors(void);

#endif
