# SPDX-License-Identifier: GPL-2.0
"""Triggers: what is pinned is what the segments have of that time, whole or not at all, and the
command that is told of it can do no harm."""

import contextlib
import json
import os
import signal
import subprocess
import time

import kct
from metrics import MetricsTest
from test_monitor import lines_of

CENSUS = ("vm", "vcpu")


class Triggers(MetricsTest):
    def setUp(self):
        super().setUp()
        self.store = self.path("store")
        self.pinned = os.path.join(self.store, "pinned")
        # Whom the command is run as has to come to what it writes.
        os.chmod(self.directory, 0o755)

    def monitor(self, *options, pre="200ms", post="200ms", interval="0", **kwargs):
        return super().monitor("--record", self.store, "--keep-free", "0", "--pre-roll", pre,
                               "--post-roll", post, "--trigger-interval", interval, *options,
                               **kwargs)

    def contents(self):
        """Of the directory of what is pinned."""
        with contextlib.suppress(FileNotFoundError):
            return sorted(os.listdir(self.pinned))
        return []

    def pins(self):
        return [os.path.join(self.pinned, name) for name in self.contents()
                if name.endswith(".gz")]

    def until_pins(self, count=1):
        kct.until(lambda: len(self.pins()) >= count, "what is pinned")
        self.assertEqual(len(self.pins()), count)
        return self.pins()

    def until_counted(self, count=1, **labels):
        kct.until(lambda: self.total(self.scrape(), "kvmclock_triggers_total", **labels) >= count,
                  f"{labels} in the metrics")

    def segments(self):
        """The events of all segments, in their order; introductions of what is known already are
        left out."""
        events, known = [], set()
        for name in sorted(os.listdir(self.store)):
            if not name.endswith(".gz"):
                continue
            for event in lines_of(os.path.join(self.store, name)):
                what = (event.get("vm"), event.get("vcpu"))
                if event["event"] in ("header", "trailer") or (event["event"] in CENSUS and
                                                               what in known):
                    continue
                known |= {what} if event["event"] in CENSUS else set()
                events.append(event)
        return events

    def check_pin(self, path):
        """Its events are those of its span, line by line; before them are the VMs and vCPUs that
        were there when it began; and each reader takes it for whole. Its header's trigger."""
        lines = lines_of(path)
        header, trailer = lines[0], lines[-1]
        start, end = header["started_ns"], trailer["ended_ns"]
        events = self.segments()
        before = [event for event in events if event["ns"] < start]
        span = [event for event in events if start <= event["ns"] <= end]
        gone = {event["vm"] for event in before if event["event"] == "vm-gone"}
        known = {(event["vm"], event["vcpu"]) for event in before
                 if event["event"] in CENSUS and event["vm"] not in gone}
        count = len(lines) - 2 - len(span)
        self.assertEqual(lines[1 + count:-1], span)
        self.assertEqual({(event["vm"], event["vcpu"]) for event in lines[1:1 + count]}, known)
        self.assertEqual({event["event"] for event in lines[1:1 + count]} - set(CENSUS), set())
        self.assertEqual((header["event"], header["segment"]["sequence"], trailer["reason"],
                          trailer["events"]), ("header", 0, "trigger", len(lines) - 2))
        kct.run("report", path, check=kct.EXIT_OK)
        verdict = kct.parse(kct.run("verify", "--json", "--recording", path).stdout)
        self.assertTrue(verdict["vms"])
        for vm in verdict["vms"]:
            self.assertNotRegex(vm["why"] or "", "older|out of order|first event|missing")
        return header["segment"]["trigger"]

    def until_jump(self):
        """By how much a clock jumps in the end, nobody can tell before: so often until it does.
        The processes that did it."""
        pids = []

        def jumps():
            pids.append(kct.workload("hotplug", "--vcpus", 2, "--add", 3)["pid"])
            return self.pins()

        kct.until(jumps, "a jump")
        return pids

    def until_published(self):
        kct.until(lambda: any(event["event"] == "pvti" for event in self.segments()), "a PVTI")

    def one(self, trigger, *work, options=()):
        """What is pinned of a workload for one trigger: its header's trigger, and the workload's
        report."""
        monitor = self.monitor("--trigger", trigger, *options)
        told = kct.workload(*work)
        path, = self.until_pins()
        self.end(monitor)
        return self.check_pin(path), told

    def first(self, kind, **fields):
        return [event for event in self.segments() if event["event"] == kind and
                all(event[key] == value for key, value in fields.items())][0]

    # ---- each trigger ----

    def test_set_clock(self):
        trigger, told = self.one("set-clock", "migrate", "--vcpus", 3)
        update = self.first("update", cause="set-clock")
        self.assertEqual(trigger, {"what": "set-clock", "ns": update["ns"], "vm": update["vm"],
                                   "value": None, "reasons": [], "folded": 0})
        self.assertIn(told["pid"], [event["pid"] for event in self.segments()
                                    if event["event"] == "vm" and event["vm"] == update["vm"]])

    def test_unnecessary(self):
        """Counted from the setting of the clock: the third behind that, and not of all."""
        trigger, _ = self.one("unnecessary>=3", "migrate", "--vcpus", 4)
        counts, expected = {}, None
        for event in self.segments():
            if event["event"] != "update":
                continue
            if event["cause"].startswith("set-clock"):
                counts[event["vm"]] = 0
            if (event["cause"], event["effect"]) == ("vcpu-request", "resnapshot"):
                counts[event["vm"]] = counts.get(event["vm"], 0) + 1
                if counts[event["vm"]] == 3 and not expected:
                    expected = event
        self.assertEqual((trigger["what"], trigger["ns"], trigger["vm"], trigger["value"]),
                         ("unnecessary", expected["ns"], expected["vm"], 3))

    def test_jump(self):
        monitor = self.monitor("--trigger", "jump>=1ns", interval="1h")
        self.until_jump()
        path, = self.pins()
        self.end(monitor)
        trigger = self.check_pin(path)
        jumps = [event for event in self.segments() if event["event"] == "pvti" and
                 event["drift_ns"] and not event["clock_set"]]
        self.assertEqual((trigger["what"], trigger["ns"], trigger["vm"], trigger["value"]),
                         ("jump", jumps[0]["ns"], jumps[0]["vm"], jumps[0]["drift_ns"]))

    def test_jump_that_was_asked_for(self):
        """The clock of a VM that runs is put a second ahead: nobody wonders at that."""
        monitor = self.monitor("--trigger", "jump>=500ms", "--trigger", "set-clock")
        kct.workload("set-clock", "--vcpus", 2, "--jump", "1s")
        self.until_pins()
        jumps = [event["drift_ns"] for event in self.segments() if event["event"] == "pvti" and
                 event["clock_set"] and event["drift_ns"]]
        self.assertTrue(any(abs(jump) >= 5e8 for jump in jumps), jumps)
        self.until_counted(result="pinned")
        self.assertEqual(self.total(self.scrape(), "kvmclock_triggers_total", trigger="jump"), 0)
        self.end(monitor)

    def test_masterclock_off(self):
        trigger, _ = self.one("masterclock-off", "odd-tsc", "--vcpus", 3)
        update = self.first("update", effect="disabled")
        self.assertEqual((trigger["what"], trigger["ns"], trigger["vm"], trigger["reasons"]),
                         ("masterclock-off", update["ns"], update["vm"], ["tsc-unmatched"]))

    def test_gone(self):
        """Where no hook tells of it, it is found by looking, at the end as well."""
        monitor = self.monitor("--trigger", "vm-gone")
        kct.workload("steady", "--vcpus", 2, "--duration", "50ms")
        self.until_published()
        self.end(monitor)
        trigger = self.check_pin(*self.pins())
        gone = self.first("vm-gone")
        self.assertEqual((trigger["what"], trigger["ns"], trigger["vm"]),
                         ("vm-gone", gone["ns"], gone["vm"]))

    def test_signal(self):
        """The state is that of the moment at which the span begins, long after the VM was made."""
        monitor = self.monitor("--rotate-size", "4K", pre="100ms")
        held, told = self.start_hold("steady", "--vcpus", 2)
        load = self.start("workload", "churn", "--vms", 400, "--vcpus", 2)
        kct.until(lambda: len(os.listdir(self.store)) > 6, "some segments")
        os.kill(monitor.pid, signal.SIGUSR1)
        path, = self.until_pins()
        load.popen.wait(kct.PATIENCE)
        held.finish()
        self.end(monitor)
        trigger = self.check_pin(path)
        self.assertEqual((trigger["what"], trigger["vm"], trigger["value"]),
                         ("signal", None, None))
        self.assertIn(told["pid"], [event["pid"] for event in lines_of(path)
                                    if event["event"] == "vm"])

    def test_of_one_vm(self):
        monitor = self.monitor("--trigger", "set-clock,vm=nobody", "--trigger", "set-clock,pid=1",
                               "--trigger", "vm-gone,vm=kvmclock-trace")
        kct.workload("migrate", "--vcpus", 2)
        self.until_published()
        self.end(monitor)
        self.assertEqual(self.check_pin(*self.pins())["what"], "vm-gone")

    # ---- how much is pinned ----

    def test_folded_and_limited(self):
        monitor = self.monitor("--trigger", "set-clock", interval="1h", post="3s")
        for _ in range(2):
            kct.workload("migrate", "--vcpus", 2)
        path, = self.until_pins()
        kct.workload("migrate", "--vcpus", 2)
        self.until_counted(result="limited")
        samples = self.scrape()
        self.assertEqual([self.total(samples, "kvmclock_triggers_total", trigger="set-clock",
                                     result=result)
                          for result in ("pinned", "folded", "limited", "failed")], [1, 1, 1, 0])
        self.assertEqual(self.total(samples, "kvmclock_triggers_total"), 3)
        self.end(monitor)
        self.assertEqual(self.check_pin(path)["folded"], 1)
        self.assertIn("not pinned, so soon behind the last one: set-clock of", monitor.stderr())

    def test_oldest_goes_first(self):
        monitor = self.monitor("--keep-pinned", "12K", pre="10ms", post="10ms")
        for count in range(1, 7):
            os.kill(monitor.pid, signal.SIGUSR1)
            self.until_counted(count, result="pinned")
        self.end(monitor)
        self.assertLessEqual(sum(os.stat(path).st_blocks * 512 for path in self.pins()), 12 << 10)
        numbers = [int(os.path.basename(path).split("-")[1]) for path in self.pins()]
        self.assertEqual(numbers, list(range(7 - len(numbers), 7)))

    def test_end(self):
        """A span that is not over ends with the monitor."""
        monitor = self.monitor("--trigger", "set-clock", post="1h")
        kct.workload("migrate", "--vcpus", 2)
        self.until_published()
        began = time.monotonic()
        self.end(monitor)
        self.assertLess(time.monotonic() - began, 5)
        path, = self.pins()
        self.check_pin(path)

    def test_storm(self):
        """Events that never cease do not keep a span from being written."""
        # What is read is never far behind what happens: more does not fit.
        monitor = self.monitor("--trigger", "set-clock", "--buffer", 1, post="100ms",
                               interval="1h")
        load = self.start("workload", "storm", "--vcpus", 2, "--count", 1 << 30)
        kct.until(self.contents, "the file")
        self.assertTrue(load.is_running())
        load.popen.kill()
        load.popen.wait()
        path, = self.until_pins()
        self.end(monitor)
        lines = lines_of(path)
        span = [event["ns"] for event in lines[1:-1] if event["event"] not in CENSUS]
        self.assertLessEqual(max(span), lines[-1]["ended_ns"])
        self.assertGreater(len(span), 100)
        # What the ring buffer had no room for is missing here, too, and is told.
        lost = any(lines[-1]["losses"].values())
        kct.run("report", path, check=kct.EXIT_INCOMPLETE if lost else kct.EXIT_OK)

    # ---- what goes wrong ----

    def test_full_disk(self):
        """While it is pinned: that is told, nothing is left of it, and the recorder goes on."""
        os.makedirs(self.store)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "small", self.store],
                              capture_output=True, text=True)
        if done.returncode:
            self.skipTest(done.stderr.strip())
        self.addCleanup(subprocess.run, ["umount", "-l", self.store], capture_output=True)
        monitor = self.monitor(post="500ms", pre="1h")
        kct.run("workload", "churn", "--vms", 60, "--vcpus", 2, check=kct.EXIT_OK)
        os.kill(monitor.pid, signal.SIGUSR1)
        # What is left is too little for the pinned one, and enough for the recorder.
        left = os.statvfs(self.store)
        size = left.f_bavail * left.f_bsize - 12288
        with open(os.path.join(self.store, "ballast"), "wb") as ballast:
            ballast.write(bytes(size))
        self.until_counted(result="failed")
        self.assertRegex(monitor.stderr(), "could not be pinned: signal: No space left on device")
        self.assertEqual(os.listdir(self.pinned), [])
        os.unlink(os.path.join(self.store, "ballast"))
        self.assertEqual(self.total(self.scrape(), "kvmclock_recorder_unwritten_events_total"), 0)
        os.kill(monitor.pid, signal.SIGUSR1)
        path, = self.until_pins()
        self.end(monitor)
        self.check_pin(path)

    def test_killed(self):
        """While it is pinned: there is no half of it, and the next start leaves nothing behind."""
        halves = 0
        for _ in range(12):
            whole = len(self.pins())
            monitor = self.monitor(pre="1h", post="0")
            kct.run("workload", "churn", "--vms", 200, "--vcpus", 2, check=kct.EXIT_OK)
            os.kill(monitor.pid, signal.SIGUSR1)
            kct.until(lambda: len(self.contents()) > whole, "the file")
            monitor.popen.kill()
            monitor.popen.wait()
            halves = sum(name.endswith(".part") for name in self.contents())
            for path in self.pins():
                kct.run("report", path, check=kct.EXIT_OK)
            if halves:
                break
        self.assertGreater(halves, 0, "none was killed while it was written")
        self.end(self.monitor())
        self.assertEqual([name for name in self.contents() if name.endswith(".part")], [])

    # ---- the journal ----

    def test_journal(self):
        monitor = self.monitor("--trigger", "set-clock", pre="10s", post="1s")
        kct.workload("migrate", "--vcpus", 2)
        path, = self.until_pins()
        monitor.lines.find("its clock was set")
        self.end(monitor)

        def recordings():
            done = kct.run("migrations", "--json", self.store)
            return [kct.parse(line)["recording"] for line in done.stdout.splitlines()]

        with open(os.path.join(self.store, "migrations.jsonl"), encoding="utf-8") as file:
            entries = [json.loads(line) for line in file]
        targets = [entry for entry in entries if entry["entry"] == "target"]
        self.assertEqual([entry["recording"] for entry in targets],
                         [os.path.join("pinned", os.path.basename(path))])
        self.assertEqual(recordings(), [path])
        self.check_pin(path)
        # What is there no more is not told of.
        os.unlink(path)
        self.assertEqual(recordings(), [None])

    # ---- the command ----

    def run_command(self, command, *options, **kwargs):
        """A directory that it may write to, and the monitor."""
        out = self.path("out")
        os.mkdir(out)
        os.chmod(out, 0o777)
        return out, self.monitor("--on-trigger", command.replace("OUT", out), *options, **kwargs)

    def text_of(self, path):
        kct.until(lambda: os.path.exists(path), path)
        with open(path, encoding="utf-8") as file:
            return file.read()

    def test_command(self):
        """It gets the facts of the trigger in its environment, and its recording is whole."""
        out, monitor = self.run_command("env > OUT/new; mv OUT/new OUT/env", "--trigger",
                                        "jump>=1ns", interval="1h")
        pids = self.until_jump()
        text = self.text_of(os.path.join(out, "env"))
        path, = self.until_pins()
        self.end(monitor)
        trigger, facts = self.check_pin(path), dict(line.split("=", 1) for line in
                                                    text.splitlines())
        ours = {key[len("KVMCLOCK_TRACE_"):]: value for key, value in facts.items()
                if key.startswith("KVMCLOCK_TRACE_")}
        header = lines_of(path)[0]
        self.assertLess(abs(int(ours.pop("REALTIME_NS")) - header["realtime_ns"] -
                            trigger["ns"] + header["started_ns"]), 50_000_000)
        self.assertEqual(ours, {
            "RECORDING": path, "TRIGGER": "jump", "NS": str(trigger["ns"]),
            "VALUE": str(trigger["value"]), "FOLDED": str(trigger["folded"]),
            "HOST": header["host"]["name"], "VM": str(trigger["vm"]),
            "VM_NAME": "kvmclock-trace", "VM_PID": ours["VM_PID"]})
        self.assertIn(int(ours["VM_PID"]), pids)
        self.assertEqual(set(facts) - {"PATH", "PWD", "SHLVL", "_", "OLDPWD"},
                         {"KVMCLOCK_TRACE_" + key for key in (*ours, "REALTIME_NS")})

    def test_command_has_no_privileges(self):
        """threat-18. It cannot write as root, nor become it; nothing of ours is open in it."""
        out, monitor = self.run_command(
            "echo x > OUT/../forbidden; touch KEEP; id -u > OUT/uid; id -G > OUT/groups;"
            " grep -E '^(Cap(Inh|Prm|Eff|Amb)|NoNewPrivs)' /proc/self/status > OUT/status;"
            " ls -l /proc/$$/fd > OUT/fds; trap > OUT/traps;"
            " cut -d' ' -f1,5,6 /proc/$$/stat > OUT/session; echo > OUT/done".replace(
                "KEEP", self.store + "/forbidden"))
        os.kill(monitor.pid, signal.SIGUSR1)
        self.text_of(os.path.join(out, "done"))
        self.end(monitor)
        self.assertFalse(os.path.exists(self.path("forbidden")))
        self.assertFalse(os.path.exists(os.path.join(self.store, "forbidden")))
        self.assertEqual(self.text_of(os.path.join(out, "uid")).strip(), "65534")
        self.assertEqual(self.text_of(os.path.join(out, "groups")).strip(), "65534")
        status = dict(line.split(":\t") for line in
                      self.text_of(os.path.join(out, "status")).splitlines())
        self.assertEqual(status.pop("NoNewPrivs"), "1")
        self.assertEqual({int(value, 16) for value in status.values()}, {0})
        self.assertEqual(len(status), 4)
        names = [line.split()[8:] for line in
                 self.text_of(os.path.join(out, "fds")).splitlines()[1:]]
        self.assertEqual({words[0] for words in names} - {"10"}, {"0", "1", "2"})
        for words in names:
            self.assertRegex(words[-1], "^(/dev/null|.*/out/fds)$")
        pid, group, session = self.text_of(os.path.join(out, "session")).split()
        self.assertEqual((group, session), (pid, pid))

    def test_command_that_hangs(self):
        """Nobody waits for it: not what is recorded and pinned meanwhile, nor the end."""
        out, monitor = self.run_command("echo $$ > OUT/pid; sleep 1000 & sleep 1000")
        os.kill(monitor.pid, signal.SIGUSR1)
        pid = int(self.text_of(os.path.join(out, "pid")) or 0)
        for count in (2, 3):
            os.kill(monitor.pid, signal.SIGUSR1)
            self.until_pins(count)
        self.assertTrue(pid and os.path.exists(f"/proc/{pid}"))
        began = time.monotonic()
        self.end(monitor)
        self.assertLess(time.monotonic() - began, 4)
        # None of its process group is left.
        kct.until(lambda: subprocess.run(["pgrep", "-g", str(pid)],
                                         capture_output=True).returncode, "its end")

    def test_command_that_fails(self):
        _, monitor = self.run_command("exit 7")
        os.kill(monitor.pid, signal.SIGUSR1)
        kct.until(lambda: "--on-trigger: exit status 7" in monitor.stderr(), "its status")
        samples = self.scrape()
        self.assertEqual({labels["result"]: value for labels, value in
                          samples["kvmclock_trigger_commands_total"]},
                         {"ok": 0, "failed": 1, "timeout": 0, "skipped": 0})
        self.end(monitor)

    def test_name_that_is_a_command(self):
        """threat-17. A VM's owner decides its name; in the environment it is but a value."""
        name = "$(touch evil);`touch evil`;touch evil'\";touch evil\n"
        out, monitor = self.run_command(
            "cd OUT; printf %s \"$KVMCLOCK_TRACE_VM_NAME\" > new; mv new name",
            "--trigger", "vm-gone")
        done = subprocess.run(["bash", "-c", 'exec -a "$1" "$2" workload steady --vcpus 1 '
                               '--duration 50ms --json', "-", name, kct.PROGRAM],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.until_published()
        self.end(monitor)
        path, = self.pins()
        told = self.text_of(os.path.join(out, "name"))
        self.assertEqual(os.listdir(out), ["name"])
        vm = [event for event in lines_of(path) if event["event"] == "vm"][-1]
        self.assertEqual(told, vm["name"])
        self.assertIn("touch", told)

    def test_user(self):
        out, monitor = self.run_command("id -u > OUT/new; mv OUT/new OUT/uid", "--on-trigger-as",
                                        "daemon")
        os.kill(monitor.pid, signal.SIGUSR1)
        self.assertEqual(self.text_of(os.path.join(out, "uid")).strip(), "1")
        self.end(monitor)
        done = kct.run("monitor", "--record", self.store, "--on-trigger", "true",
                       "--on-trigger-as", "no such user", check=kct.EXIT_USAGE)
        self.assertIn("there is no user 'no such user'", done.stderr)
