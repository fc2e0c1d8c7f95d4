// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/number.h"
#include "monitor/runner.h"

#define TEXT_ROW(name, text) text,
const char *const kct_command_result_names[KCT_NR_COMMAND_RESULTS] = {
	KCT_COMMAND_RESULTS(TEXT_ROW)};

/* Where systems have no "nobody". */
#define NOBODY 65534

/* Variables that a command gets besides the facts, and these at most. */
#define PATH	  "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define MAX_FACTS 32

/* How long the process may take to end. */
#define ENDING_MS 1000

/* Where the socket is in the process. */
#define SOCKET 3

/* What the process tells of a command. */
struct told {
	enum kct_command_result result;
	int status; /* as waitpid() has it */
};

/* ---- facts ---- */

void kct_facts_add(struct kct_facts *facts, const char *name, const char *format, ...)
{
	size_t room = sizeof(facts->text) - facts->size;
	char *at = facts->text + facts->size;
	int length = snprintf(at, room, "KVMCLOCK_TRACE_%s=", name), more;
	va_list args;

	if (length < 0 || (size_t)length >= room) {
		facts->is_full = true;
		return;
	}
	va_start(args, format);
	more = vsnprintf(at + length, room - (size_t)length, format, args);
	va_end(args);
	if (more < 0 || (size_t)length + (size_t)more >= room)
		facts->is_full = true;
	else
		facts->size += (size_t)length + (size_t)more + 1;
}

/* ---- in the process: the command ---- */

static void restore_signals(void)
{
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void run_command(const char *command, char *facts, size_t size)
{
	char *environment[MAX_FACTS + 2] = {(char[]){PATH}};
	char *at = facts;

	for (int i = 1; at < facts + size && i <= MAX_FACTS; i++, at += strlen(at) + 1)
		environment[i] = at;
	setsid();
	restore_signals();
	execle("/bin/sh", "sh", "-c", command, (char *)NULL, environment);
	_exit(127);
}

static struct told wait_for(pid_t pid)
{
	struct told told = {.result = KCT_COMMAND_TIMEOUT};
	struct pollfd fds[2] = {{.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN},
				{.fd = SOCKET}};

	/* The monitor's end of the socket is closed when it has ended. */
	if (fds[0].fd < 0 || poll(fds, 2, KCT_COMMAND_S * 1000) < 0 || fds[0].revents)
		told.result = KCT_COMMAND_OK;
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	waitpid(pid, &told.status, 0);
	if (told.result == KCT_COMMAND_OK && told.status)
		told.result = KCT_COMMAND_FAILED;
	if (fds[0].fd >= 0)
		close(fds[0].fd);
	return told;
}

static struct told run_one(const char *command, char *facts, size_t size)
{
	pid_t pid = fork();

	if (!pid)
		run_command(command, facts, size);
	return pid > 0 ? wait_for(pid) : (struct told){.result = KCT_COMMAND_FAILED};
}

static void serve(const char *command)
{
	char facts[sizeof(((struct kct_facts *)0)->text) + 1];
	ssize_t size;

	while ((size = recv(SOCKET, facts, sizeof(facts) - 1, 0)) > 0) {
		struct told told;

		facts[size] = '\0';
		told = run_one(command, facts, (size_t)size);
		if (send(SOCKET, &told, sizeof(told), MSG_NOSIGNAL) < 0)
			break;
	}
	_exit(0);
}

/* ---- in the process: who it is ---- */

struct who {
	bool is_known;
	uid_t uid;
	gid_t gid;
};

/* Not getpwnam(): a static program has no name services. */
static struct who find(const char *name)
{
	FILE *file = fopen("/etc/passwd", "re");
	const struct passwd *entry;
	struct who who = {0};
	uint64_t number;
	bool is_number = !kct_parse_number(name, 1, INT32_MAX, &number);

	while (file && !who.is_known && (entry = fgetpwent(file)))
		if (!strcmp(entry->pw_name, name) || (is_number && entry->pw_uid == number))
			who = (struct who){true, entry->pw_uid, entry->pw_gid};
	if (file)
		fclose(file);
	if (!who.is_known && is_number)
		who = (struct who){true, (uid_t)number, (gid_t)number};
	return who;
}

static struct who who_to_be(const char *user)
{
	struct who who;

	if (!user && geteuid())
		return (struct who){true, geteuid(), getegid()};
	who = find(user ? user : "nobody");
	if (!user && !who.is_known)
		who = (struct who){true, NOBODY, NOBODY};
	return who;
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &header, none) ? -errno : 0;
}

static int become(const struct who *who)
{
	if (!geteuid() && setgroups(0, NULL))
		return -errno;
	if (setresgid(who->gid, who->gid, who->gid) || setresuid(who->uid, who->uid, who->uid))
		return -errno;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return drop_capabilities();
}

/* Nothing of ours is open in it but the socket. */
static int leave_all(int socket)
{
	int nothing = open("/dev/null", O_RDWR);

	if (nothing < 0)
		return -errno;
	/* Both are above what is to be replaced. */
	nothing = fcntl(nothing, F_DUPFD, SOCKET + 1);
	socket = fcntl(socket, F_DUPFD, SOCKET + 1);
	if (nothing < 0 || socket < 0)
		return -errno;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (dup2(nothing, fd) < 0)
			return -errno;
	if (dup3(socket, SOCKET, O_CLOEXEC) < 0 || chdir("/"))
		return -errno;
	close_range(SOCKET + 1, ~0U, 0);
	return 0;
}

static void be_runner(int socket, const char *command, const struct who *who)
{
	int error = leave_all(socket);

	if (!error && setsid() < 0)
		error = -errno;
	if (!error)
		error = become(who);
	if (send(error ? socket : SOCKET, &error, sizeof(error), MSG_NOSIGNAL) < 0 || error)
		_exit(1);
	signal(SIGHUP, SIG_IGN);
	serve(command);
}

/* ---- in the monitor ---- */

/* Whether it has become what it is to be. */
static int hear(const struct kct_runner *runner)
{
	int error;

	return recv(runner->socket, &error, sizeof(error), 0) == sizeof(error) ? error : -EIO;
}

int kct_runner_start(struct kct_runner *runner, const char *command, const char *user)
{
	struct who who = who_to_be(user);
	int sockets[2], error;

	*runner = (struct kct_runner){.socket = -1};
	if (!who.is_known)
		return -ENOENT;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
		return -errno;
	runner->pid = fork();
	if (!runner->pid)
		be_runner(sockets[1], command, &who);
	error = runner->pid < 0 ? -errno : 0;
	close(sockets[1]);
	runner->socket = sockets[0];
	if (!error)
		error = hear(runner);
	if (error)
		kct_runner_end(runner, 0);
	return error;
}

void kct_runner_run(struct kct_runner *runner, const struct kct_facts *facts)
{
	if (!facts->is_full && send(runner->socket, facts->text, facts->size,
				    MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)facts->size) {
		runner->sent++;
		return;
	}
	runner->counts[KCT_COMMAND_SKIPPED]++;
	kct_error("--on-trigger: not run: %s",
		  facts->is_full ? "too much to be told" : "too many wait for it already");
}

static void say(const struct told *told)
{
	if (told->result == KCT_COMMAND_TIMEOUT)
		kct_error("--on-trigger: killed after %d s", KCT_COMMAND_S);
	else if (WIFSIGNALED(told->status))
		kct_error("--on-trigger: killed by signal %d", WTERMSIG(told->status));
	else
		kct_error("--on-trigger: exit status %d", WEXITSTATUS(told->status));
}

void kct_runner_read(struct kct_runner *runner)
{
	struct told told;

	while (recv(runner->socket, &told, sizeof(told), MSG_DONTWAIT) == sizeof(told)) {
		runner->ended++;
		runner->counts[told.result]++;
		if (told.result != KCT_COMMAND_OK)
			say(&told);
	}
}

void kct_runner_end(struct kct_runner *runner, int ms)
{
	struct pollfd fd = {.fd = runner->socket, .events = POLLIN};

	if (runner->socket < 0)
		return;
	while (runner->ended < runner->sent && poll(&fd, 1, ms) > 0 && !(fd.revents & POLLHUP))
		kct_runner_read(runner);
	close(runner->socket);
	runner->socket = -1;
	/* It kills what still runs, and ends; what the kernel does not let go is not waited for. */
	fd.fd = runner->pid > 0 ? (int)syscall(SYS_pidfd_open, runner->pid, 0) : -1;
	if (fd.fd >= 0) {
		poll(&fd, 1, ENDING_MS);
		close(fd.fd);
		waitpid(runner->pid, NULL, WNOHANG);
	}
	runner->pid = 0;
}
