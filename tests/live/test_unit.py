# SPDX-License-Identifier: GPL-2.0
"""The systemd unit: it is one, and the monitor runs with no more than it permits."""

import os
import re
import shutil
import signal
import subprocess

import kct
from metrics import get
from prometheus import free_port

UNITS = os.path.join(kct.ROOT, "contrib", "systemd")
UNIT = os.path.join(UNITS, "kvmclock-trace-monitor.service")
SOCKET = os.path.join(UNITS, "kvmclock-trace-monitor.socket")
DROP_IN = os.path.join(UNITS, "kvmclock-trace-monitor.service.d", "socket.conf")


def settings(name, path=UNIT):
    """All values of a setting, as words."""
    with open(path, encoding="utf-8") as file:
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


def is_listening(port):
    """Without a connection, which would have the monitor started."""
    with open("/proc/net/tcp", encoding="ascii") as file:
        return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
                   for line in file.readlines()[1:])


def permitted_calls():
    """What the lines of the filter come to, one after another; "~" is for the whole of a line. Behind
    them what the unit says that a drop-in has to have for a command."""
    permitted = set()
    with open(UNIT, encoding="utf-8") as file:
        text = file.read()
    lines = re.findall(r"(?m)^SystemCallFilter=(~?)(.*)$", text)
    lines += re.findall(r"(?m)^#\tSystemCallFilter=(~?)(.*)$", text)
    for without, words in lines:
        for word in words.split():
            calls = calls_of(word) if word.startswith("@") else {word}
            permitted = permitted - calls if without else permitted | calls
    return permitted


class Unit(kct.LiveTest):
    def setUp(self):
        super().setUp()
        if not shutil.which("systemd-analyze"):
            self.skipTest("systemd-analyze is not installed")
        self.store, self.socket = self.path("store"), self.path("socket")

    def run_as(self, *wrapper, options=()):
        """The monitor as the unit has it, run by something else: it must trace, and pin."""
        monitor = subprocess.Popen([*wrapper, kct.PROGRAM, "monitor", "--record", self.store,
                                    "--keep-free", "0", "--metrics", f"unix:{self.socket}",
                                    "--post-roll", "0", *options],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(monitor.communicate)
        self.addCleanup(monitor.terminate)
        kct.until(lambda: os.path.exists(self.socket) or monitor.poll() is not None, "it to begin")
        told = kct.workload("migrate", "--vcpus", 2)
        self.assertIn("kvmclock_losses_total", get(self.socket)[1])
        # The oldest but what runs it, which has it in its arguments, too.
        pids = [int(pid) for pid in subprocess.run(["pgrep", "-f", self.socket], text=True,
                                                   capture_output=True, check=True).stdout.split()]
        pid = min(pid for pid in pids if os.readlink(f"/proc/{pid}/exe") == kct.PROGRAM)
        os.kill(pid, signal.SIGUSR1)
        pinned = 'kvmclock_triggers_total{trigger="signal",result="pinned"} 1'
        kct.until(lambda: pinned in get(self.socket)[1], "what is pinned")
        if options:
            done = 'kvmclock_trigger_commands_total{result="ok"} 1'
            kct.until(lambda: done in get(self.socket)[1], "the command")
        os.kill(pid, signal.SIGTERM)
        self.assertEqual(monitor.wait(kct.PATIENCE), kct.EXIT_OK)
        self.assertRegex(monitor.stderr.read(),
                         r"\A.*/pinned/.*: signal; 0 more triggers within it\n\Z")
        done = kct.run("report", "--json", self.store, check=kct.EXIT_OK)
        self.assertIn(told["pid"], [vm["pid"] for vm in kct.parse(done.stdout)["vms"]])

    def verify(self, *paths):
        """Copies of them are units, and none of them has a line that systemd does not know."""
        copies = []
        for path in paths:
            copy = self.path(os.path.relpath(path, UNITS))
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            with open(path, encoding="utf-8") as file:
                text = file.read().replace("/usr/sbin/kvmclock-trace", kct.PROGRAM)
            with open(copy, "w", encoding="utf-8") as file:
                file.write(text)
            copies.append(copy)
        units = [copy for copy in copies if not copy.endswith(".conf")]
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units],
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_unit(self):
        self.verify(UNIT)

    def test_socket_unit(self):
        self.verify(UNIT, SOCKET, DROP_IN)

    def test_socket(self):
        """The monitor as the drop-in has it, in a network of its own, with a socket of this one's:
        whoever comes first has it started, as systemd's own tool does that."""
        if not shutil.which("systemd-socket-activate"):
            self.skipTest("systemd-socket-activate is not installed")
        command = settings("ExecStart", DROP_IN)
        command[0] = kct.PROGRAM
        command[command.index("--record") + 1] = self.store
        port = free_port()
        self.assertEqual(settings("PrivateNetwork", DROP_IN), ["yes"])
        (address,) = settings("ListenStream", SOCKET)
        where = (address.split(":")[0], port)
        monitor = self.start("-l", "%s:%d" % where, "unshare", "--net", *command, "--keep-free", "0",
                             program="systemd-socket-activate", stdin=None, stdout=None)
        kct.until(lambda: is_listening(port) or not monitor.is_running(), "the socket")
        head, text = get(where)
        self.assertIn("200 OK", head)
        self.assertIn("kvmclock_losses_total", text)
        # Its own network has no socket.
        with open(f"/proc/{monitor.pid}/net/tcp", encoding="ascii") as file:
            self.assertEqual(len(file.readlines()), 1)
        monitor.signal(signal.SIGTERM)
        self.assertEqual(monitor.popen.wait(kct.PATIENCE), kct.EXIT_OK, monitor.stderr())

    def test_capabilities(self):
        words = [word.lower().replace("cap_", "+") for word in settings("CapabilityBoundingSet")]
        self.run_as("setpriv", "--no-new-privs", "--bounding-set", ",".join(["-all", *words]))

    def test_command(self):
        """With what the unit says that a command needs."""
        with open(UNIT, encoding="utf-8") as file:
            more = re.search(r"(?m)^#\tCapabilityBoundingSet=(.*)$", file.read())[1].split()
        words = [word.lower().replace("cap_", "+")
                 for word in [*settings("CapabilityBoundingSet"), *more]]
        self.run_as("setpriv", "--no-new-privs", "--bounding-set", ",".join(["-all", *words]),
                    options=("--on-trigger", "true"))

    def test_system_calls(self):
        permitted = permitted_calls()
        log = self.path("calls")
        self.run_as("strace", "-f", "-qq", "-o", log, options=("--on-trigger", "true"))
        with open(log, encoding="utf-8", errors="replace") as file:
            made = set(re.findall(r"(?m)^\d+ +(\w+)\(", file.read()))
        self.assertIn("bpf", made)
        # strace itself starts the program.
        self.assertEqual(made - permitted - {"execve"}, set())
