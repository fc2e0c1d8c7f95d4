# SPDX-License-Identifier: GPL-2.0
"""What all tests of the command line share: the two programs, running them, judging the end."""

import json
import os
import signal
import subprocess
import tempfile
import threading
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OUTPUT = os.environ.get("KCT_OUTPUT", os.path.join(ROOT, ".output"))
PROGRAM = os.path.join(OUTPUT, "kvmclock-trace")
SANITIZED = os.path.join(OUTPUT, "asan", "kvmclock-trace")

# A sanitizer's own exit statuses must not pass for one of the program's.
ENVIRONMENT = {
    **os.environ,
    "ASAN_OPTIONS": "exitcode=99:allocator_may_return_null=0",
    "UBSAN_OPTIONS": "exitcode=99:print_stacktrace=1",
    "LC_ALL": "C.UTF-8",
}
SANITIZERS_SAY = ("Sanitizer", "runtime error:")

DONE, USAGE, HOST, INCOMPLETE = 0, 2, 3, 4


class Result:
    def __init__(self, status, out, err):
        self.status = status
        self.out = out.decode("utf-8", errors="surrogateescape")
        self.err = err.decode("utf-8", errors="surrogateescape")

    @property
    def objects(self):
        return [json.loads(line) for line in self.out.splitlines()]


class Feeder(threading.Thread):
    """Writes to a pipe until nobody reads any more."""

    def __init__(self, pipe, chunks):
        super().__init__()
        self.pipe, self.chunks, self.fed = pipe, chunks, 0

    def run(self):
        try:
            with self.pipe:
                for chunk in self.chunks:
                    self.pipe.write(chunk)
                    self.fed += len(chunk)
        except OSError:
            pass


def run(*arguments, program=(SANITIZED,), stdin=b"", stdout=None, timeout=120, cwd=None,
        ignore_sigpipe=False):
    """Run the program to its end; `stdin` is bytes, or an iterable of them (not kept)."""
    def prepare():
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)

    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            [*program, *arguments], stdin=subprocess.PIPE, stdout=stdout or out, stderr=err,
            cwd=cwd, env=ENVIRONMENT, preexec_fn=prepare if ignore_sigpipe else None,
            restore_signals=not ignore_sigpipe)
        feeder = Feeder(process.stdin, [stdin] if isinstance(stdin, bytes) else stdin)
        killer = threading.Timer(timeout, process.kill)
        feeder.start()
        killer.start()
        process.wait()
        killer.cancel()
        feeder.join()
        out.seek(0)
        err.seek(0)
        result = Result(process.returncode, out.read(), err.read())
    result.fed = feeder.fed
    return result


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="kct-cli-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, content):
        """`content` is bytes, or the lines of a recording."""
        with open(self.path(name), "wb") as file:
            file.writelines([content] if isinstance(content, bytes) else content)
        return self.path(name)

    def check(self, result, *statuses):
        """Ended as it should, and no sanitizer had a word to say."""
        said = f"status {result.status}\n{result.err[-3000:]}\n{result.out[-500:]}"
        for word in SANITIZERS_SAY:
            self.assertNotIn(word, result.err, said)
        self.assertIn(result.status, statuses, said)
        return result

    def check_line(self, result, pattern):
        """One line on stderr, and it says that."""
        self.assertRegex(result.err, r"\Akvmclock-trace: [^\n]*\n\Z")
        self.assertRegex(result.err, pattern)

    def report(self, *arguments, status, **more):
        return self.check(run("report", *arguments, **more), status)
