// SPDX-License-Identifier: GPL-2.0
/* The small part of DWARF expressions that a probe can follow. */
#include "dwarf/location.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct machine {
	struct kct_value stack[8];
	size_t used;
	bool is_value; /* the result is the value itself, not the address of it */
	const char *fault;
};

struct kct_value kct_value_unknown(const char *fault)
{
	return (struct kct_value){.reg = KCT_NO_REGISTER, .fault = fault};
}

static void push(struct machine *machine, int reg, int64_t offset)
{
	if (machine->used == COUNT(machine->stack))
		machine->fault = "its location expression is too deep";
	else
		machine->stack[machine->used++] = (struct kct_value){.reg = reg, .offset = offset};
}

/* Sums and differences stay "register + offset"; anything else does not. */
static void add(struct machine *machine, bool minus)
{
	struct kct_value *left, *right;

	if (machine->used < 2) {
		machine->fault = "its location expression is malformed";
		return;
	}
	right = &machine->stack[--machine->used];
	left = &machine->stack[machine->used - 1];
	if (left->in_memory || right->in_memory || (right->reg != KCT_NO_REGISTER && minus) ||
	    (right->reg != KCT_NO_REGISTER && left->reg != KCT_NO_REGISTER)) {
		machine->fault = "its location is a computation of several values";
		return;
	}
	if (right->reg != KCT_NO_REGISTER)
		left->reg = right->reg;
	left->offset = (int64_t)(minus ? (uint64_t)left->offset - (uint64_t)right->offset
				       : (uint64_t)left->offset + (uint64_t)right->offset);
}

static void add_constant(struct machine *machine, uint64_t constant)
{
	push(machine, KCT_NO_REGISTER, (int64_t)constant);
	if (!machine->fault)
		add(machine, false);
}

static void dereference(struct machine *machine)
{
	if (machine->used == 0)
		machine->fault = "its location expression is malformed";
	else if (machine->stack[machine->used - 1].in_memory)
		machine->fault = "its location is behind two pointers";
	else
		machine->stack[machine->used - 1].in_memory = true;
}

/* The operations without a value here, with the reason. */
static const char *unusable(uint8_t atom)
{
	switch (atom) {
	case DW_OP_entry_value:
	case DW_OP_GNU_entry_value:
		return "only its value at the function's entry is known (DW_OP_entry_value)";
	case DW_OP_implicit_pointer:
	case DW_OP_GNU_implicit_pointer:
		return "the pointer was optimized away (DW_OP_implicit_pointer)";
	case DW_OP_piece:
	case DW_OP_bit_piece:
		return "it is kept in pieces (DW_OP_piece)";
	default:
		return "its location expression has an operation this program does not follow";
	}
}

static struct kct_value frame_base(const struct kct_dwarf *dwarf, Dwarf_Die *subprogram,
				   Dwarf_Addr pc);
static struct kct_value frame_cfa(const struct kct_dwarf *dwarf, Dwarf_Addr pc);

static void push_base(struct machine *machine, struct kct_value base, int64_t offset)
{
	if (base.fault)
		machine->fault = base.fault;
	else if (base.in_memory)
		machine->fault = "the frame base is kept in memory";
	else
		push(machine, base.reg, (int64_t)((uint64_t)base.offset + (uint64_t)offset));
}

static void step(struct machine *machine, const struct kct_dwarf *dwarf, Dwarf_Die *subprogram,
		 Dwarf_Addr pc, const Dwarf_Op *op)
{
	uint8_t atom = op->atom;

	if (atom >= DW_OP_lit0 && atom <= DW_OP_lit31) {
		push(machine, KCT_NO_REGISTER, atom - DW_OP_lit0);
	} else if (atom >= DW_OP_const1u && atom <= DW_OP_consts) {
		push(machine, KCT_NO_REGISTER, (int64_t)op->number);
	} else if (atom >= DW_OP_breg0 && atom <= DW_OP_breg31) {
		push(machine, atom - DW_OP_breg0, (int64_t)op->number);
	} else if (atom == DW_OP_bregx) {
		push(machine, op->number < 1024 ? (int)op->number : 1024, (int64_t)op->number2);
	} else if (atom >= DW_OP_reg0 && atom <= DW_OP_reg31) {
		push(machine, atom - DW_OP_reg0, 0);
		machine->is_value = true;
	} else if (atom == DW_OP_fbreg) {
		push_base(machine, frame_base(dwarf, subprogram, pc), (int64_t)op->number);
	} else if (atom == DW_OP_call_frame_cfa) {
		push_base(machine, frame_cfa(dwarf, pc), 0);
	} else if (atom == DW_OP_plus_uconst) {
		add_constant(machine, op->number);
	} else if (atom == DW_OP_plus || atom == DW_OP_minus) {
		add(machine, atom == DW_OP_minus);
	} else if (atom == DW_OP_deref) {
		dereference(machine);
	} else if (atom == DW_OP_stack_value) {
		machine->is_value = true;
	} else {
		machine->fault = unusable(atom);
	}
}

/* What an expression leaves: for a frame base or CFA that is an address, for a variable its place.
 */
static struct kct_value evaluate(const struct kct_dwarf *dwarf, Dwarf_Die *subprogram,
				 Dwarf_Addr pc, const Dwarf_Op *ops, size_t count,
				 bool want_address)
{
	struct machine machine = {.used = 0};

	for (size_t i = 0; i < count && !machine.fault; i++)
		step(&machine, dwarf, subprogram, pc, &ops[i]);
	if (!machine.fault && machine.used == 0)
		machine.fault = "it was optimized away";
	if (!machine.fault && !machine.is_value && !want_address)
		dereference(&machine);
	if (!machine.fault && machine.stack[machine.used - 1].reg > 15)
		machine.fault = "it is in a register a probe does not see";
	return machine.fault ? kct_value_unknown(machine.fault) : machine.stack[machine.used - 1];
}

static struct kct_value frame_cfa(const struct kct_dwarf *dwarf, Dwarf_Addr pc)
{
	struct kct_value value = kct_value_unknown("no call frame information covers it");
	Dwarf_CFI *tables[2];
	Dwarf_Addr bias[2] = {0, 0};

	tables[0] = dwfl_module_dwarf_cfi(dwarf->module, &bias[0]);
	tables[1] = dwfl_module_eh_cfi(dwarf->module, &bias[1]);
	for (size_t i = 0; i < COUNT(tables) && value.fault; i++) {
		Dwarf_Addr address = pc + dwarf->bias - bias[i];
		Dwarf_Frame *frame = NULL;
		Dwarf_Op *ops;
		size_t count;

		if (!tables[i] || dwarf_cfi_addrframe(tables[i], address, &frame) != 0)
			continue;
		if (dwarf_frame_cfa(frame, &ops, &count) == 0)
			value = evaluate(dwarf, NULL, pc, ops, count, true);
		free(frame);
	}
	return value;
}

static struct kct_value frame_base(const struct kct_dwarf *dwarf, Dwarf_Die *subprogram,
				   Dwarf_Addr pc)
{
	Dwarf_Attribute attribute;
	Dwarf_Op *ops;
	size_t count;

	/* A frame base that is itself frame based would never end: it gets no function. */
	if (!subprogram || !dwarf_attr_integrate(subprogram, DW_AT_frame_base, &attribute) ||
	    dwarf_getlocation_addr(&attribute, pc, &ops, &count, 1) != 1)
		return kct_value_unknown("its function has no frame base");
	return evaluate(dwarf, NULL, pc, ops, count, true);
}

struct kct_value kct_location_at(const struct kct_dwarf *dwarf, Dwarf_Die *subprogram,
				 Dwarf_Die *variable, Dwarf_Addr pc)
{
	Dwarf_Attribute attribute;
	Dwarf_Op *ops;
	size_t count;

	if (!dwarf_attr(variable, DW_AT_location, &attribute))
		return kct_value_unknown("the debug information does not mention it");
	if (dwarf_getlocation_addr(&attribute, pc, &ops, &count, 1) != 1)
		return kct_value_unknown("the debug information loses it before that instruction");
	return evaluate(dwarf, subprogram, pc, ops, count, false);
}

/* A variable's value where its whole expression is a constant: a literal, or bytes in place. */
static bool one_constant(Dwarf_Attribute *attribute, const struct kct_dwarf *dwarf,
			 const Dwarf_Op *ops, size_t count, uint32_t *constant)
{
	struct kct_value value;
	Dwarf_Block block;

	if (count == 1 && ops[0].atom == DW_OP_implicit_value) {
		*constant = 0;
		if (dwarf_getlocation_implicit_value(attribute, ops, &block) != 0 ||
		    block.length > 8)
			return false;
		memcpy(constant, block.data, block.length < 4 ? block.length : 4);
		return true;
	}
	value = evaluate(dwarf, NULL, 0, ops, count, false);
	*constant = (uint32_t)value.offset;
	return !value.fault && !value.in_memory && value.reg == KCT_NO_REGISTER;
}

bool kct_constant_of(const struct kct_dwarf *dwarf, Dwarf_Die *variable, uint32_t *constant)
{
	Dwarf_Addr base, start, end;
	Dwarf_Attribute attribute;
	ptrdiff_t next = 0;
	Dwarf_Sword number;
	bool known = false;
	Dwarf_Op *ops;
	size_t count;

	if (dwarf_attr(variable, DW_AT_const_value, &attribute)) {
		if (dwarf_formsdata(&attribute, &number) != 0)
			return false;
		*constant = (uint32_t)number;
		return true;
	}
	if (!dwarf_attr(variable, DW_AT_location, &attribute))
		return false;
	while ((next = dwarf_getlocations(&attribute, next, &base, &start, &end, &ops, &count)) >
	       0) {
		uint32_t found;

		if (!one_constant(&attribute, dwarf, ops, count, &found))
			return false;
		if (known && found != *constant)
			return false;
		*constant = found;
		known = true;
	}
	return known;
}

const char *kct_register_name(int reg)
{
	static const char *const names[] = {"rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp",
					    "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

	return reg >= 0 && (size_t)reg < COUNT(names) ? names[reg] : NULL;
}
