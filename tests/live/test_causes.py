# SPDX-License-Identifier: GPL-2.0
"""Why: causes, effects and origins on a kernel that has none of the proposed patches.

What is expected here is what KVM's source says of such a kernel (5.16 to 6.18 and on): a vCPU
that is made, or whose TSC the host writes, has a masterclock request pending until KVM_RUN.
"""

import kct


def step_of(vm, name):
    (step,) = [step for step in vm["steps"] if step["step"] == name]
    return step


class Migration(kct.LiveTest):
    VCPUS = 4

    def migrate(self, *options):
        perf = self.kept(kct.PerfTrace(self.directory))
        args = ["migrate", "--vcpus", self.VCPUS, *options]
        report, recording, work = self.record_workload("recording", *args)
        self.samples = perf.finish()
        self.recording, self.work = recording, work
        (_, self.source), (self.number, self.target) = recording.match(work)
        self.reported = kct.report_vms(report)[self.number]
        self.events = [event for event in recording.events if event["vm"] == self.number]

    def check_causes(self, **expected):
        causes = {key.replace("_", "-"): count for key, count in expected.items()}
        reported = self.reported["updates"]["cause"]
        self.assertEqual({key: n for key, n in reported.items() if n}, causes)
        for event in self.recording.select("update", vm=self.number):
            self.assertFalse(event["cause_derived"])
            self.assertEqual(event["host_clock"], 1)

    def check_set_clock(self, cause, flags):
        """Who asked for what, and who was waiting: against what the workload did."""
        step = step_of(self.target, "set-clock")
        (event,) = self.recording.select("set-clock", vm=self.number)
        self.assertEqual(event["clock"], step["clock"])
        self.assertEqual(event["flags"], flags)
        self.assertEqual(event["realtime"], step.get("realtime", 0))
        # Their TSCs were written, and none has run: every one has a request pending.
        self.assertEqual(event["nr_vcpus"], self.VCPUS)
        self.assertEqual(event["nr_pending"], self.VCPUS)
        (update,) = self.recording.select("update", vm=self.number, cause=cause)
        self.assertEqual(update["tid"], self.target["tid"])
        for it in (event, update):
            self.assertLessEqual(step["begin_ns"], it["ns"])
            self.assertLessEqual(it["ns"], step["end_ns"])

    def check_requests(self):
        """After KVM_SET_CLOCK each vCPU takes one more snapshot, all unnecessary."""
        self.assertGreaterEqual(self.reported["unnecessary"], self.VCPUS)
        order = [event["event"] for event in self.events]
        for told, vcpu in zip(self.target["vcpu_list"], self.reported["vcpus"]):
            self.assertEqual(vcpu["id"], told["vcpu"])
            self.assertGreaterEqual(vcpu["requests"], 1)
            self.assertGreaterEqual(vcpu["updates_by_effect"]["resnapshot"], 1)
            self.assertFalse(vcpu["pending"])
            (update,) = self.recording.select("update", vm=self.number, vcpu=vcpu["id"])
            self.assertEqual(update["cause"], "vcpu-request")
            self.assertEqual(update["effect"], "resnapshot")
            self.assertEqual(update["tid"], told["tid"])
            self.assertLess(order.index("set-clock"), self.events.index(update))
            made = self.recording.select("request", vm=self.number, vcpu=vcpu["id"], op="made")
            self.assertTrue(all(not request["derived"] for request in made))
            self.assertLess(made[0]["ns"], update["ns"])

    def check_threads(self):
        """perf says which thread ran the updates."""
        hits = {}
        for sample in self.samples:
            if sample.event == kct.UPDATE:
                hits[sample.tid] = hits.get(sample.tid, 0) + 1
        for vcpu, told in zip(self.reported["vcpus"], self.target["vcpu_list"]):
            self.assertEqual(vcpu["updates"], hits[told["tid"]])
        # The main thread made two VMs and set the clock of one.
        self.assertEqual(hits[self.work["pid"]], 3)

    def check_snapshots(self):
        """What the last update wrote is what the guest has in the end."""
        last = self.recording.select("update", vm=self.number)[-1]["after"]
        self.assertEqual(last["masterclock"], "active")
        self.assertEqual(last["nr_vcpus"], self.VCPUS)
        final = [pvti for pvti in self.target["steps"][-1]["pvti"] if pvti["final"]]
        self.assertEqual(len(final), self.VCPUS)
        for pvti in final:
            clock = last["master_kernel_ns"] + last["kvmclock_offset"]
            self.assertEqual(pvti["system_time"], clock)
            # The offset is the one that was written, but for a host that allows none.
            write = self.recording.select("tsc-write", vm=self.number, vcpu=pvti["vcpu"])[-1]
            offset = pvti["tsc_timestamp"] - last["master_cycle_now"]
            self.assertIn(offset, (write["new_offset"], write["old_offset"]))
        updates = self.recording.select("update", vm=self.number)
        for before, after in zip(updates, updates[1:]):
            for field in ("masterclock", "master_kernel_ns", "master_cycle_now"):
                self.assertEqual(after["before"][field], before["after"][field])
            self.assertLess(
                after["before"]["master_cycle_now"], after["after"]["master_cycle_now"]
            )

    def test_plain(self):
        self.migrate()
        self.check_causes(vm_create=1, set_clock=1, vcpu_request=self.VCPUS)
        self.check_set_clock("set-clock", 0)
        self.check_requests()
        self.check_threads()
        self.check_snapshots()

    def test_realtime(self):
        self.migrate("--realtime")
        self.check_causes(vm_create=1, set_clock_realtime=1, vcpu_request=self.VCPUS)
        self.check_set_clock("set-clock-realtime", 4)
        self.check_requests()

    def test_tsc_offset(self):
        """KVM_VCPU_TSC_OFFSET makes the request, unless it is pending already."""
        self.migrate("--tsc-offset")
        self.check_set_clock("set-clock", 0)
        self.check_requests()
        step = step_of(self.target, "set-tsc")
        for told, vcpu in zip(step["vcpus"], self.reported["vcpus"]):
            during = [
                event
                for event in self.events
                if event["vcpu"] == told["vcpu"]
                and told["begin_ns"] <= event["ns"] <= told["end_ns"]
            ]
            kinds = [event["event"] for event in during]
            self.assertEqual(sorted(set(kinds) - {"request"}), ["tsc-track", "tsc-write"])
            (write,) = [event for event in during if event["event"] == "tsc-write"]
            self.assertEqual(write["new_offset"] % kct.U64, told["tsc_offset"] % kct.U64)
            (track,) = [event for event in during if event["event"] == "tsc-track"]
            self.assertTrue(track["pending"])
            origins = vcpu["requests_by_origin"]
            if "request" in kinds:
                self.assertEqual(origins["tsc-offset"], 1)
            else:
                self.assertEqual(origins["vcpu-create"], 1)

    def test_source(self):
        """The first vCPU that runs switches the masterclock on; the others only repeat it."""
        self.migrate()
        number = self.recording.match(self.work)[0][0]
        updates = self.recording.select("update", vm=number)
        effects = [update["effect"] for update in updates]
        self.assertEqual(effects, ["enabled"] + ["resnapshot"] * (self.VCPUS - 1))
        self.assertEqual(
            sorted(update["tid"] for update in updates),
            sorted(vcpu["tid"] for vcpu in self.source["vcpu_list"]),
        )
        created = self.recording.select("update", cause="vm-create")
        self.assertEqual([event["tid"] for event in created], [self.work["pid"]] * 2)


class Quiet(kct.LiveTest):
    def test_steady(self):
        """No update in the quiet time of a VM that just runs, and no new PVTI.

        Up to 6.18 each vCPU publishes what it has once more, 100 ms after one enabled its clock.
        """
        args = ["steady", "--vcpus", 2, "--duration", "300ms"]
        _, recording, work = self.record_workload("recording", *args)
        ((number, told),) = recording.match(work)
        quiet = step_of(told, "quiet")
        for event in recording.events:
            if event["vm"] == number and quiet["begin_ns"] <= event["ns"] <= quiet["end_ns"]:
                self.assertEqual(event["event"], "pvti")
                self.assertEqual(event["new"], event["old"])
                self.assertEqual(event["drift_ns"], 0)
        self.assertTrue(recording.select("update", vm=number))
