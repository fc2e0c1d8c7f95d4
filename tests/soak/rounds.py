# SPDX-License-Identifier: GPL-2.0
"""Short runs, one after another, that end in every way there is, at moments that nobody chose."""

import contextlib
import os
import signal
import subprocess
import time

import kct
import load

LIMIT = 5  # seconds from the signal to the end, of which one is promised
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def bpf_ids(pid):
    """What it has in the kernel: nothing, if it has just ended."""
    try:
        return kct.bpf_ids(pid)
    except OSError:
        return {"prog": set(), "map": set(), "link": set()}


class Rounds:
    def __init__(self, rng, directory):
        self.rng = rng
        self.path = os.path.join(directory, "recording")
        self.kills = self.ends = self.witnessed = self.lossy = 0
        self.told = dict.fromkeys(load.IOCTLS, 0)
        self.slowest = 0.0
        self.wrong = []
        self.ids = {"prog": set(), "map": set(), "link": set()}  # of those that were killed

    def one(self):
        kind = self.rng.choices((self.kill, self.end, self.witness), (3, 2, 1))[0]
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        try:
            kind()
        except AssertionError as error:
            self.wrong.append(f"{kind.__name__}: {error}")

    def command(self):
        return self.rng.choice((
            ("record", "-o", self.path),
            ("record", "-o", self.path, "--buffer", 1, "--max-vms", 64),
            ("trace",),
            ("trace", "--json"),
            ("stat", "--json", "20ms"),
            ("stat",),
        ))

    def start(self, command):
        """It runs for a moment, and in two cases of three it is attached by then."""
        process = subprocess.Popen([kct.PROGRAM, *map(str, command)], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if self.rng.random() < 2 / 3:
            kct.until(lambda: process.poll() is not None or bpf_ids(process.pid)["link"],
                      f"{command} to attach")
        time.sleep(self.rng.random() * 0.3)
        return process

    def kill(self):  # threat-13
        """Stopped first, to know what it has in the kernel."""
        command = self.command()
        process = self.start(command)
        process.send_signal(signal.SIGSTOP)
        for kind, its in bpf_ids(process.pid).items():
            self.ids[kind] |= its
        process.kill()
        process.communicate()
        self.kills += 1
        self.check_file(command, True)

    def end(self):  # threat-08
        """By a signal, at any moment: from it on there is little time."""
        command = self.command()
        process = self.start(command)
        process.send_signal(self.rng.choice(SIGNALS))
        began = time.monotonic()
        try:
            said = process.communicate(timeout=LIMIT)[1].decode(errors="replace")
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise AssertionError(f"{command} did not end within {LIMIT} s") from None
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.ends += 1
        # Before it has taken them over, signals do what they always do.
        if process.returncode not in (0, kct.EXIT_INCOMPLETE, *(-number for number in SIGNALS)):
            raise AssertionError(f"{command}: status {process.returncode}: {said}")
        self.check_file(command, process.returncode != 0)

    def check_file(self, command, may_be_cut):
        if command[0] != "record" or not os.path.exists(self.path):
            return
        if not os.path.getsize(self.path) and may_be_cut:
            return
        done = kct.run("report", "--json", self.path)
        if done.returncode not in ((0, kct.EXIT_INCOMPLETE) if may_be_cut else (0,)):
            raise AssertionError(f"report: status {done.returncode}: {done.stderr}")
        report = kct.parse(done.stdout)
        if report["complete"] != (done.returncode == 0):
            raise AssertionError(f"complete is {report['complete']}: {done.stderr}")

    def witness(self):
        """A workload under `record`, among all others: what it did is what was seen of it."""
        count = self.rng.randint(1, 3000)
        work = kct.workload_command("storm", "--count", count, "--jobs", self.rng.randint(1, 2))
        done = kct.run("record", "--json", "-o", self.path, "--", *work)
        told, report = map(kct.parse, done.stdout.splitlines())
        ours = [vm for vm in report["vms"] if vm["pid"] == told["pid"]]
        seen = sum(vm["set_clocks"] for vm in ours)
        made = told["ioctls"]["KVM_SET_CLOCK"]
        for name in load.IOCTLS:
            self.told[name] += told["ioctls"].get(name, 0)
        if report["complete"]:
            good = seen == made and len(ours) == len(told["vms"]) and done.returncode == 0
        else:
            self.lossy += 1
            good = seen <= made and report["lost"] > 0 and done.returncode == kct.EXIT_INCOMPLETE
        if not good:
            raise AssertionError(f"{seen} of {made} KVM_SET_CLOCK, status {done.returncode}")
        self.witnessed += 1

    def left(self):
        """What the kernel still has of those that were killed; it takes some RCU grace periods."""
        end = time.monotonic() + kct.PATIENCE
        while any(kct.bpf_left(self.ids).values()) and time.monotonic() < end:
            time.sleep(0.05)
        return kct.bpf_left(self.ids)
