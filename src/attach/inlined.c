// SPDX-License-Identifier: GPL-2.0
/* Inlined instances of kvm_make_request() in a kernel's debug information. */
#include "attach/inlined.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char target[] = "kvm_make_request";
static const char target_req[] = "req";
static const char target_vcpu[] = "vcpu";

/* The part of a request that is its bit; the rest are flags (KVM_REQUEST_MASK). */
#define REQUEST_BITS 0xff

/* Deeper nesting than any compiler makes is a broken file. */
#define DEPTH_MAX 256

struct search {
	Dwfl_Module *module;
	Dwarf_Addr bias; /* from DWARF addresses to the module's */
	struct kct_inlined_site *sites;
	size_t count, room;
	int error;
};

/* What surrounds a DIE during the walk. */
struct scope {
	Dwarf_Die *cu;
	Dwarf_Die *subprogram; /* the out-of-line function: it has the frame base */
	const char *caller;
	unsigned int depth;
};

/* What an instance asks for. */
struct request {
	bool is_symbol;
	bool known;
	uint32_t number;
};

/* ---- Values: the small part of DWARF expressions that a probe can follow ---- */

#define NO_REGISTER (-1)

/* register + offset, or just offset; then perhaps what memory holds there. */
struct value {
	int reg;
	int64_t offset;
	bool in_memory;
	const char *fault; /* not NULL: there is no usable value, and this is why */
};

struct machine {
	struct value stack[8];
	size_t used;
	bool is_value; /* the result is the value itself, not the address of it */
	const char *fault;
};

static struct value faulty(const char *fault)
{
	return (struct value){.reg = NO_REGISTER, .fault = fault};
}

static void push(struct machine *machine, int reg, int64_t offset)
{
	if (machine->used == COUNT(machine->stack))
		machine->fault = "its location expression is too deep";
	else
		machine->stack[machine->used++] = (struct value){.reg = reg, .offset = offset};
}

/* Sums and differences stay "register + offset"; anything else does not. */
static void add(struct machine *machine, bool minus)
{
	struct value *left, *right;

	if (machine->used < 2) {
		machine->fault = "its location expression is malformed";
		return;
	}
	right = &machine->stack[--machine->used];
	left = &machine->stack[machine->used - 1];
	if (left->in_memory || right->in_memory || (right->reg != NO_REGISTER && minus) ||
	    (right->reg != NO_REGISTER && left->reg != NO_REGISTER)) {
		machine->fault = "its location is a computation of several values";
		return;
	}
	if (right->reg != NO_REGISTER)
		left->reg = right->reg;
	left->offset = (int64_t)(minus ? (uint64_t)left->offset - (uint64_t)right->offset
				       : (uint64_t)left->offset + (uint64_t)right->offset);
}

static void add_constant(struct machine *machine, uint64_t constant)
{
	push(machine, NO_REGISTER, (int64_t)constant);
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

static struct value frame_base(const struct search *search, const struct scope *scope,
			       Dwarf_Addr pc);
static struct value frame_cfa(const struct search *search, Dwarf_Addr pc);

static void push_base(struct machine *machine, struct value base, int64_t offset)
{
	if (base.fault)
		machine->fault = base.fault;
	else if (base.in_memory)
		machine->fault = "the frame base is kept in memory";
	else
		push(machine, base.reg, (int64_t)((uint64_t)base.offset + (uint64_t)offset));
}

static void step(struct machine *machine, const struct search *search, const struct scope *scope,
		 Dwarf_Addr pc, const Dwarf_Op *op)
{
	uint8_t atom = op->atom;

	if (atom >= DW_OP_lit0 && atom <= DW_OP_lit31) {
		push(machine, NO_REGISTER, atom - DW_OP_lit0);
	} else if (atom >= DW_OP_const1u && atom <= DW_OP_consts) {
		push(machine, NO_REGISTER, (int64_t)op->number);
	} else if (atom >= DW_OP_breg0 && atom <= DW_OP_breg31) {
		push(machine, atom - DW_OP_breg0, (int64_t)op->number);
	} else if (atom == DW_OP_bregx) {
		push(machine, op->number < 1024 ? (int)op->number : 1024, (int64_t)op->number2);
	} else if (atom >= DW_OP_reg0 && atom <= DW_OP_reg31) {
		push(machine, atom - DW_OP_reg0, 0);
		machine->is_value = true;
	} else if (atom == DW_OP_fbreg) {
		push_base(machine, frame_base(search, scope, pc), (int64_t)op->number);
	} else if (atom == DW_OP_call_frame_cfa) {
		push_base(machine, frame_cfa(search, pc), 0);
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
static struct value evaluate(const struct search *search, const struct scope *scope, Dwarf_Addr pc,
			     const Dwarf_Op *ops, size_t count, bool want_address)
{
	struct machine machine = {.used = 0};

	for (size_t i = 0; i < count && !machine.fault; i++)
		step(&machine, search, scope, pc, &ops[i]);
	if (!machine.fault && machine.used == 0)
		machine.fault = "it was optimized away";
	if (!machine.fault && !machine.is_value && !want_address)
		dereference(&machine);
	if (!machine.fault && machine.stack[machine.used - 1].reg > 15)
		machine.fault = "it is in a register a probe does not see";
	return machine.fault ? faulty(machine.fault) : machine.stack[machine.used - 1];
}

static struct value frame_cfa(const struct search *search, Dwarf_Addr pc)
{
	struct value value = faulty("no call frame information covers it");
	Dwarf_CFI *tables[2];
	Dwarf_Addr bias[2] = {0, 0};

	tables[0] = dwfl_module_dwarf_cfi(search->module, &bias[0]);
	tables[1] = dwfl_module_eh_cfi(search->module, &bias[1]);
	for (size_t i = 0; i < COUNT(tables) && value.fault; i++) {
		Dwarf_Addr address = pc + search->bias - bias[i];
		Dwarf_Frame *frame = NULL;
		Dwarf_Op *ops;
		size_t count;

		if (!tables[i] || dwarf_cfi_addrframe(tables[i], address, &frame) != 0)
			continue;
		if (dwarf_frame_cfa(frame, &ops, &count) == 0)
			value = evaluate(search, NULL, pc, ops, count, true);
		free(frame);
	}
	return value;
}

static struct value frame_base(const struct search *search, const struct scope *scope,
			       Dwarf_Addr pc)
{
	Dwarf_Attribute attribute;
	Dwarf_Op *ops;
	size_t count;

	/* A frame base that is itself frame based would never end: it gets no scope. */
	if (!scope || !scope->subprogram ||
	    !dwarf_attr_integrate(scope->subprogram, DW_AT_frame_base, &attribute) ||
	    dwarf_getlocation_addr(&attribute, pc, &ops, &count, 1) != 1)
		return faulty("its function has no frame base");
	return evaluate(search, NULL, pc, ops, count, true);
}

/* A parameter's value where its whole expression is a constant: a literal, or bytes in place. */
static bool constant_of(Dwarf_Attribute *attribute, const struct search *search,
			const Dwarf_Op *ops, size_t count, uint32_t *constant)
{
	struct value value;
	Dwarf_Block block;

	if (count == 1 && ops[0].atom == DW_OP_implicit_value) {
		*constant = 0;
		if (dwarf_getlocation_implicit_value(attribute, ops, &block) != 0 ||
		    block.length > 8)
			return false;
		memcpy(constant, block.data, block.length < 4 ? block.length : 4);
		return true;
	}
	value = evaluate(search, NULL, 0, ops, count, false);
	*constant = (uint32_t)value.offset;
	return !value.fault && !value.in_memory && value.reg == NO_REGISTER;
}

/* The constant a parameter is in all of the site: one value, wherever the locations know it. */
static bool parameter_constant(const struct search *search, Dwarf_Die *parameter,
			       uint32_t *constant)
{
	Dwarf_Addr base, start, end;
	Dwarf_Attribute attribute;
	ptrdiff_t next = 0;
	Dwarf_Sword number;
	bool known = false;
	Dwarf_Op *ops;
	size_t count;

	if (dwarf_attr(parameter, DW_AT_const_value, &attribute)) {
		if (dwarf_formsdata(&attribute, &number) != 0)
			return false;
		*constant = (uint32_t)number;
		return true;
	}
	if (!dwarf_attr(parameter, DW_AT_location, &attribute))
		return false;
	while ((next = dwarf_getlocations(&attribute, next, &base, &start, &end, &ops, &count)) >
	       0) {
		uint32_t found;

		if (!constant_of(&attribute, search, ops, count, &found))
			return false;
		if (known && found != *constant)
			return false;
		*constant = found;
		known = true;
	}
	return known;
}

/* ---- The site ---- */

static bool is_named(Dwarf_Die *die, const char *name)
{
	const char *is = dwarf_diename(die);

	return is && strcmp(is, name) == 0;
}

static bool find_parameter(Dwarf_Die *function, const char *name, Dwarf_Die *parameter)
{
	if (dwarf_child(function, parameter) != 0)
		return false;
	do {
		if (dwarf_tag(parameter) == DW_TAG_formal_parameter && is_named(parameter, name))
			return true;
	} while (dwarf_siblingof(parameter, parameter) == 0);
	return false;
}

/* The first instruction: said outright, or the start, or the start of the first range. */
static bool entry_of(Dwarf_Die *die, Dwarf_Addr *pc)
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

/* Where vcpu is at an address of the instance. */
static struct value vcpu_at(const struct search *search, const struct scope *scope,
			    Dwarf_Die *instance, Dwarf_Addr pc)
{
	struct value value = faulty("the debug information does not mention it");
	Dwarf_Attribute attribute;
	Dwarf_Die parameter;
	Dwarf_Op *ops;
	size_t count;

	if (!find_parameter(instance, target_vcpu, &parameter) ||
	    !dwarf_attr(&parameter, DW_AT_location, &attribute))
		return value;
	if (dwarf_getlocation_addr(&attribute, pc, &ops, &count, 1) != 1)
		return faulty("the debug information loses it before that instruction");
	value = evaluate(search, scope, pc, ops, count, false);
	if (!value.fault && value.reg == NO_REGISTER)
		value = faulty("it is a constant");
	/* Unoptimized code says where arguments will be once it has stored them. */
	if (!value.fault && value.in_memory && dwarf_tag(instance) == DW_TAG_subprogram)
		value = faulty("it is not yet in memory when the function is entered");
	return value;
}

static void put_vcpu(struct kct_inlined_site *site, struct value value)
{
	site->vcpu_reg = value.reg;
	site->vcpu_offset = value.offset;
	site->vcpu_where = value.fault	     ? KCT_WHERE_UNKNOWN
			   : value.in_memory ? KCT_WHERE_MEMORY
					     : KCT_WHERE_REGISTER;
	snprintf(site->why, sizeof(site->why), "%s", value.fault ? value.fault : "");
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

/* A row of the line table begins an instruction: that much is known without a disassembler. */
static bool begins_instruction(Dwarf_Die *cu, Dwarf_Addr pc)
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

/* Whether two addresses begin the same line of the source; each can have several rows. */
static bool begin_same_line(Dwarf_Die *cu, Dwarf_Addr left, Dwarf_Addr right)
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

/* The symbol is what a kprobe is placed by, so the symbol table says it, not the DWARF. */
static void name_place(const struct search *search, const struct scope *scope, Dwarf_Addr pc,
		       struct kct_inlined_site *site)
{
	Dwarf_Addr address = pc + search->bias;
	const char *symbol, *section;
	GElf_Off offset = 0;
	GElf_Sym sym;
	int index;

	symbol = dwfl_module_addrinfo(search->module, address, &offset, &sym, NULL, NULL, NULL);
	if (!symbol && scope->subprogram && entry_of(scope->subprogram, &address)) {
		symbol = dwarf_diename(scope->subprogram);
		offset = pc - address;
	}
	snprintf(site->function, sizeof(site->function), "%s", symbol ? symbol : "");
	site->offset = offset;

	address = pc + search->bias;
	index = dwfl_module_relocate_address(search->module, &address);
	section = index >= 0
			  ? dwfl_module_relocation_info(search->module, (unsigned int)index, NULL)
			  : NULL;
	snprintf(site->section, sizeof(site->section), "%s", section ? section : "");
	site->address = section && *section ? address : pc;
}

static struct kct_inlined_site *new_site(struct search *search)
{
	if (search->count == search->room) {
		size_t room = search->room ? 2 * search->room : 16;
		void *sites = realloc(search->sites, room * sizeof(*search->sites));

		if (!sites) {
			search->error = -ENOMEM;
			return NULL;
		}
		search->sites = sites;
		search->room = room;
	}
	return memset(&search->sites[search->count++], 0, sizeof(*search->sites));
}

static void add_site(struct search *search, const struct scope *scope, Dwarf_Die *instance,
		     Dwarf_Addr pc, const struct request *request)
{
	struct kct_inlined_site *site = new_site(search);

	if (!site)
		return;
	site->is_symbol = request->is_symbol;
	site->req_known = request->known;
	site->req = request->number;
	site->on_instruction = begins_instruction(scope->cu, pc);
	snprintf(site->caller, sizeof(site->caller), "%s", request->is_symbol ? "" : scope->caller);
	name_place(search, scope, pc, site);
	put_vcpu(site, vcpu_at(search, scope, instance, pc));
}

/*
 * One body can be in the code more than once: an unrolled loop, a path the compiler doubled. Its
 * other ranges are such copies, or the rest of a body that other code splits. A copy begins with
 * the same source line as the whole.
 */
static void add_copies(struct search *search, const struct scope *scope, Dwarf_Die *instance,
		       Dwarf_Die *body, Dwarf_Addr entry, const struct request *request)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t next = 0;

	while (!search->error && (next = dwarf_ranges(body, next, &base, &start, &end)) > 0) {
		if (end > start && !(entry >= start && entry < end) &&
		    begin_same_line(scope->cu, entry, start))
			add_site(search, scope, instance, start, request);
	}
}

static bool find_inlined(Dwarf_Die *parent, const char *name, unsigned int depth, Dwarf_Die *found)
{
	Dwarf_Die die;
	int more = depth < DEPTH_MAX ? dwarf_child(parent, &die) : -1;

	for (; more == 0; more = dwarf_siblingof(&die, &die)) {
		int tag = dwarf_tag(&die);

		if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_lexical_block)
			continue;
		if (tag == DW_TAG_inlined_subroutine && is_named(&die, name)) {
			*found = die;
			return true;
		}
		if (find_inlined(&die, name, depth + 1, found))
			return true;
	}
	return false;
}

/*
 * The part of an instance to probe: the innermost function inlined into it, down to the one that
 * sets the bit. The instance itself may begin anywhere before that, where the compiler moved an
 * argument's computation to, even ahead of the condition that decides. But a place that still has
 * vcpu comes before one that has not.
 */
static bool find_body(const struct search *search, const struct scope *scope, Dwarf_Die *instance,
		      Dwarf_Die *body, Dwarf_Addr *entry)
{
	static const char *const setters[] = {"arch_set_bit", "set_bit", "__kvm_make_request",
					      NULL};
	bool any = false;

	for (size_t i = 0; i < COUNT(setters); i++) {
		Dwarf_Die part = *instance;
		Dwarf_Addr start;

		if (setters[i] && !find_inlined(instance, setters[i], 0, &part))
			continue;
		if (!entry_of(&part, &start))
			continue;
		if (any && vcpu_at(search, scope, instance, start).fault)
			continue;
		*body = part;
		*entry = start;
		if (!vcpu_at(search, scope, instance, start).fault)
			return true;
		any = true;
	}
	return any;
}

static void add_instance(struct search *search, const struct scope *scope, Dwarf_Die *instance)
{
	struct request request = {.is_symbol = dwarf_tag(instance) == DW_TAG_subprogram};
	Dwarf_Die parameter, body = *instance;
	Dwarf_Addr entry;

	if (find_parameter(instance, target_req, &parameter))
		request.known = parameter_constant(search, &parameter, &request.number);
	if (request.known && (request.number & REQUEST_BITS) != KCT_REQ_MASTERCLOCK_UPDATE)
		return;
	if (request.is_symbol ? !entry_of(instance, &entry)
			      : !find_body(search, scope, instance, &body, &entry))
		return; /* nothing of it is left in the code */
	add_site(search, scope, instance, entry, &request);
	if (!request.is_symbol)
		add_copies(search, scope, instance, &body, entry, &request);
}

/* ---- The walk ---- */

static void walk(struct search *search, Dwarf_Die *parent, struct scope scope);

static void visit(struct search *search, Dwarf_Die *die, struct scope scope)
{
	const char *name = dwarf_diename(die);
	int tag = dwarf_tag(die);
	Dwarf_Addr pc;

	if (tag != DW_TAG_lexical_block && tag != DW_TAG_inlined_subroutine &&
	    tag != DW_TAG_subprogram)
		return;
	/* Abstract functions and declarations: their instances are elsewhere. */
	if (tag == DW_TAG_subprogram && !entry_of(die, &pc))
		return;
	if (tag == DW_TAG_subprogram)
		scope.subprogram = die;
	if (tag != DW_TAG_lexical_block && is_named(die, target)) {
		add_instance(search, &scope, die);
		return;
	}
	if (tag != DW_TAG_lexical_block)
		scope.caller = name ? name : "";
	walk(search, die, scope);
}

static void walk(struct search *search, Dwarf_Die *parent, struct scope scope)
{
	Dwarf_Die die;
	int more = dwarf_child(parent, &die);

	if (++scope.depth > DEPTH_MAX)
		more = -1;
	while (more == 0 && !search->error) {
		visit(search, &die, scope);
		more = dwarf_siblingof(&die, &die);
	}
	if (more < 0 && !search->error)
		search->error = -EBADMSG;
}

/* A quick look at the top level spares the walk of nearly every unit of a kernel. */
static bool unit_has_target(Dwarf_Die *cu)
{
	Dwarf_Die die;

	if (dwarf_child(cu, &die) != 0)
		return false;
	do {
		if (dwarf_tag(&die) == DW_TAG_subprogram && is_named(&die, target))
			return true;
	} while (dwarf_siblingof(&die, &die) == 0);
	return false;
}

static int by_address(const void *left, const void *right)
{
	const struct kct_inlined_site *a = left, *b = right;
	int sections = strcmp(a->section, b->section);

	return sections ? sections : (a->address > b->address) - (a->address < b->address);
}

static int search_module(struct search *search, const char *path, char *why, size_t why_size)
{
	Dwarf_Die *cu = NULL;
	bool any = false;

	if (!dwfl_module_getdwarf(search->module, &search->bias)) {
		snprintf(why, why_size, "%s has no debug information: %s", path, dwfl_errmsg(-1));
		return -ENODATA;
	}
	while (!search->error &&
	       (cu = dwfl_module_nextcu(search->module, cu, &search->bias)) != NULL) {
		if (!unit_has_target(cu))
			continue;
		any = true;
		walk(search, cu, (struct scope){.cu = cu, .caller = ""});
	}
	if (search->error)
		snprintf(why, why_size, "%s: %s", path,
			 search->error == -ENOMEM ? "out of memory"
						  : "its debug information is damaged");
	else if (!any)
		snprintf(why, why_size, "%s does not contain %s", path, target);
	else if (search->count == 0)
		snprintf(why, why_size, "%s makes no masterclock request inline", path);
	return search->error;
}

/* The path named has the debug information, or nothing has: no search for it, no network. */
static int no_debuginfo(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
			const char *file, const char *link, GElf_Word crc, char **found)
{
	(void)module, (void)data, (void)name, (void)base;
	(void)file, (void)link, (void)crc, (void)found;
	return -1;
}

static const Dwfl_Callbacks offline = {
	.find_elf = dwfl_build_id_find_elf,
	.find_debuginfo = no_debuginfo,
	.section_address = dwfl_offline_section_address,
};

static int search_file(struct search *search, const char *path, char *why, size_t why_size)
{
	Dwfl *dwfl = dwfl_begin(&offline);
	int error;

	if (!dwfl) {
		snprintf(why, why_size, "%s", dwfl_errmsg(-1));
		return -ENOMEM;
	}
	search->module = dwfl_report_offline(dwfl, "", path, -1);
	if (search->module) {
		dwfl_report_end(dwfl, NULL, NULL);
		error = search_module(search, path, why, why_size);
	} else {
		snprintf(why, why_size, "%s cannot be read as ELF: %s", path, dwfl_errmsg(-1));
		error = -ENOEXEC;
	}
	dwfl_end(dwfl);
	return error;
}

int kct_inlined_find(const char *path, struct kct_inlined_site **sites, size_t *count, char *why,
		     size_t why_size)
{
	struct search search = {.count = 0};
	int error;

	*sites = NULL;
	*count = 0;
	if (why_size > 0)
		*why = '\0';
	if (access(path, R_OK) != 0) {
		error = -errno;
		snprintf(why, why_size, "%s: %s", path, strerror(-error));
		return error;
	}
	error = search_file(&search, path, why, why_size);
	if (error) {
		free(search.sites);
		return error;
	}
	if (search.count > 0)
		qsort(search.sites, search.count, sizeof(*search.sites), by_address);
	*sites = search.sites;
	*count = search.count;
	return 0;
}

const char *kct_register_name(int reg)
{
	static const char *const names[] = {"rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp",
					    "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

	return reg >= 0 && (size_t)reg < COUNT(names) ? names[reg] : NULL;
}

/* ---- Where distributions keep it ---- */

#define ID_MAX 64

struct build_id {
	uint8_t bytes[ID_MAX];
	size_t size; /* 0: not known */
};

static const char *const module_places[] = {
	"/usr/lib/debug/lib/modules/%s/kernel/arch/x86/kvm/kvm.ko",
	"/usr/lib/debug/lib/modules/%s/kernel/arch/x86/kvm/kvm.ko.debug",
	"/usr/lib/debug/usr/lib/modules/%s/kernel/arch/x86/kvm/kvm.ko",
	"/usr/lib/debug/usr/lib/modules/%s/kernel/arch/x86/kvm/kvm.ko.debug",
	"/lib/modules/%s/build/arch/x86/kvm/kvm.ko",
	"/lib/modules/%s/kernel/arch/x86/kvm/kvm.ko",
};

static const char *const vmlinux_places[] = {
	"/usr/lib/debug/boot/vmlinux-%s",
	"/usr/lib/debug/boot/vmlinux-%s.debug",
	"/usr/lib/debug/lib/modules/%s/vmlinux",
	"/usr/lib/debug/lib/modules/%s/vmlinux.debug",
	"/usr/lib/debug/usr/lib/modules/%s/vmlinux",
	"/usr/lib/debug/usr/lib/modules/%s/vmlinux.debug",
	"/lib/modules/%s/build/vmlinux",
	"/lib/modules/%s/vmlinux",
	"/boot/vmlinux-%s",
};

/* The build ID among the notes the kernel shows of itself or of a module. */
static void running_id(const char *path, struct build_id *id)
{
	uint8_t notes[4096];
	size_t at = 0, size = 0;
	FILE *file = fopen(path, "re");

	id->size = 0;
	if (file) {
		size = fread(notes, 1, sizeof(notes), file);
		fclose(file);
	}
	while (size - at > sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr note;
		size_t name, text;

		memcpy(&note, notes + at, sizeof(note));
		at += sizeof(note);
		name = ((size_t)note.n_namesz + 3) & ~(size_t)3;
		text = ((size_t)note.n_descsz + 3) & ~(size_t)3;
		if (name > size - at || text > size - at - name)
			return;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    memcmp(notes + at, "GNU", 4) == 0 && note.n_descsz <= ID_MAX) {
			id->size = note.n_descsz;
			memcpy(id->bytes, notes + at + name, id->size);
			return;
		}
		at += name + text;
	}
}

static bool has_debug_info(Elf *elf)
{
	Elf_Scn *section = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names) != 0)
		return false;
	while ((section = elf_nextscn(elf, section)) != NULL) {
		GElf_Shdr header;
		const char *name;

		if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS)
			continue;
		name = elf_strptr(elf, names, header.sh_name);
		if (name && (!strcmp(name, ".debug_info") || !strcmp(name, ".zdebug_info")))
			return true;
	}
	return false;
}

/* 0 when the file is of that build and has debug information. */
static int try_file(const char *path, const struct build_id *id)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int result = -ENOENT;
	const void *bytes;
	Elf *elf;

	if (fd < 0)
		return -ENOENT;
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (elf && has_debug_info(elf)) {
		ssize_t size = dwelf_elf_gnu_build_id(elf, &bytes);
		bool same = size > 0 && (size_t)size == id->size &&
			    memcmp(bytes, id->bytes, id->size) == 0;

		result = same || id->size == 0 ? 0 : -ESTALE;
	}
	elf_end(elf);
	close(fd);
	return result;
}

/* Print a path and try it; `*result` keeps the most telling failure. */
static bool try_place(char *out, size_t size, const struct build_id *id, int *result,
		      const char *root, const char *format, const char *word)
	__attribute__((format(printf, 6, 0)));

static bool try_place(char *out, size_t size, const struct build_id *id, int *result,
		      const char *root, const char *format, const char *word)
{
	int length = snprintf(out, size, "%s", root), error = -ENAMETOOLONG;

	if (length >= 0 && (size_t)length < size) {
		size_t room = size - (size_t)length;

		length = snprintf(out + length, room, format, word);
		if (length >= 0 && (size_t)length < room)
			error = try_file(out, id);
	}
	if (error != -ENOENT && *result != -ESTALE)
		*result = error;
	return error == 0;
}

static void format_id(char *out, const struct build_id *id)
{
	size_t used = 0;

	for (size_t i = 0; i < id->size; i++)
		used += (size_t)sprintf(out + used, i == 0 ? "%02x/" : "%02x", id->bytes[i]);
}

/* A KVM that is built in has a directory in /sys/module as well, but no state to load. */
static bool kvm_is_module(const char *root)
{
	char path[4096];
	bool builtin;

	snprintf(path, sizeof(path), "%s/sys/module/kvm", root);
	builtin = access(path, F_OK) == 0;
	snprintf(path, sizeof(path), "%s/sys/module/kvm/initstate", root);
	return !builtin || access(path, F_OK) == 0;
}

int kct_debuginfo_path_at(const char *root, const char *release, char *out, size_t size)
{
	bool module = kvm_is_module(root);
	const char *const *places = module ? module_places : vmlinux_places;
	size_t count = module ? COUNT(module_places) : COUNT(vmlinux_places);
	char path[4096], hex[2 * ID_MAX + 2] = "";
	int result = -ENOENT;
	struct build_id id;

	snprintf(path, sizeof(path), "%s/sys/%s", root,
		 module ? "module/kvm/notes/.note.gnu.build-id" : "kernel/notes");
	running_id(path, &id);
	format_id(hex, &id);
	if (id.size > 0 &&
	    try_place(out, size, &id, &result, root, "/usr/lib/debug/.build-id/%s.debug", hex))
		return 0;
	for (size_t i = 0; i < count; i++)
		if (try_place(out, size, &id, &result, root, places[i], release))
			return 0;
	if (size > 0)
		*out = '\0';
	return result;
}

int kct_debuginfo_path(char *out, size_t size)
{
	struct utsname system;

	if (uname(&system) != 0)
		return -errno;
	return kct_debuginfo_path_at("", system.release, out, size);
}
