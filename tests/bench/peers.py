# SPDX-License-Identifier: GPL-2.0
"""Those that trace: this program and its peers, each with the same two tracepoints.

Each has as much memory for events that wait as the program's ring buffer, and writes into a file.
Each but `stat` runs a command as soon as it traces, which is how one can tell when that is.
"""

import atexit
import contextlib
import glob
import os
import re
import shutil
import signal
import subprocess
import time

import guests
import kct

HERE = os.path.dirname(os.path.abspath(__file__))
BUFFER = 8 << 20
EVENTS = ("kvm:" + kct.UPDATE, "kvm:" + kct.PVTI)
PAGE = os.sysconf("SC_PAGE_SIZE")
CAT = shutil.which("cat")  # bpftrace wants the path


def buffer_a_cpu():
    """A power of two, as perf wants it."""
    share = BUFFER // os.cpu_count()
    return max(PAGE, 1 << (share.bit_length() - 1))


class Tracer:
    name = "?"
    tool = None  # what has to be installed

    def command(self, directory):
        """The command line up to the command that it is to run."""
        raise NotImplementedError

    def environment(self):
        return {**os.environ, "LC_ALL": "C"}

    def start(self, directory, cpus=None):
        """Returns when it traces."""
        self.directory = directory
        process = self.spawn(
            *self.command(directory),
            CAT,
            program=None,
            env=self.environment(),
            preexec_fn=guests.on_cpus(cpus),
        )
        try:
            self.wait(process)
        except (AssertionError, OSError):
            said = process.stderr()
            self.end(process)
            raise AssertionError(said)
        self.process = process

    def spawn(self, *args, **kwargs):
        """In a session of its own, so that Ctrl-C reaches all of it and nobody else."""
        process = kct.Process(*args, start_new_session=True, **kwargs)
        atexit.register(self.abandon, process)
        return process

    def abandon(self, process):
        """Where this program ends too early: nothing is left that traces."""
        if process.is_running():
            os.killpg(process.pid, signal.SIGKILL)
        self.end(process)

    def wait(self, process):
        process.popen.stdin.write(b"traces\n")
        process.lines.find("traces")

    def finish(self):
        """Have it end by itself. How many events it has taken in; None: it tells what it lost."""
        out = self.process.finish()
        taken = self.taken(out)
        self.end(self.process)
        return taken

    def interrupt(self):
        """Ctrl-C. How long it took to be gone."""
        begin = time.monotonic()
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.finish()
        elapsed = time.monotonic() - begin
        self.end(self.process)
        return elapsed

    def end(self, process):
        atexit.unregister(self.abandon)
        process.kill()

    def taken(self, out):
        return None

    def lost(self, expected):
        """finish(), and how many of these events it does not have."""
        return max(0, expected - self.finish())

    def path(self, name):
        return os.path.join(self.directory, name)


class Record(Tracer):
    name = "record"

    def __init__(self, program=kct.PROGRAM, *options):
        self.program, self.options = program, options

    def command(self, directory):
        output = os.path.join(directory, "recording.jsonl")
        return [self.program, "record", "--json", "-o", output, *self.options, "--"]

    def lost(self, expected):
        out = self.process.finish()
        self.end(self.process)
        return kct.parse(out.splitlines()[-1])["lost"]


class Stat(Tracer):
    """It needs no event: what it counts is in the kernel."""

    name = "stat"

    def __init__(self, program=kct.PROGRAM):
        self.program = program

    def arguments(self, directory):
        return ("stat", "--json")

    def start(self, directory, cpus=None):
        args = self.arguments(directory)
        self.process = self.spawn(
            *args, program=self.program, preexec_fn=guests.on_cpus(cpus)
        )
        while not kct.is_polling(self.process.pid):
            if not self.process.is_running():
                raise AssertionError(self.process.stderr())
            time.sleep(0.0002)

    def finish(self):
        self.interrupt()

    def lost(self, expected):
        out = self.process.finish(signal.SIGINT)
        self.end(self.process)
        return kct.parse(out.splitlines()[-1])["lost"]


class Monitor(Stat):
    """With all that it does: segments, the journal, metrics."""

    name = "monitor"

    def arguments(self, directory):
        return ("monitor", "--record", os.path.join(directory, "store"), "--keep-free", "0",
                "--metrics", os.path.join(directory, "metrics.prom"))


class Bpftrace(Tracer):
    tool = "bpftrace"

    def __init__(self, script, name):
        self.script, self.name = os.path.join(HERE, script), name

    def environment(self):
        pages = buffer_a_cpu() // PAGE
        return {**super().environment(), "BPFTRACE_PERF_RB_PAGES": str(pages)}

    def command(self, directory):
        return ["bpftrace", "-o", os.path.join(directory, "bpftrace.out"), self.script, "-c"]

    def taken(self, out):
        with open(self.path("bpftrace.out"), "rb") as file:
            return sum(line.startswith((b"update ", b"pvti ")) for line in file)


class PerfRecord(Tracer):
    name, tool = "perf record", "perf"

    def command(self, directory):
        output = os.path.join(directory, "perf.data")
        events = [word for event in EVENTS for word in ("-e", event)]
        pages = str(buffer_a_cpu() // PAGE)
        return ["perf", "record", "-q", "-a", "-m", pages, "-o", output, *events, "--"]

    def taken(self, out):
        command = ["perf", "report", "--stats", "-i", self.path("perf.data")]
        text = subprocess.run(command, capture_output=True, text=True).stdout
        found = re.search(r"SAMPLE events:\s*(\d+)", text)
        return int(found.group(1)) if found else 0


class TraceCmd(Tracer):
    """In a buffer of its own, and leaving alone what a locked-down host refuses it (-d, -k)."""

    name, tool = "trace-cmd record", "trace-cmd"
    INSTANCE = "kvmclock-trace-bench"

    def command(self, directory):
        output = os.path.join(directory, "trace.dat")
        events = [word for event in EVENTS for word in ("-e", event)]
        size = str(buffer_a_cpu() >> 10)
        options = ["-q", "-d", "-k", "-B", self.INSTANCE, "-b", size, "-o", output]
        return ["trace-cmd", "record", *options, *events]

    def taken(self, out):
        """As the kernel has counted what was read from its buffer."""
        taken = 0
        for path in glob.glob(f"{kct.TRACEFS}/instances/{self.INSTANCE}/per_cpu/cpu*/stats"):
            with open(path, encoding="ascii") as file:
                taken += int(re.search(r"read events: (\d+)", file.read()).group(1))
        return taken

    def end(self, process):
        super().end(process)
        with contextlib.suppress(OSError):
            os.rmdir(f"{kct.TRACEFS}/instances/{self.INSTANCE}")


def bpftrace_values():
    return Bpftrace("values.bt", "bpftrace, values")


def bpftrace_arguments():
    return Bpftrace("args.bt", "bpftrace, arguments")


def bpftrace_counts():
    return Bpftrace("counts.bt", "bpftrace, counts")


def bpftrace_nothing():
    return Bpftrace("nothing.bt", "bpftrace, nothing")


def others():
    return [bpftrace_values(), bpftrace_arguments(), PerfRecord(), TraceCmd()]


def usable(tracers, directory):
    """Those of them that work here, and for the others a line that says why not."""
    works, notes = [], []
    for tracer in tracers:
        why = why_not(tracer, directory)
        works += [] if why else [tracer]
        notes += [f"{tracer.name}: {why}."] if why else []
    return works, notes


def why_not(tracer, directory):
    if tracer.tool and not shutil.which(tracer.tool):
        return "not installed"
    try:
        tracer.start(directory)
        tracer.finish()
    except (AssertionError, OSError) as error:
        return "does not run here: " + " ".join(str(error).split())[:200]
    return None
