/* SPDX-License-Identifier: GPL-2.0 */
/* Where a variable is when the code is at an address, and which constant it is, as DWARF tells. */
#ifndef KCT_DWARF_LOCATION_H
#define KCT_DWARF_LOCATION_H

#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stdint.h>

/* The debug information of a file. */
struct kct_dwarf {
	Dwfl_Module *module;
	Dwarf_Addr bias; /* from DWARF addresses to the module's */
};

#define KCT_NO_REGISTER (-1)

/* register + offset, or just offset; then perhaps what memory holds there. */
struct kct_value {
	int reg;
	int64_t offset;
	bool in_memory;
	const char *fault; /* not NULL: there is no usable value, and this is why */
};

struct kct_value kct_value_unknown(const char *fault);

/*
 * How to get the variable's value at an address. `subprogram` is the out-of-line function around
 * it, which has the frame base; NULL without one. `variable` is NULL if there is no DIE of it.
 */
struct kct_value kct_location_at(const struct kct_dwarf *dwarf, Dwarf_Die *subprogram,
				 Dwarf_Die *variable, Dwarf_Addr pc);

/* The constant a variable is in all of its code: one value, wherever the locations know it. */
bool kct_constant_of(const struct kct_dwarf *dwarf, Dwarf_Die *variable, uint32_t *constant);

/* "rbx" for DWARF register 3, as x86-64 numbers them; NULL above 15. */
const char *kct_register_name(int reg);

#endif
