# SPDX-License-Identifier: GPL-2.0
"""`whatif`: predictions from recordings of one kernel, against recordings of another.

tests/cli/whatif/KERNEL/SCENARIO.jsonl are real: `record -- workload SCENARIO` in the lab, or
`verify all -o`, on the kernels of docs/kernels.md; clocksource-found is by tracepoints alone. What is predicted from base's has to be what the patched kernel did.
"""

import json
import os
import sys

import recording as r
from case import DONE, INCOMPLETE, ROOT, USAGE, Case, run

sys.path.append(os.path.join(ROOT, "tests", "lib"))

import schema  # noqa: E402

REAL = os.path.join(ROOT, "tests", "cli", "whatif")
CHANGES = ("zhang-1", "zhang-2", "zhang-3", "dedup", "offset", "clock-guest", "no-c52ffadc",
           "qemu-realtime")
COUNTS = ("updates", "snapshots", "unnecessary", "verdict")
LINES = ("pvti_moved", "drift_ns")


def real(kernel, scenario):
    return os.path.join(REAL, kernel, scenario + ".jsonl")


def of(figures, names):
    return {name: figures[name] for name in names}


class Whatif(Case):
    def whatif(self, path, changes, status=DONE):
        result = self.check(run("whatif", "--json", "--with", changes, path), status)
        self.assertEqual(schema.faults("whatif", result.out), [])
        return result.objects[0]

    def check_truth(self, kernel, scenario, changes):
        predicted = self.whatif(real("base", scenario), changes)
        truth = self.whatif(real(kernel, scenario), changes)["as_recorded"]
        self.assertEqual(of(predicted["predicted"], COUNTS), of(truth, COUNTS))
        return predicted

    def check_other(self, predicted):
        """The change is one that shows."""
        self.assertNotEqual(of(predicted["predicted"], COUNTS),
                            of(predicted["as_recorded"], COUNTS))

    def test_cleared_by_set_clock(self):
        self.check_other(self.check_truth("p2", "migrate", "zhang-2"))

    def test_snapshot_kept(self):
        self.check_other(self.check_truth("p3", "migrate", "zhang-3"))

    def test_all_three(self):
        self.check_other(self.check_truth("p123", "migrate", "zhang-1,zhang-2,zhang-3"))

    def test_first_alone(self):
        """It changes nothing here: no TSC is written while the masterclock is active."""
        self.check_truth("p1", "migrate", "zhang-1")

    def test_served_together(self):
        self.check_other(self.check_truth("dedup", "migrate", "dedup"))

    def test_one_for_all(self):
        """TSCs that are written after the clock was set: one snapshot serves all requests."""
        predicted = self.check_truth("dedup", "clock-first", "dedup")
        self.assertEqual(predicted["predicted"]["verdict"], "coalesced")

    def test_hotplug_before_c52ffadc(self):
        """Snapshots that were never taken: how many is known, what they would hold is not."""
        predicted = self.check_truth("pre-c52ffadc", "hotplug", "no-c52ffadc")
        self.check_other(predicted)
        self.assertEqual(of(predicted["predicted"], LINES), dict.fromkeys(LINES))
        self.assertIn("never was", predicted["why"])

    def test_offsets_that_differ(self):
        self.check_other(self.check_truth("offset", "spread", "offset"))

    def test_making_not_recorded(self):
        """`verify` keeps what is of its VMs alone: not the update that was nobody's yet."""
        self.check_other(self.check_truth("offset", "steady", "offset"))

    def test_masterclock_off(self):
        """Each PVTI has a time of its own, and fewer would have been published."""
        predicted = self.check_truth("dedup", "clocksource", "dedup")
        self.assertEqual(of(predicted["predicted"], LINES), dict.fromkeys(LINES))
        self.assertIn("would not have been", predicted["why"])

    def test_found_later(self):
        """A request whose time is not known may have been there to be cleared."""
        told = self.whatif(real("base", "clocksource-found"), "dedup")
        self.assertEqual(set(told["predicted"].values()), {None})
        self.assertIn("found only after", told["why"])
        told = self.whatif(real("base", "clocksource-found"), "zhang-3")
        self.assertIsNotNone(told["predicted"]["updates"])

    def test_no_line_moves(self):
        """A target whose requests are gone when it runs has one snapshot, and one line a vCPU."""
        for changes in ("zhang-2", "zhang-3", "dedup"):
            *_, target = self.whatif(real("base", "migrate"), changes)["vms"]
            self.assertGreater(target["as_recorded"]["pvti_moved"], 0)
            self.assertEqual(of(target["predicted"], LINES), {"pvti_moved": 0, "drift_ns": 0})
            self.assertIsNone(target["why"])

    def test_vmm_within_a_vm(self):
        """Where the clock is set to is another matter than what was pending then."""
        for changes in ("clock-guest", "qemu-realtime"):
            told = self.whatif(real("base", "migrate"), changes)
            self.assertEqual(told["predicted"], told["as_recorded"])

    def test_patched_already(self):
        """What a kernel does already changes nothing more."""
        for kernel, changes in (("p2", "zhang-2"), ("p3", "zhang-3"), ("dedup", "dedup")):
            told = self.whatif(real(kernel, "migrate"), changes)
            self.assertEqual(told["predicted"], told["as_recorded"], changes)

    def test_text(self):
        text = self.check(run("whatif", "--with=zhang-3", real("base", "migrate")), DONE).out
        rows = [line.split() for line in text.splitlines()]
        told = self.whatif(real("base", "migrate"), "zhang-3")
        for which, figures in (("recorded", "as_recorded"), ("predicted", "predicted")):
            (row, *_) = [row for row in rows if which in row]
            self.assertEqual(row[row.index(which) + 1:],
                             [str(told[figures][name]) if name != "drift_ns" or
                              not told[figures][name] else f"{told[figures][name]:+d}"
                              for name in ("updates", "snapshots", "unnecessary", "pvti_moved",
                                           "drift_ns", "verdict")])

    def test_not_whole(self):
        """What rests on evidence that is not whole is not predicted."""
        with open(real("base", "migrate"), "rb") as file:
            lines = file.readlines()
        told = self.whatif(self.write("cut.jsonl", lines[:-1]), "zhang-2", INCOMPLETE)
        self.assertEqual(set(told["predicted"].values()), {None})
        self.assertIsNotNone(told["why"])
        head = json.loads(lines[0])
        for hook in head["hooks"]:
            if hook["evidence"] in ("request", "request-site"):
                hook["way"] = "none"
        told = self.whatif(self.write("blind.jsonl", [r.line(head), *lines[1:]]), "zhang-2")
        self.assertEqual(set(told["predicted"].values()), {None})

    def test_what_decided_is_not_recorded(self):
        """Without tsc-track nothing tells what a request was made for."""
        with open(real("base", "migrate"), "rb") as file:
            lines = [line for line in file if b'"event":"tsc-track"' not in line]
        last = json.loads(lines[-1])
        lines[-1] = r.line({**last, "events": len(lines) - 2})
        path = self.write("untracked.jsonl", lines)
        self.assertIsNone(self.whatif(path, "no-c52ffadc")["predicted"]["updates"])
        self.assertEqual(self.whatif(path, "zhang-2")["predicted"]["verdict"], "suppressed")

    def test_changes(self):
        for change in CHANGES:
            told = self.whatif(real("base", "migrate"), change)
            self.assertEqual(told["changes"], [change])
        told = self.whatif(real("base", "migrate"), "zhang-3,zhang-1")
        self.assertEqual(told["changes"], ["zhang-1", "zhang-3"])
        for bad, named in (("zhang-4", "zhang-4"), ("", ""), ("dedup,", ""), ("dedup,dedup", "dedup")):
            result = self.check(run("whatif", "--with", bad, "x"), USAGE)
            self.assertIn(f"'{named}' is no change", result.err)
        for arguments in ((), ("--with=dedup",), ("x",), ("--with=dedup", "x", "y")):
            self.check(run("whatif", *arguments), USAGE)


class Savings(Case):
    """`migration`: what each remedy would have saved, from recordings of real kernels."""

    def migration(self, path, status=DONE, **how):
        result = self.check(run("migration", "--json", path, **how), status)
        self.assertEqual(schema.faults("migration", result.out), [])
        return result.objects[0]

    def moved(self, told):
        """By updates before the first PVTI, and since: each vCPU has at most one of the latter."""
        for vcpu in told["vcpus"]:
            self.assertLessEqual(vcpu["later"]["pvti_moved"], 1)
        return sum(abs(vcpu["by_updates_ns"]) + abs(vcpu["later"]["drift_ns"]["total"])
                   for vcpu in told["vcpus"])

    def test_kernel(self):
        """All that base's clocks moved is what p2's, p3's and dedup's did not."""
        told = self.migration(real("base", "migrate"))
        moved = self.moved(told)
        self.assertGreater(moved, 0)
        for change, kernel in (("zhang-2", "p2"), ("zhang-3", "p3"), ("dedup", "dedup")):
            self.assertEqual(told["savings_ns"][change], moved, change)
            patched = self.migration(real(kernel, "migrate"))
            self.assertEqual(self.moved(patched), 0)
            self.assertEqual(patched["savings_ns"][change], 0)

    def test_part(self):
        """TSCs that are written after the clock was set make requests that zhang-2 clears not."""
        saved = self.migration(real("base", "clock-first"))["savings_ns"]
        self.assertLess(saved["zhang-2"], saved["zhang-3"])

    def test_vmm(self):
        told = self.migration(real("base", "migrate"))
        self.assertEqual(told["savings_ns"]["qemu-realtime"],
                         max(abs(vcpu["predicted_ns"]) for vcpu in told["vcpus"]))

    def test_not_known(self):
        """What cannot be read twice, or is not whole, is not foretold."""
        with open(real("base", "migrate"), "rb") as file:
            lines = file.read()
        piped = self.migration("-", stdin=lines)["savings_ns"]
        self.assertIsNotNone(piped.pop("qemu-realtime"))
        self.assertEqual(set(piped.values()), {None})
        cut = self.write("cut.jsonl", lines.rpartition(b"{")[0])
        self.assertEqual(set(self.migration(cut, INCOMPLETE)["savings_ns"].values()), {None})

    def test_text(self):
        out = self.check(run("migration", real("base", "migrate")), DONE).out
        saved = self.migration(real("base", "migrate"))["savings_ns"]
        for change, ns in saved.items():
            self.assertRegex(out, rf"(?m)^  {change} +{ns} ns  of ")
