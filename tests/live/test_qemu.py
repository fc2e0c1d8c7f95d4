# SPDX-License-Identifier: GPL-2.0
"""A VMM and guests that are not ours: QEMU, SeaBIOS, and an SMP guest of a few instructions.

Each live migration is between two QEMU processes on this host over a Unix socket. What is done,
QMP says; what the guest does, it writes to SeaBIOS's debug port.
"""

import json
import os
import shutil
import struct
import unittest

import kct

DEBUG_PORT = 0x402
PVTI_AT = 0x1000  # in the memory of the SMP guest; 64 bytes for each vCPU
COUNTER_AT = 0x2000  # so too, 4 bytes

# The SMP guest, at F000:0000. All its vCPUs come here: the first one after the reset, the others
# by a SIPI of the first. (AT&T's order of operands, 16-bit code)
SMP_GUEST = bytes.fromhex(
    "fa"  # cli
    "66b91b000000 0f32"  # mov $0x1b, %ecx; rdmsr (IA32_APIC_BASE)
    "6689c3"  # mov %eax, %ebx
    "660d000c0000 0f30"  # or $0xc00, %eax; wrmsr (x2APIC)
    "66b902080000 0f32"  # mov $0x802, %ecx; rdmsr (x2APIC id)
    "6689c6"  # mov %eax, %esi
    "66c1e006"  # shl $6, %eax
    "660501100000"  # add $0x1001, %eax (PVTI_AT | 1)
    "6631d2"  # xor %edx, %edx
    "66b9014d564b 0f30"  # mov $0x4b564d01, %ecx; wrmsr (kvm-clock's SYSTEM_TIME)
    "89f0 0441 ba0204 ee"  # mov %si, %ax; add $'A', %al; mov $0x402, %dx; out %al, %dx
    "f7c30001 7419"  # test $0x100, %bx; jz wait (not the first one)
    "6631d2"  # xor %edx, %edx
    "66b930080000"  # mov $0x830, %ecx (ICR)
    "66b800450c00 0f30"  # mov $0xc4500, %eax; wrmsr (INIT to all others)
    "66b8f0460c00 0f30"  # mov $0xc46f0, %eax; wrmsr (SIPI to F000:0000)
    "31c0 8ed8"  # wait: xor %ax, %ax; mov %ax, %ds
    "c1e602"  # shl $2, %si
    "66ff840020"  # again: incl 0x2000(%si)
    "f390"  # pause
    "ebf7"  # jmp again
)
RESET = bytes.fromhex("ea000000f0")  # ljmp $0xf000, $0


def firmware():
    image = bytearray(b"\xf4" * 0x10000)
    image[: len(SMP_GUEST)] = SMP_GUEST
    image[0xFFF0 : 0xFFF0 + len(RESET)] = RESET
    return bytes(image)


class Qemu(kct.Process):
    """One QEMU; QMP on its stdin and stdout, the guest's debug port in a file."""

    def __init__(self, directory, name, uuid, *args):
        self.name, self.uuid = name, uuid
        self.events = []
        self.debug = os.path.join(directory, f"{name}.debug")
        super().__init__(
            "-accel", "kvm", "-display", "none", "-nodefaults", "-m", 64,
            "-name", f"guest={name}", "-uuid", uuid,
            "-chardev", "stdio,id=qmp", "-mon", "chardev=qmp,mode=control",
            "-chardev", f"file,id=debug,path={self.debug}",
            "-device", f"isa-debugcon,iobase={DEBUG_PORT:#x},chardev=debug",
            *args,
            program="qemu-system-x86_64",
        )  # fmt: skip
        self.message()  # its greeting
        self.command("qmp_capabilities")

    def message(self):
        line = self.lines.next()
        if line is None:
            raise AssertionError(f"QEMU ended: {self.stderr()}")
        return json.loads(line)

    def command(self, name, **arguments):
        message = {"execute": name, "arguments": arguments}
        self.popen.stdin.write(json.dumps(message).encode() + b"\n")
        while True:
            reply = self.message()
            if "event" in reply:
                self.events.append(reply)
                continue
            if "error" in reply:
                raise AssertionError(f"{name}: {reply['error']}")
            return reply["return"]

    def wait_event(self, name, **data):
        """Up to an event with this data; those before it are forgotten."""
        while True:
            event = self.events.pop(0) if self.events else self.message()
            of = event.get("data", {})
            if of.get("status") == "failed":
                raise AssertionError(f"{event}: {self.stderr()}")
            if event.get("event") == name and all(of.get(k) == v for k, v in data.items()):
                return event

    def wait_guest(self, *texts):
        """Until the guest has written them all, each as often as it is named."""

        def has_written():
            with open(self.debug, encoding="latin-1") as file:
                written = file.read()
            return all(written.count(text) >= texts.count(text) for text in texts)

        kct.until(has_written, f"the guest to write {texts}")

    def threads(self):
        """The thread of each vCPU."""
        return {
            cpu["cpu-index"]: cpu["thread-id"] for cpu in self.command("query-cpus-fast")
        }

    def memory(self, directory, address, size):
        path = os.path.join(directory, "memory")
        self.command("pmemsave", val=address, size=size, filename=path)
        with open(path, "rb") as file:
            return file.read()

    def quit(self):
        self.command("quit")
        self.finish(check=0)


class Migration(kct.LiveTest):
    SOURCE = ("src", "5e0a1f6c-9d43-4a52-8c1e-0d3b7f2a9e11")
    TARGET = ("dst", "b7c2d9e4-1f80-4e6b-a5d3-62c9f0e81a77")

    def setUp(self):
        super().setUp()
        if not shutil.which("qemu-system-x86_64"):
            raise unittest.SkipTest("no qemu-system-x86_64 here")

    def qemu(self, name, uuid, *args):
        return self.kept(Qemu(self.directory, name, uuid, *args))

    def migrate(self, source, *args):
        """A second QEMU takes the guest over: it, when it runs there."""
        address = "unix:" + self.path("migration")
        target = self.qemu(*self.TARGET, *args, "-incoming", address)
        capabilities = [{"capability": "events", "state": True}]
        for qemu in (source, target):
            qemu.command("migrate-set-capabilities", capabilities=capabilities)
        source.command("migrate", uri=address)
        source.wait_event("MIGRATION", status="completed")
        target.wait_event("RESUME")
        return target

    def smp_guest(self, nr_vcpus):
        """What QEMU has to be told to run it."""
        with open(self.path("firmware"), "wb") as file:
            file.write(firmware())
        return ["-bios", file.name, "-smp", nr_vcpus]

    def of_vm(self, report, qemu):
        (vm,) = [vm for vm in report["vms"] if vm["pid"] == qemu.pid]
        self.assertEqual(vm["name"], qemu.name)
        self.assertEqual(vm["uuid"], qemu.uuid)
        self.assertEqual(vm["vmm"], "qemu")
        return vm

    def check_target(self, vm, qemu, threads, samples, nr_vcpus):
        """One update for the clock and then one for each vCPU, and in whose thread, by perf."""
        cause = {key: n for key, n in vm["updates"]["cause"].items() if n}
        self.assertEqual(set(cause), {"vm-create", "set-clock", "vcpu-request"})
        self.assertEqual(cause["vm-create"], 1)
        self.assertGreaterEqual(cause["set-clock"], 1)
        self.assertGreaterEqual(cause["vcpu-request"], nr_vcpus)
        self.assertGreaterEqual(vm["unnecessary"], nr_vcpus)
        hits = [sample.tid for sample in samples
                if sample.event == kct.UPDATE and sample.pid == qemu.pid]
        self.assertEqual(vm["updates"]["total"], len(hits))
        self.assertEqual(cause["vm-create"] + cause["set-clock"], hits.count(qemu.pid))
        self.assertEqual([vcpu["id"] for vcpu in vm["vcpus"]], sorted(threads))
        for vcpu in vm["vcpus"]:
            self.assertEqual(vcpu["updates"], hits.count(threads[vcpu["id"]]))
            self.assertGreaterEqual(vcpu["updates_by_effect"]["resnapshot"], 1)

    def check_counts(self, report, samples):
        counted = {name: sum(sample.event == name for sample in samples)
                   for name in kct.TRACEPOINTS}
        self.assertEqual(report["lost"], 0)
        self.assertEqual(kct.totals(report), {key: counted[key] for key in kct.totals(report)})
        self.assertEqual(report["unattributed"]["updates"]["total"], 0)

    def finish(self, record, perf):
        """(summary, Recording, perf's samples)"""
        report = kct.parse(record.finish(check=kct.EXIT_OK))
        return report, kct.Recording.of(self.path("recording")), perf.finish()

    def begin(self):
        perf = self.kept(kct.PerfTrace(self.directory))
        return self.start_record("-o", self.path("recording"), "--json"), perf

    def test_seabios(self):
        """The source runs already when tracing begins; the boot goes on in the target."""
        source = self.qemu(*self.SOURCE)
        source.wait_guest("kvmclock: at")
        record, perf = self.begin()
        target = self.migrate(source)
        target.wait_guest("No bootable device")
        threads = target.threads()
        for qemu in (source, target):
            qemu.quit()
        report, recording, samples = self.finish(record, perf)
        self.check_counts(report, samples)
        vm = self.of_vm(report, target)
        self.assertTrue(vm["created"])
        self.check_target(vm, target, threads, samples, 1)
        old = self.of_vm(report, source)
        self.assertFalse(old["created"])
        self.assertEqual(old["updates"]["cause"]["vm-create"], 0)
        self.assertEqual(len(recording.select("vcpu", vm=old["number"])), 1)

    def test_smp(self):
        """Four vCPUs, each with its own PVTI in guest memory for us to compare."""
        nr_vcpus = 4
        guest = self.smp_guest(nr_vcpus)
        record, perf = self.begin()
        source = self.qemu(*self.SOURCE, *guest)
        source.wait_guest(*"ABCD")
        target = self.migrate(source, *guest)
        first = self.counters(target, nr_vcpus)

        def all_ran():
            now = self.counters(target, nr_vcpus)
            return all(a != b for a, b in zip(first, now))

        kct.until(all_ran, "every vCPU of the target to run")
        threads = target.threads()
        target.command("stop")
        published = self.pvtis(target, nr_vcpus)
        for qemu in (source, target):
            qemu.quit()
        report, recording, samples = self.finish(record, perf)
        self.check_counts(report, samples)
        vm = self.of_vm(report, target)
        self.check_target(vm, target, threads, samples, nr_vcpus)
        self.check_source(self.of_vm(report, source), nr_vcpus)
        (event,) = recording.select("set-clock", vm=vm["number"])
        self.assertEqual((event["nr_pending"], event["nr_vcpus"]), (nr_vcpus, nr_vcpus))
        for vcpu, pvti in enumerate(published):
            self.check_chain(recording, vm["number"], vcpu)
            last = recording.select("pvti", vm=vm["number"], vcpu=vcpu)[-1]
            self.assertEqual(kct.pvti_of(last["new"])[:4], pvti[:4])
            self.assertEqual(last["tid"], threads[vcpu])

    def test_reset(self):
        """QEMU writes the TSCs anew: what follows is no drift, whatever the two PVTIs say."""
        record, perf = self.begin()
        source = self.qemu(*self.SOURCE, *self.smp_guest(2))
        source.wait_guest(*"AB")
        source.command("system_reset")
        source.wait_event("RESET")
        source.wait_guest(*"ABAB")
        source.quit()
        report, recording, samples = self.finish(record, perf)
        self.check_counts(report, samples)
        vm = self.of_vm(report, source)
        for vcpu in vm["vcpus"]:
            self.check_chain(recording, vm["number"], vcpu["id"])
            events = recording.select("pvti", vm=vm["number"], vcpu=vcpu["id"])
            self.assertTrue(any(event["rebased"] and event["old"] for event in events))
            self.assertEqual(vcpu["pvti_rebased"], sum(event["rebased"] for event in events))

    def check_source(self, vm, nr_vcpus):
        self.assertTrue(vm["created"])
        self.assertEqual(len(vm["vcpus"]), nr_vcpus)
        self.assertEqual(vm["updates"]["cause"]["vm-create"], 1)
        for vcpu in vm["vcpus"]:
            self.assertGreaterEqual(vcpu["requests"], 1)
            self.assertGreaterEqual(vcpu["pvti_updates"], 1)

    def counters(self, qemu, nr_vcpus):
        raw = qemu.memory(self.directory, COUNTER_AT, 4 * nr_vcpus)
        return [raw[at : at + 4] for at in range(0, len(raw), 4)]

    def pvtis(self, qemu, nr_vcpus):
        """struct pvclock_vcpu_time_info of each vCPU, as kct.pvti_of() has it."""
        raw = qemu.memory(self.directory, PVTI_AT, 64 * nr_vcpus)
        fields = [struct.unpack_from("<IIQQIbB", raw, 64 * n) for n in range(nr_vcpus)]
        return [one[2:] for one in fields]

    def test_paused(self):
        """What never ran: its vCPUs' requests wait, and the masterclock is off."""
        self.qemu(*self.SOURCE, "-S", "-smp", 2)
        for option in (["--vm", "src"], ["--vm", self.SOURCE[1].upper()]):
            done = kct.run("list", "--json", *option, check=kct.EXIT_OK)
            (vm,) = kct.parse(done.stdout)["vms"]
            self.assertEqual(vm["name"], "src")
            self.assertEqual(vm["uuid"], self.SOURCE[1])
            self.assertEqual(vm["vmm"], "qemu")
            self.assertEqual(vm["nr_vcpus"], 2)
            self.assertEqual(vm["nr_pending"], 2)
            self.assertEqual(vm["masterclock"], "inactive")
            self.assertIsNone(vm["snapshot_age_ns"])
