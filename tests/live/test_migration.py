# SPDX-License-Identifier: GPL-2.0
"""A guest's kvm-clock over a migration: what the recording says against what the guest saw.

The guest is the witness. It reads its clock endlessly, and keeps the readings before and after each
change of its PVTI. Each publication adds 2 to a PVTI's version, so that a version tells which of
the recorded ones it was, counted back from the last.
"""

import time

import guest
import kct
import migration
import qemu

ROUNDING = 3  # ns: readings and PVTIs are each cut off to a whole one

QMP_TIMES = 1000  # ns: to whole microseconds
QMP_DOWNTIME = 2_000_000  # ns: the difference of two times in whole milliseconds

SAVED = ("tsc_saved_first", "tsc_saved_last", "clock_read")  # what is derived of the source


def clock_at(pvti, tsc):
    """The kvm-clock that it gives at this TSC."""
    return -kct.drift_of(pvti, (tsc, 0))


class Side:
    """One QEMU, whose guest has stopped, and the PVTIs that guest memory holds there."""

    def __init__(self, vmm, nr_vcpus):
        self.pid = vmm.pid
        self.name, self.uuid, self.when = vmm.name, vmm.uuid, vmm.when
        self.pages = guest.pages(vmm, nr_vcpus)
        self.versions = [page.version for page in self.pages]

    def number_in(self, recording):
        (number,) = recording.vm_numbers(self.pid)
        return number


class SourceSide(Side):
    """And when QMP says that the guest stopped there."""

    def __init__(self, vmm, nr_vcpus):
        super().__init__(vmm, nr_vcpus)

        def summed_up():
            info = vmm.command("query-migrate")
            return info if info.get("total-time") else None

        info = kct.until(summed_up, "QEMU to sum the migration up")
        began = self.when["MIGRATION"] - info["downtime"] * 10**6 - QMP_DOWNTIME
        self.stopped = migration.Window(began, self.when["STOP"] + QMP_TIMES)
        self.saved = migration.Window(began, self.when["MIGRATION"] + QMP_TIMES)


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


class Watched(qemu.QemuTest):
    """A migration under `record`, and all that is known of it."""

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

    def check_guest(self, recording, source, target, reports, jumps, observed):
        self.assertEqual(sorted(observed), list(range(len(reports))))
        for vcpu, observed_ns in observed.items():
            with self.subTest(vcpu=vcpu):
                clock = Clock(recording, source, target, vcpu, reports[vcpu])
                self.check_values(clock)
                self.check_crossing(clock, observed_ns)
                self.check_later(clock)
                self.check_step(clock)
                self.check_largest(clock, jumps[vcpu])

    # ---- what `migration` says ----

    def check_figures(self, told):
        """The prediction, and its parts; QEMU adds nothing to the clock."""
        self.assertEqual(told["clock_advance_ns"], 0)
        for vcpu in told["vcpus"]:
            self.assertEqual(vcpu["predicted_ns"], vcpu["t1_ns"] - vcpu["t2_ns"])
            explained = [vcpu[name] for name in ("by_updates_ns", "by_rate_ns", "unexplained_ns")]
            self.assertEqual(vcpu["observed_ns"] - vcpu["predicted_ns"], sum(explained))
            self.assertLessEqual(abs(vcpu["unexplained_ns"]), migration.ROUNDING)
            self.assertEqual(vcpu["by_rate_ns"], 0)

    def check_vmm(self, told, nr_vcpus):
        """QEMU's way: the TSCs, and then the clock. What it reads in the target, too, is told only
        where functions are hooked."""
        self.assertEqual(told["vmm_pattern"], "classic")
        sequence = told["vmm_sequence"]
        source = [step["ioctl"] for step in sequence if step["side"] == "source"]
        self.assertEqual([ioctl for ioctl in source if ioctl != "paused"][-2:],
                         ["get-tsc", "get-clock"])
        target = [step for step in sequence if step["side"] == "target"]
        counts = [step["count"] for step in target if step["ioctl"] == "set-tsc"]
        self.assertGreater(sum(counts), 0)
        self.assertEqual(sum(counts) % nr_vcpus, 0)
        order = [step["ioctl"] for step in target if step["ioctl"].startswith("set-")]
        self.assertEqual(order, ["set-tsc"] * len(counts) + ["set-clock"])

    def check_times(self, told, source, target, seen):
        """The instants against QMP's own times. QEMU says that it stopped when it has read the
        TSCs; the clock it reads once more when it sends it (kvmclock_pre_save()), which is most of
        T1. It says that it goes on before it sets the clock."""
        went_on = migration.Window(target.when["RESUME"], seen)
        windows = {
            "tsc_saved_first": source.stopped, "tsc_saved_last": source.stopped,
            "clock_read": source.saved, "clock_set": went_on, "ran": went_on,
        }  # fmt: skip
        for name, window in windows.items():
            instant = told["timeline"][name]["realtime_ns"]
            self.assertIn(instant, window.widened(migration.ANCHORS), name)
        for name, times in (("blackout_ns", ("clock_read", "clock_set")),
                            ("downtime_ns", ("tsc_saved_first", "ran"))):
            boot = [told["timeline"][one]["boot_ns"] for one in times]
            self.assertEqual(told[name], boot[1] - boot[0])
        self.assertGreater(told["downtime_ns"], told["blackout_ns"])
        self.assertEqual(told["clock_lost_ns"], told["blackout_ns"])

    def check_ends(self, told, source, target):
        for end, side in ((told["source"], source), (told["target"], target)):
            self.assertEqual((end["pid"], end["name"], end["uuid"], end["vmm"]),
                             (side.pid, side.name, side.uuid, "qemu"))

    def told(self, recording, source, target):
        """Two VMs are no pair until it is said, but for those of one UUID; or of one name, if
        there are no UUIDs to say that they are two."""
        path, pair = self.path("recording"), None
        are_alike = source.name == target.name and not (source.uuid and target.uuid)
        if source.uuid != target.uuid and not are_alike:
            done = migration.run(path, check=kct.EXIT_USAGE)
            self.assertIn("no VM in it went over to another one", done.stderr)
            pair = f"{source.number_in(recording)}={target.number_in(recording)}"
        return migration.told(path, pair=pair)

    def check_told(self, told, recording, source, target, seen):
        nr_vcpus = len(source.versions)
        self.check_ends(told, source, target)
        self.check_figures(told)
        self.check_vmm(told, nr_vcpus)
        self.check_times(told, source, target, seen)
        # Where it is, what is written to the TSC of a guest as young as ours may yet be dropped.
        if not migration.tsc_is_in_force(recording, target.number_in(recording)):
            self.assertTrue(told["tsc_not_in_force"])

    def check(self, source, target, reports, jumps, seen):
        recording = kct.Recording.of(self.path("recording"))
        told = self.told(recording, source, target)
        self.check_told(told, recording, source, target, seen)
        observed = {vcpu["id"]: vcpu["observed_ns"] for vcpu in told["vcpus"]}
        numbers = source.number_in(recording), target.number_in(recording)
        self.assertEqual(observed, migration.observed(recording, *numbers))
        self.check_guest(recording, source, target, reports, jumps, observed)
        return told

    def finish(self, record, source, target, nr_vcpus):
        """Let the guest see what there is to be seen in the target, and compare."""

        def crossed():
            reports = guest.reports(target, nr_vcpus)
            return all(report.last_version() > version
                       for report, version in zip(reports, source.versions))

        kct.until(crossed, "every vCPU to see a PVTI of the target's")
        seen = time.time_ns()
        guest.wait_reads(target, nr_vcpus)  # one that ran late has published to the others, too
        reports = guest.reports(target, nr_vcpus)
        jumps = [guest.jumps_written(target, vcpu) for vcpu in range(nr_vcpus)]
        side = self.end(target, nr_vcpus)
        summary = kct.parse(record.finish(check=kct.EXIT_OK))
        self.assertEqual(summary["lost"], 0)
        return self.check(source, side, reports, jumps, seen)

    def begin(self, nr_vcpus):
        record = self.start_record("-o", self.path("recording"), "--json")
        source = self.start_source(*guest.arguments(nr_vcpus))
        guest.wait_ready(source, nr_vcpus)
        return record, source

    def end(self, vmm, nr_vcpus, kind=Side):
        vmm.command("stop")
        side = kind(vmm, nr_vcpus)
        vmm.quit()
        return side

    def end_source(self, vmm, nr_vcpus):
        return self.end(vmm, nr_vcpus, SourceSide)

    def check_live(self, nr_vcpus):
        record, source = self.begin(nr_vcpus)
        target = self.migrate(source, *guest.arguments(nr_vcpus))
        return self.finish(record, self.end_source(source, nr_vcpus), target, nr_vcpus)

    def check_paused(self, nr_vcpus, seconds=0.5):
        """The target has all of the guest, and lets it wait for so long."""
        record, source = self.begin(nr_vcpus)
        address = "unix:" + self.path("migration")
        target = self.start_target(address, "-S", *guest.arguments(nr_vcpus))
        source.send_guest(address)
        target.wait_event("MIGRATION", status="completed")
        side = self.end_source(source, nr_vcpus)
        time.sleep(seconds)
        target.command("cont")
        self.finish(record, side, target, nr_vcpus)

    def check_file(self, nr_vcpus):
        """The source is no more when the target begins."""
        record, source = self.begin(nr_vcpus)
        path = self.path("saved")
        source.send_guest("exec:cat > " + path)
        side = self.end_source(source, nr_vcpus)
        target = self.start_target("exec:cat " + path, *guest.arguments(nr_vcpus))
        target.wait_event("RESUME")
        return self.finish(record, side, target, nr_vcpus)


class Drift(Watched):
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

    # ---- who went where ----

    def test_shared_uuid(self):
        """As with a management that gives the target another name."""
        self.TARGET = (self.TARGET[0], self.SOURCE[1])
        self.check_live(1)

    def test_shared_name(self):
        self.TARGET = (self.SOURCE[0], None)
        self.check_live(1)

    def test_shared_name_of_two(self):
        self.TARGET = (self.SOURCE[0], self.TARGET[1])
        self.check_live(1)

    def test_shared_both(self):
        self.TARGET = self.SOURCE
        self.check_file(1)  # the source is gone: they share the file of what the guest writes

    def test_two_recordings(self):
        """As of two hosts: each has only its own QEMU. The figures are those of the one."""
        paths = [self.path(name) for name, _ in (self.SOURCE, self.TARGET)]
        records = [self.start_record("-o", path, "--json", "--vm", name)
                   for path, (name, _) in zip(paths, (self.SOURCE, self.TARGET))]
        whole = self.check_live(2)
        for record in records:
            self.assertEqual(len(kct.parse(record.finish(check=kct.EXIT_OK))["vms"]), 1)
        told = migration.told(*paths, pair=f"{self.SOURCE[0]}={self.TARGET[0]}")
        for vcpu in told["vcpus"] + whole["vcpus"]:
            del vcpu["tsc_advance_ns"]  # by the times of two events, which each record takes
        for name in ("same_host", "vcpus", "clock_advance_ns", "vmm_pattern", "advice",
                     "tsc_not_in_force", "tsc_saved", "clock_saved"):
            self.assertEqual(told[name], whole[name], name)
        # What was derived goes by the clocks with which a recording begins and ends.
        for name in SAVED:
            self.assertAlmostEqual(told["timeline"][name]["boot_ns"],
                                   whole["timeline"][name]["boot_ns"], delta=2 * migration.ANCHORS)
        done = migration.run(*reversed(paths), pair=f"{self.TARGET[0]}={self.SOURCE[0]}",
                             check=kct.EXIT_USAGE)
        self.assertIn("swapped", done.stderr)
