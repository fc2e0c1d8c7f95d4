# SPDX-License-Identifier: GPL-2.0
"""Runs that are compared, taken in turn, so that what else the host does meets all of them alike."""

import collections
import contextlib
import statistics

import guests

Figure = collections.namedtuple("Figure", "value low high")


def interleave(measures, rounds, with_guests=True):
    """{name: what `rounds` calls of its function gave}. Every second round goes backwards.

    With guests nobody else makes VMs for the whole of a round: its runs are to be compared.
    """
    samples = {name: [] for name in measures}
    for index in range(rounds):
        order = list(measures) if index % 2 == 0 else list(measures)[::-1]
        with guests.host() if with_guests else contextlib.nullcontext():
            for name in order:
                samples[name].append(measures[name]())
    return samples


def median(values):
    """With the quartiles, since one run in many may take any time; of few, the least and greatest."""
    if len(values) < 4:
        return Figure(statistics.median(values), min(values), max(values))
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return Figure(middle, low, high)


def ratio(values, others):
    """The median of the quotients within a round, not the quotient of the medians."""
    return median([value / other for value, other in zip(values, others)])


def difference(values, others):
    return median([value - other for value, other in zip(values, others)])
