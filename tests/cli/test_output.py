# SPDX-License-Identifier: GPL-2.0
"""Output that cannot be written: said, and never waited for."""

import os
import shlex
import signal
import subprocess

import recording as r
from case import DONE, ENVIRONMENT, HOST, INCOMPLETE, SANITIZED, USAGE, Case, run

LOST = "standard output could not be written"


class Output(Case):
    def small(self):
        return self.write("small.jsonl", r.small())

    def large(self):
        """Its report with -v or -j is larger than any pipe."""
        events = [r.request(1, i) for i in range(20000)]
        return self.write("large.jsonl", r.small(events=events))

    def test_full_disk(self):
        cut = self.write("cut.jsonl", r.small()[:-1])
        for arguments, status in ((("report", self.small()), INCOMPLETE),
                                  (("report", "-j", self.small()), INCOMPLETE),
                                  (("report", "-v", self.large()), INCOMPLETE),
                                  (("report", "-j", self.large()), INCOMPLETE),
                                  (("report", "-j", self.small(), self.small()), INCOMPLETE),
                                  (("--version",), INCOMPLETE), (("help",), INCOMPLETE)):
            with self.subTest(arguments), open("/dev/full", "wb") as full:
                result = self.check(run(*arguments, stdout=full), status)
                self.check_line(result, LOST)
        with open("/dev/full", "wb") as full:
            result = self.check(run("report", "-j", cut, stdout=full), INCOMPLETE)
            self.assertIn(LOST, result.err)
            result = self.check(run("report", "-j", self.path("none"), self.small(), stdout=full),
                                USAGE)
            self.assertIn(LOST, result.err)

    def test_closed_standard_output(self):
        done = subprocess.run(f"{shlex.quote(SANITIZED)} report {self.small()} >&-", shell=True,
                              stderr=subprocess.PIPE, env=ENVIRONMENT, check=False)
        self.assertEqual(done.returncode, INCOMPLETE)
        self.assertIn(LOST.encode(), done.stderr)

    def test_closed_pipe(self):
        for arguments in (("-j", self.large()), ("-v", self.large()), (self.small(),)):
            for ignore in (False, True):
                with self.subTest(f"{arguments[0]} SIGPIPE {'ignored' if ignore else 'kills'}"):
                    reader, writer = os.pipe()
                    os.close(reader)
                    with os.fdopen(writer, "wb") as pipe:
                        result = run("report", *arguments, stdout=pipe, ignore_sigpipe=ignore,
                                     timeout=30)
                    self.check(result, INCOMPLETE if ignore else -signal.SIGPIPE)
                    if ignore:
                        self.check_line(result, LOST)

    def test_head(self):
        for options, first in (("-v", b"host host-1"), ("-j", b'{"schema":"')):
            done = subprocess.run(
                f"{shlex.quote(SANITIZED)} report {options} {self.large()} | head -c 11",
                shell=True, capture_output=True, env=ENVIRONMENT, timeout=30, check=False)
            self.assertEqual(done.stdout, first)
            self.assertEqual(done.stderr, b"")


class LiveOutput(Case):
    """The same for tracing, where this host lets us."""

    def live(self, *arguments, statuses, **more):
        result = run(*arguments, cwd=self.directory, timeout=60, **more)
        if result.status == HOST:
            self.check(result, HOST)
            self.skipTest(result.err.strip())
        return self.check(result, *statuses)

    def test_full_disk(self):
        for arguments in (("trace", "--json", "-d", "300ms"), ("trace", "-d", "300ms"),
                          ("list", "--json"), ("list",), ("stat", "-j", "100ms", "1")):
            with self.subTest(arguments), open("/dev/full", "wb") as full:
                result = self.live(*arguments, statuses=[INCOMPLETE], stdout=full)
                self.check_line(result, LOST)

    def test_full_disk_under_a_recording(self):
        result = self.live("record", "-o", "/dev/full", "-d", "300ms", statuses=[INCOMPLETE])
        self.assertRegex(result.err, r"\A(kvmclock-trace: /dev/full: [^\n]+\n)+\Z")

    def test_closed_pipe(self):
        for ignore in (False, True):
            reader, writer = os.pipe()
            os.close(reader)
            with self.subTest(ignore), os.fdopen(writer, "wb") as pipe:
                self.live("trace", "--json", "-d", "300ms", stdout=pipe, ignore_sigpipe=ignore,
                          statuses=[INCOMPLETE if ignore else -signal.SIGPIPE])

    def test_output_that_cannot_be_opened(self):
        for path, pattern in (("none/x.jsonl", "No such file or directory"),
                              (".", "Is a directory"), ("", "No such file or directory")):
            result = self.live("record", "-o", path, "-d", "100ms", statuses=[USAGE])
            self.check_line(result, pattern)

    def test_command_that_cannot_be_run(self):
        result = self.live("record", "-o", "x.jsonl", "--", "/nonexistent/command",
                           statuses=[USAGE])
        self.check_line(result, "/nonexistent/command: No such file or directory")

    def test_what_is_recorded_is_whole(self):
        result = self.live("record", "-o", "x.jsonl", "--", "true", statuses=[DONE])
        self.assertEqual(result.err, "")
        self.assertEqual(self.report(self.path("x.jsonl"), status=DONE).out, result.out)
