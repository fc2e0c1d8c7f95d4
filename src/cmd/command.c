// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "cmd/command.h"
#include "cmd/signals.h"

static int discard_output(void)
{
	int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (nothing < 0)
		nothing = memfd_create("nothing", MFD_CLOEXEC);
	return nothing < 0 || dup2(nothing, STDOUT_FILENO) < 0 ? -errno : 0;
}

/* In the child: report why exec failed through the pipe, which a success closes. */
static void run(char **argv, bool silent, int failed)
{
	int error = silent ? discard_output() : 0;

	kct_signals_restore();
	/* What only we ignore: main(). */
	signal(SIGXFSZ, SIG_DFL);
	if (!error) {
		execvp(argv[0], argv);
		error = -errno;
	}
	if (write(failed, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

pid_t kct_command_start(char **argv, bool silent)
{
	int failed[2], error = 0;
	pid_t pid;

	/* Where it is ignored there would be no status to have. */
	signal(SIGCHLD, SIG_DFL);
	if (pipe2(failed, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (pid == 0)
		run(argv, silent, failed[1]);
	if (pid < 0)
		error = -errno;
	close(failed[1]);
	if (!error && read(failed[0], &error, sizeof(error)) > 0)
		waitpid(pid, NULL, 0);
	close(failed[0]);
	return error ? error : pid;
}

static bool is_plain(const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "%+,-./:=@_";

	return *word && !word[strspn(word, plain)];
}

/* Not with \', as a printable form has each backslash twice. */
static void quote(FILE *out, const char *word)
{
	fputc('\'', out);
	for (; *word; word++) {
		if (*word == '\'')
			fputs("'\"'\"'", out);
		else
			fputc(*word, out);
	}
	fputc('\'', out);
}

void kct_command_text(char *text, size_t room, char **argv)
{
	char *line = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&line, &size);

	*text = '\0';
	if (!out)
		return;
	for (char **word = argv; *word; word++) {
		if (word != argv)
			fputc(' ', out);
		if (is_plain(*word))
			fputs(*word, out);
		else
			quote(out, *word);
	}
	if (!fclose(out))
		kct_text(text, room, line, size, 0);
	free(line);
}

int kct_command_status(int wait_status)
{
	return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}
