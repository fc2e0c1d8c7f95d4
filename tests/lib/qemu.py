# SPDX-License-Identifier: GPL-2.0
"""A VMM that is not ours: QEMU, and live tests with it.

What is to be done, QMP says; what the guest does, it writes to a debug port, as SeaBIOS has it.
"""

import json
import os
import shutil
import unittest

import kct

DEBUG_PORT = 0x402


class Qemu(kct.Process):
    """One QEMU; QMP on its stdin and stdout, the guest's debug port in a file."""

    def __init__(self, directory, name, uuid, *args):
        self.directory, self.name, self.uuid = directory, name, uuid  # None: it has none
        self.events = []
        self.when = {}  # ns of CLOCK_REALTIME: the last event of each name
        self.debug = os.path.join(directory, f"{name}-{uuid}.debug")  # two may share one of them
        super().__init__(
            "-accel", "kvm", "-display", "none", "-nodefaults", "-m", 64,
            "-name", f"guest={name}", *(("-uuid", uuid) if uuid else ()),
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
        message = json.loads(line)
        if "event" in message:
            at = message["timestamp"]
            self.when[message["event"]] = at["seconds"] * 10**9 + at["microseconds"] * 1000
        return message

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

    def written(self):
        with open(self.debug, encoding="latin-1") as file:
            return file.read()

    def wait_guest(self, *texts):
        """Until the guest has written them all, each as often as it is named."""

        def has_written():
            written = self.written()
            return all(written.count(text) >= texts.count(text) for text in texts)

        kct.until(has_written, f"the guest to write {texts}")

    def threads(self):
        """The thread of each vCPU."""
        return {
            cpu["cpu-index"]: cpu["thread-id"] for cpu in self.command("query-cpus-fast")
        }

    def memory(self, address, size):
        """The guest's memory at a physical address. Its vCPUs may write there meanwhile."""
        path = os.path.join(self.directory, f"{self.name}.memory")
        self.command("pmemsave", val=address, size=size, filename=path)
        with open(path, "rb") as file:
            return file.read()

    def tell_migrations(self):
        """From now on, by events."""
        capabilities = [{"capability": "events", "state": True}]
        self.command("migrate-set-capabilities", capabilities=capabilities)

    def send_guest(self, address):
        """The guest runs here until it is sent, and then no more."""
        self.tell_migrations()
        self.command("migrate", uri=address)
        self.wait_event("MIGRATION", status="completed")

    def quit(self):
        self.command("quit")
        self.finish(check=0)


class QemuTest(kct.LiveTest):
    """Moves guests between two QEMUs on this host."""

    SOURCE = ("src", "5e0a1f6c-9d43-4a52-8c1e-0d3b7f2a9e11")
    TARGET = ("dst", "b7c2d9e4-1f80-4e6b-a5d3-62c9f0e81a77")

    def setUp(self):
        super().setUp()
        if not shutil.which("qemu-system-x86_64"):
            raise unittest.SkipTest("no qemu-system-x86_64 here")

    def start_source(self, *args):
        return self.kept(Qemu(self.directory, *self.SOURCE, *args))

    def start_target(self, address, *args):
        """It takes the guest that comes from there."""
        target = self.kept(Qemu(self.directory, *self.TARGET, *args, "-incoming", "defer"))
        target.tell_migrations()
        target.command("migrate-incoming", uri=address)  # not before it can tell of it
        return target

    def migrate(self, source, *args):
        """A second QEMU takes the guest over: it, when it runs there."""
        address = "unix:" + self.path("migration")
        target = self.start_target(address, *args)
        source.send_guest(address)
        target.wait_event("RESUME")
        return target
