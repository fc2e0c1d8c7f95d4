# SPDX-License-Identifier: GPL-2.0
"""kill -9 in the middle of it: nothing of ours is left, and what was recorded can be read."""

import json
import os
import signal

import kct


class Killed(kct.LiveTest):  # threat-13
    def start_storm(self):
        """Events without end, as long as the test lasts."""
        storm = self.start("workload", "storm", "--vcpus", 2, "--jobs", 2, "--count", 10**9)

        def has_vms():
            self.assertTrue(storm.is_running(), storm.stderr())
            vms = kct.parse(kct.run("list", "--json", check=kct.EXIT_OK).stdout)["vms"]
            return [vm for vm in vms if vm["pid"] == storm.pid and vm["masterclock"] == "active"]

        kct.until(lambda: len(has_vms()) == 2, "the storm's VMs")
        return storm

    def kill(self, tool):
        """Kill it; what it had in the kernel has to go, and tracing has to be possible at once."""
        ids = kct.bpf_ids(tool.pid)
        for kind, its in ids.items():
            self.assertEqual(kct.bpf_left({kind: its}), {kind: its})
            self.assertGreaterEqual(len(its), 4, kind)
        tool.signal(signal.SIGKILL)
        self.assertEqual(tool.popen.wait(kct.PATIENCE), -signal.SIGKILL)
        report, _, _ = self.record("after", "true")
        self.assertTrue(report["complete"])
        # The kernel frees them some RCU grace periods later.
        kct.until(lambda: not any(kct.bpf_left(ids).values()), f"the end of {ids}")

    def check_cut(self, path, whole_lines):
        done = kct.run("report", "--json", path, check=kct.EXIT_INCOMPLETE)
        report = kct.parse(done.stdout)
        self.assertFalse(report["complete"])
        self.assertIn("cut off", report["incomplete_why"])
        self.assertIsNone(report["ended_ns"])
        self.assertEqual(report["events"], whole_lines - 1)  # the first is the header
        text = kct.run("report", path, check=kct.EXIT_INCOMPLETE)
        self.assertIn("INCOMPLETE: cut off", text.stdout)
        return report

    def count(self, path):
        """Whole lines, events of each kind among them, and bytes after the last line's end."""
        with open(path, "rb") as file:
            *lines, rest = file.read().split(b"\n")
        kinds = {}
        for line in lines:
            kind = json.loads(line)["event"]
            kinds[kind] = kinds.get(kind, 0) + 1
        return len(lines), kinds, rest

    def test_record(self):
        self.start_storm()
        path = self.path("cut")
        record = self.start("record", "-o", path)
        kct.until(
            lambda: os.path.exists(path) and os.path.getsize(path) > 1 << 20,
            "a recording of 1 MiB",
        )
        self.kill(record)
        lines, kinds, _ = self.count(path)
        report = self.check_cut(path, lines)
        self.assertEqual(sum(vm["pvti_updates"] for vm in report["vms"]), kinds["pvti"])
        # In the middle of a line for sure, and one line less.
        with open(path, "rb+") as file:
            file.truncate(os.path.getsize(path) - 1)
        lines, kinds, rest = self.count(path)
        self.assertTrue(rest)
        report = self.check_cut(path, lines)
        self.assertEqual(sum(vm["pvti_updates"] for vm in report["vms"]), kinds["pvti"])

    def test_record_that_waits(self):
        """Nothing sits in a buffer of ours: what has happened is in the file."""
        path = self.path("cut")
        perf = self.kept(kct.PerfStat(self.directory))
        record = self.start("record", "-o", path).wait_polling()
        kct.workload("migrate", "--vcpus", 2)
        counted = perf.finish()
        kct.until(
            lambda: self.count(path)[1].get("pvti") == counted[kct.PVTI],
            f"a recording of {counted[kct.PVTI]} PVTIs",
        )
        self.kill(record)
        lines, _, rest = self.count(path)
        self.assertEqual(rest, b"")
        report = self.check_cut(path, lines)
        self.assertEqual(kct.totals(report), {key: counted[key] for key in kct.totals(report)})

    def test_stat(self):
        self.start_storm()
        stat = self.start("stat", "--json", "10ms")
        for _ in range(5):
            table = kct.parse(stat.lines.next())
        self.assertGreater(sum(vm["updates"]["total"] for vm in table["vms"]), 0)
        self.kill(stat)

    def test_trace(self):
        self.start_storm()
        trace = self.start("trace")
        trace.lines.find(" pvti ")
        self.kill(trace)
