// SPDX-License-Identifier: GPL-2.0
/*
 * Tracepoints ran with preemption off until a46023d5616e ("tracing: Guard __DECLARE_TRACE() use of
 * __DO_TRACE_CALL() with SRCU-fast"), in 7.0. Since then a program on one is kept on its CPU by
 * disabling the task's migration, which it can read. The tracepoint that is tried is one that the
 * tool comes to itself, by naming its thread as it is named already.
 */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "attach/preemption.h"

#define TRACEPOINT  "btf_trace_task_rename"
#define DID_NOT_RUN 0xffff

/* Offset in bytes of task_struct's member of that name and two bytes; -1. */
static int task_offset(const struct btf *btf, const char *name)
{
	int id = btf__find_by_name_kind(btf, "task_struct", BTF_KIND_STRUCT);
	const struct btf_type *task = id < 0 ? NULL : btf__type_by_id(btf, (__u32)id);

	for (__u16 i = 0; task && i < btf_vlen(task); i++) {
		const struct btf_member *member = btf_members(task) + i;

		if (!strcmp(btf__name_by_offset(btf, member->name_off), name))
			return btf__resolve_size(btf, member->type) == sizeof(uint16_t)
				       ? (int)(btf_member_bit_offset(task, i) / 8)
				       : -1;
	}
	return -1;
}

/* A program that copies two bytes of the running task's struct to the value of a map. */
static int load(const struct btf *btf, int offset, int map)
{
	struct bpf_insn copy[] = {
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_get_current_task_btf},
		{.code = BPF_LDX | BPF_MEM | BPF_H,
		 .dst_reg = BPF_REG_1,
		 .src_reg = BPF_REG_0,
		 .off = (__s16)offset},
		{.code = BPF_LD | BPF_IMM | BPF_DW,
		 .dst_reg = BPF_REG_2,
		 .src_reg = BPF_PSEUDO_MAP_VALUE,
		 .imm = map},
		{.code = 0},
		{.code = BPF_STX | BPF_MEM | BPF_H, .dst_reg = BPF_REG_2, .src_reg = BPF_REG_1},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int id = btf__find_by_name_kind(btf, TRACEPOINT, BTF_KIND_TYPEDEF);
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_RAW_TP,
		    .attach_btf_id = id < 0 ? 0 : (__u32)id);

	return bpf_prog_load(BPF_PROG_TYPE_TRACING, "kct_preemption", "GPL", copy,
			     sizeof(copy) / sizeof(copy[0]), &options);
}

/* Run the program, which `link` keeps attached; DID_NOT_RUN, or what it read. */
static uint16_t run(int program, int map, int *link)
{
	uint64_t value = DID_NOT_RUN;
	uint32_t zero = 0;
	char name[16];

	*link = bpf_raw_tracepoint_open(NULL, program);
	if (*link < 0 || bpf_map_update_elem(map, &zero, &value, BPF_ANY) ||
	    prctl(PR_GET_NAME, name) || prctl(PR_SET_NAME, name) ||
	    bpf_map_lookup_elem(map, &zero, &value))
		return DID_NOT_RUN;
	return (uint16_t)value;
}

bool kct_tracepoints_are_preempted(const struct btf *vmlinux, int *link)
{
	int offset = vmlinux ? task_offset(vmlinux, "migration_disabled") : -1;
	uint16_t disabled = DID_NOT_RUN;
	int map, program;

	*link = -1;
	if (offset < 0)
		return true;
	map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "kct_preemption", sizeof(uint32_t),
			     sizeof(uint64_t), 1, NULL);
	program = map < 0 ? -1 : load(vmlinux, offset, map);
	if (program >= 0) {
		disabled = run(program, map, link);
		close(program);
	}
	if (map >= 0)
		close(map);
	return disabled != 0;
}
