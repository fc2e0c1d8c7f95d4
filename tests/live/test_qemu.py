# SPDX-License-Identifier: GPL-2.0
"""A VMM and guests that are not the program's own: QEMU, SeaBIOS, and the SMP guest.

Each live migration is between two QEMU processes on this host over a Unix socket.
"""

import guest
import kct
import qemu


class Migration(qemu.QemuTest):
    def of_vm(self, report, vmm):
        (vm,) = [vm for vm in report["vms"] if vm["pid"] == vmm.pid]
        self.assertEqual(vm["name"], vmm.name)
        self.assertEqual(vm["uuid"], vmm.uuid)
        self.assertEqual(vm["vmm"], "qemu")
        return vm

    def check_target(self, vm, vmm, threads, samples, nr_vcpus):
        """One update for the clock and then one for each vCPU, and in whose thread, by perf."""
        cause = {key: n for key, n in vm["updates"]["cause"].items() if n}
        self.assertEqual(set(cause), {"vm-create", "set-clock", "vcpu-request"})
        self.assertEqual(cause["vm-create"], 1)
        self.assertGreaterEqual(cause["set-clock"], 1)
        self.assertGreaterEqual(cause["vcpu-request"], nr_vcpus)
        self.assertGreaterEqual(vm["unnecessary"], nr_vcpus)
        hits = [sample.tid for sample in samples
                if sample.event == kct.UPDATE and sample.pid == vmm.pid]
        self.assertEqual(vm["updates"]["total"], len(hits))
        self.assertEqual(cause["vm-create"] + cause["set-clock"], hits.count(vmm.pid))
        self.assertEqual([vcpu["id"] for vcpu in vm["vcpus"]], sorted(threads))
        for vcpu in vm["vcpus"]:
            self.assertEqual(vcpu["updates"], hits.count(threads[vcpu["id"]]))
            self.assertGreaterEqual(vcpu["updates_by_effect"]["resnapshot"], 1)

    def check_counts(self, report, samples):
        counted = {name: sum(sample.event == name for sample in samples)
                   for name in kct.TRACEPOINTS}
        self.assertEqual(report["lost"], 0)
        self.assertEqual(kct.totals(report), {key: counted[key] for key in kct.totals(report)})
        self.assertEqual(report["unattributed"]["updates"]["total"], 0)

    def finish(self, record, perf):
        """(summary, Recording, perf's samples)"""
        report = kct.parse(record.finish(check=kct.EXIT_OK))
        return report, kct.Recording.of(self.path("recording")), perf.finish()

    def begin(self):
        perf = self.kept(kct.PerfTrace(self.directory))
        return self.start_record("-o", self.path("recording"), "--json"), perf

    def test_seabios(self):
        """The source runs already when tracing begins; the boot goes on in the target."""
        source = self.start_source()
        source.wait_guest("kvmclock: at")
        record, perf = self.begin()
        target = self.migrate(source)
        target.wait_guest("No bootable device")
        threads = target.threads()
        for vmm in (source, target):
            vmm.quit()
        report, recording, samples = self.finish(record, perf)
        self.check_counts(report, samples)
        vm = self.of_vm(report, target)
        self.assertTrue(vm["created"])
        self.check_target(vm, target, threads, samples, 1)
        old = self.of_vm(report, source)
        self.assertFalse(old["created"])
        self.assertEqual(old["updates"]["cause"]["vm-create"], 0)
        self.assertEqual(len(recording.select("vcpu", vm=old["number"])), 1)

    def test_smp(self):
        """Four vCPUs, each with its own PVTI in guest memory for us to compare."""
        nr_vcpus = 4
        arguments = guest.arguments(nr_vcpus)
        record, perf = self.begin()
        source = self.start_source(*arguments)
        guest.wait_ready(source, nr_vcpus)
        target = self.migrate(source, *arguments)
        guest.wait_reads(target, nr_vcpus)
        threads = target.threads()
        target.command("stop")
        published = guest.pages(target, nr_vcpus)
        for vmm in (source, target):
            vmm.quit()
        report, recording, samples = self.finish(record, perf)
        self.check_counts(report, samples)
        vm = self.of_vm(report, target)
        self.check_target(vm, target, threads, samples, nr_vcpus)
        self.check_source(self.of_vm(report, source), nr_vcpus)
        (event,) = recording.select("set-clock", vm=vm["number"])
        self.assertEqual((event["nr_pending"], event["nr_vcpus"]), (nr_vcpus, nr_vcpus))
        for vcpu, page in enumerate(published):
            self.check_chain(recording, vm["number"], vcpu)
            last = recording.select("pvti", vm=vm["number"], vcpu=vcpu)[-1]
            self.assertEqual(kct.pvti_of(last["new"])[:4], page.pvti[:4])
            self.assertEqual(last["tid"], threads[vcpu])

    def test_reset(self):
        """QEMU writes the TSCs anew: what follows is no drift, whatever the two PVTIs say."""
        record, perf = self.begin()
        source = self.start_source(*guest.arguments(2))
        guest.wait_ready(source, 2)
        source.command("system_reset")
        source.wait_event("RESET")
        guest.wait_ready(source, 2, times=2)
        source.quit()
        report, recording, samples = self.finish(record, perf)
        self.check_counts(report, samples)
        vm = self.of_vm(report, source)
        for vcpu in vm["vcpus"]:
            self.check_chain(recording, vm["number"], vcpu["id"])
            events = recording.select("pvti", vm=vm["number"], vcpu=vcpu["id"])
            self.assertTrue(any(event["rebased"] and event["old"] for event in events))
            self.assertEqual(vcpu["pvti_rebased"], sum(event["rebased"] for event in events))

    def check_source(self, vm, nr_vcpus):
        self.assertTrue(vm["created"])
        self.assertEqual(len(vm["vcpus"]), nr_vcpus)
        self.assertEqual(vm["updates"]["cause"]["vm-create"], 1)
        for vcpu in vm["vcpus"]:
            self.assertGreaterEqual(vcpu["requests"], 1)
            self.assertGreaterEqual(vcpu["pvti_updates"], 1)

    def test_paused(self):
        """What never ran: its vCPUs' requests wait, and the masterclock is off."""
        self.start_source("-S", "-smp", 2)
        for option in (["--vm", "src"], ["--vm", self.SOURCE[1].upper()]):
            done = kct.run("list", "--json", *option, check=kct.EXIT_OK)
            (vm,) = kct.parse(done.stdout)["vms"]
            self.assertEqual(vm["name"], "src")
            self.assertEqual(vm["uuid"], self.SOURCE[1])
            self.assertEqual(vm["vmm"], "qemu")
            self.assertEqual(vm["nr_vcpus"], 2)
            self.assertEqual(vm["nr_pending"], 2)
            self.assertEqual(vm["masterclock"], "inactive")
            self.assertIsNone(vm["snapshot_age_ns"])
