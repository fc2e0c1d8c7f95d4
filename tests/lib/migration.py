# SPDX-License-Identifier: GPL-2.0
"""A migration as the workload tells it, beside `kvmclock-trace migration`.

The workload says when each of its steps began and ended, by CLOCK_BOOTTIME. So an instant lies in
a window, and a time between two of them between two bounds.
"""

import collections
import os

import kct

# A disciplined clock runs up to 500 ppm off the TSC (MAXFREQ of the kernel), by which T1 and T2
# are measured; the windows are by CLOCK_BOOTTIME. The lab's hosts measure their TSC in a hurry, and
# give their guests a rate that was seen to be off by 1848 ppm.
SLEW = 2500e-6 if "KCT_LAB" in os.environ else 500e-6

# Each of the figures is a sum of a few that were cut off to a whole ns: T1 of two, T2, `observed`,
# the times from the setting of the clock by the snapshots and by the rate.
ROUNDING = 4  # ns

# The clocks are read one after another when a recording begins and ends, and what is derived goes
# by them.
ANCHORS = 50_000  # ns

KVM_CLOCK_REALTIME = 4


class Window(collections.namedtuple("Window", "begin end")):
    """Nanoseconds, of an instant or of a time."""

    def since(self, other):
        return Window(self.begin - other.end, self.end - other.begin)

    def moved(self, ns):
        return Window(self.begin + ns, self.end + ns)

    def widened(self, ns):
        return Window(self.begin - ns, self.end + ns)

    def slewed(self):
        """Of a time that another clock measures."""
        return self.widened(ROUNDING + SLEW * max(abs(self.begin), abs(self.end)))

    def __contains__(self, ns):
        return ns is not None and self.begin <= ns <= self.end


def window(step):
    return Window(step["begin_ns"], step["end_ns"])


def cycles_to_ns(pvti, cycles):
    """By the rate of a PVTI, whoever tells of it; cycles may be negative."""
    mul, shift = pvti["tsc_to_system_mul"], pvti["tsc_shift"]
    return -kct.drift_of((0, 0, mul, shift, 0), (cycles % kct.U64, 0))


def run(*paths, pair=None, check=kct.EXIT_OK):
    """What `migration` says, as it was printed."""
    options = ["--pair", pair] if pair else []
    return kct.run("migration", *paths, *options, "--json", check=check)


def told(*paths, pair=None):
    return kct.parse(run(*paths, pair=pair).stdout)


# ---- observed drift, by our own arithmetic ----

STABLE = 1  # of a PVTI's flags


def since_clock_set(recording, number):
    """The events of the VM from its set-clock on."""
    (clock_set,) = recording.select("set-clock", vm=number)
    events = recording.events[recording.events.index(clock_set) :]
    return [event for event in events if event["vm"] == number]


def observed(recording, source, target):
    """{vCPU: ns} by which each clock jumped against the TSC, source and target being VM numbers:
    the first stable PVTI after the target's clock was set, against the last one in the source."""
    drifts = {}
    for event in since_clock_set(recording, target):
        vcpu = event["vcpu"]
        if event["event"] == "pvti" and event["new"]["flags"] & STABLE and vcpu not in drifts:
            last = recording.select("pvti", vm=source, vcpu=vcpu)[-1]
            drifts[vcpu] = kct.drift_of(kct.pvti_of(last["new"]), kct.pvti_of(event["new"]))
    return drifts


def tsc_is_in_force(recording, number):
    """Is what is written to the TSCs of this VM? Then the next write finds it."""
    offsets = {}
    for event in recording.select("tsc-write", vm=number):
        if offsets.get(event["vcpu"], event["old_offset"]) != event["old_offset"]:
            return False
        offsets[event["vcpu"]] = event["new_offset"]
    return True


class Witness:
    """One migration of the workload's, and the recording of its TSC writes."""

    def __init__(self, recording, source, target):
        """`source` and `target` as Recording.match() gives them."""
        self.recording = recording
        (self.source, source_vm), (self.target, target_vm) = source, target
        assert (source_vm["role"], target_vm["role"]) == ("source", "target")
        self.before = {step["step"]: step for step in source_vm["steps"]}
        self.after = {step["step"]: step for step in target_vm["steps"]}
        self.nr_vcpus = source_vm["vcpus"]
        # The documentation's procedure saves no TSC, but its offset.
        saved = self.before.get("save-tsc") or self.before["get-tsc-offset"]
        self.saved = {vcpu["vcpu"]: vcpu for vcpu in saved["vcpus"]}
        self.written = {vcpu["vcpu"]: vcpu for vcpu in self.after["set-tsc"]["vcpus"]}

    def pair(self):
        return f"{self.source}={self.target}"

    # ---- windows of instants ----

    def clock_read(self):
        return window(self.before["get-clock"])

    def clock_set(self):
        return window(self.after["set-clock"])

    def first_and_last(self, vcpus):
        """Of steps that were made for one vCPU after another."""
        windows = sorted(window(vcpu) for vcpu in vcpus.values())
        return windows[0], windows[-1]

    # ---- the TSC ----

    def writes(self, number, vcpu):
        return self.recording.select("tsc-write", vm=number, vcpu=vcpu)

    def is_in_force(self):
        return tsc_is_in_force(self.recording, self.target)

    def first_write(self, vcpu):
        """KVM lets TSCs that are written within a second of one another agree, by the offset of
        the first: that one, of the vCPU's in the target."""
        offset = self.writes(self.target, vcpu)[-1]["new_offset"]
        return self.recording.select("tsc-write", vm=self.target, new_offset=offset)[0]

    def is_as_created(self):
        """Linux before 6.7 (user_set_tsc) also lets them agree with the creation of the vCPUs,
        when the TSC was 0: what is written to that of a young guest is dropped."""
        return any(self.first_write(vcpu)["ioctl"] == "create-vcpu" for vcpu in self.saved)

    def anchor(self, vcpu):
        """(window, guest TSC then) of an instant from which on the vCPU's TSC went on as it does
        in the target."""
        if not self.is_in_force():
            return window(self.saved[vcpu]), self.saved[vcpu]["tsc"]
        first = self.first_write(vcpu)
        if first["ioctl"] == "create-vcpu":
            return window(self.after["create"]), 0
        return window(self.written[first["vcpu"]]), self.saved[first["vcpu"]]["tsc"]

    # ---- bounds of figures ----

    def t1(self, vcpu):
        return self.clock_read().since(window(self.saved[vcpu])).slewed()

    def t2(self, vcpu, pvti):
        began, tsc = self.anchor(vcpu)
        before = cycles_to_ns(pvti, self.saved[vcpu]["tsc"] - tsc)
        return self.clock_set().since(began).moved(-before).slewed()

    def blackout(self):
        return self.clock_set().since(self.clock_read())

    def clock_advance(self):
        """What KVM_CLOCK_REALTIME has to add: the wall clock's time since the clock was read."""
        clock = self.after["set-clock"]
        if not clock["flags"] & KVM_CLOCK_REALTIME:
            return Window(0, 0)
        header = self.recording.header
        offset = header["realtime_ns"] - header["started_ns"]
        return self.clock_set().moved(offset - clock["realtime"])
