# SPDX-License-Identifier: GPL-2.0
"""`compare`: each figure of two recordings, and what is not to be compared."""

import os
import re
import sys

import recording as r
from case import DONE, INCOMPLETE, ROOT, USAGE, Case, run
from chains import FOUR, Guest, guest_of, recording

sys.path.append(os.path.join(ROOT, "tests", "lib"))

import forge  # noqa: E402
import schema  # noqa: E402

HOOKS = r.header()["hooks"]


def hooks(**ways):
    return [{**hook, "way": ways.get(hook["evidence"], hook["way"])} for hook in HOOKS]


class Compare(Case):
    def compare(self, before, after, *options, status):
        return self.check(run("compare", self.write("before.jsonl", before),
                              self.write("after.jsonl", after), *options, cwd=self.directory),
                          *(status if isinstance(status, tuple) else (status,)))

    def figures(self, before, after, *options, status=DONE):
        result = self.compare(before, after, "--json", *options, status=status)
        (compared,) = result.objects
        self.assertEqual(schema.faults("compare", result.out), [])
        for name, figure in compared["figures"].items():
            known = None not in (figure["before"], figure["after"])
            self.assertEqual(figure["change"],
                             figure["after"] - figure["before"] if known else None, name)
        return compared

    def test_patched(self):
        """4 vCPUs, a kernel that takes a snapshot for each, and one that keeps the first."""
        compared = self.figures(recording(guest_of("per-vcpu")),
                                recording(guest_of("suppressed")))
        self.assertEqual(compared["before"]["path"], self.path("before.jsonl"))
        self.assertEqual(compared["after"]["path"], self.path("after.jsonl"))
        self.assertEqual(compared["before"]["host"], r.header()["host"])
        self.assertEqual([compared[side]["verdict"] for side in ("before", "after")],
                         ["per-vcpu", "suppressed"])
        self.assertEqual([compared[side]["why"] for side in ("before", "after")], [None, None])
        figures = {name: (figure["before"], figure["after"])
                   for name, figure in compared["figures"].items()
                   if not name.startswith("drift")}
        self.assertEqual(figures, {
            # of the updates one is KVM_CREATE_VM's, one KVM_SET_CLOCK's
            "requests": (4, 4), "pending_at_set_clock": (4, 4), "judged": (4, 4), "served": (4, 4),
            "cleared": (0, 0), "new_snapshots": (4, 0), "kept_snapshots": (0, 4),
            "updates": (6, 6), "updates_resnapshot": (4, 0), "updates_suppressed": (0, 4),
            "set_clocks": (1, 1), "tsc_writes": (4, 4), "pvti_updates": (8, 8),
            "pvti_moved": (3, 0), "negative_deltas": (0, 0)})

    def test_drift_and_the_other_way_round(self):
        jump = Guest().restore()
        jump.run(kept=FOUR)
        drifts = []
        for index, error in ((0, 900), (1, -4000)):
            jump.error = error
            jump.request(index, "system-time")
            jump.serve(index)
            jump.publish(index, negative_delta=error < 0)
            drifts.append(jump.events[-1]["drift_ns"])
        one, other = recording(jump), recording(guest_of("suppressed"))
        figures = self.figures(one, other)["figures"]
        self.assertEqual(figures["drift_max_forward_ns"]["before"], drifts[0])
        self.assertEqual(figures["drift_max_backward_ns"]["before"], drifts[1])
        self.assertEqual(figures["drift_total_ns"],
                         {"before": sum(drifts), "after": 0, "change": -sum(drifts)})
        self.assertEqual(figures["negative_deltas"]["change"], -1)
        back = self.figures(other, one)["figures"]
        for name, figure in figures.items():
            self.assertEqual(back[name], {"before": figure["after"], "after": figure["before"],
                                          "change": -figure["change"]})

    def test_text(self):
        head = {"host": {**r.header()["host"], "kernel": "6.12.0-patched"}}
        before, after = recording(guest_of("per-vcpu")), recording(guest_of("suppressed"), **head)
        result = self.compare(before, after, status=DONE)
        self.assertEqual(result.err, "")
        rows = {line.split()[0]: line.split()[1:] for line in result.out.splitlines()}
        self.assertEqual(rows["BEFORE"], ["AFTER", "CHANGE"])
        self.assertEqual(rows["kernel"], ["6.12.0", "6.12.0-patched"])
        self.assertEqual(rows["verdict"], ["per-vcpu", "suppressed"])
        self.assertEqual(rows["new_snapshots"], ["4", "0", "-4"])
        self.assertEqual(rows["kept_snapshots"], ["0", "4", "+4"])
        self.assertEqual(rows["requests"], ["4", "4", "+0"])
        figures = self.figures(before, after)["figures"]
        for name, figure in figures.items():
            self.assertEqual(rows[name], [str(figure["before"]), str(figure["after"]),
                                          f"{figure['change']:+d}"])
        self.assertEqual(set(rows), set(figures) | {"BEFORE", "kernel", "verdict"})

    def test_what_no_hook_shows(self):
        """It is unknown, and so is its change, if only one of them has no hook for it."""
        whole = recording(guest_of("per-vcpu"))
        requests = {"requests", "pending_at_set_clock", "judged", "served", "cleared",
                    "new_snapshots", "kept_snapshots"}
        for ways, unknown, status in (({"tsc_write": "none"}, {"tsc_writes"}, DONE),
                                      ({"request": "none"}, requests, INCOMPLETE)):
            lacking = recording(guest_of("per-vcpu"), hooks=r.hooks(**ways))
            for before, after in ((whole, lacking), (lacking, whole), (lacking, lacking)):
                figures = self.figures(before, after, "-f", status=status)["figures"]
                self.assertEqual({name for name, figure in figures.items()
                                  if figure["change"] is None}, unknown)
                out = self.compare(before, after, "-f", status=status).out
                for name, figure in figures.items():
                    shown = ["?" if figure[key] is None else f"{figure[key]:{sign}d}"
                             for key, sign in (("before", ""), ("after", ""), ("change", "+"))]
                    self.assertRegex(out, rf"(?m)^{name} +{re.escape(shown[0])} +"
                                          rf"{re.escape(shown[1])} +{re.escape(shown[2])}$")

    def test_same(self):
        lines = recording(guest_of("coalesced"), guest_of("cleared", 2))
        for figure in self.figures(lines, lines)["figures"].values():
            self.assertEqual(figure["change"], 0)

    def pairs(self):
        guest = guest_of("per-vcpu")
        base = recording(guest)
        one_vcpu = recording(guest_of("per-vcpu", vcpus=(0,)))
        two_vms = recording(guest, guest_of("per-vcpu", 2))
        two_vms_of_two = recording(guest_of("per-vcpu", vcpus=(0, 1)),
                                   guest_of("per-vcpu", 2, vcpus=(0, 1)))
        yield "command", recording(guest, command="true"), base
        yield ("command", recording(guest, command="/a/kvmclock-trace workload migrate --vcpus 4"),
               recording(guest, command="/a/kvmclock-trace workload migrate --vcpus 8"))
        yield ("command", recording(guest, command="/a/kvmclock-trace workload migrate"),
               recording(guest, command="/a/kvmclock-trace workload hotplug"))
        yield "as many VMs", base, two_vms
        yield "as many VMs", base, two_vms_of_two
        yield "as many vCPUs", base, one_vcpu
        yield "as many vCPUs", two_vms, two_vms_of_two
        for changed in (hooks(update="fentry"), hooks(request="derived"), HOOKS[:1], [],
                        [HOOKS[1], HOOKS[0]]):
            yield "had in different ways", base, recording(guest, hooks=changed)

    def test_refused(self):
        for pattern, one, other in self.pairs():
            for before, after in ((one, other), (other, one)):
                with self.subTest(pattern):
                    result = self.compare(before, after, status=USAGE)
                    self.check_line(result, f"before.jsonl and .*after.jsonl cannot be compared: "
                                            f".*{pattern}.*; --force")
                    self.assertEqual(result.out, "")
                    for force in ("--force", "-f"):
                        self.figures(before, after, force, status=(DONE, INCOMPLETE))

    def test_not_refused(self):
        """Where the program lay, who the host was, what the hooks' targets are called."""
        guest = guest_of("per-vcpu")
        one = recording(guest, command="/a/kvmclock-trace workload migrate --vcpus 4")
        other = recording(guest, command="/b/c/kvmclock-trace workload migrate --vcpus 4",
                          host={**r.header()["host"], "name": "host-2", "kernel": "6.1.0"},
                          hooks=[{**hook, "target": "other", "note": None} for hook in HOOKS])
        self.assertEqual(self.compare(one, other, status=DONE).err, "")

    def test_inconclusive(self):
        whole = recording(guest_of("per-vcpu"))
        for name, forged in (("pending", recording(guest_of("inconclusive"))),
                             ("a hole", dict(forge.dropped(whole))[hole_of(whole)]),
                             ("lossy", dict(forge.lossy(whole))["1 ring-full"]),
                             ("cut", whole[:-1])):
            for pair in ((whole, forged), (forged, whole), (forged, forged)):
                with self.subTest(name):
                    compared = self.figures(*pair, "--force", status=INCOMPLETE)
                    for side, lines in zip(("before", "after"), pair):
                        bad = lines is forged
                        self.assertEqual(compared[side]["verdict"] == "inconclusive", bad)
                        self.assertEqual(compared[side]["why"] is not None, bad)
                    result = self.compare(*pair, "--force", status=INCOMPLETE)
                    for side, lines in zip(("before", "after"), pair):
                        said = re.search(rf"(?m)^{self.path(side)}.jsonl: \S", result.out)
                        self.assertEqual(bool(said), lines is forged)

    def refused(self, *arguments, pattern):
        result = self.check(run("compare", *arguments, cwd=self.directory), USAGE)
        self.assertEqual(result.out, "")
        first, _, rest = result.err.partition("\n")
        self.assertRegex(first, r"\Akvmclock-trace( compare)?: ")
        self.assertRegex(first, pattern)
        self.assertRegex(rest, r"\A(Try `[^`]*'\sor\s`[^`]*'\sfor\smore\s+information\.\n)?\Z")

    def test_arguments(self):
        good, bad = self.write("good", recording(guest_of("coalesced"))), self.write("bad", b"x\n")
        self.refused(pattern="which two recordings")
        self.refused(good, pattern="which two recordings")
        self.refused(good, good, good, pattern="two recordings, not more")
        self.refused(good, good, "--nosuch", pattern="unrecognized option")
        for pair in ((good, bad), (bad, good), (bad, bad)):
            self.refused(*pair, pattern="bad: line 1: not a recording")
            self.refused(*pair, "--force", pattern="bad: line 1: not a recording")
        self.refused(good, "nosuch", pattern="nosuch: No such file")
        data = b"".join(recording(guest_of("coalesced")))
        result = self.check(run("compare", "-", good, "--json", stdin=data), DONE)
        self.assertEqual(result.objects[0]["before"]["path"], "-")


def hole_of(lines):
    """The label of the recording that lacks its KVM_SET_CLOCK."""
    return next(what for what, _ in forge.dropped(lines) if "set-clock 1 None" in what)
