# SPDX-License-Identifier: GPL-2.0
"""The kernel's own counts of KVM's tracepoints, by tracefs: what ours are held against.

Each event has an instance of its own. Its ring buffers may overflow, for only what they say of
themselves is read: what is in them, and what was overwritten.
"""
import contextlib
import glob
import os
import re

INSTANCES = "/sys/kernel/tracing/instances"
# By the figures of our report: the kernel's event, and the evidence that ours rests on.
EVENTS = {
    "updates": ("kvm_update_master_clock", "update"),
    "pvti_updates": ("kvm_pvclock_update", "pvti"),
    "tsc_writes": ("kvm_write_tsc_offset", "tsc-write"),
}
# What a way says where the kernel may skip its programs (src/attach/evidence.c).
MAY_SKIP = "the kernel skips that, and counts it"


def _write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


class Witness:
    """Counts while it is entered; counts() may be read then and after."""

    def __init__(self):
        self.stack = contextlib.ExitStack()
        self.folders = {name: f"{INSTANCES}/kct-{os.getpid()}-{name}" for name in EVENTS}
        self.last = None

    def __enter__(self):
        for name, folder in self.folders.items():
            switch = f"{folder}/events/kvm/{EVENTS[name][0]}/enable"
            os.mkdir(folder)
            self.stack.callback(os.rmdir, folder)
            _write(f"{folder}/buffer_size_kb", "64")
            _write(switch, "1")
            self.stack.callback(_write, switch, "0")
        return self

    def counts(self):
        """By the names of our own report's figures."""
        return self.last or {name: self._count(folder) for name, folder in self.folders.items()}

    @staticmethod
    def _count(folder):
        total = 0
        for path in glob.glob(f"{folder}/per_cpu/cpu*/stats"):
            with open(path, encoding="utf-8") as stats:
                total += sum(int(number) for number in re.findall(
                    r"^(?:entries|overrun|dropped events|read events): (\d+)$", stats.read(),
                    re.MULTILINE))
        return total

    def __exit__(self, *_):
        self.last = self.counts()
        self.stack.close()


def unseen(report):
    """The evidence that a run had no way to."""
    return [hook["evidence"] for hook in report["hooks"] if hook["way"] == "none"]


def skipped(report):
    """The calls that the kernel skipped, by evidence, where the way says that it may: none but such
    a way was permitted."""
    ways = {hook["evidence"] for hook in report["hooks"]
            if MAY_SKIP in (hook["note"] or "")}
    return {missed["evidence"]: missed["calls"] for missed in report.get("missed", ())
            if missed["evidence"] in ways and missed["calls"]}


def differences(report, counts):
    """Which figures of a report are not what the kernel counted: unknown may only be, and has to
    be, what there was no way to. What the kernel was allowed to skip, and counted, is no
    difference; not every call of a function that it skipped was to bring an event."""
    parts, excused = [*report["vms"], report["unattributed"]], skipped(report)
    wrong = []
    for name, (_, evidence) in EVENTS.items():
        numbers = [part[name] for part in parts]
        if name == "updates":
            numbers = [updates["total"] for updates in numbers]
        seen = None if None in numbers else sum(numbers)
        if evidence in unseen(report) or seen is None:
            right = evidence in unseen(report) and seen is None
        else:
            right = 0 <= counts[name] - seen <= excused.get(evidence, 0)
        if not right:
            wrong.append(f"{name} {seen} of {counts[name]}")
    return wrong


def losses(report):
    """What a report says was lost, by cause, and what the kernel skipped, by evidence: as far as
    its ways promise that nothing is."""
    lost, excused = dict(report["losses"]), skipped(report)
    lost["missed"] -= sum(excused.values())
    return [f"{number} {cause}" for cause, number in lost.items() if number] + [
        f"{missed['calls']} calls of {missed['evidence']}" for missed in report.get("missed", ())
        if missed["calls"] and missed["evidence"] not in excused]
