# SPDX-License-Identifier: GPL-2.0
"""What the live tests have in common.

The program under test is $KCT_PROGRAM, or .output/kvmclock-trace. Its witnesses are `perf`, which
counts and lists the same tracepoints by other code, and the built-in workload's JSON, which holds
what its guests' memory held.

Exact counts want a host on which nobody else makes VMs meanwhile: $KCT_HOST_LOCK names a file
that each test locks for as long as it runs.
"""

import contextlib
import fcntl
import json
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.abspath(
    os.environ.get("KCT_PROGRAM", os.path.join(ROOT, ".output", "kvmclock-trace"))
)
TRACEFS = "/sys/kernel/tracing"
CLOCKSOURCE = "/sys/devices/system/clocksource/clocksource0/current_clocksource"

# How long anything may take that is waited for. Only a failure takes it.
PATIENCE = float(os.environ.get("KCT_PATIENCE", 60))

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_HOST, EXIT_INCOMPLETE = range(5)

UPDATE, PVTI = "kvm_update_master_clock", "kvm_pvclock_update"
TSC_WRITE, TSC_TRACK = "kvm_write_tsc_offset", "kvm_track_tsc"
TRACEPOINTS = (UPDATE, PVTI, TSC_WRITE, TSC_TRACK)


# ---- the host ----


def mount_tracefs():
    """perf finds its tracepoints there. Whether it is mounted now."""
    if not os.path.isdir(TRACEFS + "/events") and os.path.isdir(TRACEFS):
        subprocess.run(["mount", "-t", "tracefs", "tracefs", TRACEFS], capture_output=True)
    return os.path.isdir(TRACEFS + "/events/kvm")


def take_signals():
    """Whatever runs the tests may ignore some, as nohup does, and what they start would, too."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def why_not_live():
    """Why this host cannot run the live tests; None where it can. Does not ask the program."""
    try:
        with open("/dev/kvm", "rb+", buffering=0) as kvm:
            fcntl.ioctl(kvm, 0xAE00)  # KVM_GET_API_VERSION
    except OSError as error:
        return f"/dev/kvm: {error.strerror}"
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        return "this kernel has no BTF"
    for tool in ("perf", "bpftool"):
        if not shutil.which(tool):
            return f"no {tool} here"
    seen = subprocess.run(["bpftool", "prog", "show"], capture_output=True, text=True)
    if seen.returncode:
        return "BPF is not permitted: " + (seen.stderr.strip() or "bpftool fails")
    if not mount_tracefs():
        return f"no tracepoints of KVM in {TRACEFS}"
    return None


# ---- waiting ----


def until(condition, what):
    """Wait for a condition that nothing tells of. What it gave when it held."""
    end = time.monotonic() + PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {PATIENCE} s in vain for {what}")
        time.sleep(0.002)


class Lines:
    """The lines of a pipe or socket, each with a deadline."""

    def __init__(self, file):
        self.fd = file.fileno()
        self.rest = b""

    def next(self, seconds=PATIENCE):
        """The next line without its end, or None at the end of the file."""
        end = time.monotonic() + seconds
        while b"\n" not in self.rest:
            left = end - time.monotonic()
            if left < 0 or not select.select([self.fd], [], [], left)[0]:
                raise AssertionError(f"no line came in {seconds} s; last was {self.rest!r}")
            got = os.read(self.fd, 65536)
            if not got:
                last, self.rest = self.rest, b""
                return last.decode() if last else None
            self.rest += got
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode(errors="replace")

    def find(self, text):
        """Skip to a line that contains `text`, and give it."""
        while True:
            line = self.next()
            if line is None:
                raise AssertionError(f"the output ended without {text!r}")
            if text in line:
                return line


# ---- JSON ----


def _big_numbers(pairs):
    """64-bit numbers above INT64_MAX come as strings of digits."""
    for key, value in pairs:
        if isinstance(value, str) and re.fullmatch(r"[0-9]{19,20}", value):
            value = int(value)
        yield key, value


def parse(text):
    return json.loads(text, object_pairs_hook=lambda pairs: dict(_big_numbers(pairs)))


class Recording:
    """The lines of a recording: its header, its events, its trailer (None if it was cut)."""

    def __init__(self, text):
        lines = [parse(line) for line in text.splitlines()]
        self.header = lines[0]
        assert self.header["event"] == "header", self.header
        ended = lines[-1]["event"] == "trailer"
        self.trailer = lines[-1] if ended else None
        self.events = lines[1:-1] if ended else lines[1:]

    @classmethod
    def of(cls, path):
        with open(path, encoding="utf-8") as file:
            return cls(file.read())

    def select(self, kind, **fields):
        return [
            event
            for event in self.events
            if event["event"] == kind and all(event[k] == v for k, v in fields.items())
        ]

    def select_of(self, number, vcpu):
        """A vCPU's events and those of its VM as a whole."""
        return [
            event
            for event in self.events
            if event["vm"] == number and event["vcpu"] in (vcpu, None)
        ]

    def vm_numbers(self, pid, creator=None):
        """Numbers of a process's VMs in the order in which they were seen."""
        return [
            vm["vm"]
            for vm in self.select("vm", pid=pid)
            if creator is None or vm["creator"] == creator
        ]

    def match(self, work):
        """The workload's VMs with their numbers here: [(number, the workload's vm)].

        One thread makes its VMs one after another, each with its vCPUs.
        """
        numbers = {}
        for vm in work["vms"]:
            if vm["tid"] not in numbers:
                numbers[vm["tid"]] = self.vm_numbers(work["pid"], vm["tid"])
        pairs = [(numbers[vm["tid"]].pop(0), vm) for vm in work["vms"]]
        assert not any(numbers.values()), f"more VMs than there were: {numbers}"
        return pairs


# ---- PVTI ----

PVTI_LINE = ("tsc_timestamp", "system_time", "tsc_to_system_mul", "tsc_shift")
PVTI_FIELDS = PVTI_LINE + ("flags",)
U64 = 1 << 64


def pvti_of(source):
    """The tuple of a PVTI's fields, whoever tells of it."""
    return tuple(source[field] for field in PVTI_FIELDS)


def drift_of(old, new):
    """system_time of the new PVTI minus what the old line gives at its TSC; of pvti_of() tuples.

    As a guest computes it: cycles shifted, times a 32.32 factor, cut off; modulo 2^64. A TSC
    before the old timestamp counts backwards by the same scale.
    """

    def scale(cycles, mul, shift):
        cycles = cycles << shift if shift >= 0 else cycles >> -shift
        return (cycles % U64 * mul >> 32) % U64

    tsc, system_time, mul, shift, _ = old
    cycles = (new[0] - tsc) % U64
    if cycles >> 63:
        predicted = system_time - scale(U64 - cycles, mul, shift)
    else:
        predicted = system_time + scale(cycles, mul, shift)
    drift = (new[1] - predicted) % U64
    return drift - U64 if drift >> 63 else drift


# ---- processes ----


def run(*args, check=None, **kwargs):
    """Run the program to its end. `check` is the exit status that it must have."""
    done = subprocess.run(
        [PROGRAM, *map(str, args)], capture_output=True, text=True, timeout=PATIENCE, **kwargs
    )
    if check is not None and done.returncode != check:
        raise AssertionError(
            f"{' '.join(map(str, args))}: exit {done.returncode}, not {check}\n{done.stderr}"
        )
    return done


def workload_command(*args):
    return [PROGRAM, "workload", *map(str, args), "--json"]


def workload(*args):
    """Run a workload to its end; what it tells."""
    return parse(run("workload", *args, "--json", check=EXIT_OK).stdout)


def is_polling(pid):
    """Does its main thread sleep in poll() without end? (a live command that is armed does)"""
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/syscall", encoding="ascii") as file:
            number, *args = file.read().split()
        return number == "7" and int(args[2], 16) & 0xFFFFFFFF == 0xFFFFFFFF
    return False


class Process:
    """A process in the background: the program unless `program` says otherwise."""

    def __init__(self, *args, program=PROGRAM, **kwargs):
        self.args = [program, *map(str, args)] if program else list(map(str, args))
        self.errors = tempfile.TemporaryFile("w+")
        for name, value in (("stdin", subprocess.PIPE), ("stdout", subprocess.PIPE),
                            ("stderr", self.errors)):
            kwargs.setdefault(name, value)
        self.popen = subprocess.Popen(self.args, bufsize=0, **kwargs)
        self.pid = self.popen.pid
        self.lines = Lines(self.popen.stdout) if self.popen.stdout else None

    def is_running(self):
        return self.popen.poll() is None

    def stderr(self):
        self.errors.seek(0)
        return self.errors.read()

    def wait_polling(self):
        def armed():
            if not self.is_running():
                raise AssertionError(f"{self.args}: exit {self.popen.returncode}: {self.stderr()}")
            return is_polling(self.pid)

        until(armed, f"{self.args[1]} to sit in poll()")
        return self

    def echo(self, text="ready"):
        """Have a `cat` at the other end: it runs when the line comes back."""
        self.popen.stdin.write(text.encode() + b"\n")
        line = self.lines.next()
        if line != text:
            raise AssertionError(f"{self.args}: {line!r}; {self.stderr()}")
        return self

    def signal(self, number):
        os.kill(self.pid, number)

    def finish(self, number=None, check=None):
        """End its stdin, or send it a signal, and wait: what it wrote on stdout meanwhile."""
        if number is not None:
            self.signal(number)
        elif self.popen.stdin:
            self.popen.stdin.close()
        rest = [self.lines.rest]
        self.lines.rest = b""
        end = time.monotonic() + PATIENCE
        while select.select([self.popen.stdout], [], [], max(0, end - time.monotonic()))[0]:
            got = os.read(self.popen.stdout.fileno(), 1 << 20)
            if not got:
                break
            rest.append(got)
        status = self.popen.wait(max(1, end - time.monotonic()))
        if check is not None and status != check:
            raise AssertionError(f"{self.args}: exit {status}, not {check}\n{self.stderr()}")
        return b"".join(rest).decode()

    def kill(self):
        if self.is_running():
            self.popen.send_signal(signal.SIGCONT)
            self.popen.kill()
        self.popen.wait()
        for file in (self.popen.stdin, self.popen.stdout, self.errors):
            if file:
                with contextlib.suppress(OSError):
                    file.close()


# ---- perf ----


class Perf(Process):
    """perf over all CPUs, from the end of the constructor to finish()."""

    def __init__(self, *args, events):
        events = ",".join("kvm:" + event for event in events)
        environment = {**os.environ, "LC_ALL": "C"}
        super().__init__(
            *args, "-a", "-e", events, "--", "cat", program="perf", env=environment
        )
        self.echo()  # perf starts its counters before its command


class PerfStat(Perf):
    """How often each tracepoint was hit: finish() gives {name: count}."""

    def __init__(self, directory, events=TRACEPOINTS):
        self.path = os.path.join(directory, "perf-stat.csv")
        super().__init__("stat", "-x,", "-o", self.path, events=events)

    def finish(self, number=None, check=EXIT_OK):
        super().finish(number, check)
        counts = {}
        with open(self.path, encoding="ascii") as file:
            for line in file:
                fields = line.strip().split(",")
                if len(fields) > 2 and fields[2].startswith("kvm:"):
                    counts[fields[2][4:]] = int(fields[0])
        return counts


class Sample:
    """One hit of a tracepoint: `pid`, `tid`, `ns`, `event`, and its fields as numbers by name."""

    def __init__(self, pid, tid, ns, event, fields):
        self.pid, self.tid, self.ns, self.event, self.fields = pid, tid, ns, event, fields

    def pvti(self):
        return pvti_of(self.fields)


class PerfTrace(Perf):
    """Every hit of the tracepoints: finish() gives the list of Samples in order of time."""

    LINE = re.compile(r"\s*(\d+)/(\d+)\s+(\d+)\.(\d{9}):\s+(?:kvm:)?(\w+):\s*(.*)")
    FIELD = re.compile(r"(\w+)[ =](0x[0-9a-f]+|-?[0-9]+)")

    def __init__(self, directory, events=TRACEPOINTS, clock=None):
        self.path = os.path.join(directory, "perf.data")
        options = ["-q", "-m", "1024", "-o", self.path]
        options += ["-k", clock] if clock else []
        super().__init__("record", *options, events=events)

    def finish(self, number=None, check=EXIT_OK):
        super().finish(number, check)
        command = ["perf", "script", "-i", self.path, "--show-lost-events"]
        command += ["--ns", "-F", "pid,tid,time,event,trace"]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert "PERF_RECORD_LOST" not in text, "perf lost events"
        return [self.sample(line) for line in text.splitlines() if line.strip()]

    def sample(self, line):
        pid, tid, seconds, ns, event, text = self.LINE.fullmatch(line).groups()
        fields = {name: int(value, 0) for name, value in self.FIELD.findall(text)}
        if fields.get("tsc_shift", 0) > 127:
            fields["tsc_shift"] -= 256  # perf prints an s8 so
        return Sample(int(pid), int(tid), int(seconds + ns), event, fields)


# ---- BPF objects ----


def bpf_ids(pid):
    """The BPF objects that a process has descriptors of: {"prog": ids, "map": ids, "link": ids}."""
    ids = {"prog": set(), "map": set(), "link": set()}
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as file:
                found = dict(line.split(":", 1) for line in file if ":" in line)
            if "link_id" in found:  # a link's file names its program too
                ids["link"].add(int(found["link_id"]))
            for kind in ("prog", "map"):
                if f"{kind}_id" in found:
                    ids[kind].add(int(found[f"{kind}_id"]))
    return ids


def bpftool(*args):
    done = subprocess.run(["bpftool", "-j", *map(str, args)], capture_output=True, text=True)
    return json.loads(done.stdout or "[]")


def bpf_left(ids):
    """Those of them that the kernel still has."""
    return {
        kind: its & {thing["id"] for thing in bpftool(kind, "show") if "id" in thing}
        for kind, its in ids.items()
    }


# ---- reports ----


def report_vms(report):
    return {vm["number"]: vm for vm in report["vms"]}


def totals(report):
    """What of a report compares with perf's counts."""
    every = report["vms"] + [report["unattributed"], report["folded"]]
    return {
        UPDATE: sum(vm["updates"]["total"] for vm in every),
        PVTI: sum(vm["pvti_updates"] for vm in every),
        TSC_WRITE: sum(vm["tsc_writes"] for vm in every),
    }


# ---- the tests' base ----


class LiveTest(unittest.TestCase):
    """Skipped as a whole where the host cannot; alone on it where a lock is named."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        why = why_not_live()
        if why:
            raise unittest.SkipTest(why)

    def setUp(self):
        path = os.environ.get("KCT_HOST_LOCK")
        if path:
            lock = open(path, "w", encoding="ascii")
            self.addCleanup(lock.close)
            fcntl.flock(lock, fcntl.LOCK_EX)
        self.began = time.monotonic()
        directory = tempfile.TemporaryDirectory(prefix="kct-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def needs_mounts(self):
        """Not in a plain chroot: there unshare cannot keep what is mounted from the host."""
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            if not any(line.split()[4] == "/" for line in file):
                self.skipTest("the root of this chroot is no mount point: unshare --mount fails")

    def path(self, name):
        return os.path.join(self.directory, name)

    def kept(self, process):
        """A Process that does not outlive the test."""
        self.addCleanup(process.kill)
        return process

    def start(self, *args, **kwargs):
        return self.kept(Process(*args, **kwargs))

    def start_record(self, *args):
        """`record` that traces until finish(). Returns when it does."""
        return self.start("record", *args, "--", "cat").echo()

    def start_hold(self, *args):
        """A workload that keeps its VMs until finish(); and what it tells."""
        process = self.start("workload", *args, "--hold", "--json")
        return process, parse(process.lines.next())

    def record(self, name, *command, options=()):
        """Record a command into a file: (the JSON summary, the Recording, its other output)."""
        path = self.path(name)
        done = run("record", "-o", path, "--json", *options, "--", *command, check=EXIT_OK)
        *before, summary = done.stdout.splitlines()
        return parse(summary), Recording.of(path), before

    def record_workload(self, name, *args, options=()):
        """The same of a workload: (summary, Recording, the workload's JSON)."""
        report, recording, lines = self.record(name, *workload_command(*args), options=options)
        return report, recording, parse(lines[0])

    def check_chain(self, recording, number, vcpu):
        """Each PVTI of a vCPU against the one before it, and what happened in between."""
        before, rebased, clock_set = None, False, False
        for event in recording.select_of(number, vcpu):
            kind = event["event"]
            rebased |= kind == "tsc-write" and event["old_offset"] != event["new_offset"]
            clock_set |= kind == "set-clock"
            if kind == "vcpu":
                before = event["pvti"] and pvti_of(event["pvti"])
            if kind != "pvti":
                continue
            old = event["old"] and pvti_of(event["old"])
            new = pvti_of(event["new"])
            self.assertEqual(old, before)
            self.assertEqual(event["rebased"], old is not None and rebased)
            self.assertEqual(event["clock_set"], clock_set)
            if old is None or rebased:  # without an old one there is nothing to compare with
                self.assertIsNone(event["drift_ns"])
            else:
                self.assertEqual(event["drift_ns"], drift_of(old, new))
            before, rebased, clock_set = new, False, False
