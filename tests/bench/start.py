# SPDX-License-Identifier: GPL-2.0
"""From the start of a tracer until it traces, and from Ctrl-C until it is gone.

Each is given a command, `cat`, which it starts when it traces; the row `cat` is that command alone.
`stat` takes none: it traces when its main thread sleeps.
"""

import time

import pairs
import peers
from table import Table


class Alone(peers.Tracer):
    name = "cat"

    def command(self, directory):
        return []


def measure_one(tracer, directory):
    def one():
        begin = time.monotonic()
        tracer.start(directory)
        armed = time.monotonic() - begin
        return armed * 1000, tracer.interrupt() * 1000

    return one


def measure(setting):
    others, notes = setting.usable_others()
    tracers = [Alone(), *setting.ours(), *others]
    measures = {tracer.name: measure_one(tracer, setting.directory) for tracer in tracers}
    samples = pairs.interleave(measures, setting.rounds(11))
    table = Table("Start and end", "until it traces, ms", "from Ctrl-C to the end, ms",
                  "start, of bpftrace's")
    base = [start for start, _ in samples.get("bpftrace, values", [])]
    for tracer in tracers:
        starts, ends = zip(*samples[tracer.name])
        share = pairs.ratio(starts, base) if base else None
        table.add(tracer.name, pairs.median(starts), pairs.median(ends), share)
    for note in notes:
        table.note(note)
    return [table]
