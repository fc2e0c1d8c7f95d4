// SPDX-License-Identifier: GPL-2.0
/*
 * Command lines, up to where the work would begin. The first byte chooses the command, the rest is
 * its words, each on a line.
 *
 * Where a command would open a file, read a recording, start a process or load a program into the
 * kernel, the linker (--wrap, see fuzz.mk) leads it to the end instead. So does argp where it would
 * end the process. Both jump out of the command, and what it had allocated by then is freed here.
 */
#include <argp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sanitizer/allocator_interface.h>

#include "base/error.h"
#include "cmd/cmd.h"
#include "fuzz.h"

#define MAX_WORDS 24

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{"doctor", cmd_doctor}, {"list", cmd_list},	  {"stat", cmd_stat},
	{"trace", cmd_trace},	{"record", cmd_record},	  {"report", cmd_report},
	{"verify", cmd_verify}, {"compare", cmd_compare}, {"migration", cmd_migration},
	{"export", cmd_export}, {"drift", cmd_drift},	  {"workload", cmd_workload},
	{"whatif", cmd_whatif}, {"monitor", cmd_monitor}, {"top", cmd_top},
	{"cut", cmd_cut},	{"merge", cmd_merge},
};
#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* ---- the end of a command ---- */

enum { RETURNED, REFUSED, ENOUGH };

static jmp_buf over;
static bool running;  /* a command, and not libFuzzer */
static bool has_read; /* its words; before that, it only looks at the host */

static void end_if_at_work(void)
{
	if (running && has_read)
		longjmp(over, ENOUGH);
}

/* Whatever the arguments are, they are in four registers. */
#define STOP(name)                                                                                 \
	long __real_##name(long a, long b, long c, long d);                                        \
	long __wrap_##name(long a, long b, long c, long d);                                        \
	long __wrap_##name(long a, long b, long c, long d)                                         \
	{                                                                                          \
		end_if_at_work();                                                                  \
		return __real_##name(a, b, c, d);                                                  \
	}

STOP(access)
STOP(freopen)
STOP(open)
STOP(openat)
STOP(mkstemp)
STOP(mkdir)
STOP(rename)
STOP(unlink)
STOP(fork)
STOP(execvp)
STOP(kill)
STOP(socket)
STOP(signalfd)
STOP(kct_load)
STOP(kct_loop_open)
STOP(kct_load_header)
STOP(kct_census)
STOP(kct_plan_make)
STOP(kct_kernel_btf_open)
STOP(kct_live_run)
STOP(kct_runner_start)
STOP(kct_session_open)
STOP(kct_workload_run)

error_t __real_argp_parse(const struct argp *argp, int argc, char **argv, unsigned int flags,
			  int *index, void *input);
error_t __wrap_argp_parse(const struct argp *argp, int argc, char **argv, unsigned int flags,
			  int *index, void *input);
void __real_argp_error(const struct argp_state *state, const char *format, ...);
void __wrap_argp_error(const struct argp_state *state, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

error_t __wrap_argp_parse(const struct argp *argp, int argc, char **argv, unsigned int flags,
			  int *index, void *input)
{
	error_t error = __real_argp_parse(argp, argc, argv, flags | ARGP_NO_EXIT, index, input);

	if (error)
		longjmp(over, REFUSED);
	has_read = true;
	return error;
}

void __wrap_argp_error(const struct argp_state *state, const char *format, ...)
{
	char text[8192];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	__real_argp_error(state, "%s", text);
	longjmp(over, REFUSED);
}

/* ---- streams that a command has open when it is jumped out of ---- */

/*
 * libc has all open streams in a list: one whose memory is simply freed makes that go astray, at
 * the next stream or at the exit. So they are closed; and what is behind a cookie, which may have
 * been on the stack, is not called any more then.
 */
#define MAX_STREAMS 64

static struct stream {
	FILE *file; /* NULL: there is none in this place */
	void *cookie;
	cookie_io_functions_t functions;
	bool over;
} streams[MAX_STREAMS];

FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__real_fdopen(int fd, const char *mode);
FILE *__wrap_fdopen(int fd, const char *mode);
FILE *__real_fopencookie(void *cookie, const char *mode, cookie_io_functions_t functions);
FILE *__wrap_fopencookie(void *cookie, const char *mode, cookie_io_functions_t functions);
int __real_fclose(FILE *file);
int __wrap_fclose(FILE *file);

static struct stream *stream_of(const FILE *file)
{
	for (size_t i = 0; i < MAX_STREAMS; i++)
		if (streams[i].file == file)
			return &streams[i];
	fuzz_wrong("more streams than are kept track of");
	return NULL;
}

static FILE *keep_track(FILE *file)
{
	if (running && file)
		*stream_of(NULL) = (struct stream){.file = file};
	return file;
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
	end_if_at_work();
	return keep_track(__real_fopen(path, mode));
}

FILE *__wrap_fdopen(int fd, const char *mode)
{
	return keep_track(__real_fdopen(fd, mode));
}

static ssize_t read_cookie(void *context, char *data, size_t size)
{
	struct stream *stream = context;

	return stream->over ? 0 : stream->functions.read(stream->cookie, data, size);
}

static ssize_t write_cookie(void *context, const char *data, size_t size)
{
	struct stream *stream = context;

	return stream->over ? (ssize_t)size : stream->functions.write(stream->cookie, data, size);
}

static int close_cookie(void *context)
{
	struct stream *stream = context;

	return stream->over || !stream->functions.close ? 0
							: stream->functions.close(stream->cookie);
}

FILE *__wrap_fopencookie(void *cookie, const char *mode, cookie_io_functions_t functions)
{
	const cookie_io_functions_t ours = {.read = functions.read ? read_cookie : NULL,
					    .write = functions.write ? write_cookie : NULL,
					    .close = close_cookie};
	struct stream *stream = running ? stream_of(NULL) : NULL;

	if (!stream)
		return __real_fopencookie(cookie, mode, functions);
	*stream = (struct stream){.cookie = cookie, .functions = functions};
	stream->file = __real_fopencookie(stream, mode, ours);
	return stream->file;
}

int __wrap_fclose(FILE *file)
{
	int result = __real_fclose(file);

	for (size_t i = 0; i < MAX_STREAMS; i++)
		if (file && streams[i].file == file)
			streams[i].file = NULL;
	return result;
}

static void close_streams(void)
{
	for (size_t i = 0; i < MAX_STREAMS; i++) {
		streams[i].over = true;
		if (streams[i].file)
			__real_fclose(streams[i].file);
		streams[i].file = NULL;
	}
}

/* ---- what else it leaves behind ---- */

#define MAX_HELD 4096

static const volatile void *held[MAX_HELD];
static size_t nr_held;

static void on_malloc(const volatile void *at, size_t size)
{
	(void)size;
	if (running && nr_held < MAX_HELD)
		held[nr_held++] = at;
}

static void on_free(const volatile void *at)
{
	for (size_t i = nr_held; at && i-- > 0;)
		if (held[i] == at) {
			held[i] = held[--nr_held];
			return;
		}
}

static void free_held(void)
{
	while (nr_held)
		free((void *)held[--nr_held]);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	argp_err_exit_status = KCT_EXIT_USAGE;
	return __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free) ? 0 : -1;
}

/* ---- a command line ---- */

/* The words in `text`, after the command's own; argp's hidden --HANG sleeps, and is left out. */
static int split(char *text, char **words)
{
	char *word;
	int count = 0;

	while (count < MAX_WORDS - 1 && (word = strsep(&text, "\n")))
		if (strncmp(word, "--H", 3))
			words[count++] = word;
	words[count] = NULL;
	return count;
}

static void judge(const struct fuzz_said *said, int how)
{
	fuzz_check_printable("its error", said->err, said->err_size);
	if (how == REFUSED && !said->err_size)
		fuzz_wrong("it is refused without a word");
	if (how == RETURNED && said->status != KCT_EXIT_OK && said->status != KCT_EXIT_USAGE)
		fuzz_wrong("status %d before there was any work", said->status);
	if (how == RETURNED && said->status && !said->err_size)
		fuzz_wrong("status %d without a word", said->status);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[1024], name[64], *words[MAX_WORDS + 1];
	static struct fuzz_said said;
	static int argc, how;
	unsigned int which;

	if (!size || size >= sizeof(text))
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	which = *data % NR_COMMANDS;
	snprintf(name, sizeof(name), KCT_PROGRAM " %s", commands[which].name);
	words[0] = name;
	argc = 1 + split(text, words + 1);
	fuzz_catch(&said);
	running = true;
	has_read = false;
	how = setjmp(over);
	if (how == RETURNED)
		said.status = commands[which].run(argc, words);
	fuzz_release();
	running = false;
	if (how == RETURNED)
		nr_held = 0; /* what is left then is a leak, which libFuzzer finds */
	close_streams();
	judge(&said, how);
	fuzz_forget(&said);
	free_held();
	return 0;
}
