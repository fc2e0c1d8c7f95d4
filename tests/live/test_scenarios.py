# SPDX-License-Identifier: GPL-2.0
"""The workload's scenarios: what is recorded is what the workload says that it did."""

import os
import signal
import unittest

import kct
import migration

AHEAD = 1 << 36  # cycles, by which tsc-race and guest-tsc put a TSC ahead


def steps_of(vm, name):
    return [step for step in vm["steps"] if step["step"] == name]


class Case(kct.LiveTest):
    def play(self, *args):
        """(recording, [(number, the workload's VM)])."""
        _, recording, work = self.record_workload("recording", *args)
        self.assertEqual(sum(recording.trailer["losses"].values()), 0)
        return recording, recording.match(work)

    def check_in(self, event, step):
        self.assertIn(event["ns"], migration.window(step))


class TscRace(Case):
    def test(self):
        """Each write is there, from the thread of its vCPU, while they were written."""
        vcpus, times = 4, 5
        recording, ((number, told),) = self.play("tsc-race", "--vcpus", vcpus, "--count", times)
        steps = steps_of(told, "write-tsc")
        self.assertEqual((len(steps), told["ioctls"]["KVM_SET_MSRS"]), (times, vcpus * times))
        writes = recording.select("tsc-write", vm=number, ioctl="set-tsc")
        self.assertEqual(len(writes), vcpus * times)
        for at, step in enumerate(steps):
            once = writes[at * vcpus:(at + 1) * vcpus]
            for write in once:
                self.check_in(write, step)
                self.assertEqual(write["tid"], told["vcpu_list"][write["vcpu"]]["tid"])
            self.assertEqual(sorted(write["vcpu"] for write in once), list(range(vcpus)))


class GuestTsc(Case):
    def test(self):
        """The guest's own writes are told from the VMM's, and by how far they went."""
        vcpus, times = 3, 2
        recording, ((number, told),) = self.play("guest-tsc", "--vcpus", vcpus, "--count", times)
        steps = steps_of(told, "guest-writes-tsc")
        self.assertEqual([step["vcpu"] for step in steps], list(range(vcpus)) * times)
        writes = recording.select("tsc-write", vm=number, ioctl="run")
        self.assertEqual(len(writes), vcpus * times)
        self.assertEqual(recording.select("tsc-write", vm=number, ioctl="set-tsc"), [])
        for step, write in zip(steps, writes):
            self.check_in(write, step)
            self.assertEqual(write["vcpu"], step["vcpu"])
            # It reads its TSC a moment before KVM writes it.
            moved = (write["new_offset"] - write["old_offset"]) % kct.U64
            self.assertLess((AHEAD - moved) % kct.U64, AHEAD // 4)


class Migrations(Case):
    def test_vcpus_added(self):
        """Those of the target only are made there once its clock is set."""
        recording, (_, (number, told)) = self.play("migrate", "--vcpus", 2, "--add", 3)
        steps = steps_of(told, "add-vcpu")
        self.assertEqual([step["vcpu"] for step in steps], [2, 3, 4])
        (clock_set,) = recording.select("set-clock", vm=number)
        self.assertEqual(clock_set["nr_vcpus"], 2)
        for step in steps:
            (write,) = recording.select("tsc-write", vm=number, vcpu=step["vcpu"],
                                        ioctl="create-vcpu")
            self.check_in(write, step)
            self.assertLess(clock_set["ns"], write["ns"])
        migrated = migration.told(self.path("recording"))
        self.assertEqual(migrated["unpaired_vcpus"], 3)
        self.assertEqual([vcpu["id"] for vcpu in migrated["vcpus"]], [0, 1])

    def test_clock_set_twice(self):
        recording, (_, (number, told)) = self.play("migrate", "--vcpus", 2, "--burst", 2)
        steps = steps_of(told, "set-clock")
        events = recording.select("set-clock", vm=number)
        self.assertEqual((len(steps), len(events)), (2, 2))
        for step, event in zip(steps, events):
            self.check_in(event, step)
            self.assertEqual(event["clock"], step["clock"])
        migrated = migration.told(self.path("recording"))
        self.assertIn(migrated["timeline"]["clock_set"]["boot_ns"], migration.window(steps[1]))

    def test_save_restore(self):
        """The one is gone before the other is there, and the drift is what a migration's is."""
        args = ["save-restore", "--vcpus", 2, "--downtime", "50ms"]
        recording, ((source, before), (target, after)) = self.play(*args)
        (gone,) = recording.select("vm-gone", vm=source)
        first = recording.select("vm", vm=target)[0]
        (close,) = steps_of(before, "close")
        self.assertLess(close["end_ns"], first["ns"])
        if any(hook["evidence"] == "vm-gone" and hook["way"] not in ("none", "derived")
               for hook in recording.header["hooks"]):
            self.check_in(gone, close)
        (create,) = steps_of(after, "create")
        self.assertLess(close["end_ns"] + 50_000_000, create["begin_ns"])
        migrated = migration.told(self.path("recording"), pair=f"{source}={target}")
        self.assertEqual(migrated["vmm_pattern"], "classic")
        drifts = migration.observed(recording, source, target)
        self.assertEqual({vcpu["id"]: vcpu["observed_ns"] for vcpu in migrated["vcpus"]}, drifts)


@unittest.skipUnless("KCT_LAB" in os.environ, "it changes the clocksource of the host")
class Clocksource(Case):
    def current(self):
        with open(kct.CLOCKSOURCE, encoding="ascii") as file:
            return file.read().strip()

    def test_not_asked_for(self):
        done = kct.run("workload", "clocksource", check=kct.EXIT_USAGE)
        self.assertIn("--change-clocksource", done.stderr)
        self.assertEqual(self.current(), "tsc")

    def test(self):
        """The masterclock goes off for it, and the host has its own again in the end."""
        recording, ((number, told),) = self.play("clocksource", "--vcpus", 2,
                                                 "--change-clocksource")
        away, back = steps_of(told, "change-clocksource")
        self.assertNotEqual(away["clocksource"], "tsc")
        self.assertEqual((back["clocksource"], self.current()), ("tsc", "tsc"))
        effects = [event["effect"] for event in recording.select("update", vm=number)
                   if away["begin_ns"] <= event["ns"] <= back["end_ns"]]
        self.assertIn("disabled", effects)
        requests = [event for event in recording.select("request", vm=number, op="made")
                    if away["begin_ns"] <= event["ns"] <= back["end_ns"]]
        self.assertTrue(requests)
        self.assertLessEqual({request["origin"] for request in requests},
                             {"clocksource", "unknown"})

    def test_killed(self):
        """It has its own again whatever ends the workload."""
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
            process = self.start("workload", "clocksource", "--vcpus", 1, "--change-clocksource")
            kct.until(lambda: self.current() != "tsc", "another clocksource")
            process.signal(number)
            process.popen.wait(kct.PATIENCE)
            kct.until(lambda: self.current() == "tsc", "the host's own clocksource")
