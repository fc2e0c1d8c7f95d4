# SPDX-License-Identifier: GPL-2.0
"""Where there is no room: what is lost is counted and said, and nothing else is wrong."""

import re
import signal

import kct


class Room(kct.LiveTest):  # threat-06
    def record_short(self, options, *workload):
        """Record with too little room: (report, recording, workload's JSON, perf's counts)."""
        path = self.path("recording")
        perf = self.kept(kct.PerfStat(self.directory))
        command = kct.workload_command(*workload)
        done = kct.run(
            "record", "-o", path, "--json", *options, "--", *command, check=kct.EXIT_INCOMPLETE
        )
        told, summary = done.stdout.splitlines()
        report = kct.parse(summary)
        self.assertFalse(report["complete"])
        again = kct.run("report", "--json", path, check=kct.EXIT_INCOMPLETE)
        self.assertEqual(again.stdout, summary + "\n")
        text = kct.run("report", path, check=kct.EXIT_INCOMPLETE).stdout
        self.assertIn("LOST:", text)
        self.assertIn("INCOMPLETE:", text)
        return report, kct.Recording.of(path), kct.parse(told), perf.finish()

    def check_nothing_hidden(self, report, counted):
        """What has no account of its own is nobody's, and still counted."""
        self.assertEqual(kct.totals(report), {key: counted[key] for key in kct.totals(report)})
        self.assertGreater(report["unattributed"]["pvti_updates"], 0)

    def test_more_vms_than_room(self):
        others = len(kct.parse(kct.run("list", "--json").stdout)["vms"])
        room = others + 4
        args = ["migrate", "--vms", 6, "--vcpus", 2]  # 12 at one time
        report, _, work, counted = self.record_short(["--max-vms", room], *args)
        self.assertEqual(report["losses"]["vms-full"], 12 - 4)
        self.assertEqual(report["lost"], 0)
        self.assertIn("8 VMs had no room (--max-vms)", report["incomplete_why"])
        self.assertEqual(len(report["vms"]), room)
        self.check_nothing_hidden(report, counted)
        for vm in (vm for vm in report["vms"] if vm["pid"] == work["pid"]):
            self.assertEqual(len(vm["vcpus"]), 2)

    def test_more_vcpus_than_room(self):
        """There is room for 8 vCPUs a VM, wherever they are."""
        others = kct.parse(kct.run("list", "--json").stdout)["vms"]
        room = len(others) + 2
        refused = sum(vm["nr_vcpus"] for vm in others) + 2 * 40 - room * 8
        report, _, _, counted = self.record_short(["--max-vms", room], "migrate", "--vcpus", 40)
        self.assertEqual(report["losses"]["vcpus-full"], refused)
        self.assertIn(f"{refused} vCPUs had no room (--max-vms)", report["incomplete_why"])
        self.assertEqual(sum(len(vm["vcpus"]) for vm in report["vms"]), room * 8)
        self.check_nothing_hidden(report, counted)

    def test_stat_without_room(self):
        perf = self.kept(kct.PerfStat(self.directory))
        stat = self.start("stat", "--json", "--max-vms", 1).wait_polling()
        kct.workload("migrate", "--vcpus", 1, "--vms", 2)
        report = kct.parse(stat.finish(signal.SIGINT, check=kct.EXIT_INCOMPLETE))
        self.assertGreater(report["losses"]["vms-full"], 0)
        self.assertFalse(report["complete"])
        self.check_nothing_hidden(report, perf.finish())

    def test_places_are_freed(self):
        """However many there are one after another."""
        perf = self.kept(kct.PerfStat(self.directory))
        options = ["--max-vms", 1024]
        report, _, work = self.record_workload(
            "recording", "churn", "--vms", 3000, options=options
        )
        counted = perf.finish()
        self.assertEqual(report["losses"], dict.fromkeys(report["losses"], 0))
        self.assertEqual(kct.totals(report), {key: counted[key] for key in kct.totals(report)})
        vms = [vm for vm in report["vms"] if vm["pid"] == work["pid"]]
        self.assertEqual(len(vms), 3000)
        for vm in vms:
            self.assertTrue(vm["gone"])
            self.assertEqual(vm["updates"]["total"], 2)
            self.assertEqual(vm["pvti_updates"], 1)
        self.assertEqual(report["unattributed"]["updates"]["total"], 0)


class Gone(kct.LiveTest):
    """VMs come and go: what is held of them is bounded by the same option."""

    ROOM = 128
    KEPT = ROOM * 9 // 2  # each with its one vCPU, where 8 are reckoned with
    MANY = 2000

    def memory(self, process):
        """KiB that it has now, of no file."""
        with open(f"/proc/{process.pid}/smaps_rollup", encoding="ascii") as file:
            (line,) = [line for line in file if line.startswith("Anonymous:")]
        return int(line.split()[1])

    def churn(self, *tool):
        """The tool, to be ended; how it grew over MANY VMs; and what happened."""
        perf = self.kept(kct.PerfStat(self.directory))
        process = self.start(*tool, "--max-vms", self.ROOM).wait_polling()
        kct.workload("churn", "--vms", 2 * self.KEPT)
        before = self.memory(process)
        kct.workload("churn", "--vms", self.MANY)
        return process, self.memory(process) - before, perf.finish()

    def check(self, report, counted):
        vms, folded = len(report["vms"]), report["folded"]
        self.assertEqual(kct.totals(report), {key: counted[key] for key in kct.totals(report)})
        self.assertLessEqual(vms, self.KEPT + self.ROOM)
        self.assertEqual(vms + folded["vms"], self.MANY + 2 * self.KEPT)
        self.assertEqual(folded["vcpus"], folded["vms"])
        self.assertEqual(folded["updates"]["total"], 2 * folded["vms"])
        self.assertEqual(folded["requests"], folded["vms"])
        self.assertEqual(report["lost"], 0)

    def test_record(self):
        path = self.path("recording")
        record, grown, counted = self.churn("record", "-o", path)
        text = record.finish(signal.SIGINT, check=kct.EXIT_OK)
        self.assertLess(grown, self.MANY * 0.3)  # a VM takes more than one KiB
        whole = kct.parse(kct.run("report", "--json", path, check=kct.EXIT_OK).stdout)
        self.assertEqual(whole["folded"]["vms"], 0)
        self.assertEqual(kct.totals(whole), {key: counted[key] for key in kct.totals(whole)})
        (gone,) = re.findall(r"^([0-9]+) more VMs, gone, with \1 vCPUs: \1 requests, ([0-9]+) "
                             r"updates", text, re.MULTILINE)
        self.assertEqual(int(gone[1]), 2 * int(gone[0]))
        self.assertGreater(int(gone[0]), self.MANY)

    def test_record_json(self):
        record, _, counted = self.churn("record", "--json", "-o", self.path("recording"))
        self.check(kct.parse(record.finish(signal.SIGINT, check=kct.EXIT_OK)), counted)

    def test_stat(self):
        stat, grown, counted = self.churn("stat", "--json")
        self.check(kct.parse(stat.finish(signal.SIGINT, check=kct.EXIT_OK)), counted)
        self.assertLess(grown, self.MANY * 0.3)

    def test_trace(self):
        """Which holds on to none."""
        with open(self.path("lines"), "wb") as file:
            trace = self.start("trace", "--max-vms", self.ROOM, stdout=file).wait_polling()
        kct.workload("churn", "--vms", 200)
        before = self.memory(trace)
        kct.workload("churn", "--vms", self.MANY)
        self.assertLess(self.memory(trace) - before, self.MANY * 0.3)
        trace.signal(signal.SIGINT)
        self.assertEqual(trace.popen.wait(kct.PATIENCE), kct.EXIT_OK)


class Reader(kct.LiveTest):  # threat-07
    COUNT = 30000

    def stopped(self, *tool, command):
        """Run the tool over a storm that it sleeps through."""
        perf = self.kept(kct.PerfStat(self.directory))
        storm = kct.workload_command("storm", "--count", self.COUNT)
        if command:
            # The storm stops its parent, which is the tool, before it begins.
            script = 'kill -STOP $PPID && exec "$@"'
            process = self.start(*tool, "--", "sh", "-c", script, "sh", *storm)
            work = kct.parse(process.lines.next())
            process.signal(signal.SIGCONT)
            rest = process.finish(check=kct.EXIT_INCOMPLETE)
        else:
            process = self.start(*tool).wait_polling()
            process.signal(signal.SIGSTOP)
            work = kct.workload("storm", "--count", self.COUNT)
            process.signal(signal.SIGCONT)
            rest = process.finish(signal.SIGINT, check=kct.EXIT_OK)
        return rest, work, perf.finish()

    def test_record(self):
        """A ring buffer of 1 MiB is soon full: what was seen was delivered, or counted as lost."""
        path = self.path("recording")
        summary, work, counted = self.stopped(
            "record", "--json", "--buffer", 1, "-o", path, command=True
        )
        report, recording = kct.parse(summary), kct.Recording.of(path)
        lost = report["losses"]["ring-full"]
        self.assertGreater(lost, self.COUNT)
        self.assertEqual(report["lost"], lost)
        self.assertFalse(report["complete"])
        self.assertIn(str(lost), report["incomplete_why"])
        self.assertEqual(recording.trailer["events"], len(recording.events))
        kinds = [event["event"] for event in recording.events]
        # The VM was seen, and its vCPU's request, while there was room.
        first = {kind: kinds.count(kind) for kind in ("vm", "vcpu", "request")}
        self.assertEqual(first, {"vm": 1, "vcpu": 1, "request": 1})
        seen = sum(counted.values()) + work["ioctls"]["KVM_SET_CLOCK"] + sum(first.values())
        delivered = len(recording.events) - kinds.count("vm-gone")
        self.assertEqual(delivered + lost, seen)
        again = kct.run("report", "--json", path, check=kct.EXIT_INCOMPLETE)
        self.assertEqual(again.stdout, summary)

    def test_stat(self):
        """stat counts in the kernel: it may sleep, and needs no large buffer."""
        text, work, counted = self.stopped("stat", "--json", "--buffer", 1, command=False)
        report = kct.parse(text)
        self.assertEqual(report["lost"], 0)
        self.assertEqual(kct.totals(report), {key: counted[key] for key in kct.totals(report)})
        (vm,) = [vm for vm in report["vms"] if vm["pid"] == work["pid"]]
        self.assertEqual(vm["set_clocks"], work["ioctls"]["KVM_SET_CLOCK"])
