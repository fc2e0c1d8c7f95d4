# SPDX-License-Identifier: GPL-2.0
"""`verify` of recordings: verdicts, what is expected of them, and evidence that is not whole."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import recording as r
from case import (DONE, ENVIRONMENT, HOST, INCOMPLETE, PROGRAM, ROOT, SANITIZED, USAGE, Case,
                  run)
from chains import FOUR, HOOKS, MUL, Guest, guest_of, recording

sys.path.append(os.path.join(ROOT, "tests", "lib"))

import forge  # noqa: E402
import schema  # noqa: E402

FAILED = 1
EXAMPLE = os.path.join(ROOT, "examples", "migrate.jsonl")
# The guests of chains.guest_of(), and the verdict on each.
GUESTS = {
    "nothing-to-suppress": "nothing-to-suppress",
    "suppressed": "suppressed",
    "cleared": "suppressed",
    "coalesced": "coalesced",
    "per-vcpu": "per-vcpu",
    "inconclusive": "inconclusive",
}
VERDICTS = ("nothing-to-suppress", "suppressed", "coalesced", "per-vcpu", "inconclusive")


class VerifyCase(Case):
    def verify(self, lines, *options, status):
        path = self.write("recording.jsonl", lines)
        return self.check(run("verify", "--recording", path, *options), status)

    def judge(self, lines, *options, status=DONE):
        """The JSON object of a verification."""
        result = self.verify(lines, "--json", *options, status=status)
        (verification,) = result.objects
        self.assertEqual(schema.faults("verify", result.out), [])
        return verification

    def evidence(self, lines, status=DONE, **expected):
        evidence = self.judge(lines, status=status)["evidence"]
        self.assertEqual({key: evidence[key] for key in expected}, expected)


class Bisect(VerifyCase):
    """As `git bisect run` has it: good, bad, skip, and no use in going on."""

    SKIP, END = 125, 255

    def test_statuses(self):
        for guest, status in (("suppressed", DONE), ("per-vcpu", FAILED),
                              ("inconclusive", self.SKIP)):
            self.verify(recording(guest_of(guest)), "--bisect", "--expect", "suppressed",
                        status=status)
        good = self.write("good", recording(guest_of("suppressed")))
        for words in (["--recording", good, "--bisect"], ["--bisect", "--expect", "nonsense"],
                      ["--recording", self.path("none"), "--expect", "suppressed", "--bisect"],
                      ["--expect", "suppressed", "--bisect", "no-scenario"]):
            self.check(run("verify", *words), self.END)

    def test_git(self):
        """It finds the commit, and passes over one that cannot be told."""
        if not shutil.which("git"):
            self.skipTest("no git here")

        def git(*words):
            done = subprocess.run(["git", "-c", "user.name=n", "-c", "user.email=e", *words],
                                  cwd=self.directory, capture_output=True, text=True, check=False,
                                  env={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"})
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout

        git("init", "-q")
        guests = ["suppressed", "suppressed", "inconclusive", "suppressed", "per-vcpu",
                  "per-vcpu", "per-vcpu"]
        for number, guest in enumerate(guests):
            self.write("recording.jsonl", recording(guest_of(guest)))
            self.write("number", str(number).encode())
            git("add", "recording.jsonl", "number")
            git("commit", "-q", "-m", f"number {number}")
        git("bisect", "start", "HEAD", f"HEAD~{len(guests) - 1}")
        said = git("bisect", "run", PROGRAM, "verify", "--bisect", "--recording",
                   "recording.jsonl", "--expect", "suppressed")
        self.assertIn("is the first bad commit", said)
        self.assertEqual(git("log", "-1", "--format=%s", "refs/bisect/bad").strip(), "number 4")


class Verdicts(VerifyCase):
    def test_each(self):
        for guest, verdict in GUESTS.items():
            for functions in HOOKS:
                with self.subTest(guest, functions=functions):
                    status = INCOMPLETE if verdict == "inconclusive" else DONE
                    got = self.judge(recording(guest_of(guest, functions=functions)),
                                     status=status)
                    self.assertEqual(got["verdict"], verdict, got["why"])
                    self.assertEqual(got["what"], self.path("recording.jsonl"))
                    self.assertEqual(got["expected"], [])
                    self.assertIsNone(got["holds"])
                    (vm,) = got["vms"]
                    self.assertEqual((vm["number"], vm["name"], vm["pid"], vm["verdict"]),
                                     (1, "web", 4700, verdict))
                    self.assertEqual(vm["evidence"], got["evidence"])
                    self.assertEqual(vm["why"], got["why"])
                    self.assertEqual(got["why"] is None, verdict != "inconclusive")

    def test_missed(self):
        """What the kernel skipped is a doubt only where the verdict rests on it; it is told."""
        lines = recording(guest_of("per-vcpu"))
        for evidence, verdict, status in (("clock-read", "per-vcpu", DONE),
                                          ("pvti", "inconclusive", INCOMPLETE)):
            with self.subTest(evidence):
                missed = [{"evidence": evidence, "calls": 2}]
                tail = r.line(r.trailer(len(lines) - 2, {"missed": 2}, missed=missed))
                got = self.judge(lines[:-1] + [tail], status=status)
                self.assertEqual((got["verdict"], got["losses"]["missed"], got["missed"]),
                                 (verdict, 2, missed))
                out = self.verify(lines[:-1] + [tail], status=status).out
                self.assertIn(f"LOST: 2 missed (2 of {evidence});", out)

    def test_what_no_hook_shows(self):
        """It is unknown, and no verdict rests on it."""
        requests = {"requests", "pending_at_set_clock", "judged", "served", "cleared", "unresolved",
                    "new_snapshots", "kept_snapshots", "shared", "repeated"}
        always = {"pending_after_set_clock", "blackout_ns"}
        for ways, unknown, verdict, status in (
                ({"tsc_write": "none"}, {"tsc_offsets_differ", "negative_deltas_wrong"}, "per-vcpu",
                 DONE),
                ({"request": "none"}, requests, "inconclusive", INCOMPLETE),
                ({"set_clock": "none", "tsc_track": "none"}, set(), "per-vcpu", DONE)):
            with self.subTest(ways):
                lines = recording(guest_of("per-vcpu"), hooks=r.hooks(**ways))
                got = self.judge(lines, status=status)
                self.assertEqual(got["verdict"], verdict)
                for evidence in (got["evidence"], got["vms"][0]["evidence"]):
                    self.assertEqual({key for key, value in evidence.items() if value is None},
                                     unknown | always)
                out = self.verify(lines, status=status).out
                self.assertEqual("  requests         ? made, ? pending" in out, unknown == requests)
                self.assertEqual("\n  TSC offsets      ?: " in out, "tsc_write" in ways)
        got = self.judge(recording(guest_of("suppressed"), hooks=r.hooks(request="derived")),
                         "--expect", "unnecessary=0", status=INCOMPLETE)
        self.assertEqual((got["why"], got["holds"]),
                         ("there was no hook that shows requests", None))

    def test_numbers_of_per_vcpu(self):
        for functions, after in zip(HOOKS, (None, 4, 4)):
            self.evidence(
                recording(guest_of("per-vcpu", functions=functions)), requests=4,
                pending_at_set_clock=4, pending_after_set_clock=after, judged=4, served=4,
                cleared=0, unresolved=0, new_snapshots=4, kept_snapshots=0, updates=5, set_clocks=1,
                # each its first, and once more; the last one to run has the newest already
                pvti_updates=8, pvti_moved=3, negative_deltas=0, tsc_offsets_differ=False,
                blackout_ns=None)

    def test_numbers_of_suppressed(self):
        self.evidence(
            recording(guest_of("suppressed")), requests=4, pending_at_set_clock=4, judged=4,
            served=4, cleared=0, new_snapshots=0, kept_snapshots=4, updates=5, pvti_updates=8,
            pvti_moved=0, drift_ns={"total": 0, "max_forward": 0, "max_backward": 0})

    def test_numbers_of_cleared(self):
        for functions in (True, "before"):
            self.evidence(
                recording(guest_of("cleared", functions=functions)), requests=4,
                pending_at_set_clock=4, pending_after_set_clock=0, judged=4, served=0, cleared=4,
                unresolved=0, new_snapshots=0, kept_snapshots=0, shared=0, updates=1, set_clocks=1)

    def test_numbers_of_coalesced(self):
        self.evidence(recording(guest_of("coalesced")), judged=4, served=4, new_snapshots=1,
                      kept_snapshots=3, shared=3, repeated=0, pvti_moved=0)
        # one takes the snapshot, the others find their requests gone
        guest = Guest().restore()
        guest.run(snapshots=(2,), cleared=(0, 1, 3))
        self.assertEqual(self.judge(recording(guest))["verdict"], "coalesced")
        self.evidence(recording(guest), judged=4, served=1, cleared=3, new_snapshots=1, shared=3)
        self.assertRegex(self.verify(recording(guest), status=DONE).out, r"(?m)^ +shared +3 ")

    def test_numbers_of_nothing_to_suppress(self):
        # The requests of a first start are made while the masterclock is off: not judged.
        self.evidence(
            recording(guest_of("nothing-to-suppress")), requests=4, pending_at_set_clock=0,
            pending_after_set_clock=None, judged=0, served=0, updates=4, set_clocks=0,
            new_snapshots=0, pvti_updates=4, pvti_moved=0)
        # A clock that is set when nobody waits.
        guest = Guest().boot()
        guest.set_clock()
        got = self.judge(recording(guest))
        self.assertEqual((got["verdict"], got["evidence"]["set_clocks"]),
                         ("nothing-to-suppress", 1))

    def test_numbers_of_inconclusive(self):
        got = self.judge(recording(guest_of("inconclusive")), status=INCOMPLETE)
        self.assertEqual(got["why"], "1 requests were still pending at the end")
        self.assertEqual(got["evidence"]["unresolved"], 1)
        self.assertEqual(got["evidence"]["judged"], 3)

    def test_requests_made_while_active(self):
        """Without any KVM_SET_CLOCK: a guest that changes its clock's flavour."""
        for kept, verdict in ((False, "per-vcpu"), (True, "suppressed")):
            guest = Guest().boot()
            for index in FOUR:
                guest.request(index, "system-time", derived=True)
                guest.serve(index, keep=kept)
                guest.publish(index)
            got = self.judge(recording(guest))
            self.assertEqual((got["verdict"], got["evidence"]["judged"]), (verdict, 4))

    def test_drift(self):
        """What KVM_SET_CLOCK asked for is no drift; what a snapshot adds to it is."""
        guest = Guest().restore()
        guest.run(snapshots=FOUR)
        jumps = (700, -300, 5000, -5000)
        expected = []
        for index, jump in zip(FOUR, jumps):
            guest.error = jump
            guest.request(index, "system-time")
            guest.serve(index)
            guest.publish(index)
            expected.append(guest.events[-1]["drift_ns"])
        for wanted, got in zip(jumps, expected):
            self.assertLess(abs(wanted - got), 3)
        evidence = self.judge(recording(guest))["evidence"]
        before = self.judge(recording(Guest().restore().run(snapshots=FOUR)))["evidence"]
        self.assertEqual(evidence["drift_ns"]["total"],
                         sum(expected) + before["drift_ns"]["total"])
        self.assertEqual(evidence["drift_ns"]["max_forward"], max(expected))
        self.assertEqual(evidence["drift_ns"]["max_backward"], min(expected))

    def test_negative_delta(self):
        guest = guest_of("suppressed")
        guest.publish(0, negative_delta=True)
        guest.publish(3, negative_delta=True)
        self.evidence(recording(guest), negative_deltas=2, negative_deltas_wrong=0)
        # what is not observed is not said: no word of what the kernel would need
        self.assertRegex(self.verify(recording(guest), status=DONE).out,
                         r"(?m)^ +negative delta +2 .* TSC write; with 0 of them .*by years$")
        # the half of 2^64 cycles and more: the difference was taken for an unsigned one
        guest.publish(2, negative_delta=True)
        new = guest.events[-1]["new"]
        new["tsc_timestamp"] = r.u64((new["tsc_timestamp"] + (6 << 60)) % (1 << 64))
        guest.events[-1].update(rebased=True, drift_ns=None)
        self.evidence(recording(guest), negative_deltas=3, negative_deltas_wrong=1)
        self.assertRegex(self.verify(recording(guest), status=DONE).out,
                         r"(?m)^ +negative delta +3 .*with 1 of them .* as unsigned$")

    def test_offsets_that_differ(self):
        guest = Guest().boot()
        guest.write_tsc(2, -cycles_of(2_000_000_000) + 77)
        guest.set_clock()
        self.evidence(recording(guest), tsc_offsets_differ=True)
        self.assertRegex(self.verify(recording(guest), status=DONE).out, r"TSC offsets +differ")
        guest = Guest().boot()
        guest.set_clock()
        self.evidence(recording(guest), tsc_offsets_differ=False)

    def test_blackout(self):
        """Real time at KVM_SET_CLOCK minus what it was given: the header ties it to `ns`."""
        head = r.header()
        guest = Guest().boot()
        guest.set_clock(realtime=1, flags=4)
        at = next(e for e in guest.events if e["event"] == "set-clock")
        now = head["realtime_ns"] + at["ns"] - head["started_ns"]
        at["realtime"] = now - 250_000_000
        self.evidence(recording(guest), blackout_ns=250_000_000)
        at["flags"] = 0
        self.evidence(recording(guest), blackout_ns=None)

    def test_several_vms(self):
        """The worst verdict is that of all; numbers add up; each VM keeps its own."""
        for one in GUESTS:
            for other in ("nothing-to-suppress", "suppressed", "per-vcpu"):
                with self.subTest(one=one, other=other):
                    verdicts = [GUESTS[one], GUESTS[other]]
                    worst = max(verdicts, key=VERDICTS.index)
                    lines = recording(guest_of(one), guest_of(other, 2, name="db", pid=4800))
                    got = self.judge(
                        lines, status=INCOMPLETE if worst == "inconclusive" else DONE)
                    self.assertEqual(got["verdict"], worst)
                    self.assertEqual([vm["verdict"] for vm in got["vms"]], verdicts)
                    self.assertEqual([vm["name"] for vm in got["vms"]], ["web", "db"])
                    for figure in ("requests", "judged", "new_snapshots", "updates"):
                        self.assertEqual(got["evidence"][figure],
                                         sum(vm["evidence"][figure] for vm in got["vms"]))

    def test_several_vms_filtered(self):
        lines = recording(guest_of("per-vcpu"), guest_of("suppressed", 2, name="db", pid=4800))
        for options in (["--vm", "db"], ["--pid", "4800"]):
            got = self.judge(lines, *options, "--expect", "suppressed")
            self.assertEqual([vm["name"] for vm in got["vms"]], ["db"])
            self.assertIs(got["holds"], True)
        got = self.judge(lines, "--vm", "nosuch", status=INCOMPLETE)
        self.assertEqual((got["verdict"], got["why"]), ("inconclusive", "no VM was seen"))

    def test_text(self):
        out = self.verify(recording(guest_of("per-vcpu"), guest_of("suppressed", 2, name="db")),
                          "--expect", "suppressed", "--expect", "unnecessary<=4",
                          status=FAILED).out
        for line in ("VM 1 web: per-vcpu", "VM 2 db: suppressed", "verdict: per-vcpu",
                     "expected suppressed: does not hold: the verdict is per-vcpu",
                     "expected unnecessary<=4: holds: 4 new snapshots for requests"):
            self.assertIn(line + "\n", out)
        out = self.verify(recording(guest_of("inconclusive")), "--expect", "per-vcpu",
                          status=INCOMPLETE).out
        why = "1 requests were still pending at the end"
        self.assertIn(f"VM 1 web: inconclusive: {why}\n", out)
        self.assertIn(f"verdict: inconclusive: {why}\n", out)
        self.assertIn(f"expected per-vcpu: cannot be decided: {why}\n", out)

    def test_large_numbers(self):
        """Numbers past the signed 64 bits, and nothing that overflows."""
        guest = guest_of("suppressed")
        for event in guest.events:
            if event["event"] == "pvti":
                event["new"]["system_time"] = r.u64((1 << 64) - 1)
                if event["old"]:
                    event.update(drift_ns=-(1 << 63))
        got = self.judge(recording(guest))
        self.assertEqual(got["evidence"]["drift_ns"]["max_backward"], -(1 << 63))
        self.judge(recording(guest), "--expect", "drift<=1ns", status=FAILED)


def cycles_of(ns):
    return ns * 21 // 10


class Expectations(VerifyCase):
    def test_each_kind(self):
        jump = Guest().restore()
        jump.run(kept=FOUR)
        jump.error = 100
        jump.request(0, "system-time")
        jump.serve(0)
        jump.publish(0)
        ns = jump.events[-1]["drift_ns"]
        self.assertGreater(ns, 95)
        back = Guest().restore()
        back.run(kept=FOUR)
        back.error = -100
        back.request(0, "system-time")
        back.serve(0)
        back.publish(0)
        fall = -back.events[-1]["drift_ns"]
        for guest, expectation, status in (
                *((guest, verdict, DONE if GUESTS[guest] == verdict else FAILED)
                  for guest in GUESTS if guest != "inconclusive"
                  for verdict in VERDICTS[:-1]),
                ("per-vcpu", "unnecessary=4", DONE),
                ("per-vcpu", "unnecessary=3", FAILED),
                ("per-vcpu", "unnecessary=5", FAILED),
                ("per-vcpu", "unnecessary<=4", DONE),
                ("per-vcpu", "unnecessary<=3", FAILED),
                ("per-vcpu", "unnecessary<=18446744073709551615", DONE),
                ("coalesced", "unnecessary=1", DONE),
                ("coalesced", "unnecessary=0", FAILED),
                ("suppressed", "unnecessary=0", DONE),
                ("cleared", "unnecessary=0", DONE),
                ("nothing-to-suppress", "unnecessary=0", DONE),
                ("suppressed", "drift<=0", DONE),
                ("per-vcpu", "drift<=1us", DONE),
                (jump, f"drift<={ns}ns", DONE),
                (jump, f"drift<={ns - 1}ns", FAILED),
                (back, f"drift<={fall}ns", DONE),
                (back, f"drift<={fall - 1}ns", FAILED),
                ("suppressed", "pvti=identical", DONE),
                ("cleared", "pvti=identical", DONE),
                # everybody runs behind the one new snapshot
                ("coalesced", "pvti=identical", DONE),
                ("per-vcpu", "pvti=identical", FAILED),
                (jump, "pvti=identical", FAILED),
                # nobody set a clock: whether a line moves after it cannot be told
                ("nothing-to-suppress", "pvti=identical", INCOMPLETE),
                *(("inconclusive", expectation, INCOMPLETE)
                  for expectation in (*VERDICTS[:-1], "unnecessary=0", "unnecessary<=9",
                                      "drift<=1h", "pvti=identical"))):
            with self.subTest(guest if isinstance(guest, str) else "jump", expected=expectation):
                made = guest_of(guest) if isinstance(guest, str) else guest
                got = self.judge(recording(made), "--expect", expectation, status=status)
                (expected,) = got["expected"]
                holds = {DONE: True, FAILED: False, INCOMPLETE: None}[status]
                self.assertEqual((got["holds"], expected["holds"]), (holds, holds))
                self.assertEqual(expected["expected"], expectation)
                self.assertTrue(expected["why"])

    def test_several(self):
        """One that fails decides; then one that is undecided."""
        for expectations, status, holds in (
                (("nothing-to-suppress", "unnecessary=0"), DONE, True),
                (("nothing-to-suppress", "pvti=identical"), INCOMPLETE, None),
                (("pvti=identical", "nothing-to-suppress"), INCOMPLETE, None),
                (("pvti=identical", "per-vcpu"), FAILED, False),
                (("per-vcpu", "pvti=identical"), FAILED, False),
                (("unnecessary=0", "per-vcpu", "drift<=1ns"), FAILED, False)):
            with self.subTest(expectations):
                options = [word for e in expectations for word in ("--expect", e)]
                got = self.judge(recording(guest_of("nothing-to-suppress")), *options,
                                 status=status)
                self.assertIs(got["holds"], holds)
                self.assertEqual([e["expected"] for e in got["expected"]], list(expectations))

    def test_tap(self):
        path = self.path("recording.jsonl")
        lines = recording(guest_of("nothing-to-suppress"))
        for option in ("--tap", "--kselftest"):
            out = self.verify(lines, option, "--expect", "nothing-to-suppress", "--expect",
                              "per-vcpu", "--expect", "pvti=identical", status=FAILED).out
            self.assertEqual(out.splitlines(), [
                "TAP version 13", "1..3",
                f"ok 1 {path}: nothing-to-suppress",
                "# the verdict is nothing-to-suppress",
                f"not ok 2 {path}: per-vcpu",
                "# the verdict is nothing-to-suppress",
                f"ok 3 {path}: pvti=identical # SKIP the clock was never set",
                "# the clock was never set"])
        out = self.verify(recording(guest_of("inconclusive")), "--tap", "--expect", "per-vcpu",
                          status=INCOMPLETE).out
        self.assertEqual(out.splitlines()[2], f"ok 1 {path}: per-vcpu # SKIP "
                                              "1 requests were still pending at the end")
        self.assertEqual(self.verify(lines, "--tap", status=DONE).out, "TAP version 13\n1..0\n")

    def test_standard_input(self):
        data = b"".join(recording(guest_of("per-vcpu")))
        result = self.check(run("verify", "--recording", "-", "--json", stdin=data), DONE)
        self.assertEqual(result.objects[0]["what"], "-")


class Runs(VerifyCase):
    """Several recordings: as many runs."""

    def runs(self, *guests, options=(), status=DONE):
        words = [word for at, guest in enumerate(guests) for word in
                 ("--recording", self.write(f"{at}.jsonl", recording(guest_of(guest))))]
        return self.check(run("verify", *words, *options), status)

    def told(self, *guests, options=(), status=DONE):
        result = self.runs(*guests, options=("--json", *options), status=status)
        (told,) = result.objects
        self.assertEqual(schema.faults("verify-runs", result.out), [])
        return told

    def test_spread(self):
        """Beside what `compare` says of each of them."""
        guests = ("per-vcpu", "suppressed", "per-vcpu", "nothing-to-suppress")
        told = self.told(*guests)
        self.assertEqual((told["asked"], told["stopped"], told["what"]), (4, None, "4 recordings"))
        self.assertEqual([one["verdict"] for one in told["runs"]], list(guests))
        self.assertEqual(told["verdict"], "per-vcpu")
        self.assertEqual(told["verdicts"], {"nothing-to-suppress": 1, "suppressed": 1,
                                            "coalesced": 0, "per-vcpu": 2, "inconclusive": 0})
        for at, one in enumerate(told["runs"]):
            path = self.path(f"{at}.jsonl")
            (compared,) = run("compare", "--json", path, path).objects
            self.assertEqual(one["figures"], {name: figure["before"] for name, figure
                                              in compared["figures"].items()})
        self.assertEqual(told["spread"]["new_snapshots"], {"min": 0, "median": 0, "max": 4})
        for name, spread in told["spread"].items():
            values = sorted(one["figures"][name] for one in told["runs"])
            self.assertEqual(spread, {"min": values[0], "median": values[1], "max": values[3]})

    def test_statuses(self):
        """The worst run counts; what fails more than what cannot be decided."""
        for guests, status, holds in (
                (["suppressed", "cleared"], DONE, True),
                (["suppressed", "inconclusive"], INCOMPLETE, None),
                (["inconclusive", "per-vcpu", "suppressed"], FAILED, False)):
            told = self.told(*guests, options=["--expect", "unnecessary=0"], status=status)
            self.assertEqual(told["holds"], holds)
            (expected,) = told["expected"]
            self.assertEqual(expected["holds"], holds)
            self.assertEqual(expected["held"] + expected["failed"] + expected["undecided"],
                             len(guests))
            self.runs(*guests, options=["--expect", "unnecessary=0", "--bisect"],
                      status=125 if status == INCOMPLETE else status)
        self.told("per-vcpu", "suppressed")
        self.told("per-vcpu", "inconclusive", status=INCOMPLETE)

    def test_inconclusive_is_no_measurement(self):
        told = self.told("suppressed", "inconclusive", status=INCOMPLETE)
        only = self.told("suppressed", "suppressed")
        self.assertEqual(told["spread"], only["spread"])
        none = self.told("inconclusive", "inconclusive", status=INCOMPLETE)
        self.assertEqual(set(none["spread"].values()), {None})
        out = self.runs("inconclusive", "inconclusive", status=INCOMPLETE).out
        self.assertRegex(out, r"(?m)^new_snapshots +\? +\? +\?$")
        self.assertRegex(out, r"(?m)^run 2: inconclusive: .")

    def test_text(self):
        result = self.runs("per-vcpu", "suppressed", options=["--expect", "unnecessary=0"],
                           status=FAILED)
        lines = result.out.splitlines()
        self.assertEqual(lines[0], "2 recordings: 2 of 2 runs")
        self.assertEqual(lines[-3:], [
            "verdicts: 1 suppressed, 1 per-vcpu", "verdict: per-vcpu",
            "expected unnecessary=0: holds in 1 of 2 runs, does not in 1: "
            "4 new snapshots for requests"])
        rows = {line.split()[0]: line.split()[1:] for line in lines}
        self.assertEqual(rows["new_snapshots"], ["0", "0", "4"])

    def test_tap(self):
        result = self.runs("per-vcpu", "inconclusive", status=FAILED, options=[
            "--tap", "--expect", "suppressed", "--expect", "unnecessary=4"])
        why = self.told("inconclusive", "inconclusive", status=INCOMPLETE)["runs"][0]["why"]
        self.assertEqual(result.out.splitlines(), [
            "TAP version 13", "1..2", "not ok 1 2 recordings: suppressed",
            "# holds in 0 of 2 runs, does not in 1, cannot be decided in 1: "
            "the verdict is per-vcpu",
            f"ok 2 2 recordings: unnecessary=4 # SKIP {why}",
            f"# holds in 1 of 2 runs, cannot be decided in 1: {why}"])

    def test_one_that_cannot_be_read(self):
        """What was read before it is told, and that there is more."""
        good = self.write("good", recording(guest_of("per-vcpu")))
        words = ["--recording", good, "--recording", self.path("none"), "--recording", good]
        for expected, status in (("per-vcpu", USAGE), ("suppressed", FAILED)):
            result = self.check(run("verify", *words, "--json", "--expect", expected), status)
            (told,) = result.objects
            self.assertEqual((told["asked"], len(told["runs"]), told["verdict"]),
                             (3, 1, "inconclusive"))
            self.assertEqual(told["stopped"], "run 2 ended with exit status 2")
            self.check_line(result, "No such file")
        result = self.check(run("verify", "--recording", self.path("none"), *words), USAGE)
        self.assertEqual(result.out, "")

    def test_interrupted(self):
        """By a signal to it alone, while it waits for somebody to write a recording."""
        good, fifo = self.write("good", recording(guest_of("per-vcpu"))), self.path("fifo")
        os.mkfifo(fifo)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with subprocess.Popen(
                    [SANITIZED, "verify", "--recording", good, "--recording", fifo, "--json"],
                    stdout=subprocess.PIPE, env=ENVIRONMENT) as process:
                # Opened for writing, it has been opened for reading: the second run has begun.
                with open(fifo, "wb"):
                    process.send_signal(number)
                    began = time.monotonic()
                    out = process.communicate(timeout=30)[0]
                    took = time.monotonic() - began
            self.assertEqual(process.returncode, INCOMPLETE)
            self.assertLess(took, 5)  # of a second, on a host that has time
            told = json.loads(out)
            self.assertEqual((told["stopped"], told["asked"], len(told["runs"])),
                             ("interrupted", 2, 1))

    def test_of_those_of_one_vm(self):
        self.assertEqual(self.told("per-vcpu", "per-vcpu", options=["--vm", "no-such"],
                                   status=INCOMPLETE)["verdicts"]["inconclusive"], 2)


class Refusals(Case):
    def refused(self, *arguments, pattern):
        """One line that says why, and, where an option is wrong, where help is."""
        result = self.check(run("verify", *arguments, cwd=self.directory, timeout=20), USAGE)
        self.assertEqual(result.out, "")
        first, _, rest = result.err.partition("\n")
        self.assertRegex(first, r"\Akvmclock-trace( verify)?: ")
        self.assertRegex(first, pattern)
        self.assertRegex(rest, r"\A(Try `[^`]*'\sor\s`[^`]*'\sfor\smore\s+information\.\n)?\Z")
        self.assertEqual(os.listdir(self.directory), [])

    def test_bad_expectations(self):
        for text in ("", "x", "inconclusive", "Per-vcpu", " per-vcpu", "per-vcpu ", "per-vcpu=4",
                     "unnecessary", "unnecessary=", "unnecessary<=", "unnecessary<4",
                     "unnecessary>=1", "unnecessary=-1", "unnecessary=+1", "unnecessary= 1",
                     "unnecessary=1x", "unnecessary==1", "unnecessary=0x1",
                     "unnecessary=18446744073709551616", "unnecessary=4ns", "drift", "drift=1ns",
                     "drift<=", "drift<=1", "drift<=-1ns", "drift<=1.5ns", "drift<=1parsec",
                     "drift<1ns", "drift<=18446744073709551616ns", "pvti", "pvti=",
                     "pvti=moved", "pvti=identical "):
            with self.subTest(text):
                self.refused("--recording", "x", "--expect", text,
                             pattern="is not a verdict, unnecessary=N, drift<=DURATION or")

    def test_too_many_expectations(self):
        options = ["--expect", "per-vcpu"] * 16
        self.refused("--recording", "x", *options, pattern="x: No such file")
        self.refused("--recording", "x", *options, "--expect", "per-vcpu",
                     pattern="more than 16 expectations")

    def test_subjects(self):
        subject = "verify a SCENARIO, a --vm or --pid, or a --recording"
        for arguments, pattern in (
                ([], subject),
                (["--expect", "per-vcpu"], subject),
                (["migrate", "--recording", "x"], subject),
                (["nosuch"], "there is no scenario 'nosuch'"),
                ([""], "there is no scenario ''"),
                (["migrate", "hotplug"], "one scenario at a time"),
                (["--vm", "web"], "for how long"),
                (["--pid", "1"], "for how long"),
                (["--vm", "web", "--duration", "0s"], "is not a duration"),
                (["--vm", "web", "--duration", "10"], "is not a duration"),
                (["--vm", "web", "--duration", "1s", "--vcpus", "4"], "go with a SCENARIO"),
                (["--vm", "web", "--vcpus", "4"], "go with a SCENARIO"),
                (["--recording", "x", "--vcpus", "4"], "go with a SCENARIO"),
                (["--recording", "x", "--duration", "1s"], "takes neither"),
                (["--recording", "x", "-o", "y"], "takes neither"),
                (["--recording", "x", "--repeat", "2"], "takes neither"),
                (["all", "hotplug"], "one scenario at a time"),
                (["all", "--vcpus", "4"], "all takes none of the workload's options"),
                (["all", "--recording", "x"], subject),
                (["migrate", "--repeat", "0"], "--repeat takes a number"),
                (["migrate", "--repeat", "x"], "--repeat takes a number"),
                (["--repeat", "2"], subject),
                (["--recording", "x", "--vm", "web", "-o", "y"], "takes neither"),
                (["migrate", "--pid", "0"], "is not a process id"),
                (["migrate", "--nosuch"], "unrecognized option"),
                (["--recording"], "requires an argument"),
                (["--expect"], "requires an argument")):
            with self.subTest(arguments):
                self.refused(*arguments, pattern=pattern)

    def test_all_without_kvm(self):
        """Said once, and not by each scenario."""
        if os.path.exists("/dev/kvm"):
            self.skipTest("there is a /dev/kvm")
        result = self.check(run("verify", "all"), HOST)
        self.assertEqual(result.out, "")
        self.check_line(result, "/dev/kvm: No such file or directory")

    def test_many_workload_options(self):
        """More than there are: the last of each counts, or they are refused."""
        options = ["--vcpus", "0"] * 50
        result = run("verify", "migrate", *options, cwd=self.directory, timeout=60)
        self.check(result, USAGE, 3)

    def test_files(self):
        for content, pattern in ((b"", "empty"), (b"nonsense\n", "not a recording"),
                                 (b"{}\n", "a line without"),
                                 (r.line(r.trailer(0)), "does not begin with a header"),
                                 (r.line(r.header(version=2)), "format version 2")):
            with self.subTest(content[:40]):
                result = run("verify", "--recording", "-", stdin=content)
                self.check(result, USAGE)
                self.check_line(result, pattern)
        self.refused("--recording", "nosuch", pattern="nosuch: No such file or directory")
        self.refused("--recording", "/", pattern="/: no recording is in it")


class Forgeries(VerifyCase):
    """Evidence with a hole, or of two runs, is not believed."""

    def bases(self):
        with open(EXAMPLE, "rb") as file:
            yield "example", file.readlines()
        for functions in HOOKS:
            for vcpus in (1, 4):
                guest = guest_of("per-vcpu", functions=functions, vcpus=tuple(range(vcpus)))
                guest.gone()
                yield f"{vcpus} vCPUs, functions {functions}", recording(guest)
        busy = Guest().boot(2)  # without KVM_SET_CLOCK
        for index in (0, 1, 0):
            busy.request(index, "system-time", derived=True)
            busy.serve(index)
            busy.publish(index)
        yield "busy", recording(busy)

    def quickly(self, lines):
        """Not with the sanitized program, but thousands of times: status and JSON (None)."""
        done = subprocess.run([PROGRAM, "verify", "--json", "--recording", "-"],
                              input=b"".join(lines), capture_output=True, timeout=60, check=False)
        return done.returncode, json.loads(done.stdout) if done.stdout else None

    def check_each(self, forgeries, verdicts):
        """Each has one of the verdicts, and the exit status that goes with it. Their numbers."""
        wrong, counts = [], {}
        for what, lines in forgeries:
            status, got = self.quickly(lines)
            verdict = got and got["verdict"]
            counts[verdict] = counts.get(verdict, 0) + 1
            expected = INCOMPLETE if verdict == "inconclusive" else DONE
            if verdict not in verdicts or status != expected:
                wrong.append(f"{what}: {verdict}, status {status}")
        self.assertEqual(wrong, [])
        return counts

    def test_bases(self):
        for name, lines in self.bases():
            with self.subTest(name):
                got = self.judge(lines)
                self.assertEqual((got["verdict"], got["why"]), ("per-vcpu", None))

    def test_one_missing_event(self):
        """Nothing but the trailer may tell."""
        for name, lines in self.bases():
            with self.subTest(name):
                counts = self.check_each(forge.dropped(lines), ("per-vcpu", "inconclusive"))
                self.assertGreater(counts["inconclusive"], (len(lines) - 2) / 4)

    def test_one_missing_event_that_the_trailer_counts(self):
        for name, lines in self.bases():
            with self.subTest(name):
                self.check_each(forge.dropped_and_told(lines), ("inconclusive",))

    def test_what_decides_is_never_missed(self):
        """Without any of these there is no verdict at all."""
        for name, lines in self.bases():
            kinds = {"vm", "vcpu", "request"}
            for (what, forged), line in zip(forge.dropped(lines), lines[1:]):
                event = json.loads(line)
                if event["event"] not in kinds | {"set-clock"}:
                    continue
                with self.subTest(name, what=what):
                    self.assertEqual(self.quickly(forged)[1]["verdict"], "inconclusive")

    def test_missing_updates(self):
        """An update that is missing shows, or nobody's request was judged by it."""
        for name, lines in self.bases():
            whole = self.quickly(lines)[1]["evidence"]
            for (what, forged), line in zip(forge.dropped(lines), lines[1:]):
                event = json.loads(line)
                if event["event"] != "update" or event["vm"] is None:
                    continue
                got = self.quickly(forged)[1]
                if got["verdict"] == "inconclusive":
                    continue
                with self.subTest(name, what=what):
                    for figure in ("judged", "served", "cleared", "new_snapshots"):
                        self.assertEqual(got["evidence"][figure], whole[figure])

    def test_pairs_swapped(self):
        for name, lines in self.bases():
            with self.subTest(name):
                counts = self.check_each(forge.swapped(lines), ("per-vcpu", "inconclusive"))
                self.assertGreater(counts["inconclusive"], 0)

    def test_events_doubled(self):
        for name, lines in self.bases():
            with self.subTest(name):
                counts = self.check_each(forge.doubled(lines), ("per-vcpu", "inconclusive"))
                self.assertGreater(counts["inconclusive"], (len(lines) - 2) / 3)

    def test_other_verdicts_do_not_get_better(self):
        """Of a kernel that coalesces, no single event's loss makes one that suppresses."""
        for guest, verdicts in (("coalesced", ("coalesced", "inconclusive")),
                                ("suppressed", ("suppressed", "inconclusive")),
                                ("cleared", ("suppressed", "inconclusive"))):
            for functions in HOOKS:
                lines = recording(guest_of(guest, functions=functions))
                for forgeries in (forge.dropped, forge.doubled, forge.swapped):
                    with self.subTest(guest, functions=functions, by=forgeries.__name__):
                        self.check_each(forgeries(lines), verdicts)

    def test_lossy(self):
        for name, lines in self.bases():
            with self.subTest(name):
                self.check_each(forge.lossy(lines), ("inconclusive",))

    def test_cut_off(self):
        for name, lines in self.bases():
            with self.subTest(name):
                self.check_each(forge.cut(lines), ("inconclusive",))

    def two_hosts(self):
        with open(EXAMPLE, "rb") as file:
            example = file.readlines()
        later = forge.shifted(example, 3_600_000_000_000)
        yield "synthetic", example, recording(guest_of("per-vcpu"), guest_of("per-vcpu", 2))
        yield "synthetic the other way round", recording(guest_of("per-vcpu")), example
        yield "one host up for an hour more", example, later
        yield "and the other way round", later, example
        yield "twice the same", example, example

    def test_of_two_hosts(self):
        for name, one, other in self.two_hosts():
            with self.subTest(name):
                self.check_each(forge.joined(one, other), ("inconclusive",))

    def test_spliced(self):
        for name, one, other in self.two_hosts():
            if not name.startswith("synthetic"):
                continue  # the values are the same: a line of the other fits
            with self.subTest(name):
                self.check_each(forge.spliced(one, other), ("inconclusive",))

    def test_reads_decide_nothing(self):
        """What the VMM only reads, of a vCPU or of the VM, is no evidence against a recording."""
        with open(EXAMPLE, "rb") as file:
            lines = file.readlines()
        at = 40
        ns = json.loads(lines[at])["ns"]
        reads = [r.line(r.ioctl(2, 0, "get-tsc", ns, tsc=1)),
                 r.line(r.ioctl(2, None, "get-clock", ns, clock=1, realtime=0, host_tsc=0,
                                flags=2))]
        events = lines[1 : at + 1] + reads + lines[at + 1 : -1]
        got = self.judge(forge.counted(lines, events))
        self.assertEqual(got["verdict"], "per-vcpu")

    def test_statuses(self):
        """With an expectation: a forgery neither holds nor fails."""
        with open(EXAMPLE, "rb") as file:
            lines = file.readlines()
        for forged in (lines[:-1], lines[:40] + lines[41:], lines[:20]):
            for expectation in ("per-vcpu", "suppressed", "unnecessary=0", "drift<=1h",
                                "pvti=identical"):
                got = self.judge(forged, "--expect", expectation, status=INCOMPLETE)
                self.assertEqual(got["verdict"], "inconclusive")
                self.assertIsNone(got["holds"])
                self.assertEqual({vm["verdict"] for vm in got["vms"]}, {"inconclusive"})

    def test_said(self):
        """What is wrong is said in so many words."""
        lines = recording(guest_of("per-vcpu"))
        events = [json.loads(line) for line in lines[1:-1]]

        def why(keep):
            left = [r.line(e) for e in events if keep(e)]
            return self.judge(forge.counted(lines, left), status=INCOMPLETE)["why"]

        def kind(name, **fields):
            return lambda e: e["event"] == name and all(e[k] == v for k, v in fields.items())

        for drop, said in (
                (kind("vm"), "the VM's first event is missing"),
                (kind("vcpu", vcpu=2), "the first event of vCPU 2 is missing"),
                (kind("request", vcpu=3), "a request of vCPU 3 is missing"),
                (kind("set-clock"), "a setting of the clock is missing that made an update"),
                (kind("update", cause="set-clock"),
                 "an update is missing: the values before one are not those after the last"),
                (kind("update", vcpu=1),
                 "an update is missing: the values before one are not those after the last"),
                (kind("update", vcpu=3), "1 requests were still pending at the end")):
            with self.subTest(said):
                self.assertEqual(why(lambda e, drop=drop: not drop(e)), said)

    def test_older_than_the_recording(self):
        head = json.loads(recording()[0])
        lines = recording(guest_of("per-vcpu"), started_ns=head["started_ns"] + 4 * 10**9)
        got = self.judge(lines, status=INCOMPLETE)
        self.assertEqual(got["why"], "an event is older than the recording")


assert MUL < 1 << 32
