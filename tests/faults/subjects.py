# SPDX-License-Identifier: GPL-2.0
"""The commands whose system calls are failed, how each is run, and what may be said of it.

A subject gives the figures of a run: what has to be the same whenever the run ends as if nothing
had happened.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), name) for name in ("lib", "cli")]

import chains  # noqa: E402
import kct  # noqa: E402
import migrations  # noqa: E402

# Seconds, of which an unharmed run takes less than one.
DEADLINE = float(os.environ.get("KCT_DEADLINE", 10))
WORK = ("migrate", "--vcpus", 1)  # with more, it is chance who publishes how often


class Ended:
    def __init__(self, status, out, err, hung=False):
        self.status, self.hung = status, hung
        self.out, self.err = out.decode(errors="replace"), err.decode(errors="replace")
        self.work = None  # what the workload told, where it was told elsewhere


class Running:
    """A process whose output goes into files: it cannot be blocked by us."""

    def __init__(self, command, directory):
        self.files = [open(os.path.join(directory, name), "w+b") for name in ("out", "err")]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.files[0],
                                        stderr=self.files[1], cwd=directory,
                                        start_new_session=True)

    def traced(self):
        """The pid of strace's child; 0 before and after there is one."""
        pid = self.process.pid
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
                return int((file.read().split() or [0])[0])
        return 0

    def wait_idle(self):
        """Until it sits in poll() without a limit: its pid, or 0 if it has ended."""
        end = time.monotonic() + DEADLINE
        while self.process.poll() is None and time.monotonic() < end:
            pid = self.traced()
            if pid and kct.is_polling(pid):
                return pid
            time.sleep(0.002)
        return 0

    def finish(self):
        hung = False
        try:
            self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            hung = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # also what it started and left
        status = self.process.wait()
        texts = []
        for file in self.files:
            file.seek(0)
            texts.append(file.read())
            file.close()
        return Ended(status, *texts, hung)


class Subject:
    live = False
    answers = ()  # statuses that are no refusals: what they mean is in its output

    def __init__(self, name, *arguments):
        self.name, self.arguments = name, arguments

    def prepare(self, directory):
        """Files that it needs, in the directory in which it is run."""

    def run(self, tracer, directory):
        return Running([*tracer, kct.PROGRAM, *map(str, self.arguments)], directory).finish()

    def figures(self, ended):
        """{what: value}; of an offline command, all that it says."""
        return {"output": ended.out}

    def ways(self, ended):
        """By which way each piece of evidence was had, as it says itself."""
        return {}


class Offline(Subject):
    def prepare(self, directory):
        # So many that a file is read in several pieces.
        guests = chains.recording(*(chains.guest_of("per-vcpu", number, vcpus=(0, 1))
                                    for number in range(1, 41)))
        source, target = migrations.Migration(vcpus=2).two_hosts()
        for name, lines in (("one", guests), ("source", source), ("target", target)):
            with open(os.path.join(directory, name), "wb") as file:
                file.writelines(lines)


class Cut(Offline):
    """What it writes counts, not what it says."""

    made = "part"

    def run(self, tracer, directory):
        self.path = os.path.join(directory, self.made)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        return super().run(tracer, directory)

    def figures(self, ended):
        with open(self.path, encoding="utf-8") as file:
            return {"output": file.read()}


class Merge(Cut):
    made = "both"

    def prepare(self, directory):
        super().prepare(directory)
        late = chains.Guest(1, ns=4_000_000_000).boot(1)
        with open(os.path.join(directory, "later"), "wb") as file:
            file.writelines(chains.recording(late, started_ns=3_900_000_000))


class Doctor(Subject):
    """Whatever is refused, it tells what is left: it has no figures."""

    answers = (3, 4)

    def figures(self, ended):
        return {}


# ---- live ----

# By which process a VM is run, in which order it was met, and what depends on when things happened.
NO_COUNTS = {"pid", "number", "name", "drift_ns", "pvti_changed", "negative_deltas"}


def counts(value, path=""):
    """{path: number} of a report's VMs. How often a clock was published is chance, but for once."""
    if not isinstance(value, (dict, list)):
        yield path, min(value, 1) if path.endswith("pvti_updates") else value
        return
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        if key not in NO_COUNTS:
            yield from counts(inner, f"{path} {key}".strip())


def ways_of(hooks):
    return {hook["evidence"]: hook["way"] for hook in hooks}


class Live(Subject):
    live = True

    def ways(self, ended):
        return ways_of(kct.parse(ended.out.splitlines()[-1])["hooks"])

    def figures_of(self, report, pid):
        """Counts, which are the same in every run; times and the clocks' jumps are not."""
        vms = [vm for vm in report["vms"] if vm["pid"] == pid]
        return dict(counts({"vms": vms, "number of VMs": len(vms), "losses": report["losses"],
                            "complete": report["complete"]}))


class Record(Live):
    """Both what it prints, and what `report` finds in its file."""

    def run(self, tracer, directory):
        self.path = os.path.join(directory, "recording")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        return super().run(tracer, directory)

    def figures(self, ended):
        work, summary = map(kct.parse, ended.out.splitlines())
        again = kct.run("report", "--json", self.path)
        if again.stdout.splitlines() != ended.out.splitlines()[1:]:
            raise ValueError(f"the file says {again.stdout!r} {again.stderr!r}")
        return self.figures_of(summary, work["pid"])


class Watch(Live):
    """A command that runs until SIGINT, beside the workload."""

    def run(self, tracer, directory):
        running = Running([*tracer, kct.PROGRAM, *self.arguments], directory)
        work = None
        if running.wait_idle():
            work = kct.workload(*WORK)
        pid = running.wait_idle()
        if pid:
            os.kill(pid, signal.SIGINT)
        ended = running.finish()
        ended.work = work
        return ended


class Stat(Watch):
    def figures(self, ended):
        return self.figures_of(kct.parse(ended.out.splitlines()[-1]), ended.work["pid"])


class Trace(Watch):
    """How often which vCPU had what."""

    def ways(self, ended):
        return ways_of(kct.Recording(ended.out).header["hooks"])

    def figures(self, ended):
        recording = kct.Recording(ended.out)
        if recording.trailer["events"] != len(recording.events):
            raise ValueError("the trailer counts other events")
        vms = recording.vm_numbers(ended.work["pid"])
        keys = [(vms.index(event["vm"]), event["event"], event["vcpu"], event.get("cause"))
                for event in recording.events if event["vm"] in vms]
        return {key: 1 if key[1] == "pvti" else keys.count(key) for key in set(keys)}


class List(Subject):
    """Of a VM that is there meanwhile."""

    live = True

    def prepare(self, directory):
        self.guest = kct.Process("workload", "steady", "--vcpus", 2, "--hold", "--json")
        self.pid = kct.parse(self.guest.lines.next())["pid"]

    def close(self):
        self.guest.kill()

    def figures(self, ended):
        keep = ("masterclock", "vcpus", "pending", "nr_vcpus", "tsc_offset", "tsc_offsets_differ")
        vms = [vm for vm in json.loads(ended.out)["vms"] if vm["pid"] == self.pid]
        return {"number of VMs": len(vms),
                **{(at, key): vm[key] for at, vm in enumerate(vms) for key in keep if key in vm}}


def every():
    workload = (kct.PROGRAM, "workload", *WORK, "--json")
    return [
        Offline("report", "report", "--json", "one"),
        Offline("verify", "verify", "--json", "--recording", "one"),
        Offline("migration", "migration", "--json", "source", "target"),
        Offline("whatif", "whatif", "--json", "--with", "zhang-2", "one"),
        Offline("compare", "compare", "--json", "one", "one"),
        Offline("kernels", "compare", "--json", "a=one", "b=one", "b=one"),
        Offline("runs", "verify", "--json", "--recording", "one", "--recording", "one"),
        Offline("export", "export", "--flat", "/dev/stdout", "one"),
        Offline("top", "top", "--batch", "-v", "--replay", "one"),
        Cut("cut", "cut", "--since", "+0.1s", "-o", "part", "one"),
        Merge("merge", "merge", "-o", "both", "one", "later"),
        Doctor("doctor", "doctor", "--json"),
        List("list", "list", "--json"),
        Record("record", "record", "--json", "-o", "recording", "--", *workload),
        Stat("stat", "stat", "--json"),
        Trace("trace", "trace", "--json"),
    ]
