# SPDX-License-Identifier: GPL-2.0
"""The sum that `make check` ends with: nothing that went wrong may be missing from it."""

import os
import subprocess
import sys

from case import ROOT, Case

SUMMARIZE = os.path.join(ROOT, "tests", "summarize")
RUN_UNIT = os.path.join(ROOT, "tests", "unit", "run")


class Summarize(Case):
    def sum(self, *texts):
        paths = [self.write(f"{i}.tap", text.encode()) for i, text in enumerate(texts)]
        return self.sum_files(*paths)

    def sum_files(self, *paths):
        done = subprocess.run([sys.executable, SUMMARIZE, *paths], capture_output=True, text=True,
                              check=False)
        lines = done.stdout.splitlines()
        return done.returncode, lines[-1], lines[:-1]

    def test_sums(self):
        status, last, rest = self.sum("1..2\nok 1 - a\nok 2 - b\n", "ok 1 - c\n1..1\n")
        self.assertEqual((status, last, rest), (0, "3 passed, 0 failed, 0 skipped", []))
        status, last, rest = self.sum("1..3\nok 1 - a\nnot ok 2 - b\nok 3 - c # SKIP no kvm\n")
        self.assertEqual((status, last), (1, "1 passed, 1 failed, 1 skipped"))
        self.assertEqual(rest, ["SKIPPED 0: c: no kvm", "FAILED  0: b"])

    def test_missing_results(self):
        for text in ("1..3\nok 1 - a\n", "ok 1 - a\n", "", "1..1\nok 1 - a\nok 2 - b\n",
                     "1..1\nok 1 - a\nBail out! gone\n", "1..1\nok 1 - a\nnot ok - crashed\n"):
            with self.subTest(text):
                status, last, _ = self.sum(text)
                self.assertEqual(status, 1)
                self.assertIn(" 1 failed,", last)

    def test_nothing_ran(self):
        self.assertEqual(self.sum()[:2], (1, "0 passed, 0 failed, 0 skipped"))
        self.assertEqual(self.sum("1..0 # SKIP no kvm\n")[:2], (1, "0 passed, 0 failed, 1 skipped"))
        self.assertEqual(self.sum("1..1\nok 1 - a # SKIP x\n")[:2],
                         (1, "0 passed, 0 failed, 1 skipped"))

    def test_no_file(self):
        good = self.write("good.tap", b"1..1\nok 1 - a\n")
        status, last, rest = self.sum_files(good, self.path("none.tap"))
        self.assertEqual((status, last), (1, "1 passed, 1 failed, 0 skipped"))
        self.assertIn("none", rest[0])

    def run_program(self, script):
        path = self.write("test_x", b"#!/bin/sh\n" + script)
        os.chmod(path, 0o755)
        tap = self.path("unit.tap")
        subprocess.run([sys.executable, RUN_UNIT, "--tap", tap, path], stdout=subprocess.DEVNULL,
                       check=False)
        return self.sum_files(tap)

    def test_unit_programs(self):
        plan = b"echo 1..2; echo ok 1 - a; "
        for script, last in (
                (plan + b"echo ok 2 - b", "2 passed, 0 failed, 0 skipped"),
                (plan + b"echo not ok 2 - b; exit 1", "1 passed, 1 failed, 0 skipped"),
                (plan + b"echo no device; echo 'not ok 2 # SKIP b'",
                 "1 passed, 0 failed, 1 skipped"),
                (plan + b"kill -11 $$", "1 passed, 1 failed, 0 skipped"),
                (plan + b"echo ok 2 - b; echo leaked >&2; exit 23",
                 "2 passed, 1 failed, 0 skipped"),
                (b"exit 0", "0 passed, 1 failed, 0 skipped")):
            with self.subTest(script):
                status, said, rest = self.run_program(script)
                self.assertEqual(said, last)
                self.assertEqual(status, " 0 failed" not in said)
                if b"SKIP" in script:
                    self.assertEqual(rest, ["SKIPPED unit: x: b: no device"])
