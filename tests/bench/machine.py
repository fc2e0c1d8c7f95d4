# SPDX-License-Identifier: GPL-2.0
"""The machine that the figures are of, and the versions of the tools."""

import datetime
import os
import platform
import re
import subprocess

import kct


def cpu():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        found = dict(line.split(":", 1) for line in file if ":" in line)
    names = {key.strip(): value.strip() for key, value in found.items()}
    inside = "hypervisor" in names.get("flags", "").split()
    return names.get("model name", "?") + (", itself a virtual machine" if inside else "")


def memory_gib():
    with open("/proc/meminfo", encoding="ascii") as file:
        return round(int(re.search(r"MemTotal:\s*(\d+)", file.read()).group(1)) / (1 << 20))


def version(*command):
    """The first number with a dot that it prints of itself."""
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return "not here"
    found = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return found.group() if found else "?"


def describe():
    return {
        "CPU": cpu(),
        "cores": os.cpu_count(),
        "memory": f"{memory_gib()} GiB",
        "kernel": platform.release(),
        "kvmclock-trace": version(kct.PROGRAM, "--version"),
        "bpftrace": version("bpftrace", "--version"),
        "perf": version("perf", "--version"),
        "trace-cmd": version("trace-cmd", "--version"),
        "valgrind": version("valgrind", "--version"),
        "date": datetime.date.today().isoformat(),
    }
