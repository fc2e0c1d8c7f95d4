# SPDX-License-Identifier: GPL-2.0
"""A guest's kvm-clock over a migration: what the recording says against what the guest saw.

The guest is the witness. It reads its clock for ever, and keeps the readings before and after each
change of its PVTI. Each publication adds 2 to a PVTI's version, so that a version tells which of
the recorded ones it was, counted back from the last.
"""

import time

import guest
import kct
import qemu

ROUNDING = 3  # ns: readings and PVTIs are each cut off to a whole one

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


def clock_at(pvti, tsc):
    """The kvm-clock that it gives at this TSC."""
    return -kct.drift_of(pvti, (tsc, 0))


class Side:
    """One QEMU, whose guest has stopped, and the PVTIs that guest memory holds there."""

    def __init__(self, vmm, nr_vcpus):
        self.pid = vmm.pid
        self.pages = guest.pages(vmm, nr_vcpus)
        self.versions = [page.version for page in self.pages]

    def number_in(self, recording):
        (number,) = recording.vm_numbers(self.pid)
        return number


class Clock:
    """One vCPU's clock in source and target: the PVTIs that were published, one after the other,
    and the changes that the guest saw."""

    def __init__(self, recording, source, target, vcpu, report):
        numbers = source.number_in(recording), target.number_in(recording)
        events = [recording.select("pvti", vm=number, vcpu=vcpu) for number in numbers]
        self.events = events[0] + events[1]
        self.start = len(events[0])  # of the target's
        self.pvtis = [kct.pvti_of(event["new"]) for event in self.events]
        self.versions = source.versions[vcpu], target.versions[vcpu]
        self.page = target.pages[vcpu].pvti
        self.report = report
        (self.clock_set,) = recording.select("set-clock", vm=numbers[1])

    def place(self, version):
        """Of the PVTI that had it. The two sides are counted apart: some kernels write the boot
        CPU's PVTI when its MSRs are restored, and that is no publication."""
        if version <= self.versions[0]:
            return self.start - 1 - (self.versions[0] - version) // 2
        return len(self.pvtis) - 1 - (self.versions[1] - version) // 2

    def places(self, change):
        return self.place(change.before.version), self.place(change.after.version)

    def in_target(self):
        """The changes to its PVTIs; the first of them is that from the source to the target."""
        return [change for change in self.report.changes.values()
                if change.after.version > self.versions[0]]

    def crossing(self):
        return self.in_target()[0]


class Drift(qemu.QemuTest):
    def check_values(self, clock):
        """Each PVTI that the guest used is the recorded one in its place."""
        self.assertEqual(clock.page, clock.pvtis[-1])
        for change in clock.report.changes.values():
            for reading in (change.before, change.after):
                self.assertEqual(reading.pvti, clock.pvtis[clock.place(reading.version)])
                self.assertEqual(reading.clock, clock_at(reading.pvti, reading.tsc))

    def check_crossing(self, clock, observed_ns):
        """The jump against the TSC. Other publications may have come between the two readings."""
        first, last = clock.places(clock.crossing())
        self.assertLess(first, clock.start)
        self.assertGreaterEqual(last, clock.start)
        others = sum(
            kct.drift_of(clock.pvtis[place - 1], clock.pvtis[place])
            for place in range(first + 1, last + 1)
            if place != clock.start
        )
        self.assertAlmostEqual(clock.crossing().jump, observed_ns + others, delta=ROUNDING)

    def check_later(self, clock):
        """The jumps after it are the drifts that were recorded for them."""
        for change in clock.in_target()[1:]:
            first, last = clock.places(change)
            drifts = [event["drift_ns"] for event in clock.events[first + 1 : last + 1]]
            self.assertAlmostEqual(change.jump, sum(drifts), delta=ROUNDING)

    def check_step(self, clock):
        """The clock as such stood still, and went on from where it was set to: never backward."""
        change, set_to = clock.crossing(), clock.clock_set["clock"]
        self.assertEqual(change.step, change.after.clock - change.before.clock)
        self.assertLessEqual(change.before.clock, set_to + ROUNDING)
        self.assertLessEqual(set_to, change.after.clock + ROUNDING)
        self.assertGreaterEqual(clock.report.step_backward.step, -ROUNDING)

    def check_largest(self, clock, jumps):
        """No other jump of its sign was as large, and the guest has written it to its port."""
        change = clock.crossing()
        before, after = change.before, change.after
        report = clock.report
        self.assertEqual(report.jump_forward if change.jump > 0 else report.jump_backward, change)
        self.assertIn([change.jump, before.tsc, before.clock, after.tsc, after.clock], jumps)

    def check(self, recording, source, target, reports, jumps):
        drifts = observed(recording, source.number_in(recording), target.number_in(recording))
        self.assertEqual(sorted(drifts), list(range(len(reports))))
        for vcpu, observed_ns in drifts.items():
            with self.subTest(vcpu=vcpu):
                clock = Clock(recording, source, target, vcpu, reports[vcpu])
                self.check_values(clock)
                self.check_crossing(clock, observed_ns)
                self.check_later(clock)
                self.check_step(clock)
                self.check_largest(clock, jumps[vcpu])

    def finish(self, record, source, target, nr_vcpus):
        """Let the guest see what there is to be seen in the target, and compare."""

        def crossed():
            reports = guest.reports(target, nr_vcpus)
            return all(report.last_version() > version
                       for report, version in zip(reports, source.versions))

        kct.until(crossed, "every vCPU to see a PVTI of the target's")
        guest.wait_reads(target, nr_vcpus)  # one that ran late has published to the others, too
        reports = guest.reports(target, nr_vcpus)
        jumps = [guest.jumps_written(target, vcpu) for vcpu in range(nr_vcpus)]
        side = self.end(target, nr_vcpus)
        summary = kct.parse(record.finish(check=kct.EXIT_OK))
        self.assertEqual(summary["lost"], 0)
        self.check(kct.Recording.of(self.path("recording")), source, side, reports, jumps)

    def begin(self, nr_vcpus):
        record = self.start_record("-o", self.path("recording"), "--json")
        source = self.start_source(*guest.arguments(nr_vcpus))
        guest.wait_ready(source, nr_vcpus)
        return record, source

    def end(self, vmm, nr_vcpus):
        vmm.command("stop")
        side = Side(vmm, nr_vcpus)
        vmm.quit()
        return side

    def check_live(self, nr_vcpus):
        record, source = self.begin(nr_vcpus)
        target = self.migrate(source, *guest.arguments(nr_vcpus))
        self.finish(record, self.end(source, nr_vcpus), target, nr_vcpus)

    def check_paused(self, nr_vcpus, seconds=0.5):
        """The target has all of the guest, and lets it wait for so long."""
        record, source = self.begin(nr_vcpus)
        address = "unix:" + self.path("migration")
        target = self.start_target(address, "-S", *guest.arguments(nr_vcpus))
        source.send_guest(address)
        target.wait_event("MIGRATION", status="completed")
        side = self.end(source, nr_vcpus)
        time.sleep(seconds)
        target.command("cont")
        self.finish(record, side, target, nr_vcpus)

    def check_file(self, nr_vcpus):
        """The source is no more when the target begins."""
        record, source = self.begin(nr_vcpus)
        path = self.path("saved")
        source.send_guest("exec:cat > " + path)
        side = self.end(source, nr_vcpus)
        target = self.start_target("exec:cat " + path, *guest.arguments(nr_vcpus))
        target.wait_event("RESUME")
        self.finish(record, side, target, nr_vcpus)

    def test_live_1(self):
        self.check_live(1)

    def test_live_2(self):
        self.check_live(2)

    def test_live_4(self):
        self.check_live(4)

    def test_paused_1(self):
        self.check_paused(1, 0.5)

    def test_paused_2(self):
        self.check_paused(2, 0.5)

    def test_paused_4(self):
        self.check_paused(4, 0.5)

    def test_file_1(self):
        self.check_file(1)

    def test_file_2(self):
        self.check_file(2)

    def test_file_4(self):
        self.check_file(4)
