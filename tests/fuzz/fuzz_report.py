#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Reads mutated recordings with `report`: whatever they hold, it ends with status 0, 2 or 4.

fuzz_report.py [--rounds N] [--seed N] PROGRAM, where PROGRAM is best a sanitized build. A round is
one mutated recording; a call gets many, and each must be told about: by a report, by a line on
stderr, or both. What fails is kept, and its path printed. The same seed gives the same recordings.
tests/cli/test_fuzz.py runs this with the other tests.
"""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, "..", "cli"))

import recording as r  # noqa: E402

BATCH = 50
OPTIONS = (["-j"], ["-j"], ["-j", "--vm", "web"], ["-j", "--pid", "4800"], ["-v"], [])
NUMBERS = [0, 1, -1, 2, 127, 128, 255, 256, 65536, (1 << 31) - 1, 1 << 31, (1 << 32) - 2,
           (1 << 32) - 1, 1 << 32, (1 << 63) - 1, -(1 << 63)]
VALUES = NUMBERS + [None, True, False, 1.5, 1e308, "", "x", "unknown", [], {}, [[]], {"ns": 1},
                    "9223372036854775808", "18446744073709551615", "\x1b[2J", "\u202e", "a" * 200,
                    "0xffffffffffffffff"]
BYTES = b'\0\n\r\t "\\{}[]:,-+.0123456789eE\x7f\x80\xc3\xff'


# ---- mutations of the bytes ----

def flip(rng, data):
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:]


def replace(rng, data):
    at = rng.randrange(len(data))
    return data[:at] + bytes([rng.choice(BYTES)]) + data[at + 1:]


def insert(rng, data):
    at = rng.randrange(len(data))
    return data[:at] + bytes(rng.choices(BYTES, k=rng.choice((1, 1, 2, 20)))) + data[at:]


def remove(rng, data):
    at = rng.randrange(len(data))
    return data[:at] + data[at + rng.choice((1, 1, 2, 50)):]


def truncate(rng, data):
    return data[:rng.randrange(len(data))]


def copy(rng, data):
    at, to, size = rng.randrange(len(data)), rng.randrange(len(data)), rng.choice((1, 30, 1000))
    return data[:to] + data[at:at + size] + data[to:]


# ---- mutations of the lines ----

def shuffle(rng, data):
    head, *lines = data.splitlines(keepends=True)
    rng.shuffle(lines)
    return head + b"".join(lines)


def swap_lines(rng, data):
    lines = data.splitlines(keepends=True)
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]
    return b"".join(lines)


def drop_line(rng, data):
    lines = data.splitlines(keepends=True)
    del lines[rng.randrange(len(lines))]
    return b"".join(lines)


def repeat_lines(rng, data):
    lines = data.splitlines(keepends=True)
    at = rng.randrange(len(lines))
    lines[at:at] = lines[at:at + rng.choice((1, 2, 5))] * rng.choice((1, 3, 200))
    return b"".join(lines)


# ---- mutations of the values: the lines stay JSON ----

def places(value):
    """(container, key) of every value inside."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(items):
        yield value, key
        if isinstance(inner, (dict, list)):
            yield from places(inner)


def on_values(change):
    def mutate(rng, data):
        lines = data.splitlines(keepends=True)
        at = rng.randrange(len(lines))
        try:
            value = json.loads(lines[at])
        except ValueError:
            return data
        if not isinstance(value, dict) or not value:
            return data
        change(rng, value, list(places(value)))
        lines[at] = r.line(value)
        return b"".join(lines)
    mutate.__name__ = change.__name__
    return mutate


@on_values
def set_value(rng, _, where):
    container, key = rng.choice(where)
    container[key] = rng.choice(VALUES)


@on_values
def set_number(rng, _, where):
    numbers = [(c, k) for c, k in where if type(c[k]) is int]
    if numbers:
        container, key = rng.choice(numbers)
        container[key] = rng.choice(NUMBERS)


@on_values
def swap_values(rng, _, where):
    (a, i), (b, k) = rng.choice(where), rng.choice(where)
    if isinstance(a[i], (dict, list)) or isinstance(b[k], (dict, list)):
        return  # not into itself
    a[i], b[k] = b[k], a[i]


@on_values
def drop_value(rng, _, where):
    container, key = rng.choice(where)
    del container[key]


@on_values
def rename(rng, value, _):
    key = rng.choice(list(value))
    value[rng.choice(("event", "ns", "x", "name"))] = value.pop(key)


MUTATIONS = (flip, replace, insert, remove, truncate, copy, shuffle, swap_lines, drop_line,
             repeat_lines, set_value, set_value, set_number, set_number, swap_values, drop_value,
             rename)


def mutated(rng, data):
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        if data:
            data = rng.choice(MUTATIONS)(rng, data)
    return data


# ---- judging ----

def call(program, options, names, directory):
    environment = {**os.environ, "ASAN_OPTIONS": "exitcode=99", "UBSAN_OPTIONS": "exitcode=99"}
    try:
        done = subprocess.run([program, "report", *options, *names], cwd=directory, timeout=60,
                              env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                              check=False)
    except subprocess.TimeoutExpired:
        return "no end within a minute", ""
    return judge(done, options, names), done.stderr.decode(errors="replace")


def judge(done, options, names):
    """What is wrong with how it ended; None if nothing."""
    if done.returncode not in (0, 2, 4):
        return f"status {done.returncode}"
    said = {}
    for line in done.stderr.decode(errors="replace").splitlines():
        match = re.fullmatch(r"kvmclock-trace: (\d+): (.+)", line)
        if not match or match[1] in said:
            return f"it said {line!r}"
        said[match[1]] = match[2]
    unusable = {name for name, why in said.items()
                if re.match(r"empty|not a recording|line 1: ", why)}
    if done.returncode != (2 if unusable else 4 if said else 0):
        return f"status {done.returncode}, but {len(unusable)} unusable and {len(said)} at all"
    if re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", done.stdout):
        return "a control character in its output"
    if "-j" not in options:
        return None
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    readable = [name for name in names if name not in unusable]
    if len(reports) != len(readable):
        return f"{len(reports)} reports of {len(readable)} recordings"
    for name, report in zip(readable, reports):
        if report["complete"] == (name in said):
            return f"{name}: complete is {report['complete']}, and it said {said.get(name)!r}"
    return None


def fuzz(program, rounds, seed):
    """Paths of what failed, each with why."""
    rng, failures = random.Random(seed), []
    original = b"".join(r.small())
    with tempfile.TemporaryDirectory(prefix="kct-fuzz-") as directory:
        for start in range(0, rounds, BATCH):
            names = [str(i) for i in range(min(BATCH, rounds - start))]
            for name in names:
                with open(os.path.join(directory, name), "wb") as file:
                    file.write(mutated(rng, original))
            options = OPTIONS[start // BATCH % len(OPTIONS)]
            wrong, _ = call(program, options, names, directory)
            if wrong:
                failures += culprits(program, options, names, directory, wrong)
    return failures


def culprits(program, options, names, directory, wrong):
    found = []
    for name in names:
        why, said = call(program, options, [name], directory)
        if why:
            kept = tempfile.mkstemp(prefix="kct-fuzz-failed-", suffix=".jsonl")[1]
            shutil.copyfile(os.path.join(directory, name), kept)
            found.append((kept, f"{' '.join(options)}: {why}: {said[:2000]}"))
    return found or [("(only together)", wrong)]


def main():
    parser = argparse.ArgumentParser(description="Read mutated recordings.")
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("program")
    options = parser.parse_args()
    failures = fuzz(os.path.abspath(options.program), options.rounds, options.seed)
    for path, why in failures:
        print(f"{path}: {why}")
    print(f"{options.rounds} recordings, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
