# SPDX-License-Identifier: GPL-2.0
"""Metrics: what strict parsers take, the numbers that perf counts, and requests of every kind."""

import os
import shutil
import socket
import subprocess
import sys

import kct
from metrics import MetricsTest, exchange, get


class Metrics(MetricsTest):
    def test_counts(self):
        """As perf's; and a counter is there before anything happens."""
        self.monitor()
        before = self.scrape()
        self.assertEqual(self.total(before, "kvmclock_updates_total"), 0)
        self.assertGreaterEqual(len(before["kvmclock_updates_total"]), 6 * 6)
        perf = self.kept(kct.PerfStat(self.directory))
        told = [kct.workload("migrate", "--vcpus", 4) for _ in range(3)]
        counted = perf.finish()
        kct.until(lambda: self.total(self.scrape(), "kvmclock_pvti_updates_total") >=
                  counted["kvm_pvclock_update"], "the events")
        after = self.scrape()
        self.assertEqual(self.total(after, "kvmclock_updates_total"),
                         counted["kvm_update_master_clock"])
        self.assertEqual(self.total(after, "kvmclock_pvti_updates_total"),
                         counted["kvm_pvclock_update"])
        # Each setting of the clock was one of a target.
        self.assertEqual(self.total(after, "kvmclock_updates_total", cause="set-clock"), len(told))
        self.assertEqual(self.total(after, "kvmclock_clock_settings_total"), len(told))
        self.assertEqual(self.total(after, "kvmclock_losses_total"), 0)

    def test_jumps(self):
        """The histogram against a recording of the same run."""
        self.monitor()
        _, recording, _ = self.record_workload("recording", "set-clock", "--vcpus", 2)
        published = sum(event["event"] == "pvti" for event in recording.events)
        kct.until(lambda: self.total(self.scrape(), "kvmclock_pvti_updates_total") >= published,
                  "the events")
        after = self.scrape()
        drifts = [(event["drift_ns"], event["clock_set"]) for event in recording.events
                  if event["event"] == "pvti" and event["drift_ns"]]
        self.assertTrue(drifts)
        for asked in (False, True):
            for direction, sign in (("forward", 1), ("backward", -1)):
                mine = [ns * sign for ns, was_set in drifts
                        if was_set == asked and ns * sign > 0]
                labels = {"asked": "yes" if asked else "no", "direction": direction}
                name = "kvmclock_clock_jump_seconds"
                self.assertEqual(self.total(after, name + "_count", **labels), len(mine))
                self.assertAlmostEqual(self.total(after, name + "_sum", **labels),
                                       sum(mine) / 1e9, places=9)
                for bound in ("1e-09", "1e-06", "0.001", "1.0"):
                    count = sum(ns <= float(bound) * 1e9 + 0.5 for ns in mine)
                    self.assertEqual(
                        [value for its, value in after[name + "_bucket"]
                         if float(its["le"]) == float(bound)
                         and all(its[key] == labels[key] for key in labels)], [count])

    def test_vms(self):
        """Two of one UUID have series of their own; a cap leaves out the newest."""
        self.monitor()
        held = [self.start_hold("steady", "--vcpus", n) for n in (1, 2, 3)]
        samples = self.scrape()
        infos = {labels["pid"]: labels for labels, _ in samples["kvmclock_vm_info"]}
        self.assertEqual(len({labels["vm"] for labels in infos.values()}), 3)
        for count, (_, told) in zip((1, 2, 3), held):
            vm = infos[str(told["pid"])]["vm"]
            self.assertEqual(self.total(samples, "kvmclock_vm_vcpus", vm=vm), count)
            self.assertEqual(self.total(samples, "kvmclock_vm_masterclock_active", vm=vm), 1)
            age = self.total(samples, "kvmclock_vm_snapshot_age_seconds", vm=vm)
            self.assertTrue(0 < age < 60, age)
        self.assertEqual(self.total(samples, "kvmclock_vms"), 3)
        self.assertEqual(self.total(samples, "kvmclock_vms_left_out"), 0)
        for process, _ in held:
            process.finish()

    def test_cap(self):
        """Of three VMs one fits; what did not is told, and nothing is lost of the sums."""
        self.monitor("--max-series", 20)
        held = [self.start_hold("steady", "--vcpus", 1) for _ in range(3)]
        samples = self.scrape()
        self.assertEqual(len(samples["kvmclock_vm_info"]), 1)
        self.assertEqual(samples["kvmclock_vm_info"][0][0]["pid"], str(held[0][1]["pid"]))
        self.assertEqual(self.total(samples, "kvmclock_vms_left_out"), 2)
        self.assertGreater(self.total(samples, "kvmclock_updates_total", cause="vm-create"), 2)

    def test_promtool(self):
        if not shutil.which("promtool"):
            self.skipTest("promtool is not installed")
        self.monitor()
        process, _ = self.start_hold("steady", "--vcpus", 2)
        head, text = get(self.socket, accept="text/plain")
        self.assertIn("version=0.0.4", head)
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True,
                              text=True)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))
        process.finish()

    def test_textfile(self):
        """As node_exporter reads it: whole at any time, and by any user."""
        path = self.path("kvmclock.prom")
        monitor = self.monitor(where=path)
        kct.until(lambda: os.path.exists(path), "the file")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.assertIn("# TYPE kvmclock_updates_total counter\n", text)
        self.assertTrue(text.endswith("\n"))
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o644)
        self.assertEqual(os.listdir(self.directory), ["kvmclock.prom"])
        self.end(monitor)

    def test_address(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.monitor(where=f":{port}")
        head, text = get(("127.0.0.1", port))
        self.assertIn("application/openmetrics-text; version=1.0.0", head)
        self.assertTrue(text.endswith("# EOF\n"))

    def test_systemd(self):
        """A socket that was open before it began, and that it was handed as descriptor 3."""
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(server.close)
        server.bind(self.socket)
        server.listen()
        script = ('import os, sys; os.dup2(int(sys.argv[1]), 3); '
                  'os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1"); '
                  'os.execv(sys.argv[2], sys.argv[2:])')
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(server.fileno()), kct.PROGRAM, "monitor",
             "--metrics", "systemd"], pass_fds=[server.fileno()])
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        self.assertIn("200 OK", get(self.socket)[0])

    def test_refused(self):
        """Each by its own status; and the next request is answered."""
        self.monitor()
        for request, status in (
                (b"POST /metrics HTTP/1.1\r\n\r\n", "405 Method Not Allowed"),
                (b"GET /other HTTP/1.1\r\n\r\n", "404 Not Found"),
                (b"GET /metricsx HTTP/1.1\r\n\r\n", "404 Not Found"),
                (b"GET /metrics\r\n\r\n", "400 Bad Request"),
                (b"\r\n\r\n", "400 Bad Request"),
                (b"GET /metrics HTTP/1.1\r\n\0\r\n\r\n", "400 Bad Request"),
                (b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 10000, "431 "),
                (b"x" * 100000, "431 ")):
            with self.subTest(request[:40]):
                answer = exchange(self.socket, request)
                self.assertTrue(answer.startswith(f"HTTP/1.1 {status}".encode()), answer[:80])
                self.assertIn("200 OK", get(self.socket)[0])
        head = exchange(self.socket, b"HEAD /metrics HTTP/1.0\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 200 OK"))
        self.assertTrue(head.endswith(b"\r\n\r\n"))

    def test_slow_and_many(self):
        """Connections that say nothing, or half a request, or never read, starve nobody; and all
        of them are taken away."""
        monitor = self.monitor()
        clients = []
        for i in range(100):
            client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.addCleanup(client.close)
            client.settimeout(kct.PATIENCE)
            client.connect(self.socket)
            client.sendall((b"", b"GET /met", b"GET /metrics HTTP/1.1\r\n\r\n")[i % 3])
            clients.append(client)
            if i % 10 == 0:
                self.assertIn("200 OK", get(self.socket)[0])
        before = len(os.listdir(f"/proc/{monitor.pid}/fd"))
        for client in clients:
            with self.subTest("closed"):
                try:
                    while client.recv(65536):
                        pass
                except ConnectionResetError:
                    pass
        kct.until(lambda: len(os.listdir(f"/proc/{monitor.pid}/fd")) <= before,
                  "its descriptors to be closed")
        self.assertIn("200 OK", get(self.socket)[0])
        self.end(monitor)

    def test_cannot(self):
        """One line with the cause, and nothing traced."""
        blocker = socket.socket()
        self.addCleanup(blocker.close)
        blocker.bind(("127.0.0.1", 0))
        blocker.listen()
        port = blocker.getsockname()[1]
        for where, said in ((f"127.0.0.1:{port}", "Address already in use"),
                            ("localhost:9743", "is no address and port"),
                            ("127.0.0.1:0", "is no address and port"),
                            ("127.0.0.1:65536", "is no address and port"),
                            ("[::1:9743", "is no address and port"),
                            ("unix:" + "x" * 200, "File name too long"),
                            ("unix:", "is no address and port"),
                            (f"unix:{self.directory}/no/such", "No such file or directory"),
                            ("systemd", "handed over no socket")):
            with self.subTest(where):
                done = kct.run("monitor", "--metrics", where, check=kct.EXIT_USAGE)
                self.assertRegex(done.stderr, f"^kvmclock-trace: .*{said}.*\n$")
