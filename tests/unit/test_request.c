// SPDX-License-Identifier: GPL-2.0
/*
 * A masterclock request that several look at, on several CPUs: it is told once, and only the vCPU
 * itself ends it.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>

#include "kvmclock/request.h"

#define OTHERS	 0
#define OWN	 1
#define REQUESTS 20000
#define SECONDS	 2
#define WALKERS	 2

/* ---- one step after the other ---- */

static void test_told_once(void **state)
{
	uint32_t known = 0;

	(void)state;
	assert_true(kct_request_changed(&known, known, 1, OWN));
	assert_true(kct_request_is_pending(known));
	assert_false(kct_request_changed(&known, known, 1, OWN));
	assert_false(kct_request_changed(&known, known, 1, OTHERS));
}

/* Both looked before either told. */
static void test_two_at_once(void **state)
{
	uint32_t known = 0, seen_by_one = known, seen_by_other = known;

	(void)state;
	assert_true(kct_request_changed(&known, seen_by_one, 1, OTHERS));
	assert_false(kct_request_changed(&known, seen_by_other, 1, OWN));
	assert_true(kct_request_is_pending(known));
}

/* kvm_check_request() has cleared the bit, and the update is still to come. */
static void test_not_cleared_by_others(void **state)
{
	uint32_t known = 0;

	(void)state;
	kct_request_changed(&known, known, 1, OWN);
	assert_false(kct_request_changed(&known, known, 0, OTHERS));
	assert_int_equal(kct_request_served(&known), 1);
	assert_false(kct_request_is_pending(known));
}

static void test_cleared_by_itself(void **state)
{
	uint32_t known = 0;

	(void)state;
	kct_request_changed(&known, known, 1, OTHERS);
	assert_true(kct_request_changed(&known, known, 0, OWN));
	assert_false(kct_request_is_pending(known));
}

/* Somebody saw the bit; before he tells, the request is served: it is told there, and not again. */
static void test_served_meanwhile(void **state)
{
	uint32_t known = 0, seen = known;

	(void)state;
	assert_int_equal(kct_request_served(&known), 0);
	assert_false(kct_request_changed(&known, seen, 1, OTHERS));
	assert_false(kct_request_is_pending(known));
}

/* Odd is pending. It never goes back: who looked long ago would tell of what is over. */
static void test_goes_forward(void **state)
{
	uint32_t known = 4;

	(void)state;
	assert_true(kct_request_changed(&known, 4, 1, OTHERS));
	assert_int_equal(known, 5);
	assert_true(kct_request_changed(&known, 5, 0, OWN));
	assert_int_equal(known, 6);
	assert_int_equal(kct_request_served(&known), 0);
	assert_int_equal(known, 8);
	assert_false(kct_request_changed(&known, 4, 1, OWN));
	assert_int_equal(known, 8);
}

/* ---- all at once ---- */

static struct {
	uint32_t bit, known; /* as vcpu->requests has it, and as it is known */
	uint64_t requests, told, cleared;
	uint32_t done;
} race;

static void look(int whose)
{
	uint32_t changes = __atomic_load_n(&race.known, __ATOMIC_SEQ_CST);
	int pending = (int)__atomic_load_n(&race.bit, __ATOMIC_SEQ_CST);

	if (!kct_request_changed(&race.known, changes, pending, whose))
		return;
	__atomic_fetch_add(pending ? &race.told : &race.cleared, 1, __ATOMIC_SEQ_CST);
}

/* A walk over the bits of all vCPUs. */
static void *walk(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&race.done, __ATOMIC_SEQ_CST)) {
		look(OTHERS);
		sched_yield(); /* or who makes requests and who serves them wait for a CPU */
	}
	return NULL;
}

static void *make_requests(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&race.done, __ATOMIC_SEQ_CST)) {
		if (!__atomic_exchange_n(&race.bit, 1, __ATOMIC_SEQ_CST))
			race.requests++;
		look(OTHERS);
	}
	return NULL;
}

/* The vCPU: KVM_RUN, each time that there is a request; for a while, if CPUs are scarce. */
static void serve_requests(void)
{
	time_t end = time(NULL) + SECONDS;

	for (uint64_t served = 0; served < REQUESTS && time(NULL) < end;) {
		look(OWN);
		if (!__atomic_exchange_n(&race.bit, 0, __ATOMIC_SEQ_CST))
			continue;
		if (!kct_request_served(&race.known))
			__atomic_fetch_add(&race.told, 1, __ATOMIC_SEQ_CST);
		served++;
	}
}

static void test_race(void **state)
{
	pthread_t walkers[WALKERS], maker;

	(void)state;
	for (int i = 0; i < WALKERS; i++)
		assert_int_equal(pthread_create(&walkers[i], NULL, walk, NULL), 0);
	assert_int_equal(pthread_create(&maker, NULL, make_requests, NULL), 0);
	serve_requests();
	__atomic_store_n(&race.done, 1, __ATOMIC_SEQ_CST);
	pthread_join(maker, NULL);
	for (int i = 0; i < WALKERS; i++)
		pthread_join(walkers[i], NULL);
	look(OWN);
	assert_true(race.requests > 0);
	assert_int_equal(race.told, race.requests);
	assert_int_equal(race.cleared, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told_once),
		cmocka_unit_test(test_two_at_once),
		cmocka_unit_test(test_not_cleared_by_others),
		cmocka_unit_test(test_cleared_by_itself),
		cmocka_unit_test(test_served_meanwhile),
		cmocka_unit_test(test_goes_forward),
		cmocka_unit_test(test_race),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
