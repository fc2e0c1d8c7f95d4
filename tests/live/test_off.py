# SPDX-License-Identifier: GPL-2.0
"""Why a masterclock is off: one vCPU's TSC is put apart, or has a frequency of its own."""

import signal

import kct

FASTER_KHZ = 9_000_000  # than any host: KVM needs no TSC scaling to promise that


def listed(pid):
    vms = kct.parse(kct.run("list", "--json", check=kct.EXIT_OK).stdout)["vms"]
    (vm,) = [vm for vm in vms if vm["pid"] == pid]
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
        self.assertIn("off: the TSCs of 1 of 3 vCPUs match, out of line (derived): vCPU 2\n", text)
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
