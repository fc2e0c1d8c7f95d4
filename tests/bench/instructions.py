# SPDX-License-Identifier: GPL-2.0
"""What one update and one publication cost, in instructions: the same again on any machine.

They are counted in a machine of the lab (tests/lab/boot --count), which needs no KVM of this host:
its clocks tell how many instructions it has run, so whatever the kernel takes for nanoseconds,
of a BPF program or of a thread's CPU time, is that. It has one processor, so the tracer runs when
the loop does not; each is accounted by itself.

This file is also what runs in there: it prints the samples as JSON.
"""

import json
import os
import resource
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
if __name__ == "__main__":
    sys.path[:0] = [os.path.join(os.path.dirname(HERE), "lib"), HERE]

import accounting  # noqa: E402
import cost  # noqa: E402
import guests  # noqa: E402
import kct  # noqa: E402
import peers  # noqa: E402
from table import BASELINE, Table  # noqa: E402

BOOT = os.path.join(kct.ROOT, "tests", "lab", "boot")
KERNEL = os.environ.get("KCT_BENCH_KERNEL", "6.12")
FEW, MANY = 500, 4500  # operations: what they differ by is due to the loop alone
TIMEOUT = 3600


# ---- in the machine ----


def storm(count):
    guests.storm(count, 1)


def spend(work, count):
    """CPU time of a process that does so many of them."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    work(count)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1e9 * sum(getattr(after, key) - getattr(before, key) for key in ("ru_utime", "ru_stime"))


def session_of(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return int(file.read().rpartition(")")[2].split()[3])


def cpu_time(session):
    """Of all threads of a tracer's session, so far."""
    total = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if session_of(pid) != session:
                continue
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
                    total += int(file.read().split()[0])
        except OSError:  # it has ended
            pass
    return total


def later(session):
    """Its CPU time when it has read what there was: each looks more often than once a second."""
    time.sleep(1)
    return cpu_time(session)


def each(work):
    """CPU time of one of them."""
    few, many = spend(work, FEW), spend(work, MANY)
    return (many - few) / (MANY - FEW)


def look(tracer):
    """What an operation costs: the loop's thread, the tracer's, and {BPF program: (runs, all)};
    and what an exit does, at which none has anything to do."""
    if not tracer:
        return {"loop": each(storm), "exit": each(guests.exits)}
    tracer.start("/tmp")
    pid = tracer.process.pid
    few = spend(storm, FEW)
    between = later(pid)
    many = spend(storm, MANY)
    own = later(pid) - between
    an_exit = each(guests.exits)
    with accounting.counted():
        before = accounting.programs(pid)
        guests.storm(MANY, 1)
        spent = accounting.spent(before, accounting.programs(pid))
    tracer.finish()
    return {"loop": (many - few) / (MANY - FEW), "exit": an_exit, "tracer": own / MANY,
            "spent": spent}


def tracers(baseline):
    found = []
    for program, suffix in ((baseline, BASELINE), (kct.PROGRAM, "")):
        if program:
            for tracer in (peers.Stat(program), peers.Record(program)):
                tracer.name += suffix
                found.append(tracer)
    found.append(peers.Monitor())
    return found + [peers.bpftrace_counts(), *peers.others(), peers.bpftrace_nothing()]


def inside(baseline):
    every, samples, notes = {"untraced": None}, {}, []
    every.update((tracer.name, tracer) for tracer in tracers(baseline))
    spend(storm, FEW)  # so that all that it takes is in memory
    for name, tracer in every.items():
        print(name, "...", file=sys.stderr, flush=True)
        try:
            samples[name] = look(tracer)
        except AssertionError as error:
            notes.append(f"{name}: does not run here: {' '.join(str(error).split())[:200]}.")
    told = {"kernel": os.uname().release, "samples": samples, "notes": notes}
    json.dump(told, sys.stdout)


# ---- outside ----


def boot(setting):
    command = [BOOT, "--count", "--kernel", KERNEL, "--cpus", "1", "--memory", "2048",
               "--timeout", str(TIMEOUT), "--", sys.executable, __file__]
    if setting.baseline:
        command.append(os.path.abspath(setting.baseline))
    environment = {**os.environ, "KCT_PROGRAM": kct.PROGRAM, "KCT_PATIENCE": "1000"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment)
    if done.returncode:
        raise AssertionError(f"tests/lab/boot: exit {done.returncode}")
    return json.loads(done.stdout)


def of_programs(sample, is_wanted):
    """Of an operation, in the BPF programs whose name is wanted; None where there are none."""
    every = [ns for name, (_, ns) in sample["spent"].items() if is_wanted(name)]
    return round(sum(every) / MANY) if every else None


def row(sample, untraced):
    return (of_programs(sample, cost.is_update), of_programs(sample, cost.is_pvti),
            of_programs(sample, lambda name: True), round(sample["loop"] - untraced["loop"]),
            round(sample["tracer"]), round(sample["exit"] - untraced["exit"]))


def measure(setting):
    found = boot(setting)
    table = Table("Instructions", "an update", "a publication", "all programs", "added to the loop",
                  "of the tracer", "added to an exit")
    samples = found["samples"]
    untraced = samples.pop("untraced")
    for name, sample in samples.items():
        table.add(name, *row(sample, untraced))
    table.note(f"Of an operation: one update and one publication, in which the loop untraced takes"
               f" {untraced['loop']:,.0f}; an exit takes {untraced['exit']:,.0f}. `record` and"
               f" `monitor` also tell that the clock was set, a third event. Linux"
               f" {found['kernel']}.")
    for note in found["notes"]:
        table.note(note)
    return [table]


if __name__ == "__main__":
    inside(sys.argv[1] if len(sys.argv) > 1 else None)
