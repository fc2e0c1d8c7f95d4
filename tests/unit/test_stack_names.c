// SPDX-License-Identifier: GPL-2.0
/* From the frames that a program took to the names that are told, each way of hooking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "attach/stack.h"
#include "model/stacks.h"

/* Each function has 256 bytes; those of the kernel begin at CORE, KVM's at MODULE. */
#define CORE   0xffffffff81000000
#define MODULE 0xffffffffc0200000
/* Where programs and trampolines are made. */
#define MADE 0xffffffffc0900000

static const char *const core[] = {
	"bpf_get_task_stack",
	"__bpf_get_stack",
	"stack_trace_save_tsk",
	"bpf_trace_run5",
	"trace_call_bpf",
	"kprobe_perf_func",
	"kprobe_ftrace_handler",
	"kretprobe_perf_func",
	"kretprobe_rethook_handler",
	"rethook_trampoline_handler",
	"arch_rethook_trampoline_callback",
	"do_syscall_64",
	"process_one_work",
	NULL,
};
static const char *const module[] = {
	"__traceiter_kvm_track_tsc",
	"__kvm_synchronize_tsc",
	"kvm_synchronize_tsc",
	"kvm_vcpu_ioctl",
	NULL,
};

static struct kct_stack_names *names;

static void write_symbols(FILE *file, const char *const *list, uint64_t at, const char *of)
{
	for (; *list; list++, at += 256)
		fprintf(file, "%lx t %s%s\n", (unsigned long)at, *list, of);
}

static int open_names(void **state)
{
	char path[] = "/tmp/kct-stack-names-XXXXXX";
	int fd = mkstemp(path);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	(void)state;
	if (!file)
		return -1;
	write_symbols(file, core, CORE, "");
	write_symbols(file, module, MODULE, "\t[kvm]");
	fclose(file);
	names = kct_stack_names_open(path);
	unlink(path);
	return names ? 0 : -1;
}

static int close_names(void **state)
{
	(void)state;
	kct_stack_names_close(names);
	return 0;
}

/* Where a call in the function returns to; "?": in code that was made. */
static uint64_t address_of(const char *name)
{
	for (size_t i = 0; core[i]; i++)
		if (!strcmp(core[i], name))
			return CORE + 256 * i + 5;
	for (size_t i = 0; module[i]; i++)
		if (!strcmp(module[i], name))
			return MODULE + 256 * i + 5;
	assert_string_equal(name, "?");
	return MADE + 5;
}

static struct kct_raw_stack stack_of(const char *const *frames)
{
	struct kct_raw_stack raw = {.size = 0};

	for (size_t i = 0; frames[i]; i++) {
		raw.frames[i] = address_of(frames[i]);
		raw.size += sizeof(raw.frames[0]);
	}
	return raw;
}

static void check(const char *const *frames, const char *returned, const char *expected)
{
	struct kct_raw_stack raw = stack_of(frames);
	char text[KCT_STACK_ROOM];
	uint32_t number;

	/* Twice: the second time it is known. */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(kct_stack_name(names, &raw, returned, &number), KCT_STACK_WHOLE);
		kct_stack_text(text, sizeof(text), number);
		assert_string_equal(text, expected);
	}
}

#define FRAMES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define TAKEN	    "stack_trace_save_tsk", "__bpf_get_stack", "bpf_get_task_stack"

static void test_tracepoint(void **state)
{
	(void)state;
	check(FRAMES(TAKEN, "?", "?", "bpf_trace_run5", "__traceiter_kvm_track_tsc",
		     "__kvm_synchronize_tsc", "kvm_vcpu_ioctl", "do_syscall_64"),
	      "__kvm_synchronize_tsc", "__kvm_synchronize_tsc < kvm_vcpu_ioctl < do_syscall_64");
}

/* A program, its trampoline, and the function at whose beginning that is called. */
static void test_fentry(void **state)
{
	(void)state;
	check(FRAMES(TAKEN, "?", "?", "__kvm_synchronize_tsc", "kvm_vcpu_ioctl"), NULL,
	      "__kvm_synchronize_tsc < kvm_vcpu_ioctl");
}

static void test_kprobe(void **state)
{
	(void)state;
	check(FRAMES(TAKEN, "?", "trace_call_bpf", "kprobe_perf_func", "kprobe_ftrace_handler", "?",
		     "kvm_synchronize_tsc", "kvm_vcpu_ioctl"),
	      "kvm_synchronize_tsc", "kvm_synchronize_tsc < kvm_vcpu_ioctl");
}

/* Who has returned has no frame any more. */
static void test_kretprobe(void **state)
{
	(void)state;
	check(FRAMES(TAKEN, "?", "trace_call_bpf", "kretprobe_perf_func",
		     "kretprobe_rethook_handler", "rethook_trampoline_handler",
		     "arch_rethook_trampoline_callback", "process_one_work"),
	      "pvclock_gtod_update_fn", "pvclock_gtod_update_fn < process_one_work");
	check(FRAMES(TAKEN, "?", "kretprobe_perf_func", "kvm_vcpu_ioctl"), NULL, "kvm_vcpu_ioctl");
}

/* Around the function there is a trampoline for its return; other code that was made is told. */
static void test_trampolines(void **state)
{
	(void)state;
	check(FRAMES(TAKEN, "?", "bpf_trace_run5", "__kvm_synchronize_tsc", "?",
		     "__kvm_synchronize_tsc", "kvm_synchronize_tsc"),
	      NULL, "__kvm_synchronize_tsc < kvm_synchronize_tsc");
	check(FRAMES(TAKEN, "__kvm_synchronize_tsc", "?", "kvm_vcpu_ioctl", "?"), NULL,
	      "__kvm_synchronize_tsc < ? < kvm_vcpu_ioctl < ?");
	/* Around one that is hooked it is ours, and on some kernels all that is to be seen. */
	kct_stack_names_hook(names, "kvm_synchronize_tsc");
	check(FRAMES(TAKEN, "?", "kvm_synchronize_tsc", "?", "kvm_vcpu_ioctl"), NULL,
	      "kvm_synchronize_tsc < kvm_vcpu_ioctl");
	check(FRAMES(TAKEN, "?", "kvm_synchronize_tsc", "?", "?", "kvm_vcpu_ioctl"), NULL,
	      "kvm_synchronize_tsc < ? < ? < kvm_vcpu_ioctl");
	/* It jumps into the function, as from Linux 6.19 on, or is called by it. */
	check(FRAMES(TAKEN, "?", "?", "kvm_vcpu_ioctl", "do_syscall_64"), "kvm_synchronize_tsc",
	      "kvm_synchronize_tsc < kvm_vcpu_ioctl < do_syscall_64");
	check(FRAMES(TAKEN, "?", "?", "kvm_synchronize_tsc", "kvm_vcpu_ioctl"),
	      "kvm_synchronize_tsc", "kvm_synchronize_tsc < kvm_vcpu_ioctl");
	/* The program of a tracepoint has no trampoline, whatever else is hooked. */
	check(FRAMES(TAKEN, "?", "bpf_trace_run5", "__traceiter_kvm_track_tsc", "kvm_vcpu_ioctl"),
	      "kvm_synchronize_tsc", "kvm_vcpu_ioctl");
	/* A call of itself is one. */
	check(FRAMES("kvm_vcpu_ioctl", "kvm_vcpu_ioctl"), NULL, "kvm_vcpu_ioctl < kvm_vcpu_ioctl");
}

static void test_none(void **state)
{
	struct kct_raw_stack raw = stack_of(FRAMES(TAKEN, "?", "bpf_trace_run5"));
	uint32_t number = 5;

	(void)state;
	assert_int_equal(kct_stack_name(names, &raw, "kvm_vcpu_ioctl", &number),
			 KCT_STACK_NOT_TAKEN);
	assert_int_equal(number, 0);
	raw.size = 0;
	assert_int_equal(kct_stack_name(names, &raw, NULL, &number), KCT_STACK_NOT_TAKEN);
	raw.size = -14; /* -EFAULT */
	assert_int_equal(kct_stack_name(names, &raw, NULL, &number), KCT_STACK_NOT_TAKEN);
	raw.size = sizeof(raw.frames) + 8;
	assert_int_equal(kct_stack_name(names, &raw, NULL, &number), KCT_STACK_NOT_TAKEN);
}

/* A stack that fills the room may have had more. */
static void test_cut(void **state)
{
	struct kct_raw_stack raw = {.size = sizeof(raw.frames)};
	const char *name = NULL;
	uint32_t number, count = 0;

	(void)state;
	for (size_t i = 0; i < KCT_RAW_FRAMES; i++)
		raw.frames[i] = address_of("kvm_vcpu_ioctl");
	assert_int_equal(kct_stack_name(names, &raw, NULL, &number), KCT_STACK_CUT);
	while ((name = kct_stack_next(number, name)))
		count++;
	assert_int_equal(count, KCT_MAX_FRAMES);
	for (size_t i = 0; i < KCT_RAW_FRAMES - 20; i++)
		raw.frames[i] = address_of("?");
	assert_int_equal(kct_stack_name(names, &raw, NULL, &number), KCT_STACK_CUT);
	raw.size -= 8;
	assert_int_equal(kct_stack_name(names, &raw, NULL, &number), KCT_STACK_WHOLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tracepoint),  cmocka_unit_test(test_fentry),
		cmocka_unit_test(test_kprobe),	    cmocka_unit_test(test_kretprobe),
		cmocka_unit_test(test_trampolines), cmocka_unit_test(test_none),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, open_names, close_names);
}
