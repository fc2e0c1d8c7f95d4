// SPDX-License-Identifier: GPL-2.0
/* Inlined instances of kvm_make_request() in a kernel's debug information. */
#include "dwarf/inlined.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "dwarf/die.h"
#include "dwarf/location.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char target[] = "kvm_make_request";
static const char target_req[] = "req";
static const char target_vcpu[] = "vcpu";

/* The part of a request that is its bit; the rest are flags (KVM_REQUEST_MASK). */
#define REQUEST_BITS 0xff

/* Deeper nesting than any compiler makes is a broken file. */
#define DEPTH_MAX 256

struct search {
	struct kct_dwarf dwarf;
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

/* ---- The site ---- */

/* Where vcpu is at an address of the instance. */
static struct kct_value vcpu_at(const struct search *search, const struct scope *scope,
				Dwarf_Die *instance, Dwarf_Addr pc)
{
	struct kct_value value;
	Dwarf_Die parameter;
	bool found = kct_die_parameter(instance, target_vcpu, &parameter);

	value = kct_location_at(&search->dwarf, scope->subprogram, found ? &parameter : NULL, pc);
	if (!value.fault && value.reg == KCT_NO_REGISTER)
		value = kct_value_unknown("it is a constant");
	/* Unoptimized code says where arguments will be once it has stored them. */
	if (!value.fault && value.in_memory && dwarf_tag(instance) == DW_TAG_subprogram)
		value = kct_value_unknown("it is not yet in memory when the function is entered");
	return value;
}

static void put_vcpu(struct kct_inlined_site *site, struct kct_value value)
{
	site->vcpu_reg = value.reg;
	site->vcpu_offset = value.offset;
	site->vcpu_where = value.fault	     ? KCT_WHERE_UNKNOWN
			   : value.in_memory ? KCT_WHERE_MEMORY
					     : KCT_WHERE_REGISTER;
	snprintf(site->why, sizeof(site->why), "%s", value.fault ? value.fault : "");
}

/* Whatever the file has for a name; what a kernel can have is printable as it is. */
static void put_name(char *to, size_t room, const char *name)
{
	kct_text(to, room, name ? name : "", name ? strlen(name) : 0, 0);
}

/* The symbol is what a kprobe is placed by, so the symbol table says it, not the DWARF. */
static void name_place(const struct search *search, const struct scope *scope, Dwarf_Addr pc,
		       struct kct_inlined_site *site)
{
	Dwarf_Addr address = pc + search->dwarf.bias;
	const char *symbol, *section;
	GElf_Off offset = 0;
	GElf_Sym sym;
	int index;

	symbol = dwfl_module_addrinfo(search->dwarf.module, address, &offset, &sym, NULL, NULL,
				      NULL);
	if (!symbol && scope->subprogram && kct_die_entry(scope->subprogram, &address)) {
		symbol = dwarf_diename(scope->subprogram);
		offset = pc - address;
	}
	put_name(site->function, sizeof(site->function), symbol);
	site->offset = offset;

	address = pc + search->dwarf.bias;
	index = dwfl_module_relocate_address(search->dwarf.module, &address);
	section = index >= 0 ? dwfl_module_relocation_info(search->dwarf.module,
							   (unsigned int)index, NULL)
			     : NULL;
	put_name(site->section, sizeof(site->section), section);
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
	site->on_instruction = kct_line_begins(scope->cu, pc);
	put_name(site->caller, sizeof(site->caller), request->is_symbol ? NULL : scope->caller);
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
		    kct_line_is_same(scope->cu, entry, start))
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
		if (tag == DW_TAG_inlined_subroutine && kct_die_is_named(&die, name)) {
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
		if (!kct_die_entry(&part, &start))
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

	if (kct_die_parameter(instance, target_req, &parameter))
		request.known = kct_constant_of(&search->dwarf, &parameter, &request.number);
	if (request.known && (request.number & REQUEST_BITS) != KCT_REQ_MASTERCLOCK_UPDATE)
		return;
	if (request.is_symbol ? !kct_die_entry(instance, &entry)
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
	if (tag == DW_TAG_subprogram && !kct_die_entry(die, &pc))
		return;
	if (tag == DW_TAG_subprogram)
		scope.subprogram = die;
	if (tag != DW_TAG_lexical_block && kct_die_is_named(die, target)) {
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
		if (dwarf_tag(&die) == DW_TAG_subprogram && kct_die_is_named(&die, target))
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

	if (!dwfl_module_getdwarf(search->dwarf.module, &search->dwarf.bias)) {
		snprintf(why, why_size, "%s has no debug information: %s", path, dwfl_errmsg(-1));
		return -ENODATA;
	}
	while (!search->error &&
	       (cu = dwfl_module_nextcu(search->dwarf.module, cu, &search->dwarf.bias)) != NULL) {
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
	search->dwarf.module = dwfl_report_offline(dwfl, "", path, -1);
	if (search->dwarf.module) {
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
