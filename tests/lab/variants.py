# SPDX-License-Identifier: GPL-2.0
"""Kernels of our own (tests/lab/build): built, booted, and what is found on them told."""
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PROGRAM = os.environ.get("KCT_PROGRAM", os.path.join(ROOT, ".output", "kvmclock-trace"))
CACHE = os.environ.get("KCT_LAB_CACHE") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "kvmclock-trace", "lab")
DOCUMENT = os.path.join(ROOT, "docs", "kernels.md")
ABSENT = 77  # the status of tests/lab/build when a source cannot be had


def split(name):
    """Of dedup-7.3 what is changed, and the series or ""."""
    change, series = re.fullmatch(r"(.+?)(-\d+\.\d+)?", name).groups()
    return change, (series or "")[1:]


def version(name):
    """Of the kernel that was built."""
    with open(os.path.join(CACHE, name, "release"), encoding="utf-8") as release:
        return release.read().partition("-")[0]


def build(name):
    """None, or why the kernel cannot be had."""
    done = subprocess.run([os.path.join(HERE, "build"), name], stderr=subprocess.PIPE, text=True,
                          check=False)
    print(done.stderr, end="", file=sys.stderr, flush=True)
    if done.returncode == ABSENT:
        return done.stderr.splitlines()[-1].partition(": ")[2]
    done.check_returncode()
    return None


def run(name, script, *arguments, options=()):
    """Boot it, call the script there with --inside, and give the objects of JSON that it prints."""
    done = subprocess.run([os.path.join(HERE, "boot"), "--cpus", "1", "--kernel", name, *options,
                           "--", sys.executable, os.path.abspath(script), "--inside", *arguments],
                          stdout=subprocess.PIPE, text=True, check=False, cwd=ROOT)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


class Tap:
    """The results, counted and printed as they come."""

    def __init__(self):
        self.lines, self.passed, self.failed, self.skipped = [], 0, 0, 0

    def _add(self, ok, line):
        print(ok, line, flush=True)
        self.lines.append(f"{ok} {len(self.lines) + 1} - {line}")

    def tell(self, line, problems):
        self._add("not ok" if problems else "ok", "; ".join([line, *problems]))
        self.passed += not problems
        self.failed += bool(problems)

    def skip(self, line, why):
        self._add("ok", f"{line} # SKIP {why}")
        self.skipped += 1

    def write(self, path):
        with open(path, "w", encoding="utf-8") as file:
            print(f"1..{len(self.lines)}", *self.lines, sep="\n", file=file)

    def end(self):
        """The closing line, and the exit status."""
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        return 1 if self.failed else 0


class Table:
    """One of DOCUMENT, between its marks; a row's first cell is its name."""

    def __init__(self, name, script, head):
        self.marks = (f"<!-- {name}: made by tests/lab/{script} --write -->\n",
                      f"<!-- end of {name} -->\n")
        self.head = head

    def text(self, rows):
        return "\n".join([f"| {' | '.join(self.head)} |", "|" + " --- |" * len(self.head),
                          *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"

    def write(self, rows, order):
        """Put the rows (cells) there, beside those of the same head that others have; `order` is a
        key of names."""
        with open(DOCUMENT, encoding="utf-8") as document:
            before, _, rest = document.read().partition(self.marks[0])
        old, _, after = rest.partition(self.marks[1])
        kept = [line[2:-2].split(" | ") for line in old.splitlines()]
        by_name = {row[0]: row for row in (kept[2:] if kept[:1] == [list(self.head)] else [])}
        by_name.update({row[0]: row for row in rows})
        with open(DOCUMENT, "w", encoding="utf-8") as document:
            document.write(before + self.marks[0] +
                           self.text(by_name[name] for name in sorted(by_name, key=order)) +
                           self.marks[1] + after)
