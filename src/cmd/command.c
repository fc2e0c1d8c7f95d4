// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/command.h"

/* In the child: report why exec failed through the pipe, which a success closes. */
static void run(char **argv, const sigset_t *mask, bool silent, int failed)
{
	int error;

	if (silent && !freopen("/dev/null", "w", stdout))
		_exit(126);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	error = errno;
	if (write(failed, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

pid_t kct_command_start(char **argv, const sigset_t *mask, bool silent)
{
	int failed[2], error = 0;
	pid_t pid;

	if (pipe2(failed, O_CLOEXEC))
		return -errno;
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		run(argv, mask, silent, failed[1]);
	close(failed[1]);
	if (pid < 0)
		error = errno;
	else if (read(failed[0], &error, sizeof(error)) > 0)
		waitpid(pid, NULL, 0);
	close(failed[0]);
	return error ? -error : pid;
}

int kct_command_status(int wait_status)
{
	return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}
