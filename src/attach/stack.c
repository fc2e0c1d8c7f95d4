// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "attach/evidence.h"
#include "attach/kallsyms.h"
#include "attach/stack.h"
#include "base/error.h"
#include "model/stacks.h"

/* Stacks that were named already: a storm has few that differ. */
#define NR_KNOWN 256
struct known {
	struct kct_raw_stack raw;
	uint32_t number;
	uint8_t note; /* enum kct_stack_note; KCT_STACK_NOT_ASKED: none is here */
};

struct kct_stack_names {
	struct kct_kallsyms *symbols;
	const char *hooked[KCT_MAX_EVIDENCE]; /* functions with a trampoline of ours; not ours */
	size_t nr_hooked;
	struct known known[NR_KNOWN]; /* by a hash of the frames */
};

struct kct_stack_names *kct_stack_names_open(const char *path)
{
	struct kct_stack_names *names = calloc(1, sizeof(*names));
	int error = names ? kct_kallsyms_open(&names->symbols, path) : -ENOMEM;

	if (!error)
		return names;
	free(names);
	if (error == -EACCES)
		kct_error("no kernel stacks: %s tells no addresses (it takes CAP_SYSLOG, and "
			  "kernel.kptr_restrict below 2)",
			  path);
	else
		kct_error("no kernel stacks: %s: %s", path, strerror(-error));
	return NULL;
}

void kct_stack_names_close(struct kct_stack_names *names)
{
	if (!names)
		return;
	kct_kallsyms_close(names->symbols);
	free(names);
}

void kct_stack_names_hook(struct kct_stack_names *names, const char *function)
{
	if (names->nr_hooked < KCT_MAX_EVIDENCE)
		names->hooked[names->nr_hooked++] = function;
}

static bool is_hooked(const struct kct_stack_names *names, const char *function)
{
	for (size_t i = 0; function && i < names->nr_hooked; i++)
		if (!strcmp(names->hooked[i], function))
			return true;
	return false;
}

/* ---- the kernel's way from a hook to a program ---- */

static bool begins_with_any(const char *name, const char *const *beginnings)
{
	for (; *beginnings; beginnings++)
		if (!strncmp(name, *beginnings, strlen(*beginnings)))
			return true;
	return false;
}

/*
 * From a tracepoint, a trampoline of ftrace, a breakpoint or a return probe to the program, and
 * from there to where the stack is taken. Programs and trampolines have no name, or those of BPF.
 */
static bool is_hook(const char *name)
{
	static const char *const hooks[] = {
		"__traceiter_", "__do_trace_", "__bpf_",       "bpf_",	       "trace_call_bpf",
		"perf_trace_",	"do_perf_",    "kprobe_",      "kretprobe_",   "__kretprobe_",
		"rethook_",	"ftrace_",     "arch_ftrace_", "__ftrace_",    "arch_rethook_",
		"opt_pre_",	"optimized_",  "aggr_pre_",    "asm_exc_int3", "exc_int3",
		"do_int3",	"optprobe_",   "stack_trace_", "arch_stack_",  "get_callchain_",
		"get_perf_",	"perf_call",   "trampoline_h", NULL,
	};

	return !name || begins_with_any(name, hooks);
}

static bool is_return_probe(const char *name)
{
	static const char *const probes[] = {
		"kretprobe_", "__kretprobe_", "rethook_", "arch_rethook_", "trampoline_h", NULL,
	};

	return name && begins_with_any(name, probes);
}

/* ---- naming ---- */

/* What is on the stack is where a call returns to, which may be behind the end of the caller. */
static const char *name_at(const struct kct_stack_names *names, const struct kct_raw_stack *raw,
			   size_t frame)
{
	return kct_kallsyms_name(names->symbols, raw->frames[frame] - 1);
}

/* The first frame of what was hooked; *has_none tells whether the function itself has none. */
static size_t skip_hook(const struct kct_stack_names *names, const struct kct_raw_stack *raw,
			size_t count, const char *hooked, bool *has_none)
{
	const char *name = "", *before = "";
	bool at_return = false;
	size_t frame = 0;

	for (; frame < count; frame++, before = name) {
		name = name_at(names, raw, frame);
		if (!is_hook(name))
			break;
		at_return |= is_return_probe(name);
	}
	/* Between a program and what it is hooked on there is its trampoline, which has no name. */
	*has_none = at_return || (!before && frame < count && is_hooked(names, hooked) &&
				  strcmp(name, hooked) != 0);
	return frame;
}

/* Frames without a name that are not put down yet, and the name of the one before them. */
struct naming {
	const struct kct_stack_names *names;
	struct kct_frames frames;
	const char *last;
	size_t unnamed;
	bool cut;
};

static void put(struct naming *naming, const char *name)
{
	naming->cut |= !kct_frames_add(&naming->frames, name);
}

/*
 * A function that is hooked at its return is called by a trampoline: that is no caller. Depending
 * on the kernel the function is behind it once more, from where the trampoline was called, and is
 * still one call; that also where the trampoline is another tracer's.
 */
static void next_frame(struct naming *naming, const char *name)
{
	if (!name) {
		naming->unnamed++;
		return;
	}
	if (naming->unnamed && naming->last && !strcmp(naming->last, name)) {
		naming->unnamed = 0;
		return;
	}
	if (naming->unnamed == 1 && is_hooked(naming->names, naming->last))
		naming->unnamed = 0;
	for (; naming->unnamed; naming->unnamed--)
		put(naming, "?");
	put(naming, name);
	naming->last = name;
}

static enum kct_stack_note name_frames(const struct kct_stack_names *names,
				       const struct kct_raw_stack *raw, const char *hooked,
				       uint32_t *number)
{
	size_t count = (size_t)raw->size / sizeof(raw->frames[0]);
	struct naming naming = {.names = names, .cut = count == KCT_RAW_FRAMES};
	bool has_none;
	size_t frame = skip_hook(names, raw, count, hooked, &has_none);

	/* Not even the function that was hooked. */
	if (frame == count)
		return KCT_STACK_NOT_TAKEN;
	if (has_none && hooked)
		put(&naming, hooked);
	for (; frame < count; frame++)
		next_frame(&naming, name_at(names, raw, frame));
	for (; naming.unnamed; naming.unnamed--)
		put(&naming, "?");
	*number = kct_stack_number(&naming.frames);
	return kct_stack_settle(*number, naming.cut ? KCT_STACK_CUT : KCT_STACK_WHOLE);
}

static size_t hash(const struct kct_raw_stack *raw)
{
	const size_t count = (size_t)raw->size / sizeof(raw->frames[0]);
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum = (sum ^ raw->frames[i]) * 0x9e3779b97f4a7c15ULL;
	return sum >> 32;
}

enum kct_stack_note kct_stack_name(struct kct_stack_names *names, const struct kct_raw_stack *raw,
				   const char *hooked, uint32_t *number)
{
	struct known *known;

	*number = 0;
	if (raw->size <= 0 || (size_t)raw->size > sizeof(raw->frames))
		return KCT_STACK_NOT_TAKEN;
	known = &names->known[hash(raw) % NR_KNOWN];
	if (known->note == KCT_STACK_NOT_ASKED || known->raw.size != raw->size ||
	    memcmp(known->raw.frames, raw->frames, (size_t)raw->size) != 0) {
		known->raw.size = raw->size;
		memcpy(known->raw.frames, raw->frames, (size_t)raw->size);
		known->note = (uint8_t)name_frames(names, raw, hooked, &known->number);
	}
	*number = known->number;
	return known->note;
}
