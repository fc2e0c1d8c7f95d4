# SPDX-License-Identifier: GPL-2.0
"""Mutated recordings; see tests/fuzz/fuzz_report.py, which can also run for longer."""

import os
import random
import stat

import fuzz_report
import recording as r
from case import SANITIZED, Case, run

ROUNDS = 2000


class Fuzz(Case):
    def test_mutated_recordings(self):
        self.assertEqual(fuzz_report.fuzz(SANITIZED, ROUNDS, seed=1), [])

    def test_a_crash_would_be_found(self):
        # a program that crashes at one kind of recording, and is well otherwise
        script = self.write("crashes", (
            "#!/bin/sh\n"
            "for file; do case $file in -*|report) continue;; esac\n"
            "tail -c 1 \"$file\" | grep -q x && kill -11 $$; done\n"
            f"exec {SANITIZED} \"$@\"\n").encode())
        os.chmod(script, stat.S_IRWXU)
        self.write("0", r.small())
        self.write("1", b"x")
        wrong, _ = fuzz_report.call(script, ["-j"], ["0"], self.directory)
        self.assertIsNone(wrong)
        wrong, _ = fuzz_report.call(script, ["-j"], ["0", "1"], self.directory)
        self.assertEqual(wrong, "status -11")
        found = fuzz_report.culprits(script, ["-j"], ["0", "1"], self.directory, wrong)
        self.assertEqual(len(found), 1)
        self.addCleanup(os.unlink, found[0][0])
        self.assertIn("status -11", found[0][1])

    def test_it_makes_all_kinds(self):
        # recordings that are refused, cut, and whole: not only ones that fail in line 1
        rng = random.Random(1)
        original = b"".join(r.small())
        names = [str(i) for i in range(200)]
        for name in names:
            self.write(name, fuzz_report.mutated(rng, original))
        reports = run("report", "-j", *names, cwd=self.directory).objects
        self.assertGreater(sum(report["complete"] for report in reports), 20)
        self.assertGreater(sum(not report["complete"] for report in reports), 50)
        self.assertGreater(len(names) - len(reports), 5)
