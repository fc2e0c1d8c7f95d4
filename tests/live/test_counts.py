# SPDX-License-Identifier: GPL-2.0
"""How much: every hit of the tracepoints is in somebody's account, once."""

import signal

import kct


class Counts(kct.LiveTest):
    def check_totals(self, report, counted, recording=None):
        """The report against perf: `counted` is what perf saw from before to after."""
        self.assertGreater(counted[kct.UPDATE], 0)
        self.assertEqual(report["lost"], 0, report["losses"])
        self.assertTrue(report["complete"])
        for name, total in kct.totals(report).items():
            self.assertEqual(total, counted[name], name)
        if recording:
            self.assertEqual(len(recording.select("tsc-track")), counted[kct.TSC_TRACK])

    def check_vm(self, vm, expect, nr_vcpus):
        cause = vm["updates"]["cause"]
        self.assertTrue(vm["created"])
        self.assertTrue(vm["gone"])
        self.assertEqual(cause["vm-create"], 1)
        self.assertEqual(
            cause["set-clock"] + cause["set-clock-realtime"], expect["set_clock_updates"]
        )
        self.assertEqual(vm["set_clocks"], expect["set_clock_updates"])
        self.assertEqual([vcpu["id"] for vcpu in vm["vcpus"]], list(range(nr_vcpus)))
        for what in ("unknown", "set-clock-guest"):
            self.assertEqual(cause[what], 0, what)
        # Where nothing tells the VM that a kernel thread works for, it is not known.
        self.assertIn(cause["hyperv"], (0, None))
        known = (count for count in cause.values() if count is not None)
        self.assertEqual(vm["updates"]["total"], sum(known))
        self.assertEqual(vm["updates"]["total"], sum(vm["updates"]["effect"].values()))

    def check_nobody(self, report):
        nobody = report["unattributed"]
        self.assertEqual(nobody["updates"]["total"], 0)
        self.assertEqual(nobody["pvti_updates"], 0)
        self.assertEqual(nobody["tsc_writes"], 0)

    def check_record(self, *args):
        perf = self.kept(kct.PerfStat(self.directory))
        report, recording, work = self.record_workload("recording", *args)
        self.check_totals(report, perf.finish(), recording)
        self.check_nobody(report)
        vms = kct.report_vms(report)
        for number, told in recording.match(work):
            self.check_vm(vms[number], told["expect"], told["vcpus"])
        self.check_number(report, work, len(work["vms"]))

    def check_number(self, report, work, expected):
        """How many VMs of the workload there are, in the order of their numbers."""
        vms = [vm for vm in report["vms"] if vm["pid"] == work["pid"]]
        self.assertEqual(len(vms), expected)
        self.assertEqual(vms, sorted(vms, key=lambda vm: vm["number"]))
        return vms

    def run_stat(self, *args, interval=()):
        """`stat` over a workload: (its JSON objects, perf's counts, the workload's JSON)."""
        perf = self.kept(kct.PerfStat(self.directory))
        stat = self.start("stat", "--json", *interval)
        if interval:
            first = stat.lines.next()  # what there is at the first interval
            tables = [kct.parse(first)]
        else:
            stat.wait_polling()
            tables = []
        work = kct.workload(*args)
        rest = stat.finish(signal.SIGINT, check=kct.EXIT_OK)
        tables += [kct.parse(line) for line in rest.splitlines()]
        return tables, perf.finish(), work

    def check_stat(self, *args):
        (report,), counted, work = self.run_stat(*args)
        self.check_totals(report, counted)
        self.check_nobody(report)
        # One thread made them: the numbers go up in its order.
        for vm, told in zip(self.check_number(report, work, len(work["vms"])), work["vms"]):
            self.check_vm(vm, told["expect"], told["vcpus"])

    def test_record_migrate_1(self):
        self.check_record("migrate", "--vcpus", 1)

    def test_record_migrate_4(self):
        self.check_record("migrate", "--vcpus", 4)

    def test_record_migrate_16(self):
        self.check_record("migrate", "--vcpus", 16)

    def test_record_hotplug(self):
        self.check_record("hotplug", "--vcpus", 2, "--add", 4)

    def test_record_migrate_many_at_once(self):
        self.check_record("migrate", "--vcpus", 2, "--vms", 8)

    def test_stat_migrate_1(self):
        self.check_stat("migrate", "--vcpus", 1)

    def test_stat_migrate_4(self):
        self.check_stat("migrate", "--vcpus", 4)

    def test_stat_migrate_16(self):
        self.check_stat("migrate", "--vcpus", 16)

    def test_stat_hotplug(self):
        self.check_stat("hotplug", "--vcpus", 2, "--add", 4)

    def check_churn(self, report, counted, work, made):
        self.check_nobody(report)
        self.assertEqual(work["ioctls"]["KVM_CREATE_VM"], made)
        for vm in self.check_number(report, work, made):
            self.check_vm(vm, {"set_clock_updates": 0}, 1)
            self.assertEqual(vm["tsc_writes"], 1)  # KVM_CREATE_VCPU's
        # Of one vCPU the only request is that of its creation: one more update a VM.
        self.assertEqual(counted[kct.UPDATE], 2 * made)

    def test_record_churn(self):  # threat-09: VM after VM at the same address
        perf = self.kept(kct.PerfStat(self.directory))
        report, recording, work = self.record_workload("recording", "churn", "--vms", 2000)
        counted = perf.finish()
        self.check_totals(report, counted, recording)
        self.check_churn(report, counted, work, 2000)

    def test_stat_churn(self):
        (report,), counted, work = self.run_stat("churn", "--vms", 2000, "--jobs", 2)
        self.check_totals(report, counted)
        self.check_churn(report, counted, work, 2000)

    def test_stat_with_an_interval(self):
        """A VM that has gone is in one more table; its last numbers are those that count."""
        tables, counted, work = self.run_stat("churn", "--vms", 100, interval=["20ms"])
        self.assertGreater(len(tables), 1)
        last, shown_gone = {}, []
        for table in tables:
            self.assertEqual(table["lost"], 0)
            for vm in table["vms"]:
                self.assertFalse(vm["number"] in shown_gone, "shown after it had gone")
                last[vm["number"]] = vm
            shown_gone += [vm["number"] for vm in table["vms"] if vm["gone"]]
        report = dict(tables[-1], vms=list(last.values()))
        self.check_totals(report, counted)
        self.check_churn(report, counted, work, 100)
