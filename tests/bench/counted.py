# SPDX-License-Identifier: GPL-2.0
"""A command's time, its peak of memory, and its instructions."""

import os
import re
import shutil
import subprocess
import time

import kct


def peak_bytes(pid):
    """The kernel's own high-water mark; None when it has ended."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            found = re.search(r"VmHWM:\s*(\d+)", file.read())
    except OSError:
        return None
    return int(found.group(1)) << 10 if found else None


def run(*command):
    """(seconds, peak of resident memory) of a command whose output nobody reads.

    The mark is looked at until the end, since a child's rusage begins with its parent's memory.
    """
    begin = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    peak = 0
    while process.poll() is None:
        peak = max(peak, peak_bytes(process.pid) or 0)
        time.sleep(0.0005)
    elapsed = time.monotonic() - begin
    said = process.stderr.read().decode()
    process.stderr.close()
    if process.returncode:
        raise AssertionError(f"{command}: exit {process.returncode}: {said}")
    return elapsed, peak


def instructions(directory, *args):
    """How many instructions of user space a run of the program takes; None if it cannot be told."""
    if not shutil.which("valgrind"):
        return None
    output = "--callgrind-out-file=" + os.path.join(directory, "callgrind.out")
    command = ["valgrind", "--tool=callgrind", output, kct.PROGRAM, *args]
    done = subprocess.run(command, capture_output=True, text=True)
    found = re.search(r"Collected\s*:\s*(\d+)", done.stderr)
    return int(found.group(1)) if found and done.returncode == 0 else None
