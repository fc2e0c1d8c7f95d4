/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Text that others wrote - names of VMs and hosts, paths, arguments, recordings - made printable:
 * the one form in which it leaves this program, on a terminal and in JSON alike.
 *
 * Letters that a reader can tell apart are shown as they are (ASCII, Latin, Greek, Cyrillic,
 * Chinese, Japanese, Korean, and emoji). Everything else is escaped: what acts on a terminal, what
 * is invisible, combines with its neighbour or reorders it, and what is not UTF-8:
 *
 *	\xNN			a byte that belongs to no character
 *	\uNNNN, \UNNNNNNNN	a character, by its code point
 *	\\			a backslash
 *
 * So two texts that differ have two printable forms, each of one line.
 */
#ifndef KCT_BASE_TEXT_H
#define KCT_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kct_text_flags {
	/*
	 * It names something: a space at an end or after another is escaped too, as are letters
	 * that make it look like another name: Greek and Cyrillic ones beside Latin ones, or where
	 * all of them have Latin look-alikes.
	 */
	KCT_TEXT_NAME = 1,
	/* It claims to be printable already, as in a recording: a backslash, or an ellipsis, stays.
	 */
	KCT_TEXT_AGAIN = 2,
	/* It is for a terminal that shows nothing but ASCII: letters beyond are escaped as well. */
	KCT_TEXT_ASCII = 4,
};

/* The bytes that the printable form of `size` bytes takes at most, with its NUL. */
#define KCT_TEXT_ROOM(size) (6 * (size) + 1)

/*
 * Write the printable form of `size` bytes, which may hold anything, and a NUL. If it does not fit
 * into `room` bytes (at least 4), it is cut between characters and ends in an ellipsis, which no
 * printable form holds otherwise. Returns its length.
 */
size_t kct_text(char *out, size_t room, const char *text, size_t size, unsigned int flags);

/* The same of a string, into memory that the caller frees; NULL when there is none. */
char *kct_text_dup(const char *text, unsigned int flags);

/*
 * The text that a printable form is of, and a NUL; a backslash that begins no escape stays what it
 * is. False if that takes more than `room` bytes.
 */
bool kct_text_back(char *text, size_t room, const char *form);

/* How many columns a printable form takes. */
size_t kct_text_width(const char *text);

/* What of a printable form is behind its first so many columns. */
const char *kct_text_behind(const char *text, size_t columns);

/*
 * Write a printable form so that it fills exactly that many columns, at least one: cut between
 * characters, with an ellipsis, or followed by spaces. `out` has room for KCT_COLUMN_ROOM(columns)
 * bytes. Returns `out`.
 */
#define KCT_COLUMN_ROOM(columns) (4 * (columns) + 1)
const char *kct_text_column(char *out, const char *text, size_t columns);

#endif
