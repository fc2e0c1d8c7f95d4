# SPDX-License-Identifier: GPL-2.0
"""VMs that ran before the tool, and the choice among VMs."""

import os
import signal
import time

import kct


def listed(*args):
    return kct.parse(kct.run("list", "--json", *args, check=kct.EXIT_OK).stdout)["vms"]


def of(vms, pid):
    return [vm for vm in vms if vm["pid"] == pid]


class Old(kct.LiveTest):
    """VMs that were there before."""

    def test_list(self):
        """The snapshot was taken when the guest ran; its age is the time since."""
        slack = 20_000_000  # CLOCK_BOOTTIME is steered by NTP, the kvmclock base is not
        hold, work = self.start_hold("steady", "--vcpus", 3, "--duration", "50ms")
        before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        (vm,) = of(listed(), hold.pid)
        after = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self.assertEqual(vm["name"], os.path.basename(kct.PROGRAM))
        self.assertEqual(vm["nr_vcpus"], 3)
        self.assertEqual(vm["masterclock"], "active")
        self.assertEqual(vm["tsc_offsets"], "equal")
        self.assertEqual(vm["nr_pending"], 0)
        self.assertIsNone(vm["uuid"])
        (run,) = [step for step in work["vms"][0]["steps"] if step["step"] == "run"]
        self.assertLess(before - run["end_ns"] - slack, vm["snapshot_age_ns"])
        self.assertLess(vm["snapshot_age_ns"], after - run["begin_ns"] + slack)
        rows = [line.split() for line in kct.run("list").stdout.splitlines()[1:]]
        (row,) = [row for row in rows if str(hold.pid) in row]
        self.assertEqual(row[:5], [vm["name"], vm["vmm"], str(hold.pid), "3", "active"])
        self.assertEqual(row[-2:], ["0", "equal"])
        hold.finish(check=kct.EXIT_OK)
        self.assertEqual(of(listed(), hold.pid), [])

    def test_completed(self):
        """What a shell offers at Tab for --vm and --pid."""
        hold, _ = self.start_hold("steady", "--vcpus", 1, "--duration", "1ms")
        name = os.path.basename(kct.PROGRAM)
        for what, line in (("vm", f"{name}\t{name}"), ("pid", f"{hold.pid}\t{name}")):
            done = kct.run("list", f"--complete={what}", check=kct.EXIT_OK)
            self.assertIn(line, done.stdout.splitlines())
        hold.finish(check=kct.EXIT_OK)

    def test_announced(self):
        """What a recording says of a VM that it finds is what guest memory holds."""
        hold, work = self.start_hold("steady", "--vcpus", 4, "--duration", "50ms")
        report, recording, _ = self.record("recording", "true")
        ((number, told),) = recording.match(work)
        (vm,) = recording.select("vm", vm=number)
        self.assertEqual(vm["created"], 0)
        self.assertEqual(vm["state"]["masterclock"], "active")
        self.assertEqual(vm["state"]["nr_vcpus"], 4)
        final = [p for step in told["steps"] for p in step.get("pvti", []) if p["final"]]
        for pvti in final:
            (vcpu,) = recording.select("vcpu", vm=number, vcpu=pvti["vcpu"])
            self.assertEqual(kct.pvti_of(vcpu["pvti"]), kct.pvti_of(pvti))
            self.assertFalse(vcpu["pending"])
            tsc = vm["state"]["master_cycle_now"] + vcpu["tsc_offset"]
            self.assertEqual(pvti["tsc_timestamp"], tsc % kct.U64)
        self.assertEqual(len(recording.select("vcpu", vm=number)), 4)
        reported = kct.report_vms(report)[number]
        self.assertFalse(reported["created"])
        self.assertFalse(reported["gone"])
        self.assertEqual(reported["updates"]["total"], 0)
        hold.finish(check=kct.EXIT_OK)

    def test_first_events(self):
        """Tracing begins in the middle of a storm: the first drift is claimed, and is right."""
        perf = self.kept(kct.PerfTrace(self.directory, events=[kct.PVTI]))
        storm = self.start("workload", "storm", "--vcpus", 2, "--count", 10**9)
        kct.until(
            lambda: [vm for vm in of(listed(), storm.pid) if vm["masterclock"] == "active"],
            "the storm's VM",
        )
        path = self.path("recording")
        kct.run("record", "-d", "50ms", "-o", path, "--pid", storm.pid, check=kct.EXIT_OK)
        storm.kill()
        published = [sample for sample in perf.finish() if sample.pid == storm.pid]
        recording = kct.Recording.of(path)
        self.assertEqual(len(recording.select("vm")), 1)
        for vcpu in range(2):
            every = [s.pvti() for s in published if s.fields["vcpu_id"] == vcpu]
            events = recording.select("pvti", vcpu=vcpu)
            self.assertGreater(len(events), 10)
            at = every.index(kct.pvti_of(events[0]["new"]))
            self.assertGreater(at, 0)
            for event, old, new in zip(events, every[at - 1 :], every[at:]):
                self.assertEqual(kct.pvti_of(event["old"]), old)
                self.assertEqual(kct.pvti_of(event["new"]), new)
                self.assertEqual(event["drift_ns"], kct.drift_of(old, new))
                self.assertFalse(event["rebased"])

    def test_two_in_one_process(self):
        hold, work = self.start_hold("migrate", "--vcpus", 2)
        vms = of(listed(), hold.pid)
        self.assertEqual([vm["nr_vcpus"] for vm in vms], [2, 2])
        report, recording, _ = self.record("recording", "true")
        vms = recording.select("vm", pid=work["pid"])
        self.assertEqual(len({vm["token"] for vm in vms}), 2)
        self.assertEqual(len({vm["vm"] for vm in vms}), 2)
        # Which is which is for the PVTIs to say: each VM announces its own vCPUs'.
        announced = {
            frozenset(
                kct.pvti_of(vcpu["pvti"]) for vcpu in recording.select("vcpu", vm=vm["vm"])
            )
            for vm in vms
        }
        final = {
            frozenset(kct.pvti_of(p) for p in vm["steps"][-1]["pvti"] if p.get("final", True))
            for vm in work["vms"]
        }
        self.assertEqual(announced, final)
        self.assertEqual(len([vm for vm in report["vms"] if vm["pid"] == hold.pid]), 2)
        hold.finish(check=kct.EXIT_OK)


class Chosen(kct.LiveTest):
    """--pid and --vm."""

    def renamed(self, name):
        """The program under another name: a VM's name where its command says nothing better."""
        path = self.path(name)
        os.symlink(kct.PROGRAM, path)
        return path

    def hold(self, name, vcpus):
        args = ["workload", "steady", "--vcpus", vcpus, "--duration", "50ms"]
        process = self.start(*args, "--hold", "--json", program=self.renamed(name))
        process.lines.next()
        return process

    def test_of_old_vms(self):
        one, two = self.hold("guest-one", 1), self.hold("guest-two", 2)
        both = {one.pid, two.pid}
        self.assertLessEqual(both, {vm["pid"] for vm in listed()})
        self.assertEqual([vm["pid"] for vm in listed("--pid", one.pid)], [one.pid])
        self.assertEqual([vm["pid"] for vm in listed("--vm", "guest-two")], [two.pid])
        self.assertEqual(listed("--vm", "guest-two", "--pid", one.pid), [])
        self.assertEqual(listed("--vm", "guest"), [])
        for option, value, pid, vcpus in (
            ("--pid", one.pid, one.pid, 1),
            ("--vm", "guest-one", one.pid, 1),
            ("--vm", "guest-two", two.pid, 2),
        ):
            with self.subTest(option=option, value=value):
                report, recording, _ = self.record("recording", "true", options=[option, value])
                self.assertEqual([vm["pid"] for vm in report["vms"]], [pid])
                (vm,) = recording.select("vm")
                self.assertEqual(len(recording.events), 1 + vcpus)
                self.assertEqual({event["vm"] for event in recording.events}, {vm["vm"]})
                stat = self.start("stat", "--json", option, value).wait_polling()
                report = kct.parse(stat.finish(signal.SIGINT, check=kct.EXIT_OK))
                self.assertEqual([vm["pid"] for vm in report["vms"]], [pid])
                self.assertEqual(len(report["vms"][0]["vcpus"]), vcpus)

    def waiting(self, name, *workload):
        """A process that makes its VMs only when it is told to."""
        script = 'read go && exec "$@"'
        command = [self.renamed(name), "workload", *workload, "--json"]
        return self.start("sh", "-c", script, "sh", *command, program=None)

    def test_of_new_vms(self):
        """One of two at work at once: its numbers are what perf has of that process."""
        perf = self.kept(kct.PerfTrace(self.directory))
        one = self.waiting("guest-one", "migrate", "--vcpus", "3")
        two = self.waiting("guest-two", "hotplug", "--vcpus", "2")
        by_pid, by_name = self.path("by-pid"), self.path("by-name")
        tools = [
            self.start("record", "-o", by_pid, "--json", "--pid", one.pid),
            self.start("record", "-o", by_name, "--json", "--vm", "guest-one"),
            self.start("stat", "--json", "--pid", one.pid),
            self.start("stat", "--json", "--vm", "guest-one"),
            self.start("record", "-o", self.path("every"), "--json"),
        ]
        for tool in tools:
            tool.wait_polling()
        for process in (one, two):
            process.popen.stdin.write(b"go\n")
        for process in (one, two):
            self.assertTrue(process.finish(check=kct.EXIT_OK))
        reports = [kct.parse(tool.finish(signal.SIGINT, check=kct.EXIT_OK)) for tool in tools]
        for option in (["--pid", str(one.pid)], ["--vm", "guest-one"]):
            done = kct.run("report", "--json", *option, self.path("every"), check=kct.EXIT_OK)
            reports.append(kct.parse(done.stdout))
        counts = dict.fromkeys(kct.TRACEPOINTS, 0)
        for sample in perf.finish():
            counts[sample.event] += sample.pid == one.pid
        tracks = counts.pop(kct.TSC_TRACK)
        del reports[4]  # the one of everything
        for report in reports:
            self.assertEqual({vm["pid"] for vm in report["vms"]}, {one.pid})
            self.assertEqual({vm["name"] for vm in report["vms"]}, {"guest-one"})
            self.assertEqual(kct.totals(report), counts)
            self.assertTrue(report["complete"])
        for path in (by_pid, by_name):
            recording = kct.Recording.of(path)
            self.assertEqual(len(recording.select("tsc-track")), tracks)
            numbers = {vm["vm"] for vm in recording.select("vm")}
            self.assertEqual({event["vm"] for event in recording.events}, numbers)
