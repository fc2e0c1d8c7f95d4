// SPDX-License-Identifier: GPL-2.0
/*
 * The PVTI arithmetic: against answers worked out by hand, against the same with 128-bit numbers
 * for many random questions, and in the kernel, as BPF, against both.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "pvti.skel.h"
#include "pvti_vectors.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ROUNDS	     1000000
#define BPF_ROUNDS   20000

/* ---- random questions, the same ones in every run ---- */

static uint64_t next_random(uint64_t *state)
{
	/* splitmix64 */
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/* Of any length, or near a power of two: where halves meet. */
static uint64_t random_number(uint64_t *state)
{
	uint64_t number = next_random(state) >> (next_random(state) & 63);

	if (next_random(state) & 3)
		return number;
	return (1ULL << (next_random(state) & 63)) + (next_random(state) & 3) - 1;
}

static struct kct_pvti random_pvti(uint64_t *state)
{
	return (struct kct_pvti){
		.tsc_timestamp = random_number(state),
		.system_time = random_number(state),
		.tsc_to_system_mul = (uint32_t)random_number(state),
		/* mostly as in a guest, but any value there is */
		.tsc_shift = (int8_t)(next_random(state) & 1 ? next_random(state) % 5 - 2
							     : next_random(state)),
		.flags = (uint8_t)next_random(state),
	};
}

static struct pvti_question random_question(uint64_t *state)
{
	struct pvti_question q = {
		.old_pvti = random_pvti(state),
		.new_pvti = random_pvti(state),
		.tsc = random_number(state),
	};

	/* Half of them close together, as in life. */
	if (next_random(state) & 1) {
		q.new_pvti = q.old_pvti;
		q.new_pvti.tsc_timestamp += next_random(state) >> 20;
		q.tsc = q.old_pvti.tsc_timestamp - (next_random(state) >> 20);
	}
	return q;
}

/* ---- the same in another way ---- */

static uint64_t wide_scale(uint64_t cycles, uint32_t mul, int shift)
{
	unsigned __int128 wide = cycles;

	if (shift > 63 || shift < -63)
		return 0;
	wide = shift < 0 ? wide >> -shift : (uint64_t)(wide << shift);
	return (uint64_t)(wide * mul >> 32);
}

static uint64_t wide_read(const struct kct_pvti *pvti, uint64_t tsc)
{
	bool back = (tsc - pvti->tsc_timestamp) >> 63;
	uint64_t distance = back ? pvti->tsc_timestamp - tsc : tsc - pvti->tsc_timestamp;
	__int128 ns = wide_scale(distance, pvti->tsc_to_system_mul, pvti->tsc_shift);

	return (uint64_t)(pvti->system_time + (back ? -ns : ns));
}

static void check_answer(const struct pvti_question *q, const struct pvti_answer *a)
{
	const struct kct_pvti *old = &q->old_pvti, *new_pvti = &q->new_pvti;
	uint64_t there = wide_read(old, new_pvti->tsc_timestamp);

	assert_int_equal(a->scaled, wide_scale(q->tsc - old->tsc_timestamp, old->tsc_to_system_mul,
					       old->tsc_shift));
	assert_int_equal(a->read, wide_read(old, q->tsc));
	assert_int_equal((uint64_t)a->drift, new_pvti->system_time - there);
}

static void check_vector(size_t i, const struct pvti_answer *a)
{
	const struct pvti_answer *right = &pvti_vectors[i].answer;

	if (memcmp(a, right, sizeof(*a)))
		print_error("%s: scaled %llu, read %llu, drift %lld, same %llu\n",
			    pvti_vectors[i].what, a->scaled, a->read, a->drift, a->same);
	assert_int_equal(a->scaled, right->scaled);
	assert_int_equal(a->read, right->read);
	assert_int_equal(a->drift, right->drift);
	assert_int_equal(a->same, right->same);
}

/* ---- tests ---- */

static void test_thread(void **state)
{
	const struct kct_pvti old = {32041800585ULL, 3639151, 3186238974U, -1, 1, 0};
	const struct kct_pvti new_pvti = {213016088950ULL, 67131895453ULL, 3186238974U, -1, 1, 0};

	(void)state;
	assert_int_equal(kct_pvti_drift(&old, &new_pvti), 4);
	assert_int_equal(kct_pvti_drift(&old, &old), 0);
	assert_int_equal(kct_pvti_drift(&new_pvti, &new_pvti), 0);
}

static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(pvti_vectors); i++) {
		struct pvti_answer answer;

		pvti_ask(&pvti_vectors[i].question, &answer);
		check_vector(i, &answer);
	}
}

static void test_random(void **state)
{
	uint64_t seed = 20240611;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		struct pvti_question q = random_question(&seed);
		struct pvti_answer answer;

		pvti_ask(&q, &answer);
		check_answer(&q, &answer);
	}
}

/* Every shift there is, with every bit. */
static void test_shifts(void **state)
{
	(void)state;
	for (int shift = INT8_MIN; shift <= INT8_MAX; shift++)
		for (int bit = 0; bit < 64; bit++)
			for (int fill = 0; fill < 2; fill++) {
				uint64_t cycles = fill ? ~0ULL >> bit : 1ULL << bit;

				assert_int_equal(kct_pvti_scale(cycles, 3186238974U, (int8_t)shift),
						 wide_scale(cycles, 3186238974U, shift));
			}
}

static void test_same_line(void **state)
{
	const struct kct_pvti a = {1, 2, 3, 4, 5, 0};
	struct kct_pvti b = a;

	(void)state;
	b.flags = 6;
	assert_true(kct_pvti_same_line(&a, &b));
	b = a, b.tsc_timestamp++;
	assert_false(kct_pvti_same_line(&a, &b));
	b = a, b.system_time++;
	assert_false(kct_pvti_same_line(&a, &b));
	b = a, b.tsc_to_system_mul++;
	assert_false(kct_pvti_same_line(&a, &b));
	b = a, b.tsc_shift++;
	assert_false(kct_pvti_same_line(&a, &b));
}

/* ---- in the kernel ---- */

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static struct pvti_bpf *load_bpf(void)
{
	struct pvti_bpf *bpf;
	int error;

	libbpf_set_print(quiet);
	bpf = pvti_bpf__open();
	assert_non_null(bpf);
	error = pvti_bpf__load(bpf);
	if (!error)
		return bpf;
	pvti_bpf__destroy(bpf);
	print_message("# BPF programs cannot be loaded here: %s%s\n", strerror(-error),
		      geteuid() ? " (not root)" : "");
	/* Refused for what it is, not for who asks or where: the verifier's word. */
	if (!geteuid() && error != -EPERM && error != -ENOSYS &&
	    libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_SYSCALL, NULL) == 1)
		fail();
	skip();
	return NULL;
}

static void ask_bpf(const struct pvti_bpf *bpf, const struct pvti_question *question,
		    struct pvti_answer *answer)
{
	struct pvti_run run = {.question = *question};
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &run, .ctx_size_in = sizeof(run));

	/* What the program does not set must not look right. */
	memset(&run.answer, 0xa5, sizeof(run.answer));
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(bpf->progs.ask), &options), 0);
	assert_int_equal(options.retval, 0);
	assert_memory_equal(&run.question, question, sizeof(*question));
	*answer = run.answer;
}

static void test_bpf(void **state)
{
	struct pvti_bpf *bpf = load_bpf();
	uint64_t seed = 20240612;
	struct pvti_answer there, here;

	(void)state;
	for (size_t i = 0; i < COUNT(pvti_vectors); i++) {
		ask_bpf(bpf, &pvti_vectors[i].question, &there);
		check_vector(i, &there);
	}
	for (int i = 0; i < BPF_ROUNDS; i++) {
		struct pvti_question q = random_question(&seed);

		ask_bpf(bpf, &q, &there);
		pvti_ask(&q, &here);
		assert_memory_equal(&there, &here, sizeof(here));
		check_answer(&q, &there);
	}
	pvti_bpf__destroy(bpf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_thread),	  cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_random),	  cmocka_unit_test(test_shifts),
		cmocka_unit_test(test_same_line), cmocka_unit_test(test_bpf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
