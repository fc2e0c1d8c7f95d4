// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cmd/signals.h"

static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
#define NR_SIGNALS (sizeof(numbers) / sizeof(numbers[0]))

static sigset_t mask_before;
static struct sigaction before[NR_SIGNALS];
static bool is_caught[NR_SIGNALS];
static int told;

/* Not a signalfd: nobody reads that while the program waits in the kernel. */
static void on_signal(int number)
{
	const uint64_t one = 1;
	int error = errno;

	for (size_t i = 0; i < NR_SIGNALS; i++)
		if (is_caught[i])
			signal(numbers[i], SIG_DFL);
	if (write(told, &one, sizeof(one)) < 0)
		_exit(128 + number);
	errno = error;
}

int kct_signals_catch(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	sigset_t caught;

	told = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (told < 0)
		return -errno;
	sigfillset(&action.sa_mask);
	for (size_t i = 0; i < NR_SIGNALS; i++) {
		sigaction(numbers[i], NULL, &before[i]);
		is_caught[i] = numbers[i] != SIGHUP || before[i].sa_handler != SIG_IGN;
	}
	sigemptyset(&caught);
	for (size_t i = 0; i < NR_SIGNALS; i++) {
		if (!is_caught[i])
			continue;
		sigaction(numbers[i], &action, NULL);
		sigaddset(&caught, numbers[i]);
	}
	sigprocmask(SIG_UNBLOCK, &caught, &mask_before);
	return told;
}

void kct_signals_restore(void)
{
	for (size_t i = 0; i < NR_SIGNALS; i++)
		if (is_caught[i])
			sigaction(numbers[i], &before[i], NULL);
	sigprocmask(SIG_SETMASK, &mask_before, NULL);
}
