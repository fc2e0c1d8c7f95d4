// SPDX-License-Identifier: GPL-2.0
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include "attach/aim.h"

static const struct {
	const char *name;
	enum bpf_attach_type type;
} sections[KCT_NR_AIMED_SECTIONS] = {
	{"tp_btf+", BPF_TRACE_RAW_TP},
	{"fentry+", BPF_TRACE_FENTRY},
	{"fexit+", BPF_TRACE_FEXIT},
	{"iter+", BPF_TRACE_ITER},
};

/* libbpf is about to load the program; what it tells the kernel can still be changed. */
static int take_aim(struct bpf_program *program, struct bpf_prog_load_opts *options, long cookie)
{
	const struct kct_aims *aims = (const struct kct_aims *)cookie;

	for (size_t i = 0; i < aims->count; i++) {
		if (aims->aims[i].program != program)
			continue;
		options->attach_btf_id = aims->aims[i].id;
		options->attach_btf_obj_fd = (__u32)aims->aims[i].module;
		return bpf_program__set_type(program, BPF_PROG_TYPE_TRACING);
	}
	return -ESRCH;
}

/*
 * An object with a program of the type TRACING to be loaded is what libbpf reads the kernel's BTF
 * for. So they get that type only when they are aimed, and before that one that needs none.
 */
int kct_aims_begin(struct kct_aims *aims)
{
	LIBBPF_OPTS(libbpf_prog_handler_opts, options, .cookie = (long)aims,
		    .prog_prepare_load_fn = take_aim);

	memset(aims, 0, sizeof(*aims));
	for (size_t i = 0; i < KCT_NR_AIMED_SECTIONS; i++) {
		aims->handlers[i] = libbpf_register_prog_handler(
			sections[i].name, BPF_PROG_TYPE_RAW_TRACEPOINT, sections[i].type, &options);
		if (aims->handlers[i] < 0)
			return aims->handlers[i];
	}
	return 0;
}

void kct_aims_end(struct kct_aims *aims)
{
	for (size_t i = 0; i < KCT_NR_AIMED_SECTIONS; i++)
		if (aims->handlers[i] > 0)
			libbpf_unregister_prog_handler(aims->handlers[i]);
}

int kct_aim(struct kct_aims *aims, const struct bpf_program *program, const struct kct_types *types,
	    const char *target)
{
	const struct kct_type *type =
		kct_types_target(types, bpf_program__expected_attach_type(program), target);

	if (!type)
		return -ESRCH;
	if (aims->count == sizeof(aims->aims) / sizeof(aims->aims[0]))
		return -E2BIG;
	aims->aims[aims->count++] = (struct kct_aim){program, type->id, type->module};
	return 0;
}
