# SPDX-License-Identifier: GPL-2.0
"""`merge`: recordings of one boot of one host that follow one another, as one."""

import gzip
import json
import os

import case
import chains
import recording as r
from case import DONE, INCOMPLETE, PROGRAM, SANITIZED, USAGE, Case
from test_cut import START, WALL, counted, nonzero, since, times

S = 10**9


def run(*arguments, program=(PROGRAM,), **more):
    return case.run(*arguments, program=program, **more)


class MergeCase(Case):
    def merge(self, *paths, status=DONE, **more):
        merged = self.path("merged")
        self.check(run("merge", "-o", merged, *paths, **more), status)
        return merged

    def json(self, path, *options, status=DONE):
        return self.check(run("report", "-j", *options, path), status).objects[0]

    def guest(self):
        guest = chains.guest_of("per-vcpu", 1, vcpus=(0, 1))
        for index in (0, 1, 0):
            guest.request(index)
            guest.serve(index)
            guest.publish(index)
        return guest

    def run_of(self, number, started, ended, events, name=None, losses=None, **head):
        """A recording of its own."""
        lines = r.small(r.header(started_ns=started, realtime_ns=WALL + started - START, **head),
                        events, r.trailer(len(events), losses, ended_ns=ended))
        return self.write(name or f"run-{number}", lines)


class Parts(MergeCase):
    """Those that `cut` made are the whole again."""

    def parts(self, path, *ends, status=DONE):
        made = []
        for first, last in zip([None, *ends], [*ends, None]):
            options = ["--since", since(first)] if first else []
            options += ["--until", since(last)] if last else []
            made.append(self.path(f"part-{len(made)}"))
            self.check(run("cut", *options, "-o", made[-1], path), status)
        return made

    def test_whole_again(self):
        guest = self.guest()
        lines = chains.recording(guest)
        path, at = self.write("whole", lines), times(lines)
        whole = self.json(path)
        verdict = self.check(run("verify", "-j", "--recording", path), DONE).objects[0]
        for ends in ((at[9],), (at[4], at[11]), (at[12], at[20], at[-2])):
            made = self.parts(path, *ends)
            for order in (made, made[::-1]):
                merged = self.merge(*order)
                found = self.json(merged)
                self.assertEqual(nonzero(counted(found)[0]), nonzero(counted(whole)[0]))
                self.assertEqual(counted(found)[1], counted(whole)[1])
                self.assertEqual((found["events"], found["ended_ns"]),
                                 (whole["events"], whole["ended_ns"]))
                again = self.check(run("verify", "-j", "--recording", merged), DONE).objects[0]
                self.assertEqual({**again, "what": 0}, {**verdict, "what": 0})

    def test_losses_are_counted_once(self):
        lines = chains.recording(self.guest())
        tail = json.loads(lines[-1])
        path = self.write("whole", [*lines[:-1], r.line({
            **tail, "losses": {**tail["losses"], "ring-full": 5}})])
        made = self.parts(path, times(lines)[9], times(lines)[15], status=INCOMPLETE)
        found = self.json(self.merge(*made, status=INCOMPLETE), status=INCOMPLETE)
        self.assertEqual((found["lost"], found["incomplete_why"]), (5, "5 events were lost"))

    def test_one_is_missing(self):
        lines = chains.recording(self.guest())
        made = self.parts(self.write("whole", lines), times(lines)[9], times(lines)[15])
        merged = self.merge(made[0], made[2])
        self.check_line(self.check(run("report", merged), INCOMPLETE), "a part is missing")

    def test_part_of_the_parts(self):
        """What was merged is cut as the whole is."""
        lines = chains.recording(self.guest())
        path, at = self.write("whole", lines), times(lines)
        merged = self.merge(*self.parts(path, at[9], at[15]))
        for point in (at[5], at[9], at[12], at[15], at[17]):
            for option in ("--since", "--until"):
                found, expected = (counted(self.json(file, option, since(point)))
                                   for file in (merged, path))
                self.assertEqual(nonzero(found[0]), nonzero(expected[0]), (option, point))


class Runs(MergeCase):
    def two(self, **head):
        """A VM that there is in both runs, under another number in the second."""
        guest = self.guest()
        first = guest.events
        second = [{**r.vm(3), "token": 1, "created": 0, "ns": 5 * S + 10}, {**r.vcpu(3, 0), "ns": 5 * S + 11},
                  {**r.published(3, 0, None, r.pvti(), None), "ns": 5 * S + 12}]
        return (self.run_of(1, START, 4 * S, first),
                self.run_of(2, 5 * S, 6 * S, second, **head))

    def test_two_runs(self):
        """Each event is there, a VM has one number, and what was between them is not known."""
        paths = self.two()
        alone = [counted(self.json(path))[0] for path in paths]
        for order in (paths, paths[::-1]):
            result = self.check(run("report", "-j", self.merge(*order)), INCOMPLETE)
            self.check_line(result, "nothing is known of the time between")
            report = result.objects[0]
            self.assertEqual([vm["number"] for vm in report["vms"]], [1])
            self.assertEqual(report["vms"][0]["pvti_updates"],
                             sum(count["pvti_updates"] for count in alone))
            self.assertEqual((report["started_ns"], report["ended_ns"]), (START, 6 * S))
            self.check(run("verify", "-j", "--recording", self.path("merged")), INCOMPLETE)

    def test_evidence_that_one_did_not_have(self):
        """What no hook showed in one of them is not shown of both."""
        paths = self.two(hooks=r.hooks(request="none", tsc_track="none"))
        report = self.json(self.merge(*paths), status=INCOMPLETE)
        self.assertIsNone(report["vms"][0]["requests"])

    def test_losses_add_up(self):
        paths = [self.run_of(i, (2 * i + 1) * S, (2 * i + 2) * S, [], losses={"ring-full": i + 1})
                 for i in (0, 1)]
        self.assertEqual(self.json(self.merge(*paths, status=INCOMPLETE),
                                   status=INCOMPLETE)["lost"], 3)

    def test_compressed_and_sanitized(self):
        first, second = self.two()
        expected = self.json(self.merge(first, second), status=INCOMPLETE)
        for path in (first, second):
            with open(path, "rb") as file:
                self.write(os.path.basename(path) + ".gz", gzip.compress(file.read()))
        for program in ((PROGRAM,), (SANITIZED,)):
            merged = self.merge(first + ".gz", second + ".gz", program=program)
            self.assertEqual(self.json(merged, status=INCOMPLETE), expected)

    def test_one_that_is_cut_off(self):
        first, second = self.two()
        with open(first, "rb") as file:
            lines = file.readlines()
        self.write("run-1", lines[:-1])
        merged = self.merge(first, second, status=INCOMPLETE)
        self.check_line(self.check(run("report", merged), INCOMPLETE), "has no trailer")

    def test_other_releases(self):
        path = self.write("other", r.small(events=[*r.small_events(), {"event": "dream", "x": 1}]))
        self.assertEqual(self.json(self.merge(path))["passed_over"],
                         {"events": 1, "fields": 0, "words": 0})


class Segments(MergeCase):
    def segment(self, sequence, started, ended, events, directory="."):
        os.makedirs(self.path(directory), exist_ok=True)
        return self.run_of(sequence, started, ended, events, f"{directory}/s{sequence}.jsonl",
                           segment={"run_ns": START, "sequence": sequence, "trigger": None,
                                    "gap": None})

    def test_of_one_run(self):
        """Wherever they lie: nothing is missing between them."""
        events = [r.vm(1), r.vcpu(1, 0)]
        census = [{**event, "created": 0} if event["event"] == "vm" else event for event in events]
        update = {**r.update(1, 0, "vcpu-request", "enabled"), "ns": START + 150}
        self.segment(1, START, START + 100, events, "a")
        self.segment(2, START + 100, START + 200, [*census, update], "a")
        third = self.segment(3, START + 200, START + 300, census)
        for paths in ([self.path("a"), third], [third, self.path("a")]):
            report = self.json(self.merge(*paths))
            self.assertEqual((report["complete"], report["vms"][0]["updates"]["total"],
                              report["ended_ns"]), (True, 1, START + 300))

    def test_a_pinned_one(self):
        pinned = self.run_of(0, START, 2 * S, [], "pinned", segment={
            "run_ns": START - 5, "sequence": 0, "gap": None, "trigger": {
                "what": "signal", "ns": START + 1, "vm": None, "value": None, "reasons": [],
                "folded": 0}})
        later = self.run_of(1, 3 * S, 4 * S, [])
        self.json(self.merge(pinned, later), status=INCOMPLETE)


class Refusals(MergeCase):
    def refused(self, *arguments, pattern):
        there = self.write("there", b"was here\n")
        result = self.check(run("merge", "-o", there, *arguments), USAGE)
        self.check_line(result, pattern)
        self.assertEqual(open(there, "rb").read(), b"was here\n")

    def test_two_boots_or_hosts(self):
        first = self.run_of(1, START, 2 * S, [])
        for changes in ({"boot_id": "c0ffee00-54d3-4f0a-9b43-2f6f6ad0c0de"}, {"name": "host-2"}):
            other = self.run_of(2, 3 * S, 4 * S, [], host={**r.header()["host"], **changes})
            self.refused(first, other, pattern="are of two boots or hosts")
        unknown = self.run_of(2, 3 * S, 4 * S, [], host={**r.header()["host"], "boot_id": None})
        self.refused(first, unknown, pattern="does not tell of which boot")
        self.refused(unknown, unknown, pattern="does not tell of which boot")

    def test_overlap(self):
        first = self.run_of(1, START, 5 * S, [])
        second = self.run_of(2, 4 * S, 6 * S, [])
        for paths in ((first, second), (second, first), (first, first)):
            self.refused(*paths, pattern="overlap, and may hold the same events")

    def test_overlap_that_was_cut_away(self):
        """As the message says."""
        first = self.run_of(1, START, 5 * S, [])
        second = self.run_of(2, 4 * S, 6 * S, [r.vm(1, ns=4 * S + 1), r.gone(1, ns=5 * S + 1)])
        said = run("merge", "-o", self.path("x"), first, second).err
        when = said.partition("--since ")[2].split()[0]
        self.check(run("cut", "--since", when, "-o", self.path("rest"), second), DONE)
        report = self.json(self.merge(first, self.path("rest")), status=INCOMPLETE)
        self.assertEqual([vm["gone"] for vm in report["vms"]], [True])

    def test_overlap_of_one_that_is_cut_off(self):
        """Its last event is when it ended, as far as anybody knows."""
        events = [r.vm(1, ns=3 * S)]
        self.write("run-1", r.small(r.header(), events)[:-1])
        result = self.check(run("merge", "-o", self.path("x"), self.path("run-1"),
                                self.run_of(2, 2 * S, 6 * S, [])), USAGE)
        self.assertRegex(result.err.splitlines()[-1], "overlap")
        self.assertFalse(os.path.exists(self.path("x")))

    def test_parts_that_overlap(self):
        lines = chains.recording(self.guest())
        path, at = self.write("whole", lines), times(lines)
        for name, option, point in (("a", "--until", at[12]), ("b", "--since", at[9])):
            self.check(run("cut", option, since(point), "-o", self.path(name), path), DONE)
        self.refused(self.path("a"), self.path("b"), pattern="overlap")

    def test_what_is_none(self):
        good = self.run_of(1, START, 2 * S, [])
        self.refused(good, self.write("bad", b"nonsense\n"), pattern="bad: not a recording")
        self.refused(good, self.path("nosuch"), pattern="nosuch: not a recording")
        self.refused(good, "-", pattern="standard input is read once")

    def test_words(self):
        for arguments, pattern in (([], "which recordings"), (["a"], "into which file"),
                                   (["-o", "-", "a"], "into a file")):
            result = self.check(run("merge", *arguments), USAGE)
            self.assertRegex(result.err, pattern)
