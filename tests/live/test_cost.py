# SPDX-License-Identifier: GPL-2.0
"""What it costs where nothing happens: nothing."""

import os
import re
import signal
import subprocess
import time

import kct

# Passed at every exit of a guest, every ioctl of a VMM or every system call.
HOT = re.compile(r"kvm_(entry|exit|msr|pio|mmio)|sys_(enter|exit)|.*vcpu_(ioctl|run)\b.*|.*_msr.*")


def switches(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", file.read(), re.M).group(1))


class Idle(kct.LiveTest):
    """The tool does not wake up while a guest that has nothing to tell runs beside it."""

    def watch(self, tool):
        """[(ns, how often it has slept)] while a VM comes, runs quietly for a second and goes."""
        guest = self.start("workload", "steady", "--duration", "1s", "--json")
        samples = []
        while guest.is_running():
            samples.append((time.clock_gettime_ns(time.CLOCK_BOOTTIME), switches(tool.pid)))
            time.sleep(0.005)
        (told,) = kct.parse(guest.finish(check=kct.EXIT_OK))["vms"]
        (quiet,) = [step for step in told["steps"] if step["step"] == "quiet"]
        return samples, quiet["begin_ns"], quiet["end_ns"]

    def check(self, samples, begin, end):
        during = [n for ns, n in samples if begin <= ns <= end]
        self.assertGreater(len(during), 20)
        self.assertEqual(during[-1], during[0])
        # It is not asleep for good: that there was a new VM did wake it up.
        self.assertGreater(samples[-1][1], samples[0][1])

    def test_stat(self):
        """Which needs no event but that there is one more VM."""
        self.check(*self.watch(self.start("stat").wait_polling()))

    def check_until_event(self, *args):
        """Which do wake up for an event: the quiet time is that without any, as perf saw it."""
        perf = self.kept(kct.PerfTrace(self.directory, clock="monotonic"))
        samples, begin, end = self.watch(self.start(*args).wait_polling())
        boot = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()
        hits = [begin] + [sample.ns + boot for sample in perf.finish()]
        settled = 50_000_000  # for what it does about the last one
        self.check(samples, settled + max(ns for ns in hits if ns <= end), end)

    def test_record(self):
        self.check_until_event("record", "-o", self.path("recording"))

    def test_trace(self):
        self.check_until_event("trace")


class Hooks(kct.LiveTest):  # threat-15
    def attached(self, pid):
        """What the programs of a process hang on, as the kernel tells it."""
        ids = kct.bpf_ids(pid)["link"]
        links = [link for link in kct.bpftool("link", "show") if link["id"] in ids]
        self.assertEqual(len(links), len(ids))
        perf = [one for one in kct.bpftool("perf", "show") if one["pid"] == pid]
        # Probes are perf events, with a link or without.
        probes = [one["func"] if "func" in one else one["tracepoint"] for one in perf]
        return {self.target(link) for link in links if link["type"] != "perf_event"} | set(probes)

    def target(self, link):
        if "tp_name" in link:
            return link["tp_name"]
        command = ["bpftool", "btf", "dump", "id", str(link["target_obj_id"])]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        name = re.search(rf"^\[{link['target_btf_id']}\] \w+ '(\w+)'", done.stdout, re.M).group(1)
        return name.removeprefix("btf_trace_")

    def check(self, tool):
        attached = self.attached(tool.pid)
        for target in attached:
            self.assertIsNone(HOT.fullmatch(target), target)
        self.assertLessEqual(set(kct.TRACEPOINTS), attached)
        return attached

    def test_record(self):
        """The four tracepoints, and whatever else is attached is named in the header too."""
        path = self.path("recording")
        record = self.start("record", "-o", path).wait_polling()
        attached = self.check(record)
        record.finish(signal.SIGINT, check=kct.EXIT_OK)
        hooks = kct.Recording.of(path).header["hooks"]
        named = {hook["target"] for hook in hooks if hook["way"] == "tracepoint"}
        self.assertEqual(named, set(kct.TRACEPOINTS))
        self.assertLessEqual(attached, {hook["target"] for hook in hooks})

    def test_record_ioctls(self):
        """The way of every system call is hooked where that was asked for, and nothing else is."""
        path = self.path("recording")
        record = self.start("record", "-o", path, "--attach", "tracepoint",
                            f"--ioctls={os.getpid()}").wait_polling()  # fmt: skip
        attached = self.attached(record.pid)
        record.finish(signal.SIGINT, check=kct.EXIT_OK)
        self.assertEqual({target for target in attached if HOT.fullmatch(target)}, {"sys_exit"})
        hooks = kct.Recording.of(path).header["hooks"]
        self.assertLessEqual(attached, {hook["target"] for hook in hooks})

    def test_stat(self):
        self.check(self.start("stat").wait_polling())
