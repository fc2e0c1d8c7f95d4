# SPDX-License-Identifier: GPL-2.0
"""The systemd unit: it is one, and the monitor runs with no more than it permits."""

import os
import re
import shutil
import signal
import subprocess

import kct
from test_metrics import get

UNIT = os.path.join(kct.ROOT, "contrib", "systemd",
                    "kvmclock-trace-monitor.service")


def settings(name):
    """All values of a setting, as words."""
    with open(UNIT, encoding="utf-8") as file:
        return " ".join(re.findall(rf"(?m)^{name}=(.*)$", file.read())).split()


def calls_of(group):
    """The system calls of one of systemd's groups."""
    done = subprocess.run(["systemd-analyze", "syscall-filter", group], capture_output=True,
                          text=True, check=True)
    words = [line.strip() for line in done.stdout.splitlines()[1:]]
    calls = set()
    for word in words:
        if word and not word.startswith("#"):
            calls |= calls_of(word) if word.startswith("@") else {word}
    return calls


class Unit(kct.LiveTest):
    def setUp(self):
        super().setUp()
        if not shutil.which("systemd-analyze"):
            self.skipTest("systemd-analyze is not installed")
        self.store, self.socket = self.path("store"), self.path("socket")

    def run_as(self, *wrapper):
        """The monitor as the unit has it, run by something else: it must trace."""
        monitor = subprocess.Popen([*wrapper, kct.PROGRAM, "monitor", "--record", self.store,
                                    "--keep-free", "0", "--metrics", f"unix:{self.socket}"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(monitor.communicate)
        self.addCleanup(monitor.terminate)
        kct.until(lambda: os.path.exists(self.socket) or monitor.poll() is not None, "it to begin")
        told = kct.workload("migrate", "--vcpus", 2)
        self.assertIn("kvmclock_losses_total", get(self.socket)[1])
        os.kill(int(subprocess.run(["pgrep", "-n", "-f", self.socket], capture_output=True,
                                   check=True).stdout), signal.SIGTERM)
        self.assertEqual((monitor.wait(kct.PATIENCE), monitor.stderr.read()), (kct.EXIT_OK, ""))
        done = kct.run("report", "--json", self.store, check=kct.EXIT_OK)
        self.assertIn(told["pid"], [vm["pid"] for vm in kct.parse(done.stdout)["vms"]])

    def test_unit(self):
        with open(UNIT, encoding="utf-8") as file:
            text = file.read().replace("/usr/sbin/kvmclock-trace", kct.PROGRAM)
        copy = self.path(os.path.basename(UNIT))
        with open(copy, "w", encoding="utf-8") as file:
            file.write(text)
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], capture_output=True,
                              text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_capabilities(self):
        words = [word.lower().replace("cap_", "+") for word in settings("CapabilityBoundingSet")]
        self.run_as("setpriv", "--no-new-privs", "--bounding-set", ",".join(["-all", *words]))

    def test_system_calls(self):
        permitted = set()
        for word in settings("SystemCallFilter"):
            permitted |= calls_of(word) if word.startswith("@") else {word}
        log = self.path("calls")
        self.run_as("strace", "-f", "-qq", "-o", log)
        with open(log, encoding="utf-8", errors="replace") as file:
            made = set(re.findall(r"(?m)^\d+ +(\w+)\(", file.read()))
        self.assertIn("bpf", made)
        # strace itself starts the program.
        self.assertEqual(made - permitted - {"execve"}, set())
