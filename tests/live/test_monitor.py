# SPDX-License-Identifier: GPL-2.0
"""The flight recorder: segments that are whole by themselves, and together are what happened."""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import time
import zlib

import kct


def lines_of(path):
    """The lines of a segment up to the last whole one, by Python's own zlib."""
    with open(path, "rb") as file:
        text = zlib.decompressobj(wbits=31).decompress(file.read())
    return [json.loads(line) for line in text.split(b"\n")[:-1]]


class Monitor(kct.LiveTest):
    def setUp(self):
        super().setUp()
        self.store = self.path("store")

    def monitor(self, *options, **kwargs):
        return self.start("monitor", "--record", self.store, "--keep-free", "0", *options, **kwargs)

    def segments(self):
        return sorted(os.path.join(self.store, name) for name in os.listdir(self.store)
                      if name.endswith(".gz"))

    def until_armed(self, count=1):
        kct.until(lambda: os.path.isdir(self.store) and len(self.segments()) >= count and
                  os.path.getsize(self.segments()[-1]), "the header of a segment")

    def report(self, *paths, status=kct.EXIT_OK):
        done = kct.run("report", "--json", *paths, check=status)
        return [kct.parse(line) for line in done.stdout.splitlines()]

    def end(self, monitor, number=signal.SIGTERM):
        monitor.popen.send_signal(number)
        self.assertEqual(monitor.popen.wait(kct.PATIENCE), kct.EXIT_OK, monitor.stderr())

    def churn(self, rounds):
        return [kct.workload(*args) for _ in range(rounds)
                for args in (("hotplug", "--vcpus", 2, "--add", 2), ("migrate", "--vcpus", 3))]

    def test_segments_are_the_run(self):
        """Rotated in the middle of things: together they are what perf counted."""
        perf = self.kept(kct.PerfTrace(self.directory))
        monitor = self.monitor("--rotate-size", "4K")
        self.until_armed()
        pids = {work["pid"] for work in self.churn(8)}
        self.end(monitor)
        samples = [sample for sample in perf.finish() if sample.pid in pids]
        self.assertGreater(len(self.segments()), 3)
        (report,) = self.report(self.store)
        ours = {**report, "vms": [vm for vm in report["vms"] if vm["pid"] in pids]}
        counted = {name: sum(sample.event == name for sample in samples)
                   for name in kct.TRACEPOINTS}
        self.assertEqual(kct.totals(ours), {key: counted[key] for key in kct.totals(ours)})
        self.assertTrue(report["complete"])
        for path in self.segments():
            self.check_segment(path)
        joined = b"".join(open(path, "rb").read() for path in self.segments())
        done = subprocess.run([kct.PROGRAM, "report", "--json", "-"], input=joined,
                              capture_output=True)
        self.assertEqual(kct.parse(done.stdout), report)

    def check_segment(self, path):
        """Whole; each VM and vCPU is introduced before anything else is told of it; and what it
        was introduced with fits what comes next."""
        lines = lines_of(path)
        self.assertEqual((lines[0]["event"], lines[-1]["event"]), ("header", "trailer"))
        self.assertEqual(lines[-1]["events"], len(lines) - 2)
        introduced, clocks, pvtis = set(), {}, {}
        for event in lines[1:-1]:
            vm, vcpu = event["vm"], event["vcpu"]
            if event["event"] == "vm":
                introduced.add(vm)
                clocks[vm] = event["state"]
            elif event["event"] == "vcpu":
                introduced.add((vm, vcpu))
                pvtis[vm, vcpu] = event["pvti"]
            elif vm is not None:
                self.assertIn(vm, introduced, event)
                self.assertTrue(vcpu is None or (vm, vcpu) in introduced, event)
            if event["event"] == "pvti":
                self.assertEqual(event["old"], pvtis[vm, vcpu])
                pvtis[vm, vcpu] = event["new"]
            if event["event"] == "update" and vm is not None:
                for key in ("masterclock", "master_kernel_ns", "master_cycle_now"):
                    self.assertEqual(event["before"][key], clocks[vm][key], event)
                clocks[vm] = event["after"]
        for verdict in kct.parse(kct.run("verify", "--json", "--recording", path).stdout)["vms"]:
            self.assertNotRegex(verdict["why"] or "", "older|out of order|first event|missing")

    def test_verdict_over_segments(self):
        """As `record` has them, of the same run."""
        monitor = self.monitor("--rotate-size", "4K")
        self.until_armed()
        kct.run("record", "-o", self.path("recording"), "--", *kct.workload_command(
            "migrate", "--vcpus", 4), check=kct.EXIT_OK)
        self.end(monitor)
        recorded, segments = (kct.parse(kct.run("verify", "--json", "--recording", path).stdout)
                              for path in (self.path("recording"), self.store))
        self.assertEqual(segments["evidence"], recorded["evidence"])
        self.assertEqual(segments["verdict"], recorded["verdict"])

    def test_hangup_and_end(self):
        monitor = self.monitor()
        self.until_armed()
        for count in (2, 3):
            os.kill(monitor.pid, signal.SIGHUP)
            self.until_armed(count)
        self.end(monitor, signal.SIGINT)
        trailers = [lines_of(path)[-1] for path in self.segments()]
        self.assertEqual([trailer["reason"] for trailer in trailers],
                         ["rotation", "rotation", "signal"])
        self.assertEqual(len(self.report(self.store)), 1)

    def test_systemd(self):
        """What it is told, and that its watchdog is fed."""
        server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(server.close)
        server.bind(self.path("notify"))
        server.settimeout(kct.PATIENCE)
        environment = {**os.environ, "NOTIFY_SOCKET": self.path("notify"),
                       "WATCHDOG_USEC": "200000"}
        monitor = self.monitor(env=environment)
        said = [server.recv(100).decode() for _ in range(4)]
        self.assertEqual(set(said), {"READY=1", "WATCHDOG=1"})
        os.kill(monitor.pid, signal.SIGHUP)
        while not said[-1].startswith("RELOADING=1\nMONOTONIC_USEC="):
            said.append(server.recv(100).decode())
        while said[-1] != "READY=1":
            said.append(server.recv(100).decode())
        monitor.popen.send_signal(signal.SIGTERM)
        while said[-1] != "STOPPING=1":
            said.append(server.recv(100).decode())
        self.assertEqual(monitor.popen.wait(kct.PATIENCE), kct.EXIT_OK)

    def test_bounds(self):
        monitor = self.monitor("--rotate-size", "4K", "--keep", "40K")
        self.until_armed()
        self.churn(12)
        self.end(monitor)
        used = sum(os.stat(path).st_blocks * 512 for path in self.segments())
        self.assertLessEqual(used, (40 << 10) + 2 * 8192)
        numbers = [lines_of(path)[0]["segment"]["sequence"] for path in self.segments()]
        self.assertEqual(numbers, list(range(numbers[0], numbers[-1] + 1)))
        self.assertGreater(numbers[0], 1)

    def mount_small(self, size):
        os.makedirs(self.store)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "small", self.store],
                              capture_output=True, text=True)
        if done.returncode:
            self.skipTest(done.stderr.strip())
        self.addCleanup(subprocess.run, ["umount", "-l", self.store], capture_output=True)

    def test_full_disk(self):
        """It goes on; what was written stays; the gap is told, and the events in it."""
        self.mount_small("256k")
        monitor = self.monitor("--rotate-size", "1M")
        self.until_armed()
        self.churn(1)
        before = self.events_in_all()
        kct.until(lambda: self.events_in_all() >= before, "the events")
        ballast = os.open(os.path.join(self.store, "ballast"), os.O_WRONLY | os.O_CREAT)
        with contextlib.suppress(OSError):
            while True:
                os.write(ballast, bytes(4096))
        os.close(ballast)
        while "not recording" not in monitor.stderr():
            self.churn(1)
        self.churn(1)
        self.assertTrue(monitor.is_running())
        os.unlink(os.path.join(self.store, "ballast"))
        kct.until(lambda: "recording again" in monitor.stderr(), "the recorder")
        self.churn(1)
        self.end(monitor)
        gap = lines_of(self.segments()[-1])[0]["segment"]["gap"]
        self.assertGreater(gap["events"], 0)
        self.assertEqual(gap["why"], "no space left on the disk")
        (report,) = self.report(self.store, status=kct.EXIT_INCOMPLETE)
        self.assertRegex(report["incomplete_why"], "cut off|events were not written")

    def events_in_all(self):
        return sum(len(lines_of(path)) for path in self.segments())

    def test_directory_that_vanishes(self):
        monitor = self.monitor()
        self.until_armed()
        os.rename(self.store, self.store + ".away")
        subprocess.run(["rm", "-r", self.store + ".away"], check=True)
        os.kill(monitor.pid, signal.SIGHUP)
        self.until_armed()
        self.churn(1)
        self.end(monitor)
        self.assertEqual(len(self.report(self.segments()[-1])), 1)

    def step_clock(self, seconds):
        """The wall clock of the whole machine; back again when the test is over."""
        time.clock_settime(time.CLOCK_REALTIME, time.time() + seconds)
        self.addCleanup(lambda: time.clock_settime(time.CLOCK_REALTIME, time.time() - seconds))

    def test_clock_that_steps(self):
        """By years, forward and back: nothing is too old then, the order stays, no event is lost,
        and each segment tells the wall clock of its own time."""
        if "KCT_LAB" not in os.environ:
            self.skipTest("only in the lab: it is the whole host's")
        perf = self.kept(kct.PerfTrace(self.directory))
        monitor = self.monitor("--keep-age", "1h")
        self.until_armed()
        pids, clocks = {work["pid"] for work in self.churn(1)}, [time.time()]
        for count, years in ((2, 3), (3, -5)):
            self.step_clock(years * 365 * 86400)
            os.kill(monitor.pid, signal.SIGHUP)
            self.until_armed(count)
            clocks.append(time.time())
            pids |= {work["pid"] for work in self.churn(1)}
        self.end(monitor)
        headers = [lines_of(path)[0] for path in self.segments()]
        self.assertEqual([header["segment"]["sequence"] for header in headers], [1, 2, 3])
        for header, clock in zip(headers, clocks):
            self.assertLess(abs(header["realtime_ns"] / 1e9 - clock), 600)
        (report,) = self.report(self.store)
        samples = [sample for sample in perf.finish() if sample.pid in pids]
        ours = {**report, "vms": [vm for vm in report["vms"] if vm["pid"] in pids]}
        self.assertEqual(kct.totals(ours),
                         {key: sum(sample.event == key for sample in samples)
                          for key in kct.totals(ours)})
        self.assertTrue(report["complete"])

    def events_of(self, pid):
        """Of the process's VMs, in all segments: each is introduced once. The update in
        KVM_CREATE_VM is nobody's."""
        events, introduced = [], set()
        for path in self.segments():
            for event in lines_of(path)[1:-1]:
                key = (event["event"], event["vm"], event["vcpu"])
                if key in introduced:
                    continue
                if event["event"] == "vm" and event["pid"] == pid:
                    introduced |= {key, event["vm"]}
                elif event["event"] == "vcpu":
                    introduced.add(key)
                nobodys = event["vm"] is None and event["tid"] == pid
                if nobodys or event["vm"] in introduced:
                    events.append(event)
        return events

    STORM, ASLEEP = 30000, 10  # updates, and seconds

    def test_stopped_under_a_storm(self):
        """For ten seconds, with a ring buffer that is soon full: each event is recorded or counted
        as lost, and what comes after that is whole."""
        monitor = self.monitor("--buffer", 1)
        self.until_armed()
        monitor.wait_polling()
        perf = self.kept(kct.PerfStat(self.directory))
        monitor.popen.send_signal(signal.SIGSTOP)
        end = time.monotonic() + self.ASLEEP
        work = kct.workload("storm", "--count", self.STORM)
        counted = perf.finish()
        time.sleep(max(0, end - time.monotonic()))
        monitor.popen.send_signal(signal.SIGCONT)
        os.kill(monitor.pid, signal.SIGHUP)
        self.until_armed(2)
        monitor.wait_polling()
        perf = self.kept(kct.PerfStat(self.directory))
        after = kct.workload("migrate", "--vcpus", 2)
        whole = perf.finish()
        monitor.wait_polling()  # all that is in the ring buffer is read
        self.end(monitor)
        events = self.events_of(work["pid"])
        (report,) = self.report(self.store, status=kct.EXIT_INCOMPLETE)
        lost = report["losses"]["ring-full"]
        self.assertGreater(lost, self.STORM)
        self.assertEqual(report["lost"], lost)
        self.assertIn(str(lost), report["incomplete_why"])
        kinds = [event["event"] for event in events]
        # The VM and its vCPU, which were seen with its request while there was room; what is told
        # of each setting of a clock, and where its ioctl is hooked, of that and of KVM_GET_CLOCK.
        more = 3 + self.STORM + (self.STORM + 1 if "ioctl" in kinds else 0)
        self.assertEqual(len(kinds) - kinds.count("vm-gone") + lost,
                         sum(counted.values()) + more)
        ours = {**report, "vms": [vm for vm in report["vms"] if vm["pid"] == after["pid"]]}
        ours = kct.totals(ours)
        self.assertEqual(ours, {key: whole[key] for key in ours})

    def test_losses_behind_a_migration(self):
        """That is still to be read: some of what was lost may be its, so nothing is decided."""
        monitor = self.monitor("--buffer", 1)
        self.until_armed()
        monitor.wait_polling()
        monitor.popen.send_signal(signal.SIGSTOP)
        work = kct.workload("migrate", "--vcpus", 2)
        kct.workload("storm", "--count", self.STORM)
        monitor.popen.send_signal(signal.SIGCONT)
        monitor.wait_polling()
        self.end(monitor)
        with open(os.path.join(self.store, "migrations.jsonl"), encoding="utf-8") as file:
            entries = [json.loads(line) for line in file]
        (entry,) = [entry for entry in entries
                    if entry["entry"] == "target" and entry["pid"] == work["pid"]]
        self.assertGreater(entry["trailer"]["losses"]["ring-full"], 0)
        self.assertEqual(entry["verdict"], "inconclusive")

    def test_killed(self):
        """At random moments: every finished segment is whole, the last readable, and the next
        start goes on behind it."""
        random.seed(1)
        load = self.start("workload", "churn", "--vms", 10 ** 6, "--vcpus", 2)
        rounds, sequence = int(os.environ.get("KCT_KILLS", 8)), 0
        for _ in range(rounds):
            monitor = self.monitor("--rotate-size", "8K")
            self.until_armed(sequence + 1)
            time.sleep(random.random() * 0.7)
            monitor.popen.kill()
            monitor.popen.wait()
            for path in self.segments()[sequence:-1]:
                self.assertEqual(lines_of(path)[-1]["event"], "trailer")
                kct.run("report", path, check=kct.EXIT_OK)
            lines = lines_of(self.segments()[-1])
            done = kct.run("report", "--json", self.segments()[-1])
            # It may have been killed before the header was whole.
            self.assertIn(done.returncode, (kct.EXIT_OK, kct.EXIT_INCOMPLETE) if lines else
                          (kct.EXIT_USAGE,))
            if lines and lines[-1]["event"] != "trailer":
                self.assertGreaterEqual(kct.parse(done.stdout)["events"], 0)
            numbers = [int(os.path.basename(path).split("-")[1]) for path in self.segments()]
            self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
            sequence = len(numbers)
        load.popen.kill()
        self.report(self.store, status=kct.EXIT_INCOMPLETE)

    def test_idle(self):
        """Woken by its timers only."""
        monitor = self.monitor()
        self.until_armed()
        monitor.wait_polling()

        def switches():
            with open(f"/proc/{monitor.pid}/status", encoding="ascii") as file:
                return int([line.split()[1] for line in file
                            if line.startswith("voluntary_ctxt_switches")][0])

        before = switches()
        time.sleep(5)
        self.assertLessEqual(switches() - before, 1)
        self.end(monitor)
