/* SPDX-License-Identifier: GPL-2.0 */
/* Small questions about a piece of code that DWARF describes, and about its line table. */
#ifndef KCT_DWARF_DIE_H
#define KCT_DWARF_DIE_H

#include <elfutils/libdw.h>
#include <stdbool.h>

bool kct_die_is_named(Dwarf_Die *die, const char *name);
bool kct_die_parameter(Dwarf_Die *function, const char *name, Dwarf_Die *parameter);

/* The first instruction: said outright, or the start, or the start of the first range. */
bool kct_die_entry(Dwarf_Die *die, Dwarf_Addr *pc);

/* A row of the line table begins an instruction: that much is known without a disassembler. */
bool kct_line_begins(Dwarf_Die *cu, Dwarf_Addr pc);

/* Whether two addresses begin the same line of the source; each can have several rows. */
bool kct_line_is_same(Dwarf_Die *cu, Dwarf_Addr left, Dwarf_Addr right);

#endif
