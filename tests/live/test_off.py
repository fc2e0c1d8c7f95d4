# SPDX-License-Identifier: GPL-2.0
"""Why a masterclock is off: one vCPU's TSC is put apart, or has a frequency of its own; or it is
the guest's old MSR, the host's clocksource, or a TSC of the host's that went backwards."""

import os
import signal
import unittest

import kct

ONLINE = "/sys/devices/system/cpu/cpu1/online"
BACKWARDS = "-kct-tsc-backwards"  # of a kernel of the lab's own: what its release ends with
FASTER_KHZ = 9_000_000  # than any host: KVM needs no TSC scaling to promise that


def all_listed(pid):
    vms = kct.parse(kct.run("list", "--json", check=kct.EXIT_OK).stdout)["vms"]
    return [vm for vm in vms if vm["pid"] == pid]


def listed(pid):
    (vm,) = all_listed(pid)
    return vm


class Off(kct.LiveTest):
    def check(self, off, odd, vcpus):
        self.assertEqual(off["reasons"], ["tsc-unmatched"])
        self.assertIs(off["clocksource_tsc"], True)
        self.assertIs(off["tsc_backwards"], False)
        self.assertIs(off["old_kvmclock"], False)
        self.assertEqual((off["nr_matched"], off["nr_vcpus"]), (1, vcpus))
        self.assertEqual([vcpu["id"] for vcpu in off["odd_vcpus"]], [odd])

    def test_list(self):
        hold, _ = self.start_hold("odd-tsc", "--vcpus", 3)
        vm = listed(hold.pid)
        self.assertEqual(vm["masterclock"], "inactive")
        self.check(vm["masterclock_off"], 2, 3)
        text = kct.run("list", "--pid", hold.pid, check=kct.EXIT_OK).stdout
        # How far, where a TSC that is written is in force.
        self.assertRegex(text, r"off: the TSCs of 1 of 3 vCPUs match, out of line \(derived\): "
                               r"vCPU 2( \(\+\d+ cycles\))?\n")
        hold.finish(check=kct.EXIT_OK)

    def test_active(self):
        hold, _ = self.start_hold("steady", "--vcpus", 2, "--duration", "10ms")
        self.assertIsNone(listed(hold.pid)["masterclock_off"])
        hold.finish(check=kct.EXIT_OK)

    def test_recording(self):
        """At the update that turns it off, in the summary, and in the counters of `stat`."""
        report, recording, work = self.record_workload("recording", "odd-tsc")
        ((number, _),) = recording.match(work)
        (update,) = recording.select("update", vm=number, effect="disabled")
        self.assertEqual(update["conditions"]["nr_matched"], 1)
        self.assertIs(update["conditions"]["tsc_matched"], False)
        for update in recording.select("update", vm=number, effect="resnapshot"):
            self.assertIsNone(update["conditions"])
        (vm,) = [vm for vm in report["vms"] if vm["pid"] == work["pid"]]
        self.check(vm["masterclock_off"], 3, 4)

    def test_request(self):
        """That update serves a request of the TSC's write, by whichever ioctl."""
        for options in ((), ("--one-reg",)):
            with self.subTest(options):
                if kct.run("workload", "odd-tsc", *options).returncode == kct.EXIT_HOST:
                    self.skipTest("this kernel knows no MSR by KVM_SET_ONE_REG")
                report, recording, work = self.record_workload("recording", "odd-tsc", *options)
                ((number, _),) = recording.match(work)
                made = recording.select("request", vm=number, op="made", origin="tsc-write")
                self.assertEqual([event["vcpu"] for event in made], [3])
                (vm,) = [vm for vm in report["vms"] if vm["pid"] == work["pid"]]
                self.assertEqual([vcpu["requests_by_origin"]["tsc-write"] for vcpu in vm["vcpus"]],
                                 [0, 0, 0, 1])

    def test_frequency(self):
        report, _, work = self.record_workload(
            "recording", "odd-tsc", "--tsc-spread", 1, "--tsc-khz", FASTER_KHZ
        )
        (vm,) = [vm for vm in report["vms"] if vm["pid"] == work["pid"]]
        self.check(vm["masterclock_off"], 3, 4)
        self.assertEqual(vm["masterclock_off"]["odd_vcpus"][0]["tsc_khz"], FASTER_KHZ)

    def test_stat(self):
        """Its counters come from the kernel's maps, and so does what turned the clock off."""
        stat = self.start("stat", "--json")
        stat.wait_polling()
        hold, _ = self.start_hold("odd-tsc")
        tables = stat.finish(signal.SIGINT, check=kct.EXIT_OK)
        hold.finish(check=kct.EXIT_OK)
        (vm,) = [vm for vm in kct.parse(tables)["vms"] if vm["pid"] == hold.pid]
        self.check(vm["masterclock_off"], 3, 4)


class Reasons(kct.LiveTest):
    """Those that are of the whole VM: each alone, in `list`, in `stat` and in a recording."""

    def masterclock_of(self, pid):
        return [vm["masterclock"] for vm in all_listed(pid) if vm["nr_vcpus"] == 2]

    def check_reason(self, reason, options=(), provoke=None):
        """A VM runs, something is done to its host, and the masterclock goes off."""
        path = self.path("recording")
        stat = self.start("stat", "--json")
        record = self.start_record("-o", path, "--json")
        stat.wait_polling()
        vmm = self.start("workload", "steady", "--vcpus", 2, "--duration", "1h", "--json", *options)
        if provoke:
            kct.until(lambda: self.masterclock_of(vmm.pid) == ["active"], "a masterclock")
            provoke()
        kct.until(lambda: self.masterclock_of(vmm.pid) == ["inactive"] and
                  "not-yet" not in listed(vmm.pid)["masterclock_off"]["reasons"], "its end")
        self.assertEqual(listed(vmm.pid)["masterclock_off"]["reasons"], [reason])
        for text in (stat.finish(signal.SIGINT, check=kct.EXIT_OK),
                     record.finish(check=kct.EXIT_OK)):
            (vm,) = [vm for vm in kct.parse(text)["vms"] if vm["pid"] == vmm.pid]
            self.assertEqual(vm["masterclock_off"]["reasons"], [reason])
        vmm.finish(signal.SIGINT)
        recording = kct.Recording.of(path)
        (number,) = recording.vm_numbers(vmm.pid)
        *_, last = recording.select("update", vm=number)
        return last

    def test_old_msr(self):
        """The guest's boot CPU names its PVTI by the MSR of Linux up to 2.6.34."""
        update = self.check_reason("old-kvmclock", ["--old-msr"])
        self.assertIs(update["conditions"]["old_kvmclock"], True)


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


@unittest.skipUnless("KCT_LAB" in os.environ, "it changes the host's clocksource or CPUs")
class OfTheHost(Reasons):
    test_old_msr = None  # is the base's

    def test_clocksource(self):
        self.addCleanup(write, kct.CLOCKSOURCE, "tsc")
        update = self.check_reason("clocksource", provoke=lambda: write(kct.CLOCKSOURCE, "hpet"))
        self.assertNotEqual(update["host_clock"], 1)  # VDSO_CLOCKMODE_TSC

    @unittest.skipUnless(os.uname().release.endswith(BACKWARDS), "this kernel's TSC only goes on")
    def test_backwards(self):
        def suspend_cpu():
            write(ONLINE, "0")
            write(ONLINE, "1")

        update = self.check_reason("tsc-backwards", provoke=suspend_cpu)
        self.assertIs(update["conditions"]["tsc_backwards"], True)
