# SPDX-License-Identifier: GPL-2.0
"""The names of VMs and of this host are shown, but do nothing, whatever they are made of."""

import ctypes
import os
import re
import subprocess

import kct
import schema
import texts

CLONE_NEWUTS = 0x04000000


def in_host(name):
    """What a child does first to run on a host of that name: sethostname(2) in a namespace."""
    libc = ctypes.CDLL(None, use_errno=True)

    def enter():
        if libc.unshare(CLONE_NEWUTS) or libc.sethostname(name, len(name)):
            raise OSError(ctypes.get_errno(), "a host name of our own")

    return enter


class Names(kct.LiveTest):  # threat-05
    def harmless(self, output):
        self.assertEqual(texts.faults(output), [])
        return output

    def run_on(self, host, *arguments):
        done = subprocess.run([kct.PROGRAM, *arguments], capture_output=True, check=False,
                              preexec_fn=in_host(host), timeout=kct.PATIENCE)
        self.assertEqual(done.returncode, kct.EXIT_OK, done.stderr)
        self.harmless(done.stderr)
        return self.harmless(done.stdout)

    def test_host(self):
        for host in (b"a\x1b[31mb\n\xff", b"\x1b" * 64, "\u202eb\u200bb\u0430".encode()):
            path = self.path("recording")
            found = self.run_on(host, "record", "-j", "-o", path, "-d", "10ms")
            self.assertEqual(schema.faults("report", found.decode()), [])
            name = kct.parse(found)["host"]["name"]
            self.assertIn(f"host {name}, kernel".encode(), self.run_on(host, "record", "-o", path,
                                                                       "-d", "10ms"))
            self.assertIn(f"host {name}, kernel".encode(), self.run_on(host, "report", path))
            with open(path, "rb") as file:
                self.harmless(file.read())

    def test_command(self):
        """It is recorded so that a shell takes it for what it was."""
        words = ["printf", "%s|", "a b", "it's", "$(reboot)", "", "\u202e\x1b", "x"]
        path = self.path("recording")
        kct.run("record", "-o", path, "--", *words, check=kct.EXIT_OK)
        command = kct.Recording.of(path).header["command"]
        self.harmless(command)
        again = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
        self.assertEqual(again.stdout, r"a b|it's|$(reboot)||\u202e\u001b|x|")

    def test_vm(self):
        for what in ("escapes", "invalid UTF-8", "directions", "zero width", "wide"):
            name = texts.HOSTILE[what].replace(b"/", b"")
            with self.subTest(what):
                self.show_vm(name)

    def show_vm(self, name):
        """A VM goes by the name of the program that runs it."""
        path = self.path("recording")
        held = subprocess.Popen([name, "workload", "steady", "--vcpus=1", "--duration=10ms",
                                 "--hold", "--json"], executable=kct.PROGRAM,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        with held:
            lines = kct.Lines(held.stdout)
            try:
                lines.next()
                pid = f"--pid={held.pid}"
                (vm,) = kct.parse(kct.run("list", "-j", pid, check=0).stdout)["vms"]
                self.harmless(vm["name"] + vm["vmm"])
                self.assertNotIn("?", vm["name"])
                for arguments in (["list", pid], ["list", "-j", pid], ["stat", pid, "10ms", "1"],
                                  ["stat", "-j", pid, "10ms", "1"], ["trace", pid, "-d", "10ms"],
                                  ["trace", "-j", pid, "-d", "10ms"],
                                  ["record", "-v", pid, "-o", path, "-d", "10ms"],
                                  ["report", "-v", path],
                                  ["list", b"--vm=" + name], ["list", "--vm=" + vm["name"]]):
                    done = subprocess.run([kct.PROGRAM, *arguments], capture_output=True,
                                          check=True, timeout=kct.PATIENCE)
                    self.harmless(done.stdout + done.stderr)
                    self.assertIn(vm["name"][:12].encode(),
                                  done.stdout.replace(b"\\\\", b"\\"), arguments)
            finally:
                held.stdin.close()


class Addresses(kct.LiveTest):  # threat-16
    """Where the kernel has its structures is nobody's business."""

    # A kernel address: hexadecimal, or as a decimal number.
    HEXADECIMAL = re.compile(r"ffff[0-9a-f]{12}", re.IGNORECASE)
    DECIMAL = re.compile(r"(?<![0-9.])[0-9]{20}(?![0-9])")

    def check_output(self, text):
        self.assertNotRegex(text, self.HEXADECIMAL)
        for number in map(int, self.DECIMAL.findall(text)):
            self.assertFalse(number >= 0xffff800000000000 and number < 1 << 64, number)

    def test_none_is_shown(self):
        path = self.path("recording")
        held, _ = self.start_hold("migrate", "--vcpus", "2")
        for arguments in (["doctor"], ["doctor", "-j"], ["list"], ["list", "-j"],
                          ["stat", "-v", "10ms", "1"], ["stat", "-j", "10ms", "1"],
                          ["trace", "-d", "10ms"], ["trace", "-j", "-d", "10ms"],
                          ["trace", "--stack", "-d", "10ms"],
                          ["record", "--stack", "-v", "-o", path, "-d", "10ms"],
                          ["record", "-v", "-o", path, "-d", "10ms"],
                          ["record", "-j", "-o", path, "-d", "10ms"], ["report", "-j", path]):
            done = kct.run(*arguments)
            self.assertTrue(done.stdout)
            self.check_output(done.stdout + done.stderr)
        with open(path, encoding="utf-8") as file:
            lines = file.read()
        self.assertIn('"event":"vm"', lines)
        self.check_output(lines)
        held.finish(kct.signal.SIGTERM)
