# SPDX-License-Identifier: GPL-2.0
"""What one update and one publication cost the thread in which they happen.

By the kernel's own accounting of BPF programs, for each method of hooking that this host allows;
and, for those too that are no BPF programs, by the time that a loop of KVM_SET_CLOCK and KVM_RUN
takes longer than untraced. The loop has a CPU for itself, the tracer another, if there is one.
`bpftrace, nothing` has programs that do nothing.
"""

import os

import accounting
import guests
import pairs
import peers
from table import Table

COUNT = 20_000
METHODS = ("tracepoint", "kprobe", "fentry")


def apart():
    """CPUs of the guest, CPUs of the tracer."""
    cpus = sorted(os.sched_getaffinity(0))
    return ({cpus[-1]}, set(cpus[:-1])) if len(cpus) > 1 else (None, None)


def spend(tracer, directory):
    """{program: (times that it ran, ns)} over one storm."""
    guest, rest = apart()
    with accounting.counted():
        tracer.start(directory, rest)
        before = accounting.programs(tracer.process.pid)
        guests.storm(COUNT, 1, guest)
        after = accounting.programs(tracer.process.pid)
        tracer.finish()
    return accounting.spent(before, after)


def each(samples, is_wanted):
    """ns a run of the programs whose name is wanted; None where there are none."""
    found = []
    for spent in samples:
        runs, ns = map(sum, zip((0, 0), *(spent[name] for name in spent if is_wanted(name))))
        if runs:
            found.append(ns / runs)
    return pairs.median(found) if found else None


def is_pvti(name):
    return "pvti" in name or "pvclock" in name


def is_update(name):
    return "update" in name and not is_pvti(name)


def by_method(setting):
    """`record` with each method alone; one that the host refuses says so itself."""
    tracers = []
    for one in setting.programs():
        for method in METHODS:
            tracer = peers.Record(one.program, f"--attach={method}")
            tracer.name = one.name.replace("record", f"record --attach={method}")
            tracers.append(tracer)
    return peers.usable(tracers, setting.directory)


def account(setting):
    methods, notes = by_method(setting)
    scripts = [peers.bpftrace_counts(), peers.bpftrace_values(), peers.bpftrace_arguments(),
               peers.bpftrace_nothing()]
    scripts, more = peers.usable(scripts, setting.directory)
    tracers = setting.always_on() + methods + scripts
    measures = {
        tracer.name: (lambda tracer=tracer: spend(tracer, setting.directory))
        for tracer in tracers
    }
    samples = pairs.interleave(measures, setting.rounds(7))
    table = Table("BPF programs, by the kernel's accounting",
                  "an update, ns", "a publication, ns", "an operation, ns", "programs run in it")
    for tracer in tracers:
        mine = samples[tracer.name]
        whole = [sum(ns for _, ns in spent.values()) / COUNT for spent in mine]
        runs = [sum(runs for runs, _ in spent.values()) / COUNT for spent in mine]
        table.add(tracer.name, each(mine, is_update), each(mine, is_pvti), pairs.median(whole),
                  round(pairs.median(runs).value))
    for note in notes + more:
        table.note(note)
    return table


def ns_each(tracer, directory):
    guest, rest = apart()
    if tracer:
        tracer.start(directory, rest)
    speed = guests.storm(COUNT, 1, guest)
    if tracer:
        tracer.finish()
    return 1e9 / speed


def clock(setting):
    others, notes = setting.usable_others()
    tracers = setting.always_on() + others
    few, more = peers.usable([peers.bpftrace_counts(), peers.bpftrace_nothing()],
                             setting.directory)
    measures = {name: (lambda: ns_each(None, None)) for name in ("untraced", "untraced, again")}
    for tracer in tracers + few:
        measures[tracer.name] = lambda tracer=tracer: ns_each(tracer, setting.directory)
    samples = pairs.interleave(measures, setting.rounds(9))
    table = Table("The loop, by the clock", "an operation, ns", "added, ns", "added an event, ns")
    base = samples["untraced"]
    for name, each_ns in samples.items():
        added = pairs.difference(each_ns, base)
        event = pairs.Figure(*(ns / 2 for ns in added))
        table.add(name, pairs.median(each_ns), added, event)
    table.note("An operation is one update and one publication; `record` also tells that the clock"
               " was set, a third event.")
    for note in notes + more:
        table.note(note)
    return table


def measure(setting):
    return [account(setting), clock(setting)]
