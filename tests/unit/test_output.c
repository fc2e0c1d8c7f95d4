// SPDX-License-Identifier: GPL-2.0
/* Files that replace others, and streams that are given up. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>
#include <cmocka.h>

#include "base/replace.h"
#include "base/sink.h"

static char directory[64], path[96], other[96];

static int set_up(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/kct-output.XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/file", directory);
	snprintf(other, sizeof(other), "%s/other", directory);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	unlink(other);
	/* Fails if anything else was left there. */
	return rmdir(directory);
}

static void write_file(const char *at, const char *text)
{
	FILE *file = fopen(at, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void check_file(const char *at, const char *text)
{
	char got[64] = "";
	FILE *file = fopen(at, "r");

	assert_non_null(file);
	fread(got, 1, sizeof(got) - 1, file);
	fclose(file);
	assert_string_equal(got, text);
}

static void put(const struct kct_replacement *file, const char *text)
{
	assert_int_equal(write(file->fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* ---- replacements ---- */

static void test_new(void **state)
{
	struct kct_replacement file;
	struct stat status;

	(void)state;
	umask(0);
	assert_int_equal(kct_replace_open(&file, path), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(kct_replace_commit(&file), 0);
	put(&file, "new");
	close(file.fd);
	check_file(path, "new");
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
}

static void test_old(void **state)
{
	struct kct_replacement file;
	struct stat status;

	(void)state;
	write_file(path, "old and longer");
	chmod(path, 0644);
	assert_int_equal(link(path, other), 0);
	assert_int_equal(kct_replace_open(&file, path), 0);
	check_file(path, "old and longer");
	put(&file, "n");
	assert_int_equal(kct_replace_commit(&file), 0);
	put(&file, "ew");
	close(file.fd);
	check_file(path, "new");
	/* Whoever has the old one still has it. */
	check_file(other, "old and longer");
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
}

static void test_abandoned(void **state)
{
	struct kct_replacement file;

	(void)state;
	write_file(path, "old");
	assert_int_equal(kct_replace_open(&file, path), 0);
	put(&file, "new");
	kct_replace_abandon(&file);
	close(file.fd);
	check_file(path, "old");
}

static void test_link(void **state)
{
	struct kct_replacement file;
	struct stat status;

	(void)state;
	write_file(other, "old and longer");
	assert_int_equal(symlink("other", path), 0);
	assert_int_equal(kct_replace_open(&file, path), 0);
	check_file(other, "old and longer");
	assert_int_equal(kct_replace_commit(&file), 0);
	put(&file, "new");
	close(file.fd);
	check_file(other, "new");
	assert_int_equal(lstat(path, &status), 0);
	assert_true(S_ISLNK(status.st_mode));
}

/* Nobody else's either where the link leads to nothing yet. */
static void test_link_to_nothing(void **state)
{
	struct kct_replacement file;
	struct stat status;

	(void)state;
	umask(0);
	assert_int_equal(symlink("other", path), 0);
	assert_int_equal(kct_replace_open(&file, path), 0);
	assert_int_equal(kct_replace_commit(&file), 0);
	close(file.fd);
	assert_int_equal(stat(other, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
}

static void test_fifo(void **state)
{
	struct kct_replacement file;
	struct stat status;
	int reader;
	char byte;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(kct_replace_open(&file, path), -ENXIO);
	reader = open(path, O_RDONLY | O_NONBLOCK);
	assert_int_equal(kct_replace_open(&file, path), 0);
	assert_int_equal(fcntl(file.fd, F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(kct_replace_commit(&file), 0);
	put(&file, "x");
	assert_int_equal(read(reader, &byte, 1), 1);
	close(file.fd);
	close(reader);
	assert_int_equal(lstat(path, &status), 0);
	assert_true(S_ISFIFO(status.st_mode));
}

static void test_refused(void **state)
{
	struct kct_replacement file;
	char below[128];

	(void)state;
	snprintf(below, sizeof(below), "%s/no/file", directory);
	assert_int_equal(kct_replace_open(&file, below), -ENOENT);
	assert_int_equal(kct_replace_open(&file, directory), -EISDIR);
	assert_int_equal(kct_replace_open(&file, ""), -ENOENT);
	write_file(path, "old");
	snprintf(below, sizeof(below), "%s/file/file", directory);
	assert_int_equal(kct_replace_open(&file, below), -ENOTDIR);
	check_file(path, "old");
}

/* ---- sinks ---- */

static int patience_ms;

/* Patience begins to count once there is something in the pipe that nobody reads, if that is told.
 */
static bool wait_for(void *context, int fd)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	const int *unread = context;
	int held = 0;

	while (poll(&pollfd, 1, patience_ms) == 0)
		if (!unread || ioctl(*unread, FIONREAD, &held) || held > 0)
			return false;
	return true;
}

/* As many as fit, and more. */
static void put_lines(struct kct_sink *sink, int count)
{
	for (int i = 0; i < count; i++)
		fprintf(kct_sink_stream(sink), "line %d of %d\n", i, count);
}

static uint64_t count_lines(int fd)
{
	uint64_t count = 0;
	char byte;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (read(fd, &byte, 1) == 1)
		count += byte == '\n';
	return count;
}

static uint64_t count_compressed_lines(void)
{
	gzFile file = gzopen(path, "rb");
	uint64_t count = 0;
	char line[64];

	assert_non_null(file);
	while (gzgets(file, line, sizeof(line)))
		count++;
	gzclose(file);
	return count;
}

static void test_written(void **state)
{
	struct kct_sink *sink;
	int pipefd[2];

	(void)state;
	patience_ms = -1;
	assert_int_equal(pipe(pipefd), 0);
	sink = kct_sink_new(pipefd[1], false, wait_for, NULL);
	assert_non_null(sink);
	put_lines(sink, 1000);
	assert_int_equal(kct_sink_settle(sink), 0);
	assert_int_equal(kct_sink_lines_given(sink), 1000);
	assert_int_equal(kct_sink_lines_written(sink), 1000);
	put_lines(sink, 1);
	assert_int_equal(kct_sink_finish(sink), 0);
	assert_int_equal(kct_sink_lines_written(sink), 1001);
	kct_sink_free(sink);
	close(pipefd[1]);
	assert_int_equal(count_lines(pipefd[0]), 1001);
	/* The other process has gone, with what it had open. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	close(pipefd[0]);
}

/* Each time that it has settled, all lines up to there can be read. */
static void test_compressed(void **state)
{
	static const int counts[] = {100000, 1, 10000};
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct kct_sink *sink;
	uint64_t lines = 0;
	struct stat status;

	(void)state;
	patience_ms = -1;
	sink = kct_sink_new(fd, true, wait_for, NULL);
	assert_non_null(sink);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		put_lines(sink, counts[i]);
		lines += (uint64_t)counts[i];
		assert_int_equal(kct_sink_settle(sink), 0);
		assert_int_equal(kct_sink_lines_written(sink), lines);
		assert_int_equal(count_compressed_lines(), lines);
	}
	assert_int_equal(kct_sink_finish(sink), 0);
	kct_sink_free(sink);
	close(fd);
	assert_int_equal(count_compressed_lines(), lines);
	assert_int_equal(stat(path, &status), 0);
	assert_true((uint64_t)status.st_size < lines * strlen("line 10000 of 100000") / 3);
}

/* How much has got through is known to the line, whatever the pipe holds. */
static void test_given_up(void **state)
{
	static const int sizes[] = {4096, 8192, 65536};

	(void)state;
	patience_ms = 50;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct kct_sink *sink;
		int pipefd[2];

		assert_int_equal(pipe(pipefd), 0);
		assert_return_code(fcntl(pipefd[1], F_SETPIPE_SZ, sizes[i]), errno);
		sink = kct_sink_new(pipefd[1], false, wait_for, &pipefd[0]);
		put_lines(sink, 100000);
		assert_int_equal(kct_sink_settle(sink), -ETIME);
		put_lines(sink, 10);
		assert_int_equal(kct_sink_finish(sink), -ETIME);
		assert_int_equal(kct_sink_lines_given(sink), 100010);
		assert_true(kct_sink_lines_written(sink) > 0);
		assert_true(kct_sink_lines_written(sink) < 100000);
		assert_int_equal(kct_sink_lines_written(sink), count_lines(pipefd[0]));
		kct_sink_free(sink);
		close(pipefd[0]);
		close(pipefd[1]);
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	}
}

static void test_full(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct kct_sink *sink;

	(void)state;
	patience_ms = -1;
	sink = kct_sink_new(fd, false, wait_for, NULL);
	put_lines(sink, 10);
	assert_int_equal(kct_sink_settle(sink), -ENOSPC);
	put_lines(sink, 10);
	assert_int_equal(kct_sink_flush(sink), -ENOSPC);
	assert_int_equal(kct_sink_finish(sink), -ENOSPC);
	assert_int_equal(kct_sink_lines_given(sink), 20);
	assert_int_equal(kct_sink_lines_written(sink), 0);
	kct_sink_free(sink);
	close(fd);
}

static void test_closed(void **state)
{
	int fd = open("/", O_PATH | O_CLOEXEC);
	struct kct_sink *sink;

	(void)state;
	patience_ms = -1;
	sink = kct_sink_new(fd, false, wait_for, NULL);
	assert_int_equal(kct_sink_settle(sink), 0);
	put_lines(sink, 1);
	assert_int_equal(kct_sink_finish(sink), -EBADF);
	kct_sink_free(sink);
	close(fd);
}

/* Whoever writes to a pipe that nobody reads gets SIGPIPE, or EPIPE. */
static void test_broken_pipe(void **state)
{
	struct kct_sink *sink;
	int pipefd[2], status;
	pid_t pid;

	(void)state;
	patience_ms = -1;
	for (int ignored = 0; ignored < 2; ignored++) {
		assert_int_equal(pipe(pipefd), 0);
		close(pipefd[0]);
		pid = fork();
		if (pid == 0) {
			signal(SIGPIPE, ignored ? SIG_IGN : SIG_DFL);
			sink = kct_sink_new(pipefd[1], false, wait_for, NULL);
			put_lines(sink, 1);
			_exit(-kct_sink_finish(sink));
		}
		close(pipefd[1]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (ignored)
			assert_int_equal(WEXITSTATUS(status), EPIPE);
		else
			assert_int_equal(WTERMSIG(status), SIGPIPE);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_new),
		TEST(test_old),
		TEST(test_abandoned),
		TEST(test_link),
		TEST(test_link_to_nothing),
		TEST(test_fifo),
		TEST(test_refused),
		TEST(test_written),
		TEST(test_compressed),
		TEST(test_given_up),
		TEST(test_full),
		TEST(test_closed),
		TEST(test_broken_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
