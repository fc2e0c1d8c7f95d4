# SPDX-License-Identifier: GPL-2.0
"""What: the values of the events, against guest memory and against perf."""

import collections

import kct


def guest_pvtis(vm):
    """What guest memory held in the VM's "run" steps: {vCPU: [PVTI, ...]}."""
    seen = collections.defaultdict(list)
    for step in vm["steps"]:
        if step["step"] == "run":
            for pvti in step["pvti"]:
                seen[pvti["vcpu"]].append(pvti)
    return seen


class Values(kct.LiveTest):
    def check_guest_values(self, guest, events):
        """Each PVTI in guest memory is an event with equal values; the last one is the last.

        A publication adds 2 to the version, so it tells which of them it was, from the end.
        """
        self.assertTrue(guest[-1]["final"])
        indices = []
        for pvti in guest:
            back, odd = divmod(guest[-1]["version"] - pvti["version"], 2)
            self.assertFalse(odd)
            self.assertLess(back, len(events), f"in guest memory, but no event: {pvti}")
            event = events[len(events) - 1 - back]
            self.assertEqual(kct.pvti_of(event["new"]), kct.pvti_of(pvti))
            indices.append(len(events) - 1 - back)
        return indices

    def check_guest_drifts(self, guest, indices, events):
        """
        Of two PVTIs that were seen in guest memory, one after the other. Those between them that
        memory no longer shows add up; each may cut off less than 1 ns. How many pairs there were.
        """
        pairs = list(zip(guest, guest[1:], indices, indices[1:]))
        for old, new, at, index in pairs:
            between = events[at + 1:index + 1]
            self.assertFalse([event for event in between if event["rebased"]])
            drift = kct.drift_of(kct.pvti_of(old), kct.pvti_of(new))
            cut = sum(event["drift_ns"] for event in between) - drift
            self.assertIn(cut, range(len(between)), between)
        return len(pairs)

    def check_sums(self, vcpu, events):
        drifts = [event["drift_ns"] for event in events if event["drift_ns"] is not None]
        was_set = [
            event["drift_ns"]
            for event in events
            if event["drift_ns"] is not None and event["clock_set"]
        ]
        unasked = [
            event["drift_ns"]
            for event in events
            if event["drift_ns"] is not None and not event["clock_set"]
        ]
        expected = {
            "total": sum(drifts),
            "max_forward": max([0] + unasked),
            "max_backward": min([0] + unasked),
            "set_clock": sum(was_set),
        }
        self.assertEqual(vcpu["drift_ns"], expected)
        self.assertEqual(vcpu["pvti_updates"], len(events))
        self.assertEqual(vcpu["pvti_rebased"], sum(event["rebased"] for event in events))

    def check_vm(self, recording, number, told, reported):
        """How many drifts could be compared with guest memory."""
        compared = 0
        guest = guest_pvtis(told)
        vcpus = {vcpu["id"]: vcpu for vcpu in reported["vcpus"]}
        self.assertEqual(sorted(guest), list(range(told["vcpus"])))
        for vcpu, pvtis in guest.items():
            events = recording.select("pvti", vm=number, vcpu=vcpu)
            indices = self.check_guest_values(pvtis, events)
            # The target's page came along; others begin at version 0, and miss no event.
            if told["role"] != "target":
                self.assertEqual(pvtis[-1]["version"], 2 * len(events))
            for event, told_vcpu in ((e, told["vcpu_list"][vcpu]) for e in events):
                self.assertEqual(event["tid"], told_vcpu["tid"])
            self.check_chain(recording, number, vcpu)
            compared += self.check_guest_drifts(pvtis, indices, events)
            self.check_sums(vcpus[vcpu], events)
        total = sum(vcpu["drift_ns"]["total"] for vcpu in vcpus.values())
        self.assertEqual(reported["drift_ns"]["total"], total)
        return compared

    def check_workload(self, *args):
        report, recording, work = self.record_workload("recording", *args)
        vms = kct.report_vms(report)
        return sum(
            self.check_vm(recording, number, told, vms[number])
            for number, told in recording.match(work)
        )

    def check_drifts(self, *args):
        """A run in which memory shows at least one vCPU's PVTI, and then another one."""
        self.assertGreater(self.check_workload(*args), 0)

    def test_migrate(self):
        for vcpus in (1, 4, 16):
            with self.subTest(vcpus=vcpus):
                check = self.check_drifts if vcpus > 1 else self.check_workload
                check("migrate", "--vcpus", vcpus)

    def test_migrate_skewed(self):
        """Clock and TSC do not stop at one time, nor go on at one."""
        skew = ["--skew-save", "3ms", "--skew-restore", "2ms", "--downtime", "5ms"]
        self.check_drifts("migrate", "--vcpus", 4, *skew)

    def test_migrate_by_offset(self):
        self.check_drifts("migrate", "--vcpus", 4, "--tsc-offset")

    def test_hotplug(self):
        self.check_workload("hotplug", "--vcpus", 2, "--add", 4)

    def test_steady(self):
        self.check_workload("steady", "--duration", "100ms")

    def test_storm_sets_the_clock_back(self):
        """The same time set again and again: each jump goes back, by what passed meanwhile."""
        args = ["storm", "--vcpus", 2, "--count", 200]
        report, recording, work = self.record_workload("recording", *args)
        ((number, told),) = recording.match(work)
        reported = kct.report_vms(report)[number]
        last = {pvti["vcpu"]: pvti for pvti in told["steps"][-1]["pvti"]}
        set_to = {event["clock"] for event in recording.select("set-clock", vm=number)}
        self.assertEqual(len(set_to), 1)
        for vcpu in range(2):
            events = recording.select("pvti", vm=number, vcpu=vcpu)
            self.check_chain(recording, number, vcpu)
            self.check_sums(reported["vcpus"][vcpu], events)
            self.assertEqual(kct.pvti_of(events[-1]["new"]), kct.pvti_of(last[vcpu]))
            jumps = [event for event in events if event["clock_set"]]
            self.assertEqual(len(jumps), 200)
            # The first clock set may be ahead of what the vCPU had; from then on it is not.
            self.assertTrue(all(event["drift_ns"] < 0 for event in jumps[1:]))
            # All together they are the time between the two ends, as a guest would reckon it;
            # each event may cut off less than 1 ns.
            total = sum(event["drift_ns"] for event in events[1:])
            whole = kct.drift_of(kct.pvti_of(events[0]["new"]), kct.pvti_of(last[vcpu]))
            self.assertLessEqual(0, total - whole)
            self.assertLess(total - whole, len(events))


class AgainstPerf(kct.LiveTest):
    """Every event of the four tracepoints is a hit that perf lists: same thread, same values."""

    def expected(self, sample):
        f = sample.fields
        if sample.event == kct.UPDATE:
            return ("update", bool(f["masterclock"]), f["hostclock"], bool(f["offsetmatched"]))
        if sample.event == kct.PVTI:
            return ("pvti", f["vcpu_id"]) + sample.pvti()
        if sample.event == kct.TSC_WRITE:
            return ("tsc-write", f["vcpu"], f["prev"], f["next"])
        return (
            "tsc-track",
            f["vcpu_id"],
            bool(f["masterclock"]),
            f["offsetmatched"],
            f["nr_online"],
            f["hostclock"],
        )

    def recorded(self, e):
        if e["event"] == "update":
            active = e["after"]["masterclock"] == "active"
            return ("update", active, e["host_clock"], e["offset_matched"])
        if e["event"] == "pvti":
            return ("pvti", e["vcpu"]) + kct.pvti_of(e["new"])
        if e["event"] == "tsc-write":
            offsets = e["old_offset"] % kct.U64, e["new_offset"] % kct.U64
            return ("tsc-write", e["vcpu"]) + offsets
        if e["event"] == "tsc-track":
            return (
                "tsc-track",
                e["vcpu"],
                e["use_master_clock"],
                e["nr_matched"],
                e["nr_vcpus"],
                e["host_clock"],
            )
        return None

    def check(self, *args):
        perf = self.kept(kct.PerfTrace(self.directory))
        _, recording, work = self.record_workload("recording", *args)
        expected, recorded = collections.defaultdict(list), collections.defaultdict(list)
        for sample in perf.finish():
            expected[sample.tid].append(self.expected(sample))
        for event in recording.events:
            if self.recorded(event):
                recorded[event["tid"]].append(self.recorded(event))
        self.assertEqual(recorded, expected)
        tids = {vcpu["tid"] for vm in work["vms"] for vcpu in vm["vcpu_list"]}
        self.assertLessEqual(tids | {work["pid"]}, set(expected))

    def test_migrate(self):
        self.check("migrate", "--vcpus", 4)

    def test_migrate_by_offset(self):
        self.check("migrate", "--vcpus", 4, "--tsc-offset", "--realtime")

    def test_hotplug(self):
        self.check("hotplug", "--vcpus", 3, "--add", 3)
