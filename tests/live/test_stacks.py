# SPDX-License-Identifier: GPL-2.0
"""Kernel stacks: who asks for requests and updates, against what the record says."""

import subprocess

import kct
from stacks import problems, stacked


class Stacks(kct.LiveTest):
    def check_stacks(self, recording):
        self.assertEqual(problems(recording.events), [])
        self.assertTrue(any(event["stack"] for event in stacked(recording.events)
                            if event["event"] == "request"))
        self.assertTrue(any(event["stack"] for event in stacked(recording.events)
                            if event["event"] == "update"))

    def record_stacks(self, *args, options=()):
        report, recording, work = self.record_workload("recording", *args,
                                                       options=("--stack", *options))
        self.check_stacks(recording)
        return report, recording, work

    def test_scenarios(self):
        for scenario in (("migrate", "--vcpus", 3), ("migrate", "--tsc-offset"), ("odd-tsc",),
                         ("hotplug",), ("set-clock", "--count", 3),
                         ("churn", "--vms", 2)):
            with self.subTest(scenario):
                self.record_stacks(*scenario)

    def test_methods(self):
        for method in ("fentry", "kprobe", "tracepoint"):
            with self.subTest(method):
                done = kct.run("record", "--attach", method, "-d", "1ms", "-o", self.path("none"))
                if done.returncode == kct.EXIT_HOST:
                    continue
                self.record_stacks("odd-tsc", options=("--attach", method))

    def test_folded(self):
        """Each request and update that was recorded is in one line of its VM, live and later."""
        report, recording, work = self.record_stacks("migrate", "--vcpus", 4)
        later = kct.parse(kct.run("report", "--json", self.path("recording")).stdout)
        self.assertEqual([vm["stacks"] for vm in later["vms"]],
                         [vm["stacks"] for vm in report["vms"]])
        for number, vm in kct.report_vms(report).items():
            for kind in ("request", "update"):
                lines = [line for line in vm["stacks"]["lines"] if line["of"] == kind]
                events = [event for event in stacked(recording.events)
                          if event["vm"] == number and event["event"] == kind]
                for line in lines:
                    same = [event for event in events
                            if event["stack"] == line["stack"]
                            and event["stack_note"] == line["stack_note"]]
                    self.assertEqual(line["count"], len(same))
                self.assertEqual(sum(line["count"] for line in lines), len(events))
            self.assertEqual(vm["stacks"]["left_out"], 0)

    def test_trace(self):
        trace = self.start("trace", "--stack")
        trace.wait_polling()
        kct.run("workload", "odd-tsc", check=kct.EXIT_OK)
        text = trace.finish(kct.signal.SIGINT, check=kct.EXIT_OK)
        self.assertRegex(text, r"request +made by tsc-write; stack \S+ < .* < entry_SYSCALL")
        self.assertRegex(text, r"update +vcpu-request .*; stack pvclock\S+ < ")

    def test_not_asked(self):
        _, recording, _ = self.record_workload("recording", "odd-tsc")
        for event in stacked(recording.events):
            self.assertNotIn("stack", event)
            self.assertNotIn("stack_note", event)

    def test_verify(self):
        done = kct.run("verify", "odd-tsc", "--stack", "--json")
        (verdict,) = [kct.parse(done.stdout)]
        self.assertTrue(all(vm["stacks"]["lines"] for vm in verdict["vms"]))

    def test_hidden(self):
        """Without CAP_SYSLOG the kernel does not tell its symbols: no stack is made up."""
        done = subprocess.run(
            ["setpriv", "--bounding-set=-syslog", "--inh-caps=-syslog", kct.PROGRAM, "record",
             "--stack", "-o", self.path("hidden"), "--",
             *map(str, kct.workload_command("odd-tsc"))],
            capture_output=True, text=True, timeout=kct.PATIENCE, check=True)
        recording = kct.Recording.of(self.path("hidden"))
        notes = {(event["stack_note"], event["stack"] is None)
                 for event in stacked(recording.events)}
        if notes == {("whole", False)}:
            self.skipTest("this kernel shows its symbols to everybody")
        self.assertEqual(notes, {("no-symbols", True)})
        self.assertEqual(done.stderr.count("\n"), 1)
        self.assertIn("no kernel stacks: /proc/kallsyms", done.stderr)
