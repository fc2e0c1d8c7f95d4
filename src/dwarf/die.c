// SPDX-License-Identifier: GPL-2.0
#include "dwarf/die.h"

#include <dwarf.h>
#include <string.h>

bool kct_die_is_named(Dwarf_Die *die, const char *name)
{
	const char *is = dwarf_diename(die);

	return is && strcmp(is, name) == 0;
}

bool kct_die_parameter(Dwarf_Die *function, const char *name, Dwarf_Die *parameter)
{
	if (dwarf_child(function, parameter) != 0)
		return false;
	do {
		if (dwarf_tag(parameter) == DW_TAG_formal_parameter &&
		    kct_die_is_named(parameter, name))
			return true;
	} while (dwarf_siblingof(parameter, parameter) == 0);
	return false;
}

bool kct_die_entry(Dwarf_Die *die, Dwarf_Addr *pc)
{
	Dwarf_Addr base, end, low = 0;
	Dwarf_Attribute attribute;
	Dwarf_Word offset;
	bool has_low = dwarf_lowpc(die, &low) == 0;

	if (dwarf_attr(die, DW_AT_entry_pc, &attribute)) {
		if (dwarf_formaddr(&attribute, pc) == 0)
			return true;
		if (dwarf_formudata(&attribute, &offset) == 0 &&
		    (has_low || dwarf_ranges(die, 0, &base, &low, &end) > 0)) {
			*pc = low + offset;
			return true;
		}
	}
	*pc = low;
	return has_low || dwarf_ranges(die, 0, &base, pc, &end) > 0;
}

static Dwarf_Line *row_at(Dwarf_Lines *rows, size_t count, size_t *at, Dwarf_Addr pc)
{
	for (; *at < count; ++*at) {
		Dwarf_Line *row = dwarf_onesrcline(rows, *at);
		Dwarf_Addr address;

		if (dwarf_lineaddr(row, &address) == 0 && address == pc)
			return row;
	}
	return NULL;
}

bool kct_line_begins(Dwarf_Die *cu, Dwarf_Addr pc)
{
	Dwarf_Lines *rows;
	size_t count, at = 0;

	return dwarf_getsrclines(cu, &rows, &count) == 0 && row_at(rows, count, &at, pc);
}

static bool same_source(Dwarf_Line *left, Dwarf_Line *right)
{
	const char *left_file = dwarf_linesrc(left, NULL, NULL);
	const char *right_file = dwarf_linesrc(right, NULL, NULL);
	int left_line = 0, right_line = 0;

	return left_file && right_file && strcmp(left_file, right_file) == 0 &&
	       dwarf_lineno(left, &left_line) == 0 && dwarf_lineno(right, &right_line) == 0 &&
	       left_line == right_line;
}

bool kct_line_is_same(Dwarf_Die *cu, Dwarf_Addr left, Dwarf_Addr right)
{
	Dwarf_Line *left_row, *right_row;
	Dwarf_Lines *rows;
	size_t count;

	if (dwarf_getsrclines(cu, &rows, &count) != 0)
		return false;
	for (size_t i = 0; (left_row = row_at(rows, count, &i, left)) != NULL; i++)
		for (size_t j = 0; (right_row = row_at(rows, count, &j, right)) != NULL; j++)
			if (same_source(left_row, right_row))
				return true;
	return false;
}
