# SPDX-License-Identifier: GPL-2.0
"""Every run ends when it is to, whatever the load, and whoever does not take its output."""

import contextlib
import fcntl
import json
import os
import pty
import re
import resource
import shutil
import signal
import subprocess
import unittest

import fuse
import kct

# A second, on a host that has nothing else to do.
SOON = float(os.environ.get("KCT_SOON", 15))

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GIVEN_UP = "could not be written: it takes nothing more"


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def is_writing(pid):
    """Is it in write(2)?"""
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/syscall", encoding="ascii") as file:
            return file.read().split()[0] == "1"
    return False


def state(pid):
    """As ps has it; None: it is no more."""
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0]
    return None


class Ends(kct.LiveTest):
    def storm(self, *options):
        """Events without end, as long as the test lasts."""
        storm = self.start("workload", "storm", "--jobs", 4, "--count", 10**12, *options)

        def has_vms():
            self.assertTrue(storm.is_running(), storm.stderr())
            vms = kct.parse(kct.run("list", "--json", check=kct.EXIT_OK).stdout)["vms"]
            return sum(vm["pid"] == storm.pid and vm["masterclock"] == "active" for vm in vms) == 4

        kct.until(has_vms, "the storm's VMs")
        return storm

    def ends(self, process, *statuses):
        """Soon, and so."""
        try:
            status = process.popen.wait(SOON)
        except subprocess.TimeoutExpired:
            self.fail(f"{process.args} did not end: {state(process.pid)}")
        self.assertIn(status, statuses, process.stderr())
        return status

    def is_stuck(self, process):
        """It waits for whoever writes for it."""
        self.assertTrue(process.is_running(), process.stderr())
        return kct.is_polling(process.pid) and any(map(is_writing, children(process.pid)))


class Load(Ends):
    """More events than can be read, and less of the processor than others have."""

    def nice(self, *args, **kwargs):
        return self.start("nice", "-n", "10", kct.PROGRAM, *args, program=None, **kwargs)

    def test_duration(self):
        storm = self.storm()
        path = self.path("recording")
        record = self.nice("record", "-d", "1s", "-o", path, "--json")
        kct.until(lambda: os.path.exists(path), "the recording")
        self.ends(record, kct.EXIT_OK, kct.EXIT_INCOMPLETE)
        self.assertTrue(storm.is_running())
        recording, report = kct.Recording.of(path), kct.parse(record.finish())
        self.assertEqual(recording.trailer["reason"], "duration")
        self.assertEqual(recording.trailer["events"], len(recording.events))
        self.assertEqual(recording.trailer["losses"], report["losses"])
        self.assertEqual(report["events"], len(recording.events))
        self.assertLess(report["ended_ns"] - report["started_ns"], SOON * 1e9)

    def test_signals(self):
        storm = self.storm()
        for number in SIGNALS:
            path = self.path(f"{number.name}.jsonl")
            with self.subTest(number.name), open(path, "wb") as file:
                trace = self.nice("trace", "--json", stdout=file)
                kct.until(lambda path=path: os.path.getsize(path) > 1 << 20, "events")
                trace.signal(number)
                self.ends(trace, kct.EXIT_OK, kct.EXIT_INCOMPLETE)
                recording = kct.Recording.of(path)
                self.assertEqual(recording.trailer["reason"], "signal")
                self.assertEqual(recording.trailer["events"], len(recording.events))
        self.assertTrue(storm.is_running())

    @unittest.skipUnless(shutil.which("strace"), "no strace here")
    def test_slow_detach(self):
        """What the kernel takes to detach is not taken from the time to read what is left."""
        script = 'kill -STOP $PPID && exec "$@"'  # so more is left than is read at once
        record = self.start(
            "strace", "-qq", "-o", "/dev/null", "-e", "trace=clock_adjtime",
            "-e", "inject=clock_adjtime:delay_enter=400ms:when=2", kct.PROGRAM, "record", "--json",
            "-o", self.path("recording"), "--", "sh", "-c", script, "sh",
            *kct.workload_command("churn", "--vms", 150), program=None)
        record.lines.next()
        (pid,) = children(record.pid)
        os.kill(pid, signal.SIGCONT)
        report = kct.parse(record.finish(check=kct.EXIT_OK))
        self.assertEqual(report["lost"], 0)
        self.assertGreater(report["events"], 1024)

    def test_stat(self):
        storm = self.storm()
        stat = self.nice("stat", "--json", "10ms")
        for _ in range(3):
            kct.parse(stat.lines.next())
        stat.signal(signal.SIGINT)
        self.ends(stat, kct.EXIT_OK)
        self.assertTrue(storm.is_running())


class Stuck(Ends):
    """Nobody takes what is written."""

    TRACERS = (["trace"], ["trace", "--json"], ["stat", "--json", "10ms"], ["stat", "-v", "10ms"])

    def pipe(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        return reader, writer

    def terminal(self):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        return master, slave

    def check_line(self, process, name):
        err = process.stderr()
        self.assertRegex(err, rf"\Akvmclock-trace: {name} {GIVEN_UP}; [0-9]+ lines are missing\n\Z")
        missing = int(re.search("([0-9]+) lines", err).group(1))
        self.assertGreater(missing, 0)
        return missing

    def check_nothing_left(self, writers):
        kct.until(lambda: all(state(pid) in (None, "Z") for pid in writers), f"the end of {writers}")

    def stuck(self, *args, **kwargs):
        process = self.start(*args, **kwargs)
        kct.until(lambda: self.is_stuck(process), f"{args} to be stuck")
        return process, children(process.pid)

    def test_pipe(self):
        self.storm()
        for args in self.TRACERS:
            for number in SIGNALS:
                with self.subTest(args=args, signal=number.name):
                    _, writer = self.pipe()
                    process, writers = self.stuck(*args, stdout=writer)
                    os.close(writer)
                    process.signal(number)
                    self.ends(process, kct.EXIT_INCOMPLETE)
                    self.check_line(process, "standard output")
                    self.check_nothing_left(writers)

    def test_duration(self):
        """Also where whoever does not read is not to be seen from outside: a FIFO, a file."""
        self.storm()
        _, writer = self.pipe()
        trace = self.start("trace", "--json", "-d", "500ms", stdout=writer)
        os.close(writer)
        self.ends(trace, kct.EXIT_INCOMPLETE)
        self.check_line(trace, "standard output")

    def test_terminal(self):
        self.storm()
        for args in self.TRACERS:
            with self.subTest(args):
                _, slave = self.terminal()
                process, writers = self.stuck(*args, stdout=slave)
                os.close(slave)
                process.signal(signal.SIGINT)
                self.ends(process, kct.EXIT_INCOMPLETE)
                self.check_line(process, "standard output")
                self.check_nothing_left(writers)

    def test_terminal_for_messages_too(self):
        self.storm()
        _, slave = self.terminal()
        process, _ = self.stuck("trace", stdout=slave, stderr=slave)
        os.close(slave)
        process.signal(signal.SIGINT)
        self.ends(process, kct.EXIT_INCOMPLETE)

    def test_summary(self):
        """A summary of many vCPUs, and nobody to read it."""
        _, writer = self.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        record = self.start("record", "-v", "-o", self.path("recording"), "--", "sh", "-c",
                            '"$@" >/dev/null', "sh",
                            *kct.workload_command("migrate", "--vcpus", 64), stdout=writer)
        os.close(writer)
        self.ends(record, kct.EXIT_INCOMPLETE)
        self.check_line(record, "standard output")
        self.assertIsNotNone(kct.Recording.of(self.path("recording")).trailer)

    def test_second_signal(self):
        """It kills, whatever else is still to be done."""
        self.storm()
        for number in SIGNALS:
            with self.subTest(number.name):
                _, writer = self.pipe()
                process, writers = self.stuck("trace", stdout=writer)
                os.close(writer)
                process.signal(number)
                process.signal(signal.SIGSTOP)  # so that it has not ended before
                kct.until(lambda p=process: state(p.pid) in ("T", "Z"), "it to stop")
                process.signal(number)
                process.signal(signal.SIGCONT)
                status = self.ends(process, -number, kct.EXIT_INCOMPLETE)
                if status == kct.EXIT_INCOMPLETE:
                    self.assertNotEqual(process.stderr(), "")
                self.check_nothing_left(writers)

    def test_what_is_missing(self):
        """What went through, and what is told to be lost, is all that happened."""
        path = self.path("fifo")
        os.mkfifo(path)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        perf = self.kept(kct.PerfStat(self.directory))
        done = kct.run("record", "--buffer", 1, "--json", "-o", path, "--",
                       *kct.workload_command("storm", "--count", 20000),
                       check=kct.EXIT_INCOMPLETE)
        work, report = map(kct.parse, done.stdout.splitlines())
        counted = perf.finish()
        self.assertRegex(done.stderr, rf"\Akvmclock-trace: {path}: {GIVEN_UP}; [0-9]+ lines")
        got = b""
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(reader, 1 << 16):
                got += piece
        header, *events, _ = got.split(b"\n")
        self.assertEqual(json.loads(header)["event"], "header")
        lost = report["losses"]
        self.assertGreater(lost["unwritten"], 0)
        self.assertEqual(report["lost"], lost["ring-full"] + lost["unwritten"])
        self.assertFalse(report["complete"])
        # Its end was told by the census; and its first request was seen, as it and its vCPU were.
        seen = sum(counted.values()) + work["ioctls"]["KVM_SET_CLOCK"] + 3 + 1
        self.assertEqual(len(events) + report["lost"], seen)
        told = self.path("told")
        with open(told, "wb") as file:
            file.write(got)
        again = kct.run("report", told, check=kct.EXIT_INCOMPLETE)
        self.assertIn("INCOMPLETE: cut off", again.stdout)

    def test_fifo_that_nobody_opens(self):
        path = self.path("fifo")
        os.mkfifo(path)
        done = kct.run("record", "-d", "100ms", "-o", path, "--", "touch", self.path("it-ran"),
                       check=kct.EXIT_USAGE)
        self.assertEqual(done.stderr, f"kvmclock-trace: {path}: nobody reads this FIFO\n")
        self.assertFalse(os.path.exists(self.path("it-ran")))
        for number in SIGNALS:
            record = self.start("record", "-o", path)
            kct.until(lambda r=record: b"record" in open(f"/proc/{r.pid}/cmdline", "rb").read(),
                      "it to run")
            record.signal(number)
            self.ends(record, -number)

    def test_fifo_that_is_opened_later(self):
        path = self.path("fifo")
        os.mkfifo(path)
        record = self.start("record", "-d", "200ms", "-o", path)
        with open(path, encoding="utf-8") as file:
            recording = kct.Recording(file.read())
        self.ends(record, kct.EXIT_OK)
        self.assertEqual(recording.trailer["events"], len(recording.events))

    def check_server(self, server, process, *, name):
        """Also where a write is not to be interrupted, nor killed."""
        self.assertTrue(server.got_write.wait(kct.PATIENCE))
        (writer,) = children(process.pid)
        if process.args[-1] != "2s":
            process.signal(signal.SIGINT)
        self.ends(process, kct.EXIT_INCOMPLETE)
        self.assertEqual(state(writer), "D")
        self.check_line(process, name)
        return writer

    def test_file_server(self):
        self.storm()
        os.mkdir(self.path("remote"))
        link = self.path("link")
        os.symlink(self.path("remote/file"), link)
        for args, to_stdout in ((["trace", "--json"], True), (["trace", "-d", "2s"], True),
                                (["record", "-o", link], False),
                                (["record", "-o", link, "-d", "2s"], False)):
            with self.subTest(args), fuse.Server(self.path("remote")) as server:
                if to_stdout:
                    with open(server.path, "wb") as file:
                        process = self.start(*args, stdout=file)
                else:
                    process = self.start(*args)
                writer = self.check_server(
                    server, process, name="standard output" if to_stdout else f"{link}:")
            self.check_nothing_left([writer])

    def test_slow_file_server(self):
        """One that answers loses nothing."""
        os.mkdir(self.path("remote"))
        with fuse.Server(self.path("remote")) as server:
            with open(server.path, "wb") as file:
                trace = self.start("trace", "--json", stdout=file).wait_polling()
            kct.workload("migrate", "--vcpus", 2)
            self.assertTrue(server.got_write.wait(kct.PATIENCE))
            server.answers_writes.set()
            trace.signal(signal.SIGINT)
            self.ends(trace, kct.EXIT_OK)
            recording = kct.Recording(server.written.decode())
        self.assertEqual(recording.trailer["events"], len(recording.events))
        self.assertGreater(len(recording.events), 20)


class Full(Ends):
    """A place that takes no more."""

    def check_summary(self, text, *whys):
        report = kct.parse(text)
        self.assertFalse(report["complete"])
        self.assertGreater(report["losses"]["unwritten"], 0)
        return report

    def check_cut(self, path):
        self.assertIn("INCOMPLETE: cut off",
                      kct.run("report", path, check=kct.EXIT_INCOMPLETE).stdout)

    def test_small_disk(self):
        """A run ends with it, and its events are counted."""
        if os.geteuid():
            self.skipTest("only root mounts")
        storm = self.storm()
        os.mkdir(self.path("disk"))
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", self.path("disk")],
                       check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.path("disk")], check=True)
        path = self.path("disk/recording")
        record = self.start("record", "--json", "-o", path)
        self.ends(record, kct.EXIT_INCOMPLETE)
        self.assertTrue(storm.is_running())
        self.check_summary(record.finish())
        self.assertRegex(record.stderr(), rf"\Akvmclock-trace: {path}: could not be written: No "
                                          r"space left on device; [0-9]+ lines are missing\n\Z")
        self.check_cut(path)
        with open(self.path("disk/trace"), "wb") as file:
            trace = self.start("trace", stdout=file)
            self.ends(trace, kct.EXIT_INCOMPLETE)
        self.assertRegex(trace.stderr(), "standard output could not be written: No space left")

    def test_limit(self):
        """RLIMIT_FSIZE, which would kill without a word."""
        self.storm()
        path = self.path("recording")
        record = self.start("sh", "-c", 'ulimit -f 1000; exec "$@"', "sh", kct.PROGRAM, "record",
                            "--json", "-o", path, program=None)
        self.ends(record, kct.EXIT_INCOMPLETE)
        self.check_summary(record.finish())
        self.assertRegex(record.stderr(), rf"\Akvmclock-trace: {path}: could not be written: File "
                                          r"too large; [0-9]+ lines are missing\n\Z")
        self.check_cut(path)

    def test_no_file(self):
        """None may have a byte: that is in the way of the recording, and of nothing else."""
        none = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))}
        for args in (["list"], ["doctor"], ["trace", "-d", "20ms"], ["stat", "20ms", "1"],
                     ["verify", "steady", "--duration", "20ms"]):
            with self.subTest(args):
                plain, done = kct.run(*args), kct.run(*args, **none)
                self.assertEqual((done.returncode, done.stderr), (plain.returncode, plain.stderr))
        path = self.path("recording")
        done = kct.run("record", "-o", path, "-d", "20ms", check=kct.EXIT_INCOMPLETE, **none)
        self.assertRegex(done.stderr, rf"\Akvmclock-trace: {path}: could not be written: File too "
                                      r"large[^\n]*\n\Z")

    def test_writer_killed(self):
        trace = self.start("trace", "--json").wait_polling()
        for pid in children(trace.pid):
            os.kill(pid, signal.SIGKILL)
        kct.workload("migrate", "--vcpus", 1)
        self.ends(trace, kct.EXIT_INCOMPLETE)
        self.assertRegex(trace.stderr(), "the process that writes it was killed")


class Inherited(Ends):
    """What a run was given, and gives on."""

    def test_nohup(self):
        record = self.start("nohup", kct.PROGRAM, "record", "-o", self.path("x"), program=None)
        kct.until(lambda: os.path.exists(self.path("x")), "it to trace")
        record.signal(signal.SIGHUP)
        record.signal(signal.SIGTERM)
        self.ends(record, kct.EXIT_OK)
        self.assertEqual(kct.Recording.of(self.path("x")).trailer["reason"], "signal")

    def test_blocked_signals(self):
        def block():
            signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)

        for number in SIGNALS:
            trace = self.start("trace", "--json", preexec_fn=block).wait_polling()
            trace.signal(number)
            self.ends(trace, kct.EXIT_OK)

    def test_command(self):
        """Its signals are as if it ran by itself, and it has none of our files."""
        def signals(text):
            return [line for line in text.splitlines() if line.startswith(("SigBlk", "SigIgn"))]

        script = "cat /proc/self/status; ls -l /proc/self/fd; trap : HUP"
        plain = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
        for extra in ({}, {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)}):
            plain = subprocess.run(["sh", "-c", script], capture_output=True, text=True,
                                   check=True, **extra)
            done = kct.run("record", "-o", self.path("x"), "--", "sh", "-c", script,
                           check=kct.EXIT_OK, **extra)
            self.assertEqual(signals(done.stdout), signals(plain.stdout))
            for word in ("bpf", "eventfd", "timerfd", "socket", "pidfd", "x"):
                self.assertNotRegex(done.stdout, rf"-> .*\b{word}\b")

    def test_whose_children_are_ignored(self):
        """The status of the command is there all the same."""
        def ignore():
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)

        done = kct.run("record", "-o", self.path("x"), "--", "sh", "-c", "exit 7",
                       preexec_fn=ignore, check=kct.EXIT_FAILED)
        self.assertIn("7", done.stderr)


class Closed(Ends):
    """No standard output at all: nothing else takes its number."""

    def closed(self, *args, **kwargs):
        return self.start("sh", "-c", 'exec "$@" >&-', "sh", kct.PROGRAM, *args, program=None,
                          stdout=subprocess.DEVNULL, **kwargs)

    def test_all_that_trace(self):
        path = self.path("recording")
        for args in (["trace", "-d", "50ms"], ["trace", "--json", "-d", "50ms"],
                     ["stat", "20ms", "2"], ["stat", "--json", "20ms", "2"],
                     ["record", "-o", path, "-d", "50ms"], ["record", "-o", "-", "-d", "50ms"],
                     ["verify", "steady", "--duration", "50ms"], ["list"], ["list", "--json"],
                     ["doctor"], ["doctor", "--json"], ["workload", "migrate"]):
            with self.subTest(args):
                process = self.closed(*args)
                self.ends(process, kct.EXIT_INCOMPLETE)
                self.assertRegex(process.stderr() if args[:3] != ["record", "-o", "-"]
                                 else process.stderr().splitlines(True)[0],
                                 r"\Akvmclock-trace: standard output could not be written[^\n]*\n\Z")
        self.assertIsNotNone(kct.Recording.of(path).trailer)

    def test_all_closed(self):
        """The recording is a recording, though descriptors 0 to 2 were free."""
        path = self.path("recording")
        process = self.start("sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", kct.PROGRAM, "record",
                             "-o", path, "-d", "50ms", program=None)
        self.ends(process, kct.EXIT_INCOMPLETE)
        recording = kct.Recording.of(path)
        self.assertEqual(recording.trailer["events"], len(recording.events))
