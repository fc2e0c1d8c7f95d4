# SPDX-License-Identifier: GPL-2.0
"""The runner of the fuzz targets: what is wrong with an input is found, kept, and told."""

import os
import shutil
import subprocess
import sys

from case import ROOT, Case

TARGET = r"""
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	%s
	return 0;
}
"""
CRASH = 'if (size >= 3 && !memcmp(data, "-u=", 3)) __builtin_trap();'
LEAK = "if (size == 7) { static void *volatile at; at = __builtin_malloc(size); at = NULL; }"
RUN = os.path.join(ROOT, "tests", "fuzz", "run")


def why_not():
    """Why there is nothing to build a target with."""
    if not shutil.which("clang"):
        return "no clang here"
    source = TARGET % ""
    done = subprocess.run(["clang", "-xc", "-", "-fsanitize=fuzzer", "-o", "/dev/null"],
                          input=source, text=True, capture_output=True, check=False)
    return "clang has no libFuzzer here" if done.returncode else None


class Runner(Case):
    def fuzz(self, body, duration="10s"):
        """A target like the one of command lines: it has a dictionary, and no seeds."""
        why = why_not()
        if why:
            self.skipTest(why)
        # Beside the targets' folder is the program, whose --help has words for the dictionary.
        os.symlink("/bin/true", self.path("kvmclock-trace"))
        os.mkdir(self.path("fuzz"))
        source = self.write("target.c", (TARGET % body).encode())
        subprocess.run(["clang", source, "-g", "-fsanitize=fuzzer,address", "-o",
                        self.path("fuzz/fuzz_arguments")], check=True)
        return subprocess.run([sys.executable, RUN, "--targets", self.path("fuzz"), "--duration",
                               duration, "arguments"], text=True, capture_output=True, check=False)

    def check_found(self, done, why):
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertRegex(done.stdout, r"\Anot ok 1 - arguments: ")
        self.assertRegex(done.stdout, why)
        kept = done.stdout.split("reproducer: ")[1].split()[0]
        with open(kept, "rb") as file:
            return file.read()

    def test_crash(self):
        self.assertEqual(self.check_found(self.fuzz(CRASH), "deadly signal")[:3], b"-u=")

    def test_leak(self):
        self.assertEqual(len(self.check_found(self.fuzz(LEAK), "LeakSanitizer|leak")), 7)

    def test_nothing(self):
        done = self.fuzz("", "2s")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertRegex(done.stdout, r"\Aok 1 - arguments: [1-9]\d* executions, ")
