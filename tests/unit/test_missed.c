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
static uint64_t recursions; /* of the program */

#define PROGRAM 2
#define LINK	3

int bpf_obj_get_info_by_fd(int fd, void *info, __u32 *size)
{
	if (fd == PROGRAM) {
		((struct bpf_prog_info *)info)->recursion_misses = recursions;
		return 0;
	}
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
	return LINK;
}

/* The only program that there is. */
static char only_program;

struct bpf_program *bpf_object__next_program(const struct bpf_object *object,
					     struct bpf_program *before)
{
	(void)object;
	return before ? NULL : (void *)&only_program;
}

struct bpf_program *bpf_object__find_program_by_name(const struct bpf_object *object,
						     const char *name)
{
	(void)object;
	assert_string_equal(name, "kretprobe_vm_ioctl");
	return (void *)&only_program;
}

bool bpf_program__autoload(const struct bpf_program *program)
{
	(void)program;
	return true;
}

int bpf_program__fd(const struct bpf_program *program)
{
	(void)program;
	return PROGRAM;
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

static const struct kct_evidence *clock_read(void)
{
	for (size_t i = 0; i < kct_nr_evidence; i++)
		if (!strcmp(kct_evidence[i].name, "clock-read"))
			return &kct_evidence[i];
	fail();
	return NULL;
}

/* By reason and by evidence: the program's own misses, and those of its probe. */
static void test_losses(void **state)
{
	static char link;
	struct kct_attached attached = {.program = (void *)&only_program, .link = (void *)&link};
	struct kvmclock_bpf__bss bss = {.losses = {[KCT_LOSS_RING_FULL] = 4}};
	struct kvmclock_bpf bpf = {.bss = &bss};
	struct kct_session session = {.bpf = &bpf, .attached = &attached, .nr_attached = 1};
	struct kct_lost lost;

	(void)state;
	session.plan.nr_rows = 1;
	session.plan.rows[0].evidence = clock_read();
	program_type = BPF_PROG_TYPE_KPROBE;
	answer = (struct answer){.event_type = 4, .missed = 7};
	answer_size = sizeof(answer);
	recursions = 2;
	kct_session_losses(&session, &lost);
	assert_int_equal(lost.losses[KCT_LOSS_RING_FULL], 4);
	assert_int_equal(lost.losses[KCT_LOSS_MISSED], 9);
	assert_int_equal(lost.misses.count, 1);
	assert_string_equal(lost.misses.list[0].evidence, "clock-read");
	assert_int_equal(lost.misses.list[0].calls, 9);
	assert_true(lost.misses.list[0].counted);
	/* None, of all that there were; and none, of those that are counted. */
	recursions = answer.missed = 0;
	kct_session_losses(&session, &lost);
	assert_int_equal(lost.misses.count, 0);
	answer_size = offsetof(struct answer, missed);
	kct_session_losses(&session, &lost);
	assert_int_equal(lost.losses[KCT_LOSS_MISSED], 0);
	assert_int_equal(lost.misses.count, 1);
	assert_false(lost.misses.list[0].counted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_probes),
		cmocka_unit_test(test_trace_event),
		cmocka_unit_test(test_not_counted),
		cmocka_unit_test(test_losses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
