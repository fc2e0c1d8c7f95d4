// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel skipped of a kprobe, or of a kretprobe that had no room for a further call, is
 * counted. Its answers are made up here, in the place of libbpf's: a host may have no kprobes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "attach/inside.h"

/* struct bpf_link_info of a kernel that counts, and what is filled of it. */
static struct answer {
	uint32_t head[4], event_type, pad;
	uint64_t name, name_and_offset, address, missed;
} answer;
static size_t answer_size;
static enum bpf_prog_type program_type;

int bpf_obj_get_info_by_fd(int fd, void *info, __u32 *size)
{
	(void)fd;
	if (!answer_size)
		return -EINVAL;
	*size = answer_size < *size ? (__u32)answer_size : *size;
	memcpy(info, &answer, *size);
	return 0;
}

enum bpf_prog_type bpf_program__type(const struct bpf_program *program)
{
	(void)program;
	return program_type;
}

int bpf_link__fd(const struct bpf_link *link)
{
	(void)link;
	return 3;
}

static struct kct_attached count(enum bpf_prog_type type, uint32_t event_type, size_t size)
{
	static char program, link;
	struct kct_attached attached = {.program = (void *)&program, .link = (void *)&link};

	program_type = type;
	answer = (struct answer){.event_type = event_type, .missed = 7};
	answer_size = size;
	kct_count_missed(&attached);
	return attached;
}

static void test_probes(void **state)
{
	static const uint32_t kprobe = 3, kretprobe = 4; /* enum bpf_perf_event_type */
	struct kct_attached attached;

	(void)state;
	attached = count(BPF_PROG_TYPE_KPROBE, kprobe, sizeof(answer));
	assert_true(attached.counted);
	assert_int_equal(attached.missed, 7);
	attached = count(BPF_PROG_TYPE_KPROBE, kretprobe, sizeof(answer));
	assert_true(attached.counted);
	assert_int_equal(attached.missed, 7);
}

/* What is there is of another kind, and no count. */
static void test_trace_event(void **state)
{
	static const uint32_t tracepoint = 5;
	struct kct_attached attached;

	(void)state;
	attached = count(BPF_PROG_TYPE_TRACEPOINT, tracepoint, sizeof(answer));
	assert_true(attached.counted);
	assert_int_equal(attached.missed, 0);
}

/* A kernel that does not count is not one that missed nothing. */
static void test_not_counted(void **state)
{
	struct kct_attached attached;

	(void)state;
	attached = count(BPF_PROG_TYPE_KPROBE, 4, offsetof(struct answer, missed));
	assert_false(attached.counted);
	attached = count(BPF_PROG_TYPE_KPROBE, 4, 0);
	assert_false(attached.counted);
	assert_int_equal(attached.missed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_probes),
		cmocka_unit_test(test_trace_event),
		cmocka_unit_test(test_not_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
