# SPDX-License-Identifier: GPL-2.0
"""How record and trace begin and end, and where their lines go."""

import collections
import datetime
import json
import os
import pty
import signal

import kct


class Record(kct.LiveTest):
    def test_duration(self):
        path = self.path("recording")
        done = kct.run("record", "-o", path, "--json", "-d", "150ms", check=kct.EXIT_OK)
        report, recording = kct.parse(done.stdout), kct.Recording.of(path)
        self.assertGreaterEqual(report["ended_ns"] - report["started_ns"], 150_000_000)
        self.assertEqual(recording.trailer["reason"], "duration")
        self.assertIsNone(recording.trailer["status"])

    def test_many_vms_of_one_process(self):
        """Its command line is read once, and does not make the time late."""
        vms, long = 200, "x" * 100_000
        hold = self.start(long, "workload", "migrate", "--vms", vms // 2, "--vcpus", 1, "--hold",
                          "--json", program=None, executable=kct.PROGRAM)
        hold.lines.next()
        record = self.start("record", "-o", self.path("recording"), "--json").wait_polling()
        kct.until(lambda: os.path.getsize(self.path("recording")) > vms * 500, "the VMs")
        with open(f"/proc/{record.pid}/io", encoding="ascii") as file:
            read = int(file.readline().split()[1])
        report = kct.parse(record.finish(signal.SIGINT, check=kct.EXIT_OK))
        names = {vm["name"] for vm in report["vms"] if vm["pid"] == hold.pid}
        self.assertEqual(len([vm for vm in report["vms"] if vm["pid"] == hold.pid]), vms)
        self.assertEqual(len(names), 1, names)
        # The kernel's own tables make up most of it: some 10 MB.
        self.assertLess(read, vms * len(long))
        hold.finish(check=kct.EXIT_OK)

    def test_duration_outlived_by_a_command(self):
        """The command ends with it."""
        path = self.path("recording")
        options = ["-o", path, "-d", "100ms"]
        done = kct.run("record", *options, "--", "sleep", "1000", check=kct.EXIT_OK)
        self.assertEqual(kct.Recording.of(path).trailer["reason"], "duration")
        self.assertIn("updates by cause and effect", done.stdout)

    def test_interrupt(self):
        path = self.path("recording")
        record = self.start("record", "-o", path, "--json").wait_polling()
        work = kct.workload("hotplug", "--vcpus", 1, "--add", 1)
        report = kct.parse(record.finish(signal.SIGINT, check=kct.EXIT_OK))
        recording = kct.Recording.of(path)
        self.assertEqual(recording.trailer["reason"], "signal")
        self.assertEqual(recording.trailer["events"], len(recording.events))
        self.assertEqual(report["events"], len(recording.events))
        self.assertTrue(report["complete"])
        self.assertIn(work["pid"], [vm["pid"] for vm in report["vms"]])

    def test_terminate(self):
        path = self.path("recording")
        record = self.start("record", "-o", path).wait_polling()
        self.assertIn("UPDATES", record.finish(signal.SIGTERM, check=kct.EXIT_OK))
        self.assertEqual(kct.Recording.of(path).trailer["reason"], "signal")

    def test_command(self):
        """Its status is kept; it has its own stdin and stdout; its words are in the header."""
        path = self.path("recording")
        done = kct.run("record", "-o", path, "--json", "--", "cat", input="its own\n")
        self.assertEqual(done.returncode, kct.EXIT_OK)
        echo, summary = done.stdout.splitlines()
        self.assertEqual(echo, "its own")
        self.assertEqual(kct.parse(summary)["command"], "cat")
        recording = kct.Recording.of(path)
        self.assertEqual(recording.trailer["reason"], "command")
        self.assertEqual(recording.trailer["status"], 0)

    def test_failing_command(self):
        for command, status in ((["false"], 1), (["sh", "-c", "exit 7"], 7),
                                (["sh", "-c", "kill -KILL $$"], 128 + signal.SIGKILL)):
            with self.subTest(status=status):
                path = self.path("recording")
                done = kct.run("record", "-o", path, "--", *command, check=kct.EXIT_FAILED)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                self.assertIn(str(status), done.stderr)
                trailer = kct.Recording.of(path).trailer
                self.assertEqual(trailer["status"], status)
                self.assertEqual(trailer["reason"], "command")
                kct.run("report", path, check=kct.EXIT_OK)

    def test_unknown_command(self):
        done = kct.run("record", "-o", self.path("x"), "--", "no-such-program-here",
                       check=kct.EXIT_USAGE)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn("no-such-program-here", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_unwritable(self):
        done = kct.run("record", "-o", self.path("no/such/file"), "--", "true",
                       check=kct.EXIT_USAGE)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)

    def check_kept(self, path, *args, check):
        """A recording that is not made leaves the old one, and nothing else."""
        with open(path, "w", encoding="ascii") as file:
            file.write("as it was")
        self.assertEqual(kct.run(*args, check=check).stdout, "")
        with open(path, encoding="ascii") as file:
            self.assertEqual(file.read(), "as it was")
        self.assertEqual(os.listdir(self.directory), [os.path.basename(path)])

    def test_old_one_is_kept(self):
        path = self.path("recording")
        self.check_kept(path, "record", "-o", path, "--", "no-such-program-here", check=kct.EXIT_USAGE)
        for method in ("fentry", "kprobe"):
            if kct.run("doctor", "--attach", method).returncode == kct.EXIT_HOST:
                self.check_kept(path, "record", "--attach", method, "-o", path, "-d", "20ms",
                          check=kct.EXIT_HOST)
                self.check_kept(path, "verify", "--attach", method, "migrate", "-o", path,
                          check=kct.EXIT_HOST)

    def test_old_one_is_replaced(self):
        """By one that is private; whoever reads the old one goes on."""
        path = self.path("recording")
        for args in (["record", "-o", path, "-d", "20ms"], ["verify", "migrate", "-o", path]):
            with open(path, "w+", encoding="ascii") as file:
                file.write("as it was")
                file.flush()
                os.chmod(path, 0o644)
                kct.run(*args, check=kct.EXIT_OK, umask=0)
                self.assertEqual(os.stat(path).st_mode & 0o7777, 0o600)
                self.assertIsNotNone(kct.Recording.of(path).trailer)
                file.seek(0)
                self.assertEqual(file.read(), "as it was")
            self.assertEqual(os.listdir(self.directory), ["recording"])

    def test_at_a_link(self):
        """What it leads to is written; also /dev/stdout, a pipe here."""
        link = self.path("link")
        os.symlink("target", link)
        for content in ("", "x" * 10_000_000):
            with open(self.path("target"), "w", encoding="ascii") as file:
                file.write(content)
            kct.run("record", "-o", link, "-d", "20ms", check=kct.EXIT_OK)
            self.assertTrue(os.path.islink(link))
            self.assertIsNotNone(kct.Recording.of(self.path("target")).trailer)
        done = kct.run("record", "-o", "/dev/stdout", "-d", "20ms", check=kct.EXIT_OK)
        recording, _, summary = done.stdout.partition("\nhost ")
        self.assertIsNotNone(kct.Recording(recording).trailer)
        self.assertIn("updates by cause and effect", summary)

    def test_full_disk(self):
        """/dev/full takes nothing: said, and not called complete."""
        done = kct.run("record", "-o", "/dev/full", "--", "true", check=kct.EXIT_INCOMPLETE)
        self.assertTrue(done.stderr)

    def test_to_stdout(self):
        """-o - : the lines on stdout, and nothing else; the summary on stderr."""
        work = self.path("work")
        script = '"$@" > "$WORK"'
        command = ["sh", "-c", script, "sh", *kct.workload_command("migrate", "--vcpus", 2)]
        done = kct.run("record", "-o", "-", "--json", "--", *command, check=kct.EXIT_OK,
                       env={**os.environ, "WORK": work})
        recording, report = kct.Recording(done.stdout), kct.parse(done.stderr)
        self.assertEqual(recording.trailer["events"], len(recording.events))
        with open(work, encoding="utf-8") as file:
            self.assertEqual(len(recording.match(kct.parse(file.read()))), 2)
        again = kct.run("report", "--json", "-", input=done.stdout, check=kct.EXIT_OK)
        self.assertEqual(again.stdout, done.stderr)
        self.assertEqual(report["events"], len(recording.events))


class Trace(kct.LiveTest):
    def test_as_recorded(self):
        """trace, trace --json and record over the same workload: the same events."""
        path = self.path("recording")
        record = self.start("record", "-o", path)
        text, lines = self.start("trace"), self.start("trace", "--json")
        for tool in (record, text, lines):
            tool.wait_polling()
        work = kct.workload("migrate", "--vcpus", 2)
        record.finish(signal.SIGINT, check=kct.EXIT_OK)
        traced = kct.Recording(lines.finish(signal.SIGINT, check=kct.EXIT_OK))
        recording = kct.Recording.of(path)

        def but_time(events):
            return sorted(json.dumps({**event, "ns": 0}) for event in events)

        self.assertEqual(but_time(traced.events), but_time(recording.events))
        self.assertEqual(set(traced.header), set(recording.header))
        self.assertEqual(traced.trailer["events"], recording.trailer["events"])
        title, *rows = text.finish(signal.SIGINT, check=kct.EXIT_OK).splitlines()
        self.assertEqual(title.split(), ["SECONDS", "TID", "VM/vCPU", "EVENT", "DETAILS"])
        self.check_rows([row.split(None, 4) for row in rows], recording, work)

    def check_rows(self, rows, recording, work):
        kinds = collections.Counter(row[3] for row in rows)
        self.assertEqual(kinds, collections.Counter(e["event"] for e in recording.events))
        self.assertEqual(
            sorted(int(row[1]) for row in rows), sorted(e["tid"] for e in recording.events)
        )
        details = [row[4] for row in rows if row[3] == "pvti"]
        for vm in work["vms"]:
            for pvti in (p for s in vm["steps"] if s["step"] == "run" for p in s["pvti"]):
                words = [f"tsc_timestamp {pvti['tsc_timestamp']} ",
                         f"system_time {pvti['system_time']} ",
                         f"mul {pvti['tsc_to_system_mul']} "]
                self.assertTrue(any(all(word in row for word in words) for row in details), pvti)
        updates = [row[4] for row in rows if row[3] == "update"]
        # The target's two, at least: all but the first vCPU of the source too.
        self.assertGreaterEqual(sum("unnecessary" in row for row in updates), 2)

    def test_utc(self):
        """Each event's time of day, between those before and after all of them."""
        trace = self.start("trace", "--utc").wait_polling()
        begin = datetime.datetime.now(datetime.timezone.utc)
        kct.workload("migrate", "--vcpus", 2)
        title, *rows = trace.finish(signal.SIGINT, check=kct.EXIT_OK).splitlines()
        end = datetime.datetime.now(datetime.timezone.utc)
        self.assertEqual(title.split(), ["UTC", "TID", "VM/vCPU", "EVENT", "DETAILS"])
        rows = [row for row in rows if row.split()[3] == "update"]
        self.assertGreater(len(rows), 4)
        for row in rows:
            self.assertEqual(row[:29], row[:29].strip())
            at = datetime.datetime.fromisoformat(row[:26] + "+00:00")
            self.assertTrue(begin <= at + datetime.timedelta(microseconds=1) and at <= end, row)
            self.assertEqual(title.index("TID") + len("TID"), len(row[:38].rstrip()))

    def coloured(self, **environment):
        """The lines on a terminal, as they come."""
        master, slave = pty.openpty()
        trace = self.start("trace", stdout=slave, env={**os.environ, "TERM": "xterm",
                                                       **environment}).wait_polling()
        os.close(slave)
        self.addCleanup(os.close, master)
        lines = kct.Lines(open(master, "rb", buffering=0, closefd=False))
        kct.workload("migrate", "--vcpus", 2)
        found = [lines.find("set-clock")]
        found += [lines.find("unnecessary")] if not environment else []
        trace.signal(signal.SIGINT)
        self.assertEqual(trace.popen.wait(kct.PATIENCE), kct.EXIT_OK, trace.stderr())
        return found

    def test_colours(self):
        setting, unnecessary = self.coloured()
        self.assertIn("\033[36m", setting)
        self.assertIn("\033[33m", unnecessary)
        for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            self.assertNotIn("\033", "".join(self.coloured(**environment)))

    def test_duration(self):
        done = kct.run("trace", "--json", "-d", "100ms", check=kct.EXIT_OK)
        self.assertEqual(kct.Recording(done.stdout).trailer["reason"], "duration")

    def test_as_it_happens(self):
        """A line is there when its event has happened, whoever reads."""
        trace = self.start("trace", "--json").wait_polling()
        hold, _ = self.start_hold("steady", "--vcpus", 1, "--duration", "20ms")
        seen = set()
        while "pvti" not in seen:
            event = kct.parse(trace.lines.next())
            if event.get("event") == "vm" and event["pid"] != hold.pid:
                continue
            seen.add(event["event"])
        self.assertLessEqual({"header", "update", "vm", "vcpu", "tsc-write", "tsc-track"}, seen)
        trace.finish(signal.SIGINT, check=kct.EXIT_OK)
        hold.finish(check=kct.EXIT_OK)

    def test_reader_goes_away(self):
        """As with `trace | head`."""
        trace = self.start("trace").wait_polling()
        trace.popen.stdout.close()
        kct.workload("storm", "--count", 500)
        trace.popen.wait(kct.PATIENCE)
