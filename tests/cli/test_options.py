# SPDX-License-Identifier: GPL-2.0
"""The command line itself: what is wrong is refused before anything is done."""

import os
import re

import recording as r
from case import DONE, ROOT, USAGE, Case, run

FILTER = {"pid", "vm"}
LIVE = FILTER | {"max-vms", "buffer"}
COMMANDS = {
    "list": FILTER | {"json"},
    "stat": LIVE | {"json", "verbose"},
    "top": LIVE | {"batch", "replay", "verbose", "at"},
    "trace": LIVE | {"json", "duration"},
    "record": LIVE | {"output", "duration", "json", "verbose"},
    "report": FILTER | {"json", "verbose"},
    "workload": {"json"},
}


def version():
    with open(os.path.join(ROOT, "src", "base", "version.h"), encoding="utf-8") as file:
        return re.search('KCT_VERSION "(.*)"', file.read())[1]


class Options(Case):
    def refused(self, *arguments, pattern):
        """Status 2, nothing on stdout; stderr says what is wrong, and where help is."""
        result = self.check(run(*arguments, cwd=self.directory, timeout=20), USAGE)
        self.assertEqual(result.out, "")
        first, _, rest = result.err.partition("\n")
        self.assertRegex(first, r"\Akvmclock-trace[ a-z]*: ")
        self.assertRegex(first, pattern)
        self.assertRegex(rest, r"\A(Try `[^`]*'\sor\s`[^`]*'\sfor\smore\s+information\.\n)?\Z")
        self.assertEqual(os.listdir(self.directory), [])

    def listed(self):
        return re.findall(r"^  ([a-z]\S*) +\S", self.check(run("help"), DONE).out, re.MULTILINE)

    def test_no_command(self):
        result = self.check(run(), USAGE)
        self.assertEqual(result.out, "")
        self.assertIn("Usage: kvmclock-trace COMMAND", result.err)

    def test_unknown_commands(self):
        for word in ("nosuch", "", "Report", "reports", "-j", "--json", "--", "-", "report "):
            with self.subTest(word):
                self.refused(word, pattern=f"there is no command '{word}'")

    def test_version(self):
        result = self.check(run("--version"), DONE)
        self.assertEqual((result.out, result.err), (f"kvmclock-trace {version()}\n", ""))

    def test_help(self):
        for word in ("help", "--help"):
            result = self.check(run(word), DONE)
            self.assertEqual(result.err, "")
            for command in COMMANDS:
                self.assertRegex(result.out, rf"(?m)^  {command} +\w")

    def test_help_of_commands(self):
        for command in self.listed():
            with self.subTest(command):
                result = self.check(run(command, "--help"), DONE)
                self.assertEqual(result.err, "")
                self.assertIn(f"Usage: kvmclock-trace {command}", result.out)
                # every option that is there says what it does
                usage = self.check(run(command, "--usage"), DONE).out
                there = set(re.findall(r"--([a-z][a-z-]*)", usage)) | COMMANDS.get(command, set())
                self.assertGreaterEqual(there, {"help", "usage"})
                for option in there:
                    self.assertRegex(result.out, rf"(?m)^ .*--{option}\b.*(\n  )? {{2,}}\w", option)

    def test_commands_have_their_options(self):
        self.assertGreaterEqual(set(self.listed()), set(COMMANDS))

    def test_unknown_options(self):
        for command in self.listed():
            with self.subTest(command):
                self.refused(command, "--nosuch", pattern="unrecognized option '--nosuch'")
                self.refused(command, "-Z", pattern="invalid option -- 'Z'")
                self.refused(command, "--json=1", pattern="doesn't allow an argument|"
                                                          "unrecognized option")

    def test_missing_values(self):
        for command, options in COMMANDS.items():
            for option in options - {"json", "verbose", "batch"}:
                with self.subTest(f"{command} --{option}"):
                    self.refused(command, f"--{option}",
                                 pattern=f"'--{option}' requires an argument")

    def test_bad_values(self):
        numbers = ("", "x", "0", "-1", "+1", " 1", "1 ", "1.5", "0x10", "99999999999999999999999",
                   "18446744073709551617")
        durations = ("", "x", "0", "0s", "10", "-1s", "+1s", "1.5s", " 1s", "1s ", "1h1m", "1S",
                     "99999999999999999999s", "5124096h")
        for command, options in COMMANDS.items():
            for option, values, pattern in (
                    ("pid", numbers + ("2147483648",), "not a process id"),
                    ("max-vms", numbers + ("1048577",), "a number from 1 to 1048576"),
                    ("buffer", numbers + ("3", "1025", "2048"), "a power of two from 1 to 1024"),
                    ("duration", durations, "is not a duration")):
                for value in values if option in options else ():
                    with self.subTest(f"{command} --{option} {value!r}"):
                        self.refused(command, f"--{option}={value}", pattern=pattern)

    def test_arguments(self):
        self.refused("report", pattern="which recording")
        self.refused("report", "--json", pattern="which recording")
        self.refused("list", "web", pattern="takes no arguments")
        self.refused("trace", "web", pattern="(?i)too many arguments|no arguments")
        for interval in ("x", "0", "-1", "0s", "1.5", ""):
            self.refused("stat", "--", interval, pattern="is not an interval")
        for count in ("x", "0", "-1", "1s", ""):
            self.refused("stat", "--", "1", count, pattern="is not a count")
        self.refused("stat", "1", "1", "1", pattern="too many arguments")

    def test_workload(self):
        self.refused("workload", pattern="no scenario given")
        self.refused("workload", "nosuch", pattern="no scenario 'nosuch'")
        self.refused("workload", "steady", "storm", pattern="only one scenario")
        for value in ("0", "-1", "x", "", "99999999"):
            self.refused("workload", "steady", f"--vcpus={value}", pattern="not a number from 1 to")

    def test_files_that_look_like_options(self):
        with open(self.path("--json"), "wb") as file:
            file.writelines(r.small())
        self.check(run("report", "--", "--json", cwd=self.directory), DONE)
        self.check(run("report", "./--json", cwd=self.directory), DONE)
        result = self.check(run("report", "-j", "--", "-x", cwd=self.directory), USAGE)
        self.check_line(result, "-x: No such file or directory")

    def test_options_behind_files(self):
        path = self.write("small", r.small())
        result = self.check(run("report", path, "--json"), DONE)
        self.assertEqual(len(result.objects), 1)
