# SPDX-License-Identifier: GPL-2.0
"""What the runners of the reliability campaign share: results as TAP, durations, the document."""

import argparse
import contextlib
import fcntl
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOCUMENT = os.path.join(ROOT, "docs", "reliability.md")
UNITS = {"s": 1, "m": 60, "h": 3600}


def seconds(text):
    match = re.fullmatch(r"(\d+)([smh])", text)
    if not match or not int(match[1]):
        raise argparse.ArgumentTypeError(f"'{text}' is not a duration such as 30s, 10m or 2h")
    return int(match[1]) * UNITS[match[2]]


def options(doc):
    """A parser with what all of them take."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--tap", metavar="FILE", help="write the results there, too")
    parser.add_argument("--seed", type=int, default=1, help="of whatever is drawn (1)")
    parser.add_argument("--write", action="store_true",
                        help="put the figures into docs/reliability.md")
    return parser


@contextlib.contextmanager
def alone():
    """With $KCT_HOST_LOCK locked, if it names a file: nobody else makes VMs then."""
    path = os.environ.get("KCT_HOST_LOCK")
    with open(path, "w", encoding="ascii") if path else contextlib.nullcontext() as lock:
        if lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Tap:
    def __init__(self, path=None):
        self.file = open(path, "w", encoding="utf-8") if path else None
        self.count = self.failed = 0

    def say(self, text):
        print(text, flush=True)
        if self.file:
            self.file.write(text + "\n")
            self.file.flush()

    def note(self, text):
        for line in text.splitlines():
            self.say("# " + line[:400])

    def result(self, good, name):
        self.count += 1
        self.failed += not good
        self.say(f"{'ok' if good else 'not ok'} {self.count} - {name}")
        return good

    def skip(self, name, why):
        self.count += 1
        self.say(f"ok {self.count} - {name} # SKIP {why}")

    def close(self):
        """The plan; the exit status."""
        self.say(f"1..{self.count}")
        if self.file:
            self.file.close()
        return 1 if self.failed or not self.count else 0


def table(head, rows):
    """Markdown; numbers to the right, with commas."""
    def cell(value):
        return f"{value:,}" if isinstance(value, int) else str(value)

    first = rows[0] if rows else head
    marks = ["---:" if isinstance(value, int) else "---" for value in first]
    lines = [head, marks, *[[cell(value) for value in row] for row in rows]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write(name, content):
    """Put it between `<!-- NAME: made by make NAME -->` and `<!-- end of NAME -->`."""
    with open(DOCUMENT, encoding="utf-8") as file:
        text = file.read()
    begin, end = f"<!-- {name}: made by make {name} -->", f"<!-- end of {name} -->"
    pattern = re.escape(begin) + ".*?" + re.escape(end)
    if not re.search(pattern, text, re.S):
        sys.exit(f"{DOCUMENT} has no place for {name}")
    text = re.sub(pattern, lambda _: f"{begin}\n{content}\n{end}", text, flags=re.S)
    with open(DOCUMENT, "w", encoding="utf-8") as file:
        file.write(text)
