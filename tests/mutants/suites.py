# SPDX-License-Identifier: GPL-2.0
"""Which tests are about a source file, and running them in a copy of the tree."""

import os
import re
import resource
import signal
import subprocess
import threading

# Words of the tests of the command line, by the folder that is changed.
CLI = {
    "src/model": ("test_report.", "test_compare."),
    "src/verdict": ("test_verify.", "test_compare."),
    "src/migration": ("test_migration.",),
    "include/kvmclock": ("test_report.", "test_verify.", "test_migration."),
}
LIVE = ("test_counts", "test_values", "test_causes", "test_verify")
MEMORY = 4 << 30  # bytes that a mutant may have
LIMIT = 120       # seconds that a suite may take


def limited():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def run(command, tree, limit=LIMIT, **more):
    """(status, or None at the limit; output); what it started does not outlive it."""
    process = subprocess.Popen(command, cwd=tree, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               start_new_session=True, **more)
    try:
        said = process.communicate(timeout=limit)[0]
        status = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        said, status = process.communicate()[0], None
    return status, said.decode(errors="replace")


def failed_tests(status, said):
    """Names of the failed tests in TAP; what else there was to say of a suite that failed."""
    names = re.findall(r"^not ok \d+ - (.*)", said, re.M)
    if status is None:
        names.append("no end in time")
    elif status and not names:
        names.append(f"status {status}: {said[-200:]}")
    return names


class Suites:
    """The suites over one tree. `unchanged` are those over the sources as they are, or None there."""

    def __init__(self, tree, live, unchanged=None):
        self.tree, self.has_live, self.unchanged = tree, live, unchanged
        self.known, self.lock = {}, threading.Lock()
        self.files = sorted(os.listdir(os.path.join(tree, "tests", "unit")))

    def read(self, name):
        """A source file of the unit tests, with what it includes of theirs, and headers of ours."""
        with open(os.path.join(self.tree, "tests", "unit", name), encoding="utf-8") as file:
            text = file.read()
        theirs = re.findall(r'^#include "(\w+\.h)"', text, re.M)
        ours = re.findall(r'^#include "(\w+/\w+\.h)"', text, re.M)
        for path in (os.path.join(self.tree, "src", other) for other in ours):
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    text += file.read()
        return text + "".join(self.read(other) for other in theirs if other in self.files)

    def unit_tests(self, folder):
        """Those that include a header of that folder."""
        for name in self.files:
            if re.fullmatch(r"test_\w+\.c", name) and f'"{os.path.basename(folder)}/' in self.read(
                    name):
                yield name.removesuffix(".c")

    def build(self, folder):
        """What is wrong; None if it is built."""
        programs = [f".output/mutants/{name}" for name in self.unit_tests(folder)]
        status, said = run(["make", "-j1", "all", *programs], self.tree, limit=600)
        return said if status else None

    def unit(self, folder):
        programs = [f".output/mutants/{name}" for name in self.unit_tests(folder)]
        if not programs:
            return []
        return failed_tests(*run(["tests/unit/run", "--limit", "20", "--tap", "/dev/null",
                                  *programs], self.tree, preexec_fn=limited))

    def cli(self, folder):
        if folder not in CLI:
            return []
        return failed_tests(*run(["tests/cli/run", *CLI[folder]], self.tree, preexec_fn=limited))

    def live(self, _):
        return failed_tests(*run(["tests/live/run", *LIVE], self.tree, limit=600))

    def fails_anyway(self, suite, folder):
        """What fails over these sources: of an unchanged tree, it says nothing of a mutant."""
        with self.lock:
            if (suite, folder) not in self.known:
                self.known[suite, folder] = getattr(self, suite)(folder)
            return self.known[suite, folder]

    def noticed(self, folder, every=False):
        """(suite, names of its failed tests) of the first suite that fails, or of every one."""
        found = []
        for suite in ("unit", "cli", "live")[:3 if self.has_live else 2]:
            tests = getattr(self, suite)(folder)
            if tests:
                anyway = self.unchanged.fails_anyway(suite, folder)
                tests = [name for name in tests if name not in anyway]
            if tests:
                found.append((suite, tests))
                if not every:
                    break
        return found
