# SPDX-License-Identifier: GPL-2.0
"""What many VMs take: memory, and time for an event of one VM more, by the kernel's accounting.

The VMs run already when the tracer starts.
"""

import re
import time

import accounting
import cost
import guests
import pairs
from table import Table

MIB = 1 << 20
COUNT = 10_000


def rss(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s*(\d+)", file.read()).group(1)) << 10


def look(tracer, directory):
    """(ms until it traces, its memory, its maps, {program: (times that it ran, ns)})."""
    begin = time.monotonic()
    tracer.start(directory)
    armed = (time.monotonic() - begin) * 1000
    pid = tracer.process.pid
    with accounting.counted():
        before = accounting.programs(pid)
        guests.storm(COUNT, 1)
        spent = accounting.spent(before, accounting.programs(pid))
    found = armed, rss(pid), accounting.map_bytes(pid), spent
    tracer.finish()
    return found


def slope(table, name, resident):
    """A line that states it: between the fewest and the most VMs."""
    (few, small), *_, (many, large) = sorted(resident.items())
    table.note(f"{name}: {(large - small) / (many - few) / 1024:.2f} KiB of resident memory"
               f" for each VM more.")


def measure(setting):
    table = Table("Many VMs", "until it traces, ms", "resident, MiB", "BPF maps, MiB",
                  "an update, ns", "a publication, ns")
    resident = {tracer.name: {} for tracer in setting.ours()}
    for vms in (10, 1000) if setting.quick else (10, 1000, 4000):
        with guests.host(), guests.held(vms):
            measures = {
                tracer.name: (lambda tracer=tracer: look(tracer, setting.directory))
                for tracer in setting.ours()
            }
            samples = pairs.interleave(measures, setting.rounds(3))
        for name, looks in samples.items():
            armed, memory, maps, spent = zip(*looks)
            resident[name][vms] = pairs.median(memory).value
            table.add(f"{name}, {vms:,} VMs", pairs.median(armed),
                      pairs.median([size / MIB for size in memory]), maps[0] / MIB,
                      cost.each(spent, cost.is_update), cost.each(spent, cost.is_pvti))
    for name, sizes in resident.items():
        slope(table, name, sizes)
    return [table]
