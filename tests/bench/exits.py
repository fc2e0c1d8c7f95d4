# SPDX-License-Identifier: GPL-2.0
"""A guest that does nothing but I/O exits, while it is traced and has nothing to tell.

`untraced, again` is the same measurement as the first: how far it is from 1 is the noise.
"""

import guests
import pairs
from table import Table

COUNT = 30_000


def measure_traced(tracer, directory):
    def one():
        tracer.start(directory)
        speed = guests.exits(COUNT)
        tracer.finish()
        return speed

    return one


def untraced():
    return guests.exits(COUNT)


def measure(setting):
    measures = {"untraced": untraced, "untraced, again": untraced}
    for tracer in setting.always_on():
        measures[tracer.name] = measure_traced(tracer, setting.directory)
    samples = pairs.interleave(measures, setting.rounds(25))
    table = Table("Exit rate of a guest", "exits a second", "of untraced")
    for name, speeds in samples.items():
        cells = pairs.median(speeds), pairs.ratio(speeds, samples["untraced"])
        table.add(name, *cells)
    return [table]
