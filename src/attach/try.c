// SPDX-License-Identifier: GPL-2.0
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "attach/kprobe.h"
#include "attach/preemption.h"
#include "attach/symbols.h"
#include "attach/trace_event.h"
#include "attach/try.h"

void kct_tries_begin(struct kct_tries *tries, const struct kct_kernel_btf *kernel, bool explains)
{
	memset(tries, 0, sizeof(*tries));
	tries->kernel = kernel;
	tries->explains = explains;
	tries->symbols_fd = -1;
	tries->preempted = -1;
}

void kct_tries_end(struct kct_tries *tries)
{
	for (size_t i = 0; i < tries->nr_links; i++)
		close(tries->links[i]);
	if (tries->symbols_fd >= 0)
		close(tries->symbols_fd);
}

/* ---- tries ---- */

/* The struct that bpf/kernel.bpf.h takes for what has no end, and an offset into it. */
#define OPEN_ENDED  "cacheline_padding"
#define FAR_INTO_IT 0x7000

/* r0 = 0; exit */
static const struct bpf_insn nothing[] = {
	{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
	{.code = BPF_JMP | BPF_EXIT},
};

/*
 * From the running task to the registers of its system call: bpf_task_pt_regs() is the last of what
 * we need that came (dd6e10fbd9fb, in 5.15).
 */
static const struct bpf_insn read_registers[] = {
	{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_get_current_task_btf},
	{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_0},
	{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_task_pt_regs},
	{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
	{.code = BPF_JMP | BPF_EXIT},
};

/* Does the kernel take a program? 0 or -errno. */
static int try_program(const struct bpf_insn *program, size_t count)
{
	int fd =
		bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "kct_try", "GPL", program, count, NULL);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

#define TRY_PROGRAM(program) try_program(program, sizeof(program) / sizeof((program)[0]))

bool kct_kernel_is_too_old(void)
{
	/* Whatever else is wrong, a missing privilege for one, is told in its own words. */
	return TRY_PROGRAM(read_registers) == -EINVAL;
}

/*
 * Kernel memory by plain loads (bpf/kernel.bpf.h): bpf_rdonly_cast() came in 6.2, and loads
 * from a struct that ends in an array of bytes in 6.5 (2569c7b8726f).
 */
bool kct_kernel_loads_directly(const struct btf *vmlinux)
{
	int cast = btf__find_by_name_kind(vmlinux, "bpf_rdonly_cast", BTF_KIND_FUNC);
	int record = btf__find_by_name_kind(vmlinux, OPEN_ENDED, BTF_KIND_STRUCT);
	const struct bpf_insn load[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = record},
		{.code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_KFUNC_CALL, .imm = cast},
		{.code = BPF_LDX | BPF_MEM | BPF_DW,
		 .dst_reg = BPF_REG_0,
		 .src_reg = BPF_REG_0,
		 .off = FAR_INTO_IT},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return cast >= 0 && record >= 0 && !TRY_PROGRAM(load);
}

/* r0 = 1; exit: of a trace event, so that perf's other events get it as well */
static const struct bpf_insn nothing_for_perf[] = {
	{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1},
	{.code = BPF_JMP | BPF_EXIT},
};

static int load_empty(enum bpf_attach_type type, const struct kct_type *target)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = type,
		    .attach_btf_id = target->id, .attach_btf_obj_fd = (__u32)target->module);
	int fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "kct_try", "GPL", nothing, 2, &options);

	return fd < 0 ? -errno : fd;
}

/* The program lives as long as the link. 0 or -errno. */
static int attach_empty(struct kct_tries *tries, enum bpf_attach_type type, int program)
{
	int link = bpf_raw_tracepoint_open(NULL, program);

	if (link < 0)
		return -errno;
	if (type == BPF_TRACE_RAW_TP)
		tries->links[tries->nr_links++] = link;
	else
		close(link);
	return 0;
}

static int try_btf(struct kct_tries *tries, enum bpf_attach_type type, const char *name)
{
	const struct kct_type *target = kct_types_target(&tries->kernel->types, type, name);
	int program, error = 0;

	if (!target)
		return -ESRCH;
	program = load_empty(type, target);
	if (program < 0)
		return program;
	/* An iterator is not attached, but read: loading it tells as much. */
	if (type != BPF_TRACE_ITER)
		error = attach_empty(tries, type, program);
	close(program);
	return error;
}

/* The record that a trace event's program is given is found by its type. */
static bool has_record(const struct kct_kernel_btf *kernel, const char *name)
{
	const struct btf *btf = kernel->kvm ? kernel->kvm : kernel->vmlinux;
	char record[128];

	snprintf(record, sizeof(record), "trace_event_raw_%s", name);
	return btf && btf__find_by_name_kind(btf, record, BTF_KIND_STRUCT) > 0;
}

/* The link takes the event along. 0 or -errno. */
static int attach_empty_to_event(struct kct_tries *tries, int event)
{
	int program = bpf_prog_load(BPF_PROG_TYPE_TRACEPOINT, "kct_try", "GPL", nothing_for_perf, 2,
				    NULL);
	int link = program < 0 ? -1 : bpf_link_create(program, event, BPF_PERF_EVENT, NULL);
	int error = link < 0 ? -errno : 0;

	if (program >= 0)
		close(program);
	if (!error)
		tries->links[tries->nr_links++] = link;
	return error;
}

static int try_trace_event(struct kct_tries *tries, const char *name)
{
	int event, error;

	if (!has_record(tries->kernel, name))
		return -ESRCH;
	event = kct_trace_event_open(name);
	if (event < 0)
		return event;
	error = attach_empty_to_event(tries, event);
	close(event);
	return error;
}

bool kct_try_preemption(struct kct_tries *tries)
{
	int link;

	if (tries->preempted < 0) {
		tries->preempted = kct_tracepoints_are_preempted(tries->kernel->vmlinux, &link);
		if (link >= 0)
			tries->links[tries->nr_links++] = link;
	}
	return tries->preempted;
}

static int try_method(struct kct_tries *tries, enum kct_method method, const char *target)
{
	int fd;

	switch (method) {
	case KCT_FENTRY:
		return try_btf(tries, BPF_TRACE_FENTRY, target);
	case KCT_TRACEPOINT:
	case KCT_SYSCALL:
		return try_btf(tries, BPF_TRACE_RAW_TP, target);
	case KCT_TRACE_EVENT:
		return try_trace_event(tries, target);
	case KCT_ITERATOR:
		return try_btf(tries, BPF_TRACE_ITER, target);
	case KCT_KPROBE:
		fd = kct_kprobe_open(target, 0, false);
		if (fd >= 0)
			close(fd);
		return fd < 0 ? fd : 0;
	default:
		return -EINVAL;
	}
}

/* ---- words ---- */

static const char *explain_missing(const struct kct_tries *tries, enum kct_method method)
{
	if (!tries->kernel->vmlinux && method != KCT_KPROBE)
		return "the kernel has no BTF";
	if (tries->kernel->kvm_error == -EPERM && method != KCT_KPROBE)
		return "the BTF of the kvm module may not be read without CAP_SYS_ADMIN";
	return method == KCT_TRACEPOINT || method == KCT_TRACE_EVENT
		       ? "KVM is not loaded, or lacks this tracepoint"
		       : "it is not in the kernel's BTF";
}

static void explain(const struct kct_tries *tries, enum kct_method method, int error, char *why,
		    size_t size)
{
	switch (-error) {
	case ESRCH:
	case ENOENT:
		snprintf(why, size, "%s", explain_missing(tries, method));
		return;
	case EPERM:
	case EACCES:
		snprintf(why, size, "the kernel does not permit it (%s)",
			 error == -EPERM ? "EPERM" : "EACCES");
		return;
	case EOPNOTSUPP:
		snprintf(why, size, "the kernel is built without %s",
			 method == KCT_KPROBE ? "kprobes" : "it");
		return;
	case EADDRNOTAVAIL:
		snprintf(why, size, "several functions have this name");
		return;
	default:
		snprintf(why, size, "%s", strerror(-error));
	}
}

/* The kernel makes its table of symbols anew for every reader: once is enough. */
static void copy_symbols(struct kct_tries *tries)
{
	FILE *table = fopen(KCT_KALLSYMS, "re"), *copy;
	char line[512];
	int fd;

	snprintf(tries->symbols, sizeof(tries->symbols), "%s", KCT_KALLSYMS);
	if (!table)
		return;
	fd = memfd_create("kallsyms", MFD_CLOEXEC);
	copy = fd < 0 ? NULL : fdopen(dup(fd), "w");
	/* Every function that we hook has one of these in its name. */
	while (copy && fgets(line, sizeof(line), table))
		if (strstr(line, "kvm") || strstr(line, "pvclock"))
			fputs(line, copy);
	fclose(table);
	if (!copy || fclose(copy)) {
		if (fd >= 0)
			close(fd);
		return;
	}
	tries->symbols_fd = fd;
	snprintf(tries->symbols, sizeof(tries->symbols), "/proc/self/fd/%d", fd);
}

static const char *symbols_of(struct kct_tries *tries)
{
	if (!*tries->symbols)
		copy_symbols(tries);
	return tries->symbols;
}

static int try_once(struct kct_tries *tries, enum kct_method method, const char *target, char *why,
		    size_t why_size)
{
	bool by_name = method == KCT_FENTRY || method == KCT_KPROBE;
	int error = try_method(tries, method, target);

	*why = '\0';
	if (error && error != -ESRCH && error != -ENOENT) {
		explain(tries, method, error, why, why_size);
		return error;
	}
	/* Of two functions of the same name the kernel may take the other one, in silence. */
	if (by_name && (!error || tries->explains))
		kct_symbol_problem(symbols_of(tries), target, why, why_size);
	if (*why)
		return error ? error : -EADDRNOTAVAIL;
	if (error)
		explain(tries, method, error, why, why_size);
	return error;
}

static const struct kct_tried *tried_before(const struct kct_tries *tries, enum kct_method method,
					    const char *target)
{
	for (size_t i = 0; i < tries->nr_tried; i++)
		if (tries->tried[i].method == method && !strcmp(tries->tried[i].target, target))
			return &tries->tried[i];
	return NULL;
}

int kct_try(struct kct_tries *tries, enum kct_method method, const char *target, char *why,
	    size_t why_size)
{
	const struct kct_tried *before = tried_before(tries, method, target);
	struct kct_tried *tried = &tries->tried[tries->nr_tried];

	if (!before) {
		tried->method = method;
		tried->target = target;
		tried->error = try_once(tries, method, target, tried->why, sizeof(tried->why));
		tries->nr_tried++;
		before = tried;
	}
	snprintf(why, why_size, "%s", before->why);
	return before->error;
}

int kct_try_place(const struct kct_tries *tries, const char *function, uint64_t offset, char *why,
		  size_t why_size)
{
	int fd = kct_kprobe_open(function, offset, false);

	if (fd < 0) {
		explain(tries, KCT_KPROBE, fd, why, why_size);
		return fd;
	}
	close(fd);
	return 0;
}
