# SPDX-License-Identifier: GPL-2.0
"""Reading a recording of a storm, against the peers' readers on their own files of such a storm.

`report` sums up, `perf script` and `trace-cmd report` print each event; nobody reads what they
print. The recordings are one of a short storm, its events repeated until there are enough.
"""

import json
import os
import shutil

import counted
import guests
import pairs
import peers
from table import Table

MIB = 1 << 20
STORM = 5_000  # operations of the storm whose events are repeated
PEERS = 500_000  # of the one that the peers record: two events each
INSTRUCTIONS = (500, 2_500)


def record_storm(tracer, directory, count):
    with guests.host():
        tracer.start(directory)
        guests.storm(count, 1)
        return tracer.finish()


def lengthen(source, target, events):
    """The recording again with this many events, in the order in which they came."""
    with open(source, "rb") as file:
        header, *lines, trailer = file
    first = next(i for i, line in enumerate(lines) if b'"vm-gone"' in line)
    lines = lines[:first]
    block = b"".join(lines)
    trailer = json.dumps({**json.loads(trailer), "events": events}, separators=(",", ":"))
    with open(target, "wb") as file:
        file.write(header)
        for _ in range(events // len(lines)):
            file.write(block)
        file.writelines(lines[:events % len(lines)])
        file.write(trailer.encode() + b"\n")


def reader(events, *command):
    def one():
        seconds, peak = counted.run(*command)
        return events / seconds, peak / MIB

    return one


def sizes(setting):
    if setting.quick:
        return 10**4, 10**5
    return 10**4, 10**6, 10**7


def add_rows(table, measures, sizes_of, rounds):
    for name, samples in pairs.interleave(measures, rounds, with_guests=False).items():
        speeds, peaks = zip(*samples)
        table.add(name, sizes_of[name], pairs.median(speeds), pairs.median(peaks))


def read_peers(setting, measures, sizes_of, notes):
    readers = {
        "perf script": (peers.PerfRecord(), "perf.data", ["perf", "script", "-i"]),
        "trace-cmd report": (peers.TraceCmd(), "trace.dat", ["trace-cmd", "report", "-i"]),
    }
    for name, (tracer, file, command) in readers.items():
        why = peers.why_not(tracer, setting.directory)
        if why:
            notes.append(f"{tracer.name}: {why}.")
            continue
        count = PEERS // 20 if setting.quick else PEERS
        events = record_storm(tracer, setting.directory, count)
        measures[name] = reader(events, *command, setting.path(file))
        sizes_of[name] = events


def measure_instructions(setting, recording):
    table = Table("Instructions of user space", "instructions")
    path, taken = setting.path("short.jsonl"), []
    for events in INSTRUCTIONS:
        lengthen(recording, path, events)
        taken.append(counted.instructions(setting.directory, "report", path))
    if None in taken:
        table.note("valgrind cannot run the program here.")
        return table
    few, many = taken
    each = (many - few) / (INSTRUCTIONS[1] - INSTRUCTIONS[0])
    table.add("report, an event more", round(each))
    table.add("report, all besides", round(few - each * INSTRUCTIONS[0]))
    return table


def measure(setting):
    table = Table("Reading a recording", "events", "events a second", "peak of memory, MiB")
    measures, sizes_of, notes, programs = {}, {}, [], setting.programs()
    source = setting.path("storm.jsonl")
    record_storm(peers.Record(), setting.directory, STORM)
    os.replace(setting.path("recording.jsonl"), source)
    read_peers(setting, measures, sizes_of, notes)
    for events in sizes(setting):
        path = setting.path(f"{events}.jsonl")
        room = shutil.disk_usage(setting.directory).free
        if events * os.path.getsize(source) / (3 * STORM) > room / 2:
            notes.append(f"{events:,} events: too little room on the disk.")
            continue
        lengthen(source, path, events)
        for one in programs:
            name = one.name.replace("record", f"report, {events:,}")
            measures[name] = reader(events, one.program, "report", path)
            sizes_of[name] = events
        if events > 10**6:  # too long to be read often, too large to be kept
            large = {name: measures.pop(name) for name in list(measures) if f"{events:,}" in name}
            add_rows(table, large, sizes_of, 1)
            os.unlink(path)
    add_rows(table, measures, sizes_of, setting.rounds(3))
    table.rows.sort(key=lambda row: row[1][0])  # by the number of events
    for note in notes:
        table.note(note)
    return [table, measure_instructions(setting, source)]
