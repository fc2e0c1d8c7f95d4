# SPDX-License-Identifier: GPL-2.0
"""Which VM is which, and which are there, whatever became of their descriptors."""

import os
import re
import signal
import socket
import subprocess
import sys
import time

import kct
from vmm import Vmm

GENERATION = 1 << 63  # of a token that is no inode number
UNSHARE = ["unshare", "--pid", "--fork", "--mount-proc"]


def listed(*prefix, status=kct.EXIT_OK):
    """(the object of `list --json`, what it wrote on stderr)"""
    command = [*prefix, kct.PROGRAM, "list", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=kct.PATIENCE)
    assert done.returncode == status, (done.returncode, done.stderr)
    return kct.parse(done.stdout), done.stderr


def of(report, pid):
    return [vm for vm in report["vms"] if vm["pid"] == pid]


def comm(pid):
    with open(f"/proc/{pid}/comm", encoding="ascii") as file:
        return file.read().strip()


def table(stat):
    return kct.parse(stat.lines.next())


def next_table(stat):
    """One whose counters were read from now on; the pipe may hold older ones."""
    now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    while table(stat)["ended_ns"] < now:
        pass
    return table(stat)


class Identity(kct.LiveTest):
    def vmm(self, *commands, prefix=()):
        vmm = self.kept(Vmm(*prefix))
        for command in commands:
            vmm.do(command)
        return vmm

    def check_one_life(self, stat, use, pid, name=None):
        """Whatever is done, it is one VM, which lives, and what it does counts."""
        numbers = set()
        table(stat)
        for times in range(1, 6):
            use()
            report = next_table(stat)
            # Where it has no number here, others may have none either.
            (vm,) = [vm for vm in of(report, pid) if name in (None, vm["name"])]
            numbers.add(vm["number"])
            self.assertEqual((vm["gone"], vm["created"]), (False, False))
            self.assertEqual(vm["tsc_writes"], times)
            self.assertTrue(report["complete"])
        self.assertEqual(len(numbers), 1)
        self.assertEqual(report["unattributed"]["tsc_writes"], 0)

    def check_gone(self, stat, pid):
        """It is shown once more, with its last numbers."""
        (vm,) = kct.until(
            lambda: [vm for vm in of(table(stat), pid) if vm["gone"]], "the end of the VM"
        )
        self.assertEqual(vm["tsc_writes"], 5)
        self.assertEqual(of(table(stat), pid), [])
        stat.finish(signal.SIGINT, check=kct.EXIT_OK)


class Descriptors(Identity):
    """A VM lives as long as there is any descriptor of it."""

    def test_vm_closed(self):
        """Only a vCPU's is left."""
        vmm = self.vmm("vm a", "vcpu a 0", "close a")
        (vm,) = of(listed()[0], vmm.pid)
        self.assertEqual((vm["nr_vcpus"], vm["tsc_offsets"]), (1, "equal"))
        stat = self.start("stat", "--json", "20ms")
        self.check_one_life(stat, lambda: vmm.do("tsc a 0"), vmm.pid)
        vmm.do("close a 0")
        self.assertEqual(of(listed()[0], vmm.pid), [])
        self.check_gone(stat, vmm.pid)

    def test_on_their_way(self):
        """All are in a socket, and no process has one. Another VM leads to it."""
        other = self.vmm("vm other")
        vmm = self.vmm("vm a", "vcpu a 0", "vcpu a 1", "away a")
        (vm,) = of(listed()[0], vmm.pid)
        self.assertEqual((vm["nr_vcpus"], vm["tsc_offsets"]), (2, "equal"))

        def use():
            for command in ("back a", "tsc a 0", "away a"):
                vmm.do(command)

        stat = self.start("stat", "--json", "20ms")
        self.check_one_life(stat, use, vmm.pid)
        vmm.finish()
        self.assertEqual(of(listed()[0], vmm.pid), [])
        self.check_gone(stat, vmm.pid)
        self.assertEqual(len(of(listed()[0], other.pid)), 1)

    def test_owner_has_ended(self):
        """The descriptor is with others: nobody runs the VM, and nobody is said to."""
        self.vmm("vm other")
        vcpus = 13  # to know it by
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        script = (
            "import fcntl, os, socket, sys\n"
            "vm = fcntl.ioctl(os.open('/dev/kvm', os.O_RDWR), 0xAE01)\n"
            f"for i in range({vcpus}): os.close(fcntl.ioctl(vm, 0xAE41, i))\n"
            "socket.send_fds(socket.socket(fileno=int(sys.argv[1])), [b'x'], [vm])\n"
        )
        with ours:
            with theirs:
                fd = theirs.fileno()
                command = [sys.executable, "-c", script, str(fd)]
                subprocess.run(command, pass_fds=[fd], check=True)
            (vm,) = [vm for vm in listed()[0]["vms"] if vm["nr_vcpus"] == vcpus]
            self.assertIsNone(vm["pid"])
        self.assertEqual([vm for vm in listed()[0]["vms"] if vm["nr_vcpus"] == vcpus], [])


class Namespaces(Identity):
    """The tool in a PID namespace of its own, beside VMs of the host's."""

    def setUp(self):
        super().setUp()
        if subprocess.run([*UNSHARE, "true"], capture_output=True).returncode:
            self.skipTest("no PID namespace can be made here")

    def start_in(self, prefix, *args):
        return self.start(*prefix, kct.PROGRAM, *args, program=None)

    def inner(self, vmm):
        """The process below the unshare of a Vmm, as the host numbers it."""
        with open(f"/proc/{vmm.pid}/task/{vmm.pid}/children", encoding="ascii") as file:
            return int(file.read())

    def enter(self, vmm):
        return ["nsenter", "-t", str(self.inner(vmm)), "--pid", "--mount"]

    def symbol_leads(self):
        """The kernel's symbol table has KVM's list: then nothing is hidden."""
        with open("/proc/kallsyms", encoding="ascii") as file:
            return re.search(r"^(?!0+ )[0-9a-f]+ [bBdD] vm_list\b", file.read(), re.M) is not None

    def test_list(self):
        """A VM within leads to the one outside, which has no number here."""
        vcpus = [f"vcpu a {i}" for i in range(11)]
        outside, within = self.vmm("vm a", *vcpus), self.vmm("vm b", prefix=UNSHARE)
        report, errors = listed(*self.enter(within))
        self.assertTrue(report["complete"])
        self.assertEqual(len(of(report, 1)), 1)
        (vm,) = [vm for vm in of(report, None) if vm["nr_vcpus"] == 11]
        self.assertEqual(vm["name"], comm(outside.pid))
        self.assertRegex(errors, r"\Akvmclock-trace: in a PID namespace of its own: [^\n]+\n\Z")
        # The host sees both by its own numbers.
        report, errors = listed()
        self.assertEqual(len(of(report, outside.pid)), 1)
        self.assertEqual(len(of(report, self.inner(within))), 1)
        self.assertEqual(errors, "")

    def test_list_of_nothing(self):
        """Where no way leads out, that is said."""
        outside = self.vmm("vm a")
        self.assertEqual(len(of(listed()[0], outside.pid)), 1)
        if self.symbol_leads():
            report, _ = listed(*UNSHARE)
            self.assertTrue(report["complete"])
            self.assertGreater(len(of(report, None)), 0)
            return
        report, errors = listed(*UNSHARE, status=kct.EXIT_INCOMPLETE)
        self.assertEqual((report["complete"], report["vms"]), (False, []))
        self.assertIn("are not seen", report["incomplete_why"])
        self.assertIn(report["incomplete_why"], errors)

    def test_stat(self):
        """The VM outside is one, and alive, whether a VM within led to it or its first event."""
        outside = self.vmm("vm a", "vcpu a 0")
        for within in (self.vmm(prefix=UNSHARE), self.vmm("vm b", prefix=UNSHARE)):
            stat = self.start_in(self.enter(within), "stat", "--json", "20ms")
            self.check_one_life(stat, lambda: outside.do("tsc a 0"), None, comm(outside.pid))
            within.finish()  # and with it all that is in its namespace
            self.assertRegex(stat.stderr(), r"\Akvmclock-trace: in a PID namespace of its own")

    def test_pid(self):
        """--pid is about the numbers here."""
        self.vmm("vm a", "vcpu a 0")
        within = self.vmm("vm b", "vcpu b 0", "vcpu b 1", prefix=UNSHARE)
        report, _ = listed(*self.enter(within), "env")
        self.assertEqual([vm["nr_vcpus"] for vm in of(report, 1)], [2])
        path = self.path("recording")
        record = self.start_in(self.enter(within), "record", "--json", "--pid", "1", "-o", path,
                               "--", "cat").echo()  # fmt: skip
        within.do("tsc b 1 3")
        report = kct.parse(record.finish(check=kct.EXIT_OK))
        self.assertEqual([(vm["pid"], vm["tsc_writes"]) for vm in report["vms"]], [(1, 3)])
        recording = kct.Recording.of(path)
        self.assertEqual([vm["pid"] for vm in recording.select("vm")], [1])
        (hook,) = [hook for hook in recording.header["hooks"] if hook["evidence"] == "vm"]
        self.assertIn("outside this PID namespace", hook["note"])

    def test_nested(self):
        """A VM of a namespace below goes by the number that its process has in this one."""
        within = self.vmm("vm a", prefix=UNSHARE)
        below = self.vmm("vm b", prefix=[*self.enter(within), *UNSHARE])
        self.assertEqual(below.do("pid"), "1")
        report, _ = listed(*self.enter(within))
        numbers = {vm["pid"] for vm in report["vms"]} - {None, 1}
        (number,) = numbers
        path = f"/proc/{self.inner(within)}/root/proc/{number}/status"
        with open(path, encoding="ascii") as file:
            self.assertEqual(re.search(r"^NSpid:\s+(\d+)\s+1$", file.read(), re.M)[1], str(number))

    def test_verify(self):
        """The scenario is the VMs of a process that it started itself."""
        command = [*UNSHARE, kct.PROGRAM, "verify", "migrate", "--vcpus", "2", "--json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=kct.PATIENCE)
        alone = kct.parse(kct.run("verify", "migrate", "--vcpus", 2, "--json").stdout)
        report = kct.parse(done.stdout)
        self.assertEqual(report["verdict"], alone["verdict"])
        self.assertEqual(len(report["vms"]), 2)

    def test_ioctls(self):
        path = self.path("recording")
        command = [*UNSHARE, kct.PROGRAM, "record", "--attach", "tracepoint", "--ioctls", "-o",
                   path, "--", *kct.workload_command("migrate", "--vcpus", 2)]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=kct.PATIENCE)
        self.assertEqual(done.returncode, kct.EXIT_OK, done.stderr)
        recording = kct.Recording.of(path)
        self.assertEqual(len(recording.select("ioctl", ioctl="get-clock")), 1)
        self.assertEqual(len(recording.select("ioctl", ioctl="get-tsc")), 2)

    def test_proc_of_the_host(self):
        """/proc has the host's numbers: nobody else's name is taken for the VM's."""
        within = self.vmm("vm a", prefix=UNSHARE[:-1])
        report, _ = listed("nsenter", "-t", str(self.inner(within)), "--pid")
        (vm,) = of(report, 1)
        self.assertEqual(vm["name"], comm(self.inner(within)))


class Generations(Identity):
    """VMs one after another at the same address, which nothing of the kernel's tells apart."""

    TIMES = 60

    def without_directory(self):
        """A VMM whose next VMs have no debugfs directory: its first one still has their name."""
        return self.vmm("vm a", "vcpu a 0", "close a")

    def test_record(self):
        vmm = self.without_directory()
        path = self.path("recording")
        record = self.start_record("--json", "-o", path)
        vmm.do(f"again {self.TIMES}")
        report = kct.parse(record.finish(check=kct.EXIT_OK))
        vms = [vm for vm in kct.Recording.of(path).select("vm", pid=vmm.pid) if vm["created"]]
        self.assertEqual(len(vms), self.TIMES)
        self.assertEqual([vm for vm in vms if vm["token"] < GENERATION], [])
        self.assertEqual(len({vm["token"] for vm in vms}), self.TIMES)
        made = [vm for vm in of(report, vmm.pid) if vm["created"]]
        self.assertEqual([vm["updates"]["total"] for vm in made], [2] * self.TIMES)
        self.assertEqual([vm["gone"] for vm in made], [True] * self.TIMES)
        self.assertEqual(report["unattributed"]["updates"]["total"], 0, report["unattributed"])

    def test_stat(self):
        """The same while they are reaped."""
        vmm = self.without_directory()
        stat = self.start("stat", "--json", "10ms")
        table(stat)
        updates = {}

        def note(report):
            for vm in of(report, vmm.pid):
                updates[vm["number"]] = vm["updates"]["total"]

        vmm.popen.stdin.write(f"again {self.TIMES * 10}\n".encode())
        while not kct.select.select([vmm.popen.stdout], [], [], 0)[0]:
            note(table(stat))
        vmm.answer()
        note(table(stat))
        for line in stat.finish(signal.SIGINT, check=kct.EXIT_OK).splitlines():
            report = kct.parse(line)
            note(report)
        self.assertEqual(sorted(updates.values()), [0] + [2] * self.TIMES * 10)
        self.assertEqual(report["unattributed"]["updates"]["total"], 0, report["unattributed"])


class Creations(Identity):
    """Each VM takes over the update that its KVM_CREATE_VM made."""

    def test_made_by_many(self):
        """More than there are CPUs, rows in a map, or whatever else one might count in."""
        count = 5000
        vmm = self.vmm()
        path = self.path("recording")
        record = self.start_record("--json", "--max-vms", count + 1000, "-o", path)
        for step in ("crowd", "use_crowd"):
            for _ in range(10):
                vmm.do(f"{step} {count // 10}")
        report = kct.parse(record.finish(check=kct.EXIT_OK))
        vms = of(report, vmm.pid)
        self.assertEqual(len(vms), count)
        self.assertEqual({(vm["created"], vm["updates"]["total"]) for vm in vms}, {(True, 2)})
        self.assertEqual(report["unattributed"]["updates"]["total"], 0, report["unattributed"])

    def test_unused(self):
        """Those that are not used stay nobody's."""
        vmm = self.vmm("vm old")
        record = self.start_record("--json", "-o", self.path("recording"))
        for command in ("unused 30", "vm new", "clock new", "clock old", "unused 10"):
            vmm.do(command)
        report = kct.parse(record.finish(check=kct.EXIT_OK))
        vms = of(report, vmm.pid)
        self.assertEqual([(vm["created"], vm["updates"]["total"]) for vm in vms],
                         [(False, 1), (True, 2)])  # fmt: skip
        self.assertEqual(report["unattributed"]["updates"]["total"], 40)


class Names(Identity):
    def test_short_lives(self):
        """A VM that came and went between two tables has its name, and all that it did."""
        stat = self.start("stat", "--json", "10ms")
        table(stat)
        churn = self.start("workload", "churn", "--vms", 1000, "--json")
        vms = {}

        def note(report):
            for vm in of(report, churn.pid):
                vms[vm["number"]] = vm
            self.assertEqual([vm for vm in report["vms"] if vm["name"].startswith("vm#")], [])

        while churn.is_running():
            note(table(stat))
        note(table(stat))
        for line in stat.finish(signal.SIGINT, check=kct.EXIT_OK).splitlines():
            report = kct.parse(line)
            note(report)
        self.assertEqual(len(vms), 1000)
        for vm in vms.values():
            self.assertEqual((vm["name"], vm["created"]), ("kvmclock-trace", True))
            self.assertEqual((vm["updates"]["total"], vm["pvti_updates"]), (2, 1))
        self.assertEqual(report["unattributed"]["updates"]["total"], 0, report["unattributed"])
