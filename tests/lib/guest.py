# SPDX-License-Identifier: GPL-2.0
"""The SMP guest in tests/live/guest, from outside: its image, and what it has seen of its clock.

Each of its vCPUs reads its kvm-clock endlessly and keeps a report in guest memory, which
tests/live/guest/report.h describes.
"""

import collections
import functools
import os
import re
import struct
import subprocess

import kct

OUTPUT = ".output"
IMAGE = os.path.join(kct.ROOT, OUTPUT, "guest", "guest.bin")

# tests/live/guest/guest.ld
PVTI_AT, REPORT_AT = 0x1000, 0x10000

# tests/live/guest/report.h
CHANGES_KEPT = 32
PVTI = struct.Struct("<I4xQQIbBxx")
READING = struct.Struct("<32sQQ")
CHANGE = struct.Struct("<qq48s48s")
HEAD = struct.Struct("<IIQQ")
EXTREMES = ("jump_forward", "jump_backward", "step_forward", "step_backward")
REPORT_SIZE = HEAD.size + CHANGE.size * (len(EXTREMES) + CHANGES_KEPT)

JUMP_LINE = re.compile(
    r"vcpu (\d+) jump ([+-]\d+) ns: tsc (\d+) clock (\d+) -> tsc (\d+) clock (\d+)"
)

# `pvti` is as kct.pvti_of() has it.
Page = collections.namedtuple("Page", "version pvti")
Reading = collections.namedtuple("Reading", "version pvti tsc clock")
Change = collections.namedtuple("Change", "jump step before after")


@functools.cache
def image():
    """Its path. It is built first, or again, where that is needed."""
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS")}
    command = ["make", "-s", "-C", kct.ROOT, "live-guest", f"OUTPUT={OUTPUT}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"{' '.join(command)}: {done.stderr}")
    return IMAGE


def arguments(nr_vcpus):
    """What QEMU has to be told to run it."""
    return ["-bios", image(), "-smp", nr_vcpus]


def wait_ready(vmm, nr_vcpus, times=1):
    """Until each vCPU reads its clock; again, after a reset."""
    vmm.wait_guest(*[f"vcpu {vcpu} ready\n" for vcpu in range(nr_vcpus)] * times)


def _page(raw):
    version, *pvti = PVTI.unpack(raw)
    return Page(version, tuple(pvti))


def _reading(raw):
    pvti, tsc, clock = READING.unpack(raw)
    return Reading(*_page(pvti), tsc, clock)


def _change(raw):
    jump, step, before, after = CHANGE.unpack(raw)
    return Change(jump, step, _reading(before), _reading(after))


class Report:
    """What a vCPU has told: `reads`, `largest_gap` in cycles, the extremes by their names, and
    `changes` of its PVTI by their numbers, the last ones of `nr_changes`."""

    def __init__(self, raw):
        self.sequence, self.nr_changes, self.reads, self.largest_gap = HEAD.unpack_from(raw)
        places = range(HEAD.size, REPORT_SIZE, CHANGE.size)
        changes = [_change(raw[at : at + CHANGE.size]) for at in places]
        for name in EXTREMES:
            setattr(self, name, changes.pop(0))
        self.changes = {
            number: changes[number % CHANGES_KEPT]
            for number in range(max(0, self.nr_changes - CHANGES_KEPT), self.nr_changes)
        }

    def last_version(self):
        """Of the PVTI, when it was last seen to change."""
        return max((change.after.version for change in self.changes.values()), default=0)


def pages(vmm, nr_vcpus):
    """The PVTI that each vCPU has now. The guest must be stopped."""
    raw = vmm.memory(PVTI_AT, PVTI.size * nr_vcpus)
    return [_page(raw[at : at + PVTI.size]) for at in range(0, len(raw), PVTI.size)]


def _raw_report(vmm, vcpu):
    return vmm.memory(REPORT_AT + REPORT_SIZE * vcpu, REPORT_SIZE)


def report(vmm, vcpu):
    """A vCPU's Report; the guest may run. Whole if two copies agree that none was being written."""

    def whole():
        first, second = _raw_report(vmm, vcpu), _raw_report(vmm, vcpu)
        # `reads` and the gap between these two go on all the time.
        same = first[:8] == second[:8] and first[HEAD.size :] == second[HEAD.size :]
        one = Report(second)
        return one if same and one.sequence % 2 == 0 else None

    return kct.until(whole, f"a whole report of vCPU {vcpu}")


def reports(vmm, nr_vcpus):
    return [report(vmm, vcpu) for vcpu in range(nr_vcpus)]


def wait_reads(vmm, nr_vcpus):
    """Until each vCPU has read its clock from now on, and more than once."""
    first = [one.reads for one in reports(vmm, nr_vcpus)]

    def have_read():
        now = [one.reads for one in reports(vmm, nr_vcpus)]
        return all(after > before + 1 for before, after in zip(first, now))

    kct.until(have_read, "every vCPU to read its clock")


def jumps_written(vmm, vcpu):
    """Those on the debug port: [(ns, tsc, clock, tsc, clock)] before and after."""
    found = [tuple(map(int, line)) for line in JUMP_LINE.findall(vmm.written())]
    return [jump for number, *jump in found if number == vcpu]
