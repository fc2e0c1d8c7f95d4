# SPDX-License-Identifier: GPL-2.0
"""An idle host: nobody makes a VM, and none runs. What wakes those that trace?"""

import os
import re
import time

import pairs
from table import Table

SECONDS = 30


def wakeups(pid):
    """How often the threads of a process went to sleep so far."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status", encoding="ascii") as file:
            total += int(re.search(r"(?m)^voluntary_ctxt_switches:\s*(\d+)", file.read())[1])
    return total


def cpu_ms(pid):
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0]) / 1e6


def look(tracer, setting):
    """Wake-ups, and ms of CPU time, a second."""
    seconds = 5 if setting.quick else SECONDS
    tracer.start(setting.directory)
    pid = tracer.process.pid
    before = wakeups(pid), cpu_ms(pid)
    time.sleep(seconds)
    after = wakeups(pid), cpu_ms(pid)
    tracer.finish()
    return [(late - early) / seconds for early, late in zip(before, after)]


def measure(setting):
    measures = {tracer.name: (lambda tracer=tracer: look(tracer, setting))
                for tracer in setting.always_on()}
    samples = pairs.interleave(measures, setting.rounds(3))
    table = Table("On an idle host", "wake-ups a second", "CPU time a second, ms")
    for name, looks in samples.items():
        table.add(name, *map(pairs.median, zip(*looks)))
    return [table]
