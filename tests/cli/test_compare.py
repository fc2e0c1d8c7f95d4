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
        self.refused(good, good, bad, pattern="bad: line 1: not a recording")
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


class Kernels(Case):
    """Three recordings or more, or labels: kernels as columns."""

    def lines(self, guest, kernel=None):
        head = {"host": {**r.header()["host"], "kernel": kernel}} if kernel else {}
        return recording(guest_of(guest), **head)

    def compare(self, *named, options=(), status=DONE):
        """`named` are (label or None, guest, kernel or None)."""
        words = []
        for at, (label, guest, kernel) in enumerate(named):
            path = self.write(f"{at}.jsonl", self.lines(guest, kernel))
            words.append(f"{label}={path}" if label else path)
        return self.check(run("compare", *words, *options, cwd=self.directory), status), words

    def told(self, *named, status=DONE):
        result, words = self.compare(*named, options=["--json"], status=status)
        (told,) = result.objects
        self.assertEqual(schema.faults("compare-kernels", result.out), [])
        self.assertEqual(told["command"],
                         " ".join(["kvmclock-trace", "compare", *words, "--json"]))
        self.assertIsNone(told["kernels"][0]["conclusion"])
        return told["kernels"]

    BASE = ("base", "per-vcpu", None)
    PATCHED = ("patched", "suppressed", None)

    def test_labels(self):
        """The runs of each, whatever their order; what both kernels' runs give is noise."""
        base, patched = self.told(self.BASE, self.PATCHED, self.BASE, self.PATCHED)
        self.assertEqual([(one["label"], len(one["recordings"]), one["verdict"])
                          for one in (base, patched)],
                         [("base", 2, "per-vcpu"), ("patched", 2, "suppressed")])
        self.assertEqual([one["path"] for one in base["recordings"]],
                         [self.path("0.jsonl"), self.path("2.jsonl")])
        self.assertEqual(base["figures"]["new_snapshots"],
                         {"min": 4, "median": 4, "max": 4, "outside": False})
        self.assertEqual(patched["figures"]["new_snapshots"],
                         {"min": 0, "median": 0, "max": 0, "outside": True})
        self.assertEqual(patched["figures"]["requests"],
                         {"min": 4, "median": 4, "max": 4, "outside": False})

    def test_conclusion(self):
        """Of figures only what is outside the noise; the verdict in any case."""
        _, patched = self.told(self.BASE, self.BASE, self.PATCHED)
        self.assertEqual(
            patched["conclusion"],
            "patched against base: verdict per-vcpu -> suppressed; new_snapshots 4 -> 0, "
            "pvti_moved 3 -> 0, drift_max_forward_ns 2 -> 0 and 4 other figures "
            "outside what 2 and 1 runs differ by themselves"
            .replace("drift_max_forward_ns 2 -> 0", self.jumps(patched)))
        _, same = self.told(self.BASE, self.BASE, ("other", "per-vcpu", None))
        self.assertEqual(same["conclusion"], "other against base: verdict per-vcpu; no figure "
                         "outside what 2 and 1 runs differ by themselves")

    def jumps(self, patched):
        """How the made-up guest's clock jumps is a matter of tests/cli/chains.py."""
        (one,) = run("compare", "--json", self.path("0.jsonl"), self.path("2.jsonl")).objects
        told = []
        for name in ("drift_max_forward_ns", "drift_max_backward_ns"):
            figure = one["figures"][name]
            self.assertEqual(patched["figures"][name]["outside"], figure["change"] != 0)
            if figure["change"]:
                told.append(f"{name} {figure['before']} -> {figure['after']}")
        return ", ".join(told)

    def test_noise(self):
        """A figure that overlaps with what the other kernel's runs had is no difference."""
        _, patched = self.told(self.BASE, ("base", "suppressed", None), self.PATCHED)
        self.assertEqual({figure["outside"] for figure in patched["figures"].values()}, {False})
        _, patched = self.told(self.BASE, self.PATCHED)
        self.assertIsNone(patched["figures"]["new_snapshots"]["outside"])
        self.assertIs(patched["figures"]["requests"]["outside"], False)
        self.assertIn("one run of each says nothing of the noise", patched["conclusion"])

    def test_releases(self):
        """Without labels the kernel's release tells them apart."""
        first, second = self.told((None, "per-vcpu", "6.12.0"), (None, "suppressed", "7.3.0"),
                                  (None, "per-vcpu", "6.12.0"))
        self.assertEqual([(one["label"], one["kernel"], len(one["recordings"]))
                          for one in (first, second)],
                         [("6.12.0", "6.12.0", 2), ("7.3.0", "7.3.0", 1)])
        mixed, _ = self.told(("a", "per-vcpu", "6.12.0"), ("a", "per-vcpu", "7.3.0"),
                             ("b", "suppressed", "7.3.0"))
        self.assertIsNone(mixed["kernel"])

    def test_nothing_tells_them_apart(self):
        for named in ([(None, "per-vcpu", None)] * 3, [self.BASE, self.BASE]):
            result, _ = self.compare(*named, status=USAGE)
            self.assertEqual(result.out, "")
            self.check_line(result, "LABEL=PATH")

    def test_text(self):
        result, words = self.compare(self.BASE, self.BASE, self.PATCHED)
        self.assertEqual(result.err, "")
        lines = result.out.splitlines()
        rows = {line.split()[0]: line.split()[1:] for line in lines}
        self.assertEqual(lines[0].split(), ["base", "patched"])
        self.assertEqual(rows["runs"], ["2", "1"])
        self.assertEqual(rows["verdict"], ["per-vcpu", "suppressed"])
        self.assertEqual(rows["new_snapshots"], ["4", "0", "*"])
        self.assertEqual(rows["requests"], ["4", "4"])
        self.assertRegex(lines[-2], "^conclusion: patched against base: verdict per-vcpu -> ")
        self.assertEqual(lines[-1], "by: kvmclock-trace compare " + " ".join(words))
        result, _ = self.compare(self.BASE, ("base", "suppressed", None), self.PATCHED)
        rows = {line.split()[0]: line.split()[1:] for line in result.out.splitlines()}
        self.assertEqual(rows["new_snapshots"], ["0", "0..4", "0"])

    def test_inconclusive(self):
        """It is no measurement, and the outcome is not whole."""
        base, _ = self.told(self.BASE, ("base", "inconclusive", None), self.PATCHED,
                            status=INCOMPLETE)
        self.assertEqual(base["verdict"], "inconclusive")
        self.assertEqual(base["figures"]["new_snapshots"]["max"], 4)
        _, only = self.told(self.BASE, ("patched", "inconclusive", None), status=INCOMPLETE)
        self.assertEqual(set(only["figures"].values()), {None})
        result, _ = self.compare(self.BASE, ("patched", "inconclusive", None), status=INCOMPLETE)
        self.assertRegex(result.out, r"(?m)^new_snapshots +4 +\?$")
        self.assertIn(f"{self.path('1.jsonl')}: ", result.out)

    def test_of_other_commands(self):
        self.write("0.jsonl", self.lines("per-vcpu"))
        self.write("1.jsonl", recording(guest_of("per-vcpu"), command="other"))
        words = ["a=0.jsonl", "b=0.jsonl", "b=1.jsonl"]
        result = self.check(run("compare", *words, cwd=self.directory), USAGE)
        self.check_line(result, "of different commands")
        self.check(run("compare", "--force", *words, cwd=self.directory), DONE)

    def test_label_or_name(self):
        """A file of that whole name is no label, nor is what has a folder before the =."""
        self.write("a=b", self.lines("per-vcpu"))
        os.mkdir(self.path("c=d"))
        self.write("c=d/e", self.lines("suppressed"))
        self.write("b", self.lines("per-vcpu"))
        (told,) = self.check(run("compare", "--json", "a=b", "./c=d/e", cwd=self.directory),
                             DONE).objects
        self.assertEqual((told["schema"], told["before"]["path"], told["after"]["path"]),
                         ("kvmclock-trace/compare", "a=b", "./c=d/e"))
        (told,) = self.check(run("compare", "--json", "x=a=b", "y=b", cwd=self.directory),
                             DONE).objects
        self.assertEqual([one["label"] for one in told["kernels"]], ["x", "y"])

    def test_hostile_label(self):
        self.write("b", self.lines("per-vcpu"))
        result = self.check(run("compare", "\x1b[31mx\n=b", "y=b", cwd=self.directory), DONE)
        self.assertNotIn("\x1b", result.out)
