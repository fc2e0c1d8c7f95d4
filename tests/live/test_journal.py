# SPDX-License-Identifier: GPL-2.0
"""A migration that nobody watched, and what the journal tells of it afterwards."""

import os
import signal

import guest
import kct
import qemu
import test_migration

# What two attachments, each with events of its own time, say alike, to the nanosecond.
EQUAL = ("t1_ns", "t2_ns", "predicted_ns", "unexplained_ns", "clock_advance_ns", "vmm_pattern",
         "other_frequency", "tsc_not_in_force", "unpaired_vcpus", "same_host", "advice")
EQUAL_VCPU = ("id", "t1_ns", "t2_ns", "predicted_ns", "observed_ns", "by_updates_ns", "by_rate_ns",
              "unexplained_ns", "unnecessary", "why")


class Journal(test_migration.Watched):
    TARGET = ("dst", qemu.QemuTest.SOURCE[1])

    def setUp(self):
        super().setUp()
        self.store = self.path("store")
        self.monitor = self.start("monitor", "--record", self.store, "--keep-free", "0")
        kct.until(lambda: os.path.isdir(self.store) and
                  any(name.endswith(".gz") for name in os.listdir(self.store)), "the recorder")
        self.monitor.wait_polling()

    def end(self, vmm, nr_vcpus, *kind):
        if vmm.name == "dst":
            self.monitor.lines.find("dst: its clock was set (classic), and it ran")
        return super().end(vmm, nr_vcpus, *kind)

    def journal(self):
        """What it tells, when the monitor has ended."""
        self.monitor.popen.send_signal(signal.SIGTERM)
        self.assertEqual(self.monitor.popen.wait(kct.PATIENCE), kct.EXIT_OK, self.monitor.stderr())
        done = kct.run("migrations", "--json", "--vm", self.SOURCE[1], self.store,
                       check=kct.EXIT_OK)
        return [kct.parse(line) for line in done.stdout.splitlines()]

    def check_equal(self, journal, recorded):
        self.assertEqual({key: journal[key] for key in EQUAL},
                         {key: recorded[key] for key in EQUAL})
        self.assertEqual([{key: vcpu[key] for key in EQUAL_VCPU} for vcpu in journal["vcpus"]],
                         [{key: vcpu[key] for key in EQUAL_VCPU} for vcpu in recorded["vcpus"]])

    def check_nobody_watched(self, move, nr_vcpus):
        """Among VMs that come and go; against `migration`, which is held to what the guest saw."""
        load = self.start("workload", "churn", "--vms", 10 ** 6, "--vcpus", 1)
        told = move(nr_vcpus)
        load.popen.kill()
        found = self.journal()
        # QEMU sets the clock of a VM that it starts, too: that one came from nowhere.
        self.assertEqual([(one["name"], one["from"] is None) for one in found],
                         [("src", True), ("dst", False)])
        found = found[-1]
        self.assertIsNone(found["why"])
        self.check_equal(found["migration"], told)
        self.assertLessEqual(abs(found["migration"]["unexplained_ns"]), 2 * nr_vcpus)
        return found["migration"]

    def test_nobody_watched(self):
        move = self.check_nobody_watched(self.check_live, 4)
        self.assertGreaterEqual(move["vcpus"][-1]["unnecessary"], 1)

    def test_saved_and_restored(self):
        self.check_nobody_watched(self.check_file, 2)

    def test_paused_and_resumed(self):
        """QEMU sets the clock of a VM that goes on: the same VM is source and target."""
        source = self.start_source(*guest.arguments(2))
        guest.wait_ready(source, 2)
        source.command("stop")
        source.command("cont")
        guest.wait_reads(source, 2)
        self.monitor.lines.find("src: its clock was set (")
        source.quit()
        resumed = [one for one in self.journal() if one["resumed"]]
        self.assertEqual([(one["name"], one["why"]) for one in resumed], [("src", None)])
        for vcpu in resumed[0]["migration"]["vcpus"]:
            self.assertIsNotNone(vcpu["observed_ns"])


class Churn(kct.LiveTest):
    def test_memory_is_bounded(self):
        """VMs that come and go by the thousand leave nothing behind in memory."""
        store = self.path("store")
        monitor = self.start("monitor", "--record", store, "--keep", "256K", "--keep-free", "0",
                             "--rotate-size", "64K", "--max-vms", "64")
        kct.until(lambda: os.path.isdir(store), "the recorder")
        monitor.wait_polling()

        def resident():
            with open(f"/proc/{monitor.pid}/status", encoding="ascii") as file:
                return int([line.split()[1] for line in file if line.startswith("VmRSS")][0])

        sizes = []
        for _ in range(4):
            kct.run("workload", "churn", "--vms", 500, "--vcpus", 2, check=kct.EXIT_OK)
            sizes.append(resident())
        self.assertLess(sizes[-1] - sizes[1], 1024, sizes)
        monitor.popen.send_signal(signal.SIGTERM)
        self.assertEqual(monitor.popen.wait(kct.PATIENCE), kct.EXIT_OK)
