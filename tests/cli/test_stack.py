# SPDX-License-Identifier: GPL-2.0
"""Kernel stacks (--stack) in recordings, counted by hand from the events that are made here."""

import json
import shutil
import subprocess
import unittest

import recording as r
from case import DONE, ENVIRONMENT, HOST, INCOMPLETE, PROGRAM, SANITIZED, USAGE, Case, Result, run

WRITE = ["__kvm_synchronize_tsc", "kvm_synchronize_tsc", "kvm_set_msr_common"]
CREATE = ["__kvm_synchronize_tsc", "kvm_arch_vcpu_postcreate"]
SERVE = ["pvclock_update_vm_gtod_copy", "vcpu_enter_guest.constprop.0"]
# What a name may hold that nobody gave a function: the printable form is what is kept.
HOSTILE = "f\033]0;owned\007\u202e"
REFUSED = ([], [1], [None], [""], ["f"] * 33, ["f" * 128], ["a\0b"], "f", 5, True, {"f": 1},
           [["f"]])


def events():
    return [
        r.vm(1),
        r.vcpu(1, 0),
        r.vcpu(1, 1),
        r.with_stack(r.request(1, 0, "vcpu-create"), CREATE),
        r.with_stack(r.request(1, 0), WRITE),
        r.with_stack(r.request(1, 1), WRITE),
        r.with_stack(r.request(1, 1, "unknown", derived=True), None, "found-later"),
        r.with_stack(r.update(1, 0, "vcpu-request", "resnapshot"), SERVE),
        r.with_stack(r.update(1, 1, "vcpu-request", "resnapshot"), SERVE, "cut"),
        r.request(1, 0, op="cleared"),
        r.with_stack(r.update(None, None, "vm-create", "inactive"), ["?", "kvm_arch_init_vm"]),
    ]


TEXT = """
kernel stacks, the innermost function first:
  web, requests:
    2 x __kvm_synchronize_tsc < kvm_synchronize_tsc < kvm_set_msr_common
    1 x ? (found-later)
    1 x __kvm_synchronize_tsc < kvm_arch_vcpu_postcreate
  web, updates:
    1 x pvclock_update_vm_gtod_copy < vcpu_enter_guest.constprop.0
    1 x pvclock_update_vm_gtod_copy < vcpu_enter_guest.constprop.0 < ... (cut)
  not attributed to a VM, updates:
    1 x ? < kvm_arch_init_vm
"""


def line(of, count, stack, note="whole"):
    return {"of": of, "count": count, "stack": stack, "stack_note": note}


LINES = [line("request", 2, WRITE), line("request", 1, None, "found-later"),
         line("request", 1, CREATE), line("update", 1, SERVE), line("update", 1, SERVE, "cut")]


class Stacks(Case):
    def recorded(self, *more):
        return self.write("stacks.jsonl", r.small(events=events() + list(more)))

    def test_report(self):
        self.assertIn(TEXT, self.report(self.recorded(), status=DONE).out)
        (report,) = self.report("--json", self.recorded(), status=DONE).objects
        (web,) = report["vms"]
        self.assertEqual(web["stacks"], {"lines": LINES, "left_out": 0})
        self.assertEqual(report["unattributed"]["stacks"]["lines"],
                         [line("update", 1, ["?", "kvm_arch_init_vm"])])
        self.assertEqual(report["folded"]["stacks"], {"lines": [], "left_out": 0})

    def test_either_way_of_reading(self):
        """Spaces are for the JSON parser, what is as it was written for the fast way."""
        spaced = [json.dumps(json.loads(text)).encode() + b"\n"
                  for text in r.small(events=events())]
        fast = self.report("--json", self.recorded(), status=DONE).objects
        self.assertEqual(self.report("--json", self.write("spaced", spaced), status=DONE).objects,
                         fast)

    def test_not_asked(self):
        path = self.write("none.jsonl", r.small())
        self.assertNotIn("kernel stacks", self.report(path, status=DONE).out)
        (report,) = self.report("--json", path, status=DONE).objects
        self.assertEqual([vm["stacks"] for vm in report["vms"]], [None] * len(report["vms"]))
        self.assertIsNone(report["unattributed"]["stacks"])
        self.assertIsNone(report["folded"]["stacks"])

    def test_verify(self):
        result = run("verify", "--recording", self.recorded())
        self.check(result, INCOMPLETE, DONE)
        self.assertIn(TEXT, result.out)
        (verdict,) = run("verify", "--json", "--recording", self.recorded()).objects
        self.assertEqual(verdict["vms"][0]["stacks"]["lines"], LINES)
        self.check(run("verify", "--stack", "--recording", self.recorded()), USAGE)

    def test_flat(self):
        rows = run("export", "--flat", "/dev/stdout", self.recorded()).objects
        stacks = [(row["stack"], row["stack_note"]) for row in rows
                  if row["event"] == "request" and row["op"] == "made"]
        self.assertEqual(stacks, [(" < ".join(CREATE), "whole"), (" < ".join(WRITE), "whole"),
                                  (" < ".join(WRITE), "whole"), (None, "found-later")])
        (cleared,) = [row for row in rows if row.get("op") == "cleared"]
        self.assertNotIn("stack", cleared)
        self.assertNotIn("stack_note", cleared)

    def test_impossible(self):
        for stack in REFUSED:
            with self.subTest(stack):
                path = self.recorded(r.with_stack(r.request(1, 0), stack))
                self.assertIn("stack", self.report(path, status=INCOMPLETE).err)

    def test_of_another_release(self):
        path = self.recorded(r.with_stack(r.request(1, 0), None, "a-new-reason"))
        (report,) = self.report("--json", path, status=DONE).objects
        self.assertEqual(report["passed_over"]["words"], 1)
        self.assertIn(line("request", 1, None, "unknown"), report["vms"][0]["stacks"]["lines"])

    def test_hostile(self):
        result = self.report(self.recorded(r.with_stack(r.request(1, 0), [HOSTILE])), status=DONE)
        self.assertNotRegex(result.out, "[\x00-\x09\x0b-\x1f\x7f\u202e]")
        self.assertIn("1 x f\\u001b]0;owned\\u0007\\u202e\n", result.out)

    def test_longest(self):
        longest = ["f" * 127] * 32
        path = self.recorded(r.with_stack(r.request(1, 0), longest, "cut"))
        (report,) = self.report("--json", path, status=DONE).objects
        self.assertIn(line("request", 1, longest, "cut"), report["vms"][0]["stacks"]["lines"])
        self.assertIn(" < ".join(longest) + " < ... (cut)\n",
                      self.report(path, status=DONE).out)
        (row,) = [row for row in run("export", "--flat", "/dev/stdout", path).objects
                  if row.get("stack_note") == "cut" and row["event"] == "request"]
        self.assertEqual(row["stack"], " < ".join(longest))
        self.check(run("export", "--perfetto", self.path("trace"), path), DONE)

    def test_many(self):
        """More than there is room for are counted, and told."""
        many = [r.with_stack(r.request(1, 0), [f"f{number}"]) for number in range(5000)]
        (report,) = self.report("--json", self.write("many", r.small(events=[r.vm(1), *many])),
                                status=DONE).objects
        stacks = report["vms"][0]["stacks"]
        self.assertEqual(len(stacks["lines"]), 256)
        self.assertEqual(sum(line["count"] for line in stacks["lines"]) + stacks["left_out"], 5000)
        self.assertEqual(report["vms"][0]["requests"], 5000)
        rows = run("export", "--flat", "/dev/stdout", self.path("many")).objects
        self.assertEqual(sum(row.get("stack_note") == "no-room" for row in rows), 5000 - 4096)


@unittest.skipUnless(shutil.which("setpriv"), "setpriv is not installed")
class Symbols(Case):
    """Where the kernel does not tell its symbols it is said, in one line, and nothing is made up."""

    HIDDEN = ("setpriv", "--bounding-set=-syslog", "--inh-caps=-syslog")

    def setUp(self):
        super().setUp()
        shown = subprocess.run([*self.HIDDEN, "cat", "/proc/kallsyms"], capture_output=True,
                               check=False)
        if shown.returncode:
            self.skipTest(shown.stderr.decode().strip())
        if any(int(text.split()[0], 16) for text in shown.stdout.decode().splitlines()):
            self.skipTest("this kernel shows its symbols to everybody")

    def test_record(self):
        for program in (PROGRAM, SANITIZED):
            done = subprocess.run(
                [*self.HIDDEN, program, "record", "--stack", "-d", "10ms", "-o", self.path("it")],
                capture_output=True, env=ENVIRONMENT, check=False)
            result = Result(done.returncode, done.stdout, done.stderr)
            if result.status == HOST:
                self.skipTest(result.err.strip())
            self.check_line(result, "no kernel stacks: /proc/kallsyms tells no addresses")
            self.check(result, DONE)

    def test_doctor(self):
        done = subprocess.run([*self.HIDDEN, PROGRAM, "doctor", "--json"], capture_output=True,
                              env=ENVIRONMENT, check=False)
        (shown,) = Result(done.returncode, done.stdout, done.stderr).objects
        (obstacle,) = [one for one in shown["obstacles"] if one["what"] == "kallsyms"]
        self.assertIn("--stack", obstacle["seen"])
        self.assertIn("CAP_SYSLOG", obstacle["remedy"])
