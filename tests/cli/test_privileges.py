# SPDX-License-Identifier: GPL-2.0
"""Without privileges: one line that says which are missing."""

import os
import shutil
import subprocess
import tempfile
import unittest

import recording as r
from case import DONE, ENVIRONMENT, HOST, PROGRAM, SANITIZED, USAGE, Case, Result

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


@unittest.skipUnless(shutil.which("setpriv"), "setpriv is not installed")
class Privileges(Case):
    def setUp(self):
        super().setUp()
        os.chmod(self.directory, 0o777)  # the other user's too
        programs = tempfile.TemporaryDirectory(prefix="kct-cli-")
        self.addCleanup(programs.cleanup)
        os.chmod(programs.name, 0o755)
        self.programs = []
        for name, source in (("plain", PROGRAM), ("sanitized", SANITIZED)):
            target = os.path.join(programs.name, name)
            shutil.copyfile(source, target)
            os.chmod(target, 0o755)
            self.programs.append(target)

    def as_other(self, privileges, program, *arguments):
        command = [*privileges, program, *arguments]
        done = subprocess.run(command, capture_output=True, cwd=self.directory, env=ENVIRONMENT,
                              stdin=subprocess.DEVNULL, timeout=60, check=False)
        if done.stderr.startswith(b"setpriv:"):
            self.skipTest(done.stderr.decode().strip())
        return Result(done.returncode, done.stdout, done.stderr)

    def nobody(self, program, *arguments):
        privileges = NOBODY if os.geteuid() == 0 else []
        return self.as_other(privileges, program, *arguments)

    def test_nobody(self):
        for command in (["list"], ["list", "--json"], ["stat"], ["stat", "1", "1"],
                        ["trace", "-d", "1s"], ["trace", "--json", "-d", "1s"],
                        ["record", "-o", "x.jsonl", "-d", "1s"],
                        ["record", "-o", "x.jsonl", "--", "touch", "it-ran"]):
            for program in self.programs:
                with self.subTest(command):
                    result = self.check(self.nobody(program, *command), HOST)
                    self.check_line(result, "missing: CAP_BPF, CAP_PERFMON")
                    self.assertEqual(result.out, "")
                    self.assertFalse(os.path.exists(self.path("it-ran")))

    def test_one_of_two(self):
        if os.geteuid():
            self.skipTest("only root has capabilities to drop")
        for dropped, missing in (("bpf", "CAP_BPF"), ("perfmon", "CAP_PERFMON")):
            privileges = ["setpriv", f"--bounding-set=-sys_admin,-{dropped}",
                          f"--inh-caps=-sys_admin,-{dropped}"]
            with self.subTest(dropped):
                result = self.as_other(privileges, self.programs[0], "trace", "-d", "1s")
                self.check(result, HOST)
                self.check_line(result, f"missing: {missing} ")

    def test_report_needs_none(self):
        path = self.write("small", r.small())
        os.chmod(path, 0o644)
        for program in self.programs:
            self.assertEqual(self.check(self.nobody(program, "report", path), DONE).err, "")
            self.check(self.nobody(program, "--version"), DONE)

    def test_unreadable_recording(self):
        path = self.write("secret", r.small())
        os.chmod(path, 0)
        for program in self.programs:
            result = self.check(self.nobody(program, "report", path), USAGE)
            self.check_line(result, "secret: Permission denied")
