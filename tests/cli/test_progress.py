# SPDX-License-Identifier: GPL-2.0
"""How far a long read has come: shown on a terminal, from the second second on, and gone after it.

The program gets a terminal of its own, whose other side is read here. What is long is a pipe that is
fed until something is shown, or much that gzip has made little of.
"""

import fcntl
import gzip
import os
import pty
import re
import struct
import subprocess
import termios
import threading
import time

import recording as r
from case import DONE, ENVIRONMENT, INCOMPLETE, PROGRAM, Case

DEADLINE = 60
PERCENT = re.compile(r"\rreading +(\d+)% \[([#.]{40})\]")
BYTES = re.compile(r"\rreading, (\d+\.\d) MiB")


class Terminal:
    """Its other side: all that was written to it, and a process that has it for itself."""

    def __init__(self, columns=80):
        self.ours, self.theirs = pty.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        attributes = termios.tcgetattr(self.theirs)
        attributes[1] &= ~termios.OPOST
        termios.tcsetattr(self.theirs, termios.TCSANOW, attributes)
        self.text, self.came = "", threading.Condition()

    def start(self, *arguments, stdout=None, command=(PROGRAM,), **environment):
        def own_terminal():
            os.setsid()
            fcntl.ioctl(self.theirs, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            [*command, *arguments], stdin=subprocess.PIPE, stdout=stdout or subprocess.PIPE,
            stderr=self.theirs, preexec_fn=own_terminal, env={**ENVIRONMENT, **environment})
        os.close(self.theirs)
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        try:
            while more := os.read(self.ours, 65536):
                with self.came:
                    self.text += more.decode()
                    self.came.notify_all()
        except OSError:
            pass  # all other sides are closed

    def feed(self, chunk, pattern):
        """Again and again, until that is shown. False if it never was."""
        end = time.monotonic() + DEADLINE
        while not pattern.search(self.text) and time.monotonic() < end:
            self.process.stdin.write(chunk)
            self.process.stdin.flush()
            with self.came:
                self.came.wait(0.01)
        return bool(pattern.search(self.text))

    def end(self):
        out, _ = self.process.communicate(timeout=DEADLINE)
        self.reader.join(DEADLINE)
        os.close(self.ours)
        return self.process.returncode, (out or b"").decode()


def screen(text):
    """What is left on the lines of a terminal."""
    lines = [[]]
    at = 0
    for character in text:
        if character == "\r":
            at = 0
        elif character == "\n":
            lines.append([])
            at = 0
        else:
            lines[-1][at:at + 1] = [character]
            at += 1
    return ["".join(line).rstrip() for line in lines]


class Progress(Case):
    def long(self, events=4_000_000):
        """Little of it is read from the disk, but seconds pass over it."""
        block = b"".join(r.small()[3:9]) * 2000
        with gzip.open(self.path("long.gz"), "wb", compresslevel=1) as file:
            file.write(b"".join(r.small()[:9]))
            for _ in range(events // 12000):
                file.write(block)
        return self.path("long.gz")

    def test_of_known_length(self):
        """By what was read of the compressed file; and of a directory, by all its files."""
        path = self.long()
        os.mkdir(self.path("directory"))
        os.link(path, self.path("directory/a.jsonl.gz"))
        for argument in (path, self.path("directory")):
            terminal = Terminal()
            terminal.start("report", argument)
            status, out = terminal.end()
            self.assertEqual(status, INCOMPLETE)
            shown = PERCENT.findall(terminal.text)
            self.assertGreater(len(shown), 2)
            percents = [int(percent) for percent, _ in shown]
            self.assertEqual(percents, sorted(percents))
            self.assertGreater(percents[-1], percents[0])
            for percent, bar in shown:
                self.assertLessEqual(abs(bar.count("#") - int(percent) * 40 / 100), 1)
            self.assertNotIn("reading", out)
            # The line is gone, and what was to be said is there.
            left = screen(terminal.text)
            self.assertEqual(len(left), 2, left)
            self.assertRegex(left[0], r"\Akvmclock-trace: \S+: cut off: it has no trailer\Z")
            self.assertEqual(left[1], "")

    def test_of_unknown_length(self):
        terminal = Terminal()
        terminal.start("report", "-")
        chunk = b"".join(r.small()[3:9]) * 100
        terminal.process.stdin.write(b"".join(r.small()[:3]))
        self.assertTrue(terminal.feed(chunk, BYTES))
        self.assertEqual(terminal.end()[0], INCOMPLETE)
        self.assertIsNone(PERCENT.search(terminal.text))
        self.assertEqual(screen(terminal.text)[1:], [""])

    def test_plain_text(self):
        """No terminal is taken for one that knows more than to go back to where a line begins."""
        for environment in ({"TERM": "dumb"}, {"NO_COLOR": "1"}, {"TERM": "xterm-256color"}):
            terminal = Terminal()
            terminal.start("report", "-", **environment)
            terminal.process.stdin.write(b"".join(r.small()[:3]))
            self.assertTrue(terminal.feed(b"".join(r.small()[3:9]) * 100, BYTES))
            terminal.end()
            self.assertRegex(terminal.text, r"\A[\r\n\x20-\x7e]*\Z")

    def test_narrow(self):
        for columns in (10, 30):
            terminal = Terminal(columns)
            terminal.start("report", "-")
            terminal.process.stdin.write(b"".join(r.small()[:3]))
            self.assertTrue(terminal.feed(b"".join(r.small()[3:9]) * 100,
                                          re.compile("\rreading")))
            terminal.end()
            for line in terminal.text.partition("kvmclock-trace")[0].split("\r"):
                self.assertLess(len(line), columns)

    def test_short(self):
        terminal = Terminal()
        terminal.start("report", self.write("short", r.small()))
        self.assertEqual(terminal.end()[0], DONE)
        self.assertEqual(terminal.text, "")

    def feed_for_long(self, process):
        end = time.monotonic() + 1.5
        process.stdin.write(b"".join(r.small()[:3]))
        chunk = b"".join(r.small()[3:9])
        while time.monotonic() < end:
            process.stdin.write(chunk)
            process.stdin.flush()
            time.sleep(0.01)

    def test_no_terminal(self):
        process = subprocess.Popen([PROGRAM, "report", "-"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT)
        self.feed_for_long(process)
        out, err = process.communicate(timeout=DEADLINE)
        self.assertEqual(err.decode(), "kvmclock-trace: -: cut off: it has no trailer\n")
        self.assertNotIn(b"reading", out)

    def test_not_between_lines_on_the_terminal(self):
        """What is written while it is read would be torn by it."""
        for arguments in (["cut", "-"], ["export", "--flat=/dev/stdout", "-"]):
            terminal = Terminal()
            terminal.start(*arguments, stdout=terminal.theirs)
            self.feed_for_long(terminal.process)
            terminal.end()
            self.assertIn('"event":"header"', terminal.text)
            self.assertNotIn("reading", terminal.text)

    def test_in_the_background(self):
        """Whoever has the terminal is not disturbed."""
        for script, shown in (('"$0" "$@" & wait $!', False), ('"$0" "$@"', True)):
            terminal = Terminal()
            terminal.start("report", "-", command=("sh", "-mc", script, PROGRAM))
            self.feed_for_long(terminal.process)
            terminal.end()
            self.assertIn("cut off: it has no trailer", terminal.text)
            self.assertEqual("reading" in terminal.text, shown, terminal.text)
