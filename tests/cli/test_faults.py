# SPDX-License-Identifier: GPL-2.0
"""The runner that fails system calls: programs that take it well, and ones that do not."""

import os
import shutil
import subprocess
import sys

from case import ROOT, Case

RUN = os.path.join(ROOT, "tests", "faults", "run")
PROGRAM = r"""
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int failed(void)
{
	%s
}

int main(void)
{
	char byte;
	int fd = open("one", O_RDONLY);

	if (fd < 0)
		return failed();
	for (int left = 10; left; left--)
		if (read(fd, &byte, 1) != 1)
			return failed();
	return write(1, "42\n", 3) == 3 ? 0 : failed();
}
"""
TELLS = 'dprintf(2, "kvmclock-trace: one: it failed\\n"); return 2;'


class Runner(Case):
    def faults(self, body):
        if not shutil.which("strace"):
            self.skipTest("no strace here")
        source = self.write("program.c", (PROGRAM % body).encode())
        subprocess.run(["cc", "-o", self.path("program"), source], check=True)
        done = subprocess.run([sys.executable, RUN, "report"], text=True, capture_output=True,
                              check=False,
                              env={**os.environ, "KCT_PROGRAM": self.path("program"),
                                   "KCT_DEADLINE": "3"})
        if "# SKIP strace cannot trace" in done.stdout:
            self.skipTest("strace cannot trace here")
        return done

    def check_found(self, body, why):
        done = self.faults(body)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("\nnot ok 1 - report: ", "\n" + done.stdout)
        self.assertRegex(done.stdout, why)

    def test_told(self):
        done = self.faults(TELLS)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        # open with three errors, four of the reads, write with two; whatever else the library does
        told = int(done.stdout.split(" told")[0].split()[-1])
        self.assertEqual(told, 3 + 4 + 2, done.stdout)

    def test_a_wrong_number(self):
        self.check_found('puts("41"); return 0;', "openat .*status 0, but .*'42.*'41")

    def test_a_crash(self):
        self.check_found("abort();", "openat .*status -6")

    def test_without_a_word(self):
        self.check_found("return 2;", r"openat .*status 2, and it said \[\]")

    def test_a_status_of_nothing(self):
        self.check_found(TELLS.replace("return 2", "return 7"), "openat .*status 7")

    def test_a_hang(self):
        self.check_found("if (errno == ENOENT) pause(); " + TELLS, "openat .*did not end within")
