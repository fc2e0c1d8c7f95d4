# SPDX-License-Identifier: GPL-2.0
"""What others wrote - arguments, paths, recordings - is shown, but does nothing."""

import json
import os
import sys

import recording as r
from case import DONE, INCOMPLETE, ROOT, USAGE, Case, run
from migrations import Migration

sys.path.append(os.path.join(ROOT, "tests", "lib"))

import schema  # noqa: E402
import texts  # noqa: E402

# A file's name holds no slash, and not more than 255 bytes.
NAMES = {what: text.replace(b"/", b"")[:200] for what, text in texts.HOSTILE.items()}


class Texts(Case):
    def harmless(self, result):
        self.assertEqual(texts.faults(result.out), [])
        self.assertEqual(texts.faults(result.err), [])
        return result

    def keep(self, name, lines):
        path = os.path.join(os.fsencode(self.directory), name)
        with open(path, "wb") as file:
            file.writelines(lines)
        return path

    def test_arguments(self):
        """One line, and argp's hint, whatever line ends there are in the argument."""
        text = b"".join(value for what, value in texts.HOSTILE.items() if what != "long")
        for arguments in ((text,), (b"--" + text,), (b"-" + text,), (b"report", b"--" + text),
                          (b"report", b"-" + text), (b"report", b"/" + text),
                          (b"report", b"--pid=" + text, b"x"), (b"compare", text, b"/x"),
                          (b"migration", b"--pair=" + text, b"x"), (b"migration", text),
                          (b"verify", b"--recording=/" + text),
                          (b"verify", b"--expect=" + text, b"migrate"), (b"verify", text),
                          (b"drift", b"--old=" + text), (b"drift", b"--points=" + text),
                          (b"list", text), (b"list", b"--pid=" + text),
                          (b"stat", text), (b"stat", b"1", text), (b"stat", b"--buffer=" + text),
                          (b"trace", b"-d" + text), (b"record", b"-d", text),
                          (b"record", b"--ioctls=" + text), (b"doctor", text),
                          (b"doctor", b"--attach=" + text), (b"workload", text),
                          (b"workload", b"--vcpus=" + text, b"migrate")):
            with self.subTest(arguments):
                result = self.harmless(self.check(run(*arguments), USAGE))
                said = [line for line in result.err.splitlines()
                        if line.startswith("kvmclock-trace")]
                self.assertEqual(len(said), 1, result.err)

    def test_long_arguments(self):
        for byte in (b"\x1b", b"\xff", "\u202e".encode(), b"\n"):
            text = byte * (65536 // len(byte))
            for arguments in ((text,), (b"report", text), (b"stat", text), (b"drift", b"-o", text)):
                result = self.harmless(self.check(run(*arguments), USAGE))
                self.assertGreater(len(result.err), 65536)
            self.harmless(self.check(run("report", b"--" + text.replace(b"\n", b"\x1b")), USAGE))

    def test_lines_that_drift_rejects(self):
        for what, text in texts.HOSTILE.items():
            line = b"old_clock->tsc_shift = " + text.replace(b"\n", b"")
            with self.subTest(what):
                self.harmless(self.check(run("drift", stdin=line + b"\n"), USAGE))

    def test_paths(self):
        """JSON has an object, with the path as the terminal shows it."""
        good, other = r.small(), r.small(events=r.small_events() + [r.gone(1)])
        for what, name in NAMES.items():
            a, b = self.keep(b"a" + name, good), self.keep(b"b" + name, other)
            with self.subTest(what):
                self.harmless(self.check(run("report", a), DONE))
                text = self.harmless(self.check(run("compare", "-f", a, b), INCOMPLETE))
                found = self.harmless(self.check(run("compare", "-f", "-j", a, b), INCOMPLETE))
                (compared,) = found.objects
                self.assertEqual(schema.faults("compare", found.out), [])
                self.assertIn(compared["before"]["path"], text.out)
                self.assertNotEqual(compared["before"]["path"], compared["after"]["path"])
                found = self.harmless(self.check(run("verify", "-j", "--recording", a), INCOMPLETE))
                self.assertEqual(found.objects[0]["what"], compared["before"]["path"])
                self.assertEqual(schema.faults("verify", found.out), [])
                arguments = ("whatif", "--with=dedup", a)
                self.assertIn(compared["before"]["path"], self.harmless(run(*arguments)).out)
                found = self.harmless(run(*arguments, "-j"))
                self.assertEqual(found.objects[0]["recording"], compared["before"]["path"])
                self.assertEqual(schema.faults("whatif", found.out), [])

    def test_paths_of_a_migration(self):
        lines = Migration().one_host()
        for what, name in NAMES.items():
            path = self.keep(name, lines)
            with self.subTest(what):
                text = self.harmless(self.check(run("migration", path), DONE))
                found = self.harmless(self.check(run("migration", "-j", path), DONE))
                self.assertEqual(schema.faults("migration", found.out), [])
                self.assertIn(f" in {found.objects[0]['source']['path']}\n", text.out)

    def test_tap(self):
        """No file's name makes a test of its own, or a directive."""
        for name in (b"x\nnot ok 7 - x", b"x # SKIP.jsonl", b"x # TODO"):
            path = self.keep(name, r.small())
            out = self.harmless(self.check(run("verify", "--tap", "--expect=suppressed",
                                               "--recording", path), INCOMPLETE)).out
            self.assertEqual(len(out.splitlines()), 4)
            self.assertNotIn(" # ", out.splitlines()[2].replace(" # SKIP ", "", 1))

    def test_filter(self):
        """A VM is chosen by its name as it is, and as it is shown."""
        path = self.keep(b"named", r.small(events=[r.vm(1, name="we\u200bb"), r.vm(2, name="web")]))
        for given in ("we\u200bb", "we\\u200bb"):
            found = self.check(run("report", "-j", "--vm", given, path), DONE)
            self.assertEqual([vm["number"] for vm in found.objects[0]["vms"]], [1])

    def test_recordings_of_others(self):
        """Names of VMs and hosts: nothing gets out, and no two look the same."""
        shown = set()
        for what, text in texts.HOSTILE.items():
            name = text.decode(errors="replace")[:20]
            head = r.header(command=name)
            head["host"]["name"] = name
            path = self.keep(b"recording", r.small(head=head, events=[
                r.vm(1, name=name, vmm=name[:3], comm="x"), r.update(1, None, "hyperv", "enabled")]))
            with self.subTest(what):
                for options in ((), ("-v",)):
                    self.harmless(self.check(run("report", *options, path), DONE))
                found = self.harmless(self.check(run("report", "-j", path), DONE))
                report = json.loads(found.out)
                vm = report["vms"][0]["name"]
                self.assertTrue(report["host"]["name"].startswith(vm.rstrip("\u2026")))
                shown.add(report["vms"][0]["name"])
                for command in ("verify", "verify -j", "verify --tap"):
                    self.harmless(run(*command.split(), "--recording", path))
                self.harmless(self.check(run("compare", "-j", path, path), DONE))
        self.assertEqual(len(shown), len(texts.HOSTILE))
