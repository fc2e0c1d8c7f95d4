/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A recording: JSON lines, a header first, then events in the order in which they came out of the
 * kernel, a trailer last. docs/schema.md describes each; a recording without a trailer was cut off.
 */
#ifndef KCT_RECORD_RECORDING_H
#define KCT_RECORD_RECORDING_H

#include "model/run.h"

#define KCT_RECORDING_FORMAT  "kvmclock-trace"
#define KCT_RECORDING_VERSION 1

/* The longest line, and so the memory that a hostile file can make the reader use. */
#define KCT_MAX_LINE 65536

#endif
