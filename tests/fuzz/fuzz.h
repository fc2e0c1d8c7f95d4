/* SPDX-License-Identifier: GPL-2.0 */
/* What the fuzz targets share: a command of the program, run in this process and judged. */
#ifndef KCT_TESTS_FUZZ_H
#define KCT_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A finding: say what is wrong and abort, so that libFuzzer keeps the input. */
void fuzz_wrong(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* A file in memory, with a path for whoever opens it. Zeroes are one that was not set yet. */
struct fuzz_file {
	int fd;
	char path[32];
};

void fuzz_file_set(struct fuzz_file *file, const uint8_t *data, size_t size);

/* What a command said and how it ended. */
struct fuzz_said {
	int status;
	char *out, *err;
	size_t out_size, err_size;
};

/* Catch standard output and error from here on; the texts are there when it is released. */
void fuzz_catch(struct fuzz_said *said);
void fuzz_release(void);
void fuzz_forget(struct fuzz_said *said);

/*
 * Run a command with these words (argv[0] too, NULL-terminated). Its status must be a digit of
 * `statuses`; see fuzz_judge().
 */
void fuzz_command(int (*command)(int, char **), const char *const *words, const char *statuses);

/*
 * Whatever the input: the status is a documented one, a refusal has a reason, the output is fit for
 * a terminal, and is JSON where that was asked for.
 */
void fuzz_judge(const struct fuzz_said *said, const char *statuses, bool json);
void fuzz_check_printable(const char *what, const char *text, size_t size);

/* The two recordings of an input: what is before and behind a line "==", or all of it twice. */
void fuzz_two_files(const uint8_t *data, size_t size, struct fuzz_file files[2]);

#endif
