# SPDX-License-Identifier: GPL-2.0
"""KVM_SET_CLOCK and KVM_RUN in a loop on every core: as many updates and publications.

The tracers have no core for themselves. `slower by` is the untraced rate by the traced one.
"""

import os

import guests
import pairs
from table import Table

COUNT = 40_000


def measure_traced(tracer, jobs, directory):
    def one():
        tracer.start(directory)
        speed = guests.storm(COUNT, jobs)
        return speed, tracer.lost(2 * COUNT * jobs)

    return one


def measure(setting):
    jobs = os.cpu_count()

    def untraced():
        return guests.storm(COUNT, jobs), None

    tracers, notes = setting.usable_others()
    measures = {"untraced": untraced, "untraced, again": untraced}
    for tracer in setting.ours() + tracers:
        measures[tracer.name] = measure_traced(tracer, jobs, setting.directory)
    samples = pairs.interleave(measures, setting.rounds(5))
    table = Table("A storm on every core", "operations a second", "slower by", "events lost")
    base = [speed for speed, _ in samples["untraced"]]
    for name, pair in samples.items():
        speeds = [speed for speed, _ in pair]
        lost = None if name.startswith("untraced") else sum(lost for _, lost in pair)
        slower = pairs.ratio(base, speeds)
        table.add(name, pairs.median(speeds), slower, lost)
    table.note(f"Events lost: of {setting.rounds(5) * 2 * COUNT * jobs:,} updates and publications,"
               " in all rounds together.")
    for note in notes:
        table.note(note)
    return [table]
