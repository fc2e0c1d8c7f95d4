/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where a kernel asks for a masterclock update.
 *
 * kvm_make_request() is inlined everywhere, so no symbol can be probed. The kernel's debug
 * information (DWARF) knows each place it went to, which request it makes there, and where the vCPU
 * pointer is at that moment: a kprobe at function+offset sees every request with its vCPU.
 *
 * What it does not list: requests made through kvm_make_all_cpus_request(), where the request is
 * not a constant; that function is a symbol of its own.
 */
#ifndef KCT_DWARF_INLINED_H
#define KCT_DWARF_INLINED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bit of KVM_REQ_MASTERCLOCK_UPDATE in vcpu->requests; the same in 4.19 to 7.1. */
#define KCT_REQ_MASTERCLOCK_UPDATE 21

/* How to get a value when the probe fires. */
enum kct_where {
	KCT_WHERE_UNKNOWN,  /* not available there: the site's `why` tells the reason */
	KCT_WHERE_REGISTER, /* register + offset */
	KCT_WHERE_MEMORY,   /* the 8 bytes at register + offset */
};

/*
 * One place where kvm_make_request(KVM_REQ_MASTERCLOCK_UPDATE, vcpu) was inlined.
 *
 * `address` is that of the first instruction of the innermost function inlined there, which sets
 * the bit: most often the atomic operation itself. When a probe at it fires, the bit is not yet
 * set. Where the compiler doubled the body (an unrolled loop), each copy is a site.
 */
struct kct_inlined_site {
	uint64_t address;  /* in the file: a section's in a module, linked in a vmlinux */
	char section[32];  /* the section it counts from; "" in a vmlinux */
	char function[64]; /* the symbol that contains it, also "x.cold", "x.part.0" */
	uint64_t offset;   /* address - start of that symbol */
	char caller[64];   /* the function in the source that makes the request; "" for a symbol */
	bool is_symbol;	   /* not inlined: kvm_make_request itself, for every kind of request */
	bool req_known;	   /* the debug information tells which request is made */
	uint32_t req;	   /* and this is it, with its flags */
	bool on_instruction; /* the line table confirms that an instruction begins at address */
	enum kct_where vcpu_where;
	int vcpu_reg; /* DWARF register number, 0 to 15; -1 when unknown */
	int64_t vcpu_offset;
	char why[96]; /* why vcpu is unknown, else "" */
};

/*
 * Find the masterclock update sites in a vmlinux or kvm.ko with DWARF, in order of address. Sites
 * whose request is not known are listed too (req_known false): do not probe them for the
 * masterclock. 0 (also with no site at all), or -errno and the reason in `why`; the caller frees
 * *sites.
 */
int kct_inlined_find(const char *path, struct kct_inlined_site **sites, size_t *count, char *why,
		     size_t why_size);

#endif
