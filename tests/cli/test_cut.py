# SPDX-License-Identifier: GPL-2.0
"""Parts of recordings: --since and --until, and `cut`, which writes one as a recording by itself.

A part is told by the order of events, so what it has to count is known here without the program:
from a list of events, those from the first one at the time on.
"""

import collections
import datetime
import gzip
import json
import os
import sys

import case
import chains
import migrations
import recording as r

from case import DONE, INCOMPLETE, PROGRAM, ROOT, SANITIZED, USAGE, Case

sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))

import forge  # noqa: E402

EXAMPLE = os.path.join(ROOT, "examples", "migrate.jsonl")
START = r.header()["started_ns"]
WALL = r.header()["realtime_ns"]
RUN = START

# What adds up over parts; of the maxima, the largest is the whole's.
SUMS = ("set_clocks", "unnecessary", "requests", "requests_derived", "requests_cleared",
        "pvti_updates", "pvti_changed", "pvti_rebased", "negative_deltas", "tsc_writes")


def run(*arguments, program=(PROGRAM,), **more):
    """There are many places to cut at: most are tried without sanitizers."""
    return case.run(*arguments, program=program, **more)


def since(ns):
    """A time by CLOCK_BOOTTIME, as an option has it."""
    return f"+{ns - START}ns"


def wall(ns):
    at = WALL + ns - START
    day = datetime.datetime.fromtimestamp(at // 10**9, datetime.timezone.utc)
    return f"{day:%Y-%m-%dT%H:%M:%S}.{at % 10**9:09}Z"


def events_of(lines):
    return [json.loads(line) for line in lines[1:-1]]


def times(lines):
    return sorted({event["ns"] for event in events_of(lines)})


def part(events, from_ns=0, to_ns=1 << 63):
    """In the order of delivery: from the first that is not earlier, to before the first that is."""
    first = next((i for i, event in enumerate(events) if event["ns"] >= from_ns), len(events))
    last = next((i for i, event in enumerate(events) if event["ns"] >= to_ns), len(events))
    return events[first:last]


def counted(report):
    """{what: how much}, over all VMs and what is nobody's; jumps by their size."""
    sums, most = collections.Counter(), {"max_forward": 0, "max_backward": 0}
    for vm in report["vms"]:
        for key in SUMS:
            sums[key] += vm[key] or 0
        for origin, count in vm["requests_by_origin"].items():
            sums["request " + origin] += count or 0  # null: nothing shows it
        for key in ("total", "set_clock"):
            sums["drift " + key] += vm["drift_ns"][key]
        most["max_forward"] = max(most["max_forward"], vm["drift_ns"]["max_forward"])
        most["max_backward"] = min(most["max_backward"], vm["drift_ns"]["max_backward"])
        for vcpu in vm["vcpus"]:
            key = f"served by {vm['number']}/{vcpu['id']}"
            sums[key] += vcpu["updates"]
            for effect, count in vcpu["updates_by_effect"].items():
                sums[f"{key} {effect}"] += count
    for updates in [vm["updates"] for vm in report["vms"]] + [report["unattributed"]["updates"]]:
        sums["updates"] += updates["total"]
        for kind in ("cause", "effect"):
            for word, count in updates[kind].items():
                sums[f"{kind} {word}"] += count or 0
    sums["nobody's PVTIs"] += report["unattributed"]["pvti_updates"]
    return sums, most


def nonzero(sums):
    return {key: value for key, value in sums.items() if value}


def settled(events):
    """What is said of its making is only told beside the update that it made."""
    return [{**event, "created": 0, "create_effect": "unknown"} if event["event"] == "vm" else event
            for event in events]


class CutCase(Case):
    def report(self, *arguments, status, **more):
        return self.check(run("report", *arguments, **more), status)

    def cut(self, path, *options, status=DONE, **more):
        return self.check(run("cut", *options, path, **more), status)

    def lines(self, path, *options, **more):
        return [json.loads(line) for line in self.cut(path, *options, **more).out.splitlines()]

    def guest(self, name="guest"):
        """One that was restored, whose vCPUs then ran: all there is to count."""
        guest = chains.guest_of("per-vcpu", 1, vcpus=(0, 1))
        guest.set_clock()
        guest.request(0)
        guest.clear(0)
        guest.publish(0)
        guest.error = 40
        guest.request(1)
        guest.serve(1)
        guest.publish(1)
        guest.error = -7
        guest.request(1, "system-time")
        guest.serve(1)
        guest.publish(1)
        other = chains.Guest(2, ns=2_000_030_500).boot(1)
        other.gone()
        lines = chains.recording(guest, other)
        return self.write(name, lines), lines


class Parts(CutCase):
    def test_every_counter_adds_up(self):
        path, lines = self.guest()
        with open(EXAMPLE, "rb") as file:
            example = file.readlines()
        for recording, text, start in ((path, lines, START),
                                       (EXAMPLE, example, json.loads(example[0])["started_ns"])):
            whole, most = counted(self.report("-j", recording, status=DONE).objects[0])
            self.assertGreater(len(whole), 20)
            for at in times(text)[1::5]:
                with self.subTest(f"{recording} at {at}"):
                    sums, jumps = collections.Counter(), []
                    for option in ("--until", "--since"):
                        report = self.report("-j", f"{option}=+{at - start}ns", recording,
                                             status=DONE).objects[0] if at > start else None
                        counts, maxima = counted(report)
                        sums.update(counts)
                        jumps.append(maxima)
                    self.assertEqual(nonzero(sums), nonzero(whole))
                    self.assertEqual(max(jump["max_forward"] for jump in jumps),
                                     most["max_forward"])
                    self.assertEqual(min(jump["max_backward"] for jump in jumps),
                                     most["max_backward"])

    def test_many_parts_add_up(self):
        path, lines = self.guest()
        whole, _ = counted(self.report("-j", path, status=DONE).objects[0])
        ends = [since(ns) for ns in times(lines)[5::7]]
        sums = collections.Counter()
        for first, last in zip([None, *ends], [*ends, None]):
            options = [f"--since={first}"] * bool(first) + [f"--until={last}"] * bool(last)
            report = self.report("-j", *options, path, status=DONE).objects[0]
            sums.update(counted(report)[0])
        self.assertEqual(nonzero(sums), nonzero(whole))

    def test_what_is_in_a_part(self):
        """Behind the state, line by line what the recording has."""
        path, lines = self.guest()
        events = events_of(lines)
        for first, last in ((7, 20), (0, 5), (30, 31), (12, len(events) - 1)):
            from_ns, to_ns = events[first]["ns"], events[last]["ns"]
            found = self.lines(path, "--since", since(from_ns), "--until", since(to_ns))
            expected = part(events, from_ns, to_ns)
            self.assertEqual(settled(found[-1 - len(expected):-1]), settled(expected))
            state = found[1:-1 - len(expected)]
            self.assertLessEqual({event["event"] for event in state}, {"vm", "vcpu"})
            self.assertEqual(found[-1]["events"], len(found) - 2)

    def test_events_out_of_the_order_of_time(self):
        """Two CPUs deliver nearly in that order: parts have each event once, whatever it is."""
        events = r.small_events()
        for i, event in enumerate(events):
            event["ns"] = START + 1_000_000 + (i ^ 1) * 1000
        path = self.write("disordered", r.small(events=events))
        for i in range(3, len(events) - 1):
            at = START + 1_000_000 + i * 1000
            found = [self.lines(path, option, since(at)) for option in ("--until", "--since")]
            first = found[0][1:-1]
            later = found[1][1:-1][len(first) - len(events):]
            self.assertEqual(settled(first + later), settled(events))

    def test_kinds_of_times(self):
        path, lines = self.guest()
        at = times(lines)[20]
        expected = self.report("-j", "--since", since(at), path, status=DONE).out
        seconds = f"+0.{at - START:09}s" if at - START < 10**9 else \
            f"+{(at - START) // 10**9}.{(at - START) % 10**9:09}s"
        for text in (wall(at), wall(at)[:-1], seconds):
            with self.subTest(text):
                self.assertEqual(self.report("-j", f"--since={text}", path, status=DONE).out,
                                 expected)

    def test_what_it_begins_and_ends_with(self):
        path, lines = self.guest()
        at = times(lines)
        report = self.report("-j", f"--since={since(at[9])}", f"--until={since(at[20])}", path,
                             status=DONE).objects[0]
        self.assertEqual((report["started_ns"], report["ended_ns"]), (at[9], at[20]))
        self.assertEqual(report["realtime_ns"], WALL + at[9] - START)
        self.assertEqual(report["part"], {"from_ns": at[9], "to_ns": at[20], "passed_over": {
            "events": 0, "fields": 0, "words": 0}})
        self.assertIsNone(self.report("-j", path, status=DONE).objects[0]["part"])

    def test_a_span_that_holds_all(self):
        path, lines = self.guest()
        for options in (["--since=+0"], ["--until=+100h"], ["--since", wall(START - 5 * 10**9)],
                        ["--since=+0", "--until=+100h"]):
            with self.subTest(options):
                self.assertEqual(self.report(*options, path, status=DONE).out,
                                 self.report(path, status=DONE).out)
        self.assertEqual(self.cut(path, "--since=+0").out, b"".join(lines).decode())
        self.assertEqual(self.cut(path).out, b"".join(lines).decode())

    def test_where_nothing_happened(self):
        """Behind the last event the VMs are there, and nothing is counted."""
        path, lines = self.guest()
        report = self.report("-j", "--since", since(times(lines)[-1] + 1), path,
                             status=DONE).objects[0]
        self.assertEqual([vm["number"] for vm in report["vms"]], [1])
        counts, most = counted(report)
        self.assertEqual((nonzero(counts), set(most.values())), ({}, {0}))


class State(CutCase):
    """How things stand where a part begins."""

    def state(self, lines, at):
        found = self.lines(self.write("recording", lines), "--since", since(at))
        told = [line for line in found[1:-1] if line["event"] in ("vm", "vcpu") and not line["tid"]]
        return ([line for line in told if line["event"] == "vm"],
                {line["vcpu"]: line for line in told if line["event"] == "vcpu"})

    def test_pending(self):
        """A request that is served, or cleared, in the part was pending when that begins."""
        guest = chains.Guest().boot(2)
        guest.request(0)
        asked = guest.ns
        guest.serve(0)
        served = guest.ns
        guest.request(1)
        again = guest.ns
        guest.clear(1)
        lines = chains.recording(guest)
        for at, expected in ((asked, [False, False]), (asked + 1, [True, False]),
                             (served + 1, [False, False]), (again + 1, [False, True]),
                             (guest.ns + 1, [False, False])):
            _, vcpus = self.state(lines, at)
            self.assertEqual([vcpus[i]["pending"] for i in (0, 1)], expected)
            self.assertEqual([vcpu["pending"] for vcpu in self.report(
                "-j", "--until", since(at), self.path("recording"),
                status=DONE).objects[0]["vms"][0]["vcpus"]], expected)

    def test_masterclock_and_pvti(self):
        guest = chains.guest_of("per-vcpu", vcpus=(0, 1))
        guest.write_tsc(0, -77)
        lines = chains.recording(guest)
        vms, vcpus = self.state(lines, guest.ns + 1)
        self.assertEqual([(vm["number"] if "number" in vm else vm["vm"], vm["created"],
                           vm["create_effect"]) for vm in vms], [(1, 0, "unknown")])
        self.assertEqual(vms[0]["state"], guest.clock)
        for index, vcpu in guest.vcpus.items():
            self.assertEqual(vcpus[index]["pvti"], vcpu["pvti"])
            self.assertEqual(vcpus[index]["tsc_offset"], vcpu["offset"])

    def test_conditions_and_generation(self):
        off = {"nr_matched": 1, "tsc_matched": False, "tsc_backwards": False,
               "old_kvmclock": False, "tsc_protected": None}
        events = [r.vm(1), r.vcpu(1, 0),
                  {**r.update(1, 0, "vcpu-request", "disabled"), "conditions": off,
                   "after": r.masterclock("inactive")},
                  {**r.tsc_track(1, 0), "generation": 9, "tsc_khz": 77}]
        vms, vcpus = self.state(r.small(events=events), START + 1000)
        self.assertEqual(vms[0]["conditions"], off)
        self.assertEqual((vcpus[0]["tsc_generation"], vcpus[0]["tsc_khz"]), (9, 77))

    def test_gone(self):
        guests = [chains.Guest(1).boot(1), chains.Guest(2, ns=3_000_000_000).boot(1)]
        guests[0].gone()
        vms, vcpus = self.state(chains.recording(*guests), guests[0].ns + 1)
        self.assertEqual((vms, vcpus), ([], {}))
        vms, _ = self.state(chains.recording(*guests), guests[0].ns)
        self.assertEqual([vm["vm"] for vm in vms], [1])

    def test_what_was_not_told_is_not_made_up(self):
        """Without its first event nobody knows all of a vCPU, and the part says so, too."""
        guest = chains.guest_of("per-vcpu", vcpus=(0, 1))
        events = [e for e in guest.events if (e["event"], e["vcpu"]) != ("vcpu", 1)]
        lines = r.small(events=events)
        last = max(e["ns"] for e in events if e["event"] == "update")
        _, vcpus = self.state(lines, last)
        self.assertEqual(list(vcpus), [0])
        result = self.check(run("verify", "-j", "--since", since(last), "--recording",
                                self.path("recording")), INCOMPLETE)
        self.assertEqual(result.objects[0]["verdict"], "inconclusive")

    def test_a_vm_that_is_being_made(self):
        """Its update is in one part, its first event in the other."""
        guest = chains.Guest().boot(1)
        vm = next(e for e in guest.events if e["event"] == "vm")
        self.write("recording", chains.recording(guest))
        for option, nobodys, vms in (("--until", 1, []), ("--since", 0, [0])):
            report = self.report("-j", option, since(vm["ns"]), self.path("recording"),
                                 status=DONE).objects[0]
            self.assertEqual(report["unattributed"]["updates"]["cause"]["vm-create"], nobodys)
            self.assertEqual([v["updates"]["cause"]["vm-create"] for v in report["vms"]], vms)
            self.assertEqual([v["created"] for v in report["vms"]], [False] * len(vms))


class Verdicts(CutCase):
    """On a part: that of the whole, nothing to judge, or inconclusive."""

    VERDICTS = ("nothing-to-suppress", "suppressed", "cleared", "coalesced", "per-vcpu")

    def verdict(self, path, *options):
        result = self.check(run("verify", "-j", *options, "--recording", path), DONE, INCOMPLETE)
        self.assertEqual(result.status == INCOMPLETE,
                         result.objects[0]["verdict"] == "inconclusive")
        return result.objects[0]["verdict"]

    def resolved(self, events):
        """Requests of which something came, while the masterclock was on before that."""
        return [e for e in events if (e["event"] == "request" and e["op"] == "cleared") or
                (e["event"] == "update" and e["cause"] == "vcpu-request" and
                 e["before"]["masterclock"] == "active")]

    def test_never_wrong(self):
        decided = 0
        for name in self.VERDICTS:
            for functions in (True, "before"):
                guest = chains.guest_of(name, functions=functions, vcpus=(0, 1, 2))
                lines = chains.recording(guest)
                path = self.write("recording", lines)
                whole = self.verdict(path)
                for at in times(lines)[2::3]:
                    for option in ("--since", "--until"):
                        with self.subTest(f"{name} {functions} {option} {at}"):
                            found = self.verdict(path, option, since(at))
                            bounds = {"--since": {"from_ns": at}, "--until": {"to_ns": at}}
                            if found == "nothing-to-suppress" != whole:
                                self.assertEqual(self.resolved(
                                    part(guest.events, **bounds[option])), [])
                            else:
                                self.assertIn(found, (whole, "inconclusive"))
                            decided += found == whole != "nothing-to-suppress"
        self.assertGreater(decided, 10)

    def test_of_a_part_in_the_middle(self):
        for name in self.VERDICTS:
            guest = chains.guest_of(name, functions=True, vcpus=(0, 1, 2))
            lines = chains.recording(guest)
            path = self.write("recording", lines)
            whole, at = self.verdict(path), times(lines)
            for first in range(4, len(at), 3):
                for last in range(first + 1, len(at), 9):
                    found = self.verdict(path, "--since", since(at[first]),
                                         "--until", since(at[last]))
                    events = part(guest.events, at[first], at[last])
                    if found not in (whole, "inconclusive"):
                        self.assertEqual((found, self.resolved(events)),
                                         ("nothing-to-suppress", []), (name, first, last))

    def test_a_snapshot_before_the_part(self):
        """It served those that are cleared in the part: they are not suppressed."""
        guest = chains.guest_of("nothing-to-suppress")
        for index in range(3):
            guest.request(index)
        guest.serve(0)
        at = guest.ns + 1
        guest.clear(1)
        guest.clear(2)
        path = self.write("recording", chains.recording(guest))
        self.assertEqual(self.verdict(path), "coalesced")
        result = self.check(run("verify", "-j", "--since", since(at), "--recording", path),
                            INCOMPLETE)
        self.assertRegex(result.objects[0]["why"], "2 requests were made before this part begins")
        self.assertEqual(self.verdict(self.write("cut", self.cut(
            path, "--since", since(at)).out.encode())), "inconclusive")

    def test_never_over_a_part_of_a_lossy_recording(self):
        guest = chains.guest_of("suppressed", functions=True)
        lines = chains.recording(guest)
        self.assertEqual(self.verdict(self.write("whole", lines)), "suppressed")
        at = times(lines)
        for what, lossy in forge.lossy(lines):
            path = self.write("recording", lossy)
            for options in (["--since", since(at[0])], ["--since", since(at[3])],
                            ["--until", since(at[-1] + 1)],
                            ["--since", since(at[2]), "--until", since(at[-1] + 1)]):
                with self.subTest(f"{what} {options}"):
                    self.assertEqual(self.verdict(path, *options), "inconclusive")
                    copy = self.cut(path, *options, status=INCOMPLETE).out.encode()
                    self.assertEqual(self.verdict(self.write("cut", copy)), "inconclusive")

    def test_missed_calls_of_what_decides_nothing(self):
        """As in the whole: a verdict does not rest on when a VM ended."""
        guest = chains.guest_of("suppressed")
        lines = chains.recording(guest)
        tail = json.loads(lines[-1])
        for evidence, verdict in (("vm-gone", "suppressed"), ("request", "inconclusive")):
            path = self.write("recording", [*lines[:-1], r.line({
                **tail, "losses": {**tail["losses"], "missed": 3},
                "missed": [{"evidence": evidence, "calls": 3}]})])
            self.assertEqual(self.verdict(path, "--until", since(guest.ns + 1)), verdict)

    def test_forged(self):
        """An event that is missing without a word makes no verdict better."""
        guest = chains.guest_of("per-vcpu", vcpus=(0, 1))
        lines = chains.recording(guest)
        at = times(lines)
        for what, forged in forge.dropped(lines):
            path = self.write("recording", forged)
            for point in at[8::13]:
                with self.subTest(f"{what} at {point}"):
                    found = self.verdict(path, "--since", since(point))
                    self.assertIn(found, ("inconclusive", "per-vcpu", "nothing-to-suppress"))


class Losses(CutCase):
    def test_told_as_of_the_whole(self):
        path, lines = self.guest()
        at = since(times(lines)[12])
        self.write("lossy", [*lines[:-1], forge.trailer(lines, losses={
            **json.loads(lines[-1])["losses"], "ring-full": 7})])
        for option in ("--since", "--until"):
            result = self.report("-j", option, at, self.path("lossy"), status=INCOMPLETE)
            self.check_line(result, "7 events were lost in the whole, and nobody knows whether in "
                                    "this part")
            report = result.objects[0]
            self.assertEqual((report["complete"], report["lost"]), (False, 7))
            text = self.report(option, at, self.path("lossy"), status=INCOMPLETE).out
            self.assertRegex(text, "events, at most 7 lost")

    def test_none(self):
        path, lines = self.guest()
        report = self.report("-j", "--since", since(times(lines)[12]), path, status=DONE).objects[0]
        self.assertEqual((report["complete"], report["lost"], set(report["losses"].values())),
                         (True, 0, {0}))

    def test_only_segments_of_the_part(self):
        """What a segment lost is not of a part that it has nothing of."""
        events = r.small_events()
        half = len(events) // 2
        for i, event in enumerate(events):
            event["ns"] = START + 1000 * (i + 1)
        middle = events[half]["ns"]
        heads = [r.header(started_ns=ns, segment={"run_ns": RUN, "sequence": number,
                                                  "trigger": None, "gap": None})
                 for number, ns in ((1, START), (2, middle))]
        first = r.small(heads[0], events[:half], r.trailer(half, {"ring-full": 3}, ended_ns=middle))
        census = [{**r.vm(1, ns=middle), "created": 0}, r.vcpu(1, 0, ns=middle),
                  r.vcpu(1, 1, ns=middle)]
        second = r.small(heads[1], census + events[half:])
        path = self.write("joined", [*first, *second])
        later, earlier = f"--since={since(middle)}", f"--until={since(middle)}"
        self.report(path, status=INCOMPLETE)
        self.report(earlier, path, status=INCOMPLETE)
        self.assertEqual(self.report("-j", later, path, status=DONE).objects[0]["lost"], 0)

    def test_cut_off(self):
        path, lines = self.guest()
        cut_off = self.write("cut off", lines[:-3])
        for option in ("--since", "--until"):
            for at in times(lines)[2:-8:9]:
                result = self.report("-j", option, since(at), cut_off, status=INCOMPLETE)
                self.check_line(result, "cut off: it has no trailer")
                copy = self.cut(cut_off, option, since(at), status=INCOMPLETE).out.encode()
                again = self.report("-j", self.write("copy", copy), status=INCOMPLETE)
                self.assertEqual(again.out, result.out)

    def test_events_that_the_trailer_counts_and_the_file_has_not(self):
        path, lines = self.guest()
        short = self.write("short", [*lines[:-1], forge.trailer(lines, events=len(lines))])
        for option in ("--since", "--until"):
            copy = self.cut(short, option, since(times(lines)[5]), status=INCOMPLETE).out.encode()
            self.check_line(self.report(self.write("copy", copy), status=INCOMPLETE),
                            "events were recorded")

    def test_something_behind_the_trailer(self):
        path, lines = self.guest()
        odd = self.write("odd", [*lines, b"{"])
        copy = self.cut(odd, "--since", since(times(lines)[5]), status=INCOMPLETE).out.encode()
        self.report(self.write("copy", copy), status=INCOMPLETE)


class Copies(CutCase):
    """`report` of what `cut` wrote is `report` of that span."""

    def check_same(self, path, *options, status=DONE, filters=(), program=(PROGRAM,)):
        copy, more = self.path("copy"), {"status": status, "program": program}
        self.check(run("cut", *options, *filters, "-o", copy, path, program=program), status)
        for form in ([], ["-j"], ["-v"]):
            self.assertEqual(self.report(*form, copy, **more).out,
                             self.report(*form, *options, *filters, path, **more).out)
        return copy

    def spans(self, lines):
        at = [since(ns) for ns in times(lines)]
        return [[f"--since={at[i]}"] for i in range(1, len(at), 17)] + \
            [[f"--until={at[i]}"] for i in range(2, len(at), 19)] + \
            [[f"--since={at[i]}", f"--until={at[i + 6]}"] for i in range(0, len(at) - 6, 15)]

    def test_same(self):
        path, lines = self.guest()
        for options in self.spans(lines):
            with self.subTest(options):
                self.check_same(path, *options)
        self.check_same(path, *options, program=(SANITIZED,))

    def test_same_of_some_vms(self):
        guests = [chains.guest_of("per-vcpu", 1, name="a"),
                  chains.guest_of("suppressed", 2, name="b", pid=7)]
        path = self.write("two", chains.recording(*guests))
        middle = since(guests[0].ns // 2 + guests[1].ns // 2)
        for filters in (["--vm=a"], ["--pid=7"], ["--vm=nobody"]):
            for options in ([], [f"--until={middle}"], [f"--since={middle}"]):
                copy = self.check_same(path, *options, filters=filters)
                numbers = {json.loads(line).get("vm") for line in open(copy, "rb")}
                self.assertLessEqual(numbers - {None}, {1} if filters == ["--vm=a"] else {2})

    def test_all_that_reads(self):
        """And of all other commands that read a recording."""
        migration = migrations.Migration(vcpus=2)
        source, target = migration.two_hosts()
        self.write("source", source)
        self.write("target", target)
        options = [f"--since={since(migration.p1 - migrations.MS)}"]
        for name in ("source", "target"):
            self.check(run("cut", *options, "-o", self.path(name + "-cut"), self.path(name)), DONE)
        for command, names in ((["migration", "-j"], ("source", "target")),
                               (["compare", "-j", "--force"], ("source", "target")),
                               (["whatif", "-j", "--with=zhang-1"], ("target",)),
                               (["export", "--flat=/dev/stdout"], ("source",)),
                               (["verify", "-j", "--recording"], ("target",))):
            with self.subTest(command[0]):
                outputs = []
                for end, more in (("", options), ("-cut", [])):
                    files = [self.path(name + end) for name in names]
                    result = self.check(run(*command, *files, *more), DONE, INCOMPLETE)
                    text = result.out
                    for file, name in zip(files, names):
                        text = text.replace(file, name)
                    outputs.append((result.status, text))
                self.assertEqual(*outputs)

    def test_migration_of_a_part(self):
        """From a part that has all of it, the same figures as from the whole."""
        migration = migrations.Migration(vcpus=2, saves=True)
        path = self.write("both", migration.one_host())
        whole = self.check(run("migration", "-j", path), DONE).objects[0]
        found = self.check(run("migration", "-j", "--since", since(migration.p1 - 1), path),
                           DONE, INCOMPLETE).objects[0]
        for key in ("predicted_ns", "t1_ns", "t2_ns", "unexplained_ns", "timeline"):
            self.assertEqual(found[key], whole[key], key)

    def test_html(self):
        migration = migrations.Migration(vcpus=2, saves=True)
        path = self.write("both", migration.one_host())
        zipped = self.write("both.gz", gzip.compress(b"".join(migration.one_host())))
        for file in (path, zipped):
            self.check(run("migration", "--since", since(migration.p1 - 1), file, "--html",
                           self.path("page")), DONE)
            with open(self.path("page"), encoding="utf-8") as page:
                self.assertIn("tsc-write", page.read())

    def test_of_a_part(self):
        """A part of a part is the part of the whole; +TIME is behind its own beginning."""
        path, lines = self.guest()
        at = times(lines)
        outer = self.path("outer")
        self.check(run("cut", "--since", since(at[5]), "--until", since(at[30]), "-o", outer,
                       path), DONE)
        inner = self.cut(outer, "--since", f"+{at[10] - at[5]}ns", "--until",
                         f"+{at[20] - at[5]}ns").out
        direct = self.cut(path, "--since", since(at[10]), "--until", since(at[20])).out
        self.assertEqual([json.loads(line) for line in inner.splitlines()],
                         [json.loads(line) for line in direct.splitlines()])
        self.assertEqual(self.cut(outer, "--since", "+0", "--until", wall(at[31])).out,
                         open(outer, encoding="utf-8").read())

    def test_compressed_and_from_a_pipe(self):
        path, lines = self.guest()
        options = ["--since", since(times(lines)[9])]
        expected = self.cut(path, *options).out
        data = gzip.compress(b"".join(lines))
        self.assertEqual(self.cut(self.write("compressed", data), *options).out, expected)
        self.assertEqual(self.cut("-", *options, stdin=data).out, expected)

    def test_output(self):
        path, lines = self.guest()
        there = self.write("there", b"was here\n")
        self.cut(path, "--since=+100h", "-o", there, status=USAGE)
        self.assertEqual(open(there, "rb").read(), b"was here\n")
        self.cut(path, "-o", there)
        self.assertEqual(open(there, "rb").read(), b"".join(lines))
        with open("/dev/full", "wb") as full:
            self.check(run("cut", path, stdout=full), INCOMPLETE)
        self.cut(path, "-o", "/dev/full", status=INCOMPLETE)


class OtherReleases(CutCase):
    def recording(self, at):
        path, lines = self.guest()
        events = [*lines[1:at], r.line({"event": "dream", "ns": 1, "vm": 1, "more": [1.5, "a"]}),
                  *lines[at:-1]]
        events = [line.replace(b'"tid":4711', b'"tid":4711,"mood":"good"') for line in events]
        return self.write("other", forge.counted(lines, events)), lines

    def test_kept(self):
        """What is not known here is in the part as it was."""
        path, lines = self.recording(30)
        found = self.cut(path, "--since", since(events_of(lines)[20]["ns"])).out
        self.assertIn('{"event":"dream","ns":1,"vm":1,"more":[1.5,"a"]}\n', found)
        self.assertIn('"mood":"good"', found)

    def test_same(self):
        for at, option in ((30, "--since"), (10, "--since"), (10, "--until"), (30, "--until")):
            path, lines = self.recording(at)
            when = since(events_of(lines)[20]["ns"])
            copy = self.write("copy", self.cut(path, option, when).out.encode())
            for form in ([], ["-j"]):
                self.assertEqual(self.report(*form, copy, status=DONE).out,
                                 self.report(*form, option, when, path, status=DONE).out)

    def test_before_the_part(self):
        """It may have told what became of a request."""
        path, lines = self.recording(10)
        when = since(events_of(lines)[-2]["ns"])
        for file, options in ((path, ["--since", when]),
                              (self.write("copy", self.cut(path, "--since", when).out.encode()),
                               [])):
            result = self.check(run("verify", "-j", *options, "--recording", file), INCOMPLETE)
            self.assertRegex(result.objects[0]["why"], "another release")
        self.check(run("verify", "-j", "--since", when, "--recording", self.guest()[0]), DONE)


class Segments(CutCase):
    """Those of a flight recorder, as one."""

    def head(self, sequence, started, run=RUN, boot=None, **more):
        header = r.header(started_ns=started, realtime_ns=WALL + started - START, segment={
            "run_ns": run, "sequence": sequence, "trigger": None, "gap": None, **more})
        if boot:
            header["host"] = {**header["host"], "boot_id": boot}
        return header

    def segments(self, name="segments", count=4, restart=None, lost=None):
        """A guest's events in so many segments, each with a census: what `cut` itself writes is not
        used. `restart`: from that one on, another run, in which the VM has another number."""
        guest = chains.guest_of("per-vcpu", 1, vcpus=(0, 1))
        for _ in range(6):
            guest.request(0)
            guest.serve(0)
            guest.publish(0)
        events = guest.events
        size = len(events) // count
        os.makedirs(self.path(name), exist_ok=True)
        self.starts, known = [], {}
        for number in range(count):
            mine = events[number * size:(number + 1) * size if number < count - 1 else None]
            started = START if not number else mine[0]["ns"]
            vm = 7 if restart is not None and number >= restart else 1
            census = [{**event, "ns": started, "tid": 0} for event in known.values()]
            for event in mine:
                self.follow(known, event)
            lines = [{**event, "vm": event["vm"] and vm} for event in census + mine]
            end = events[(number + 1) * size]["ns"] if number < count - 1 else mine[-1]["ns"] + 5
            anew = restart is not None and number >= restart
            head = self.head(number + 1, started, RUN + 1 if anew else RUN)
            losses = {"ring-full": 2} if lost == number else {}
            data = b"".join(r.small(head, lines, r.trailer(len(lines), losses, ended_ns=end)))
            self.write(f"{name}/host-{number}.jsonl.gz", gzip.compress(data))
            self.starts.append(started)
        self.end = end
        return self.path(name), guest

    def follow(self, known, event):
        """What a census behind this event tells."""
        kind, key = event["event"], (event["vm"], event["vcpu"])
        if kind == "vm":
            known[key] = {**event, "created": 0, "create_effect": "unknown"}
        elif kind == "update" and event["vm"]:
            known[(event["vm"], None)]["state"] = event["after"]
            if event["vcpu"] is not None:
                known[key]["pending"] = False
        elif kind == "vcpu":
            known[key] = dict(event)
        elif kind == "request":
            known[key]["pending"] = event["op"] == "made"
        elif kind == "pvti":
            known[key]["pvti"] = event["new"]
        elif kind == "tsc-write":
            known[key]["tsc_offset"] = event["new_offset"]

    def test_like_one_recording(self):
        path, guest = self.segments()
        alone = self.write("alone", chains.recording(guest))
        for at in times(chains.recording(guest))[3::5]:
            for option in ("--since", "--until"):
                found, expected = (counted(self.report("-j", option, since(at), file,
                                                       status=DONE).objects[0])
                                   for file in (path, alone))
                self.assertEqual(found, expected, (option, at))

    def test_same(self):
        for restart in (None, 2):
            path, guest = self.segments(restart=restart)
            for at in times(chains.recording(guest))[3::11]:
                for option in ("--since", "--until"):
                    inside = option == "--since" and restart and at >= self.starts[restart] or \
                        option == "--until" and restart and at <= self.starts[restart]
                    status = DONE if not restart or inside else INCOMPLETE
                    copy = self.path("copy")
                    self.cut(path, option, since(at), "-o", copy, status=status)
                    for form in ([], ["-j"]):
                        self.assertEqual(
                            self.report(*form, copy, status=status).out,
                            self.report(*form, option, since(at), path, status=status).out)

    def test_segments_that_are_not_needed(self):
        """A part is whole if what it is in is, whatever became of the others."""
        path, _ = self.segments()
        self.report(path, status=DONE)
        os.unlink(self.path("segments/host-1.jsonl.gz"))
        self.report(path, status=INCOMPLETE)
        self.report("--since", wall(self.starts[2]), path, status=DONE)
        self.report("--since", wall(self.starts[2] + 1), path, status=DONE)
        self.report("--since", wall(self.starts[2] - 1), path, status=INCOMPLETE)
        self.write("segments/host-3.jsonl.gz", b"nonsense")
        self.report("--since", wall(self.starts[2]), "--until", wall(self.starts[2] + 1), path,
                    status=DONE)

    def test_only_what_is_needed_is_read(self):
        """By the wall clock: to open one that is before the part would wait without end here."""
        path, _ = self.segments()
        expected = self.report("--since", wall(self.starts[2]), path, status=DONE).out
        for name in ("host-0", "host-1"):
            os.unlink(self.path(f"segments/{name}.jsonl.gz"))
            os.mkfifo(self.path(f"segments/{name}.jsonl.gz"))
        self.assertEqual(self.report("--since", wall(self.starts[2]), path, status=DONE,
                                     timeout=20).out, expected)

    def test_what_went_while_segments_are_missing(self):
        """The census of the last segment before the part tells what there is."""
        first = r.small(self.head(1, START), [r.vm(1), r.vcpu(1, 0)])
        third = r.small(self.head(3, START + 5000), [{**r.vm(2, ns=START + 5000), "created": 0}])
        data = b"".join([*first, *third])
        self.report("-", status=INCOMPLETE, stdin=data)
        report = self.report("-j", "--since", since(START + 6000), "-", status=DONE,
                             stdin=data).objects[0]
        self.assertEqual([vm["number"] for vm in report["vms"]], [2])

    def test_a_gap_before_the_part(self):
        gap = {"from_ns": START + 10, "to_ns": START + 20, "events": 3, "why": "no space left"}
        first = r.small(self.head(1, START), [], r.trailer(0, ended_ns=START + 50))
        second = r.small(self.head(2, START + 50, gap=gap), r.small_events()[:1])
        path = self.write("joined", [*first, *second])
        self.report(path, status=INCOMPLETE)
        self.report("--since", since(START + 5), path, status=INCOMPLETE)
        self.report("--since", since(START + 60), path, status=DONE)
        self.report("--until", since(START + 40), path, status=DONE)
        copy = self.write("copy", self.cut(path, "--since", since(START + 60)).out.encode())
        self.report(copy, status=DONE)

    def test_two_boots(self):
        """By the wall clock one may be chosen."""
        other = "c0ffee00-54d3-4f0a-9b43-2f6f6ad0c0de"
        later = self.head(1, START, boot=other)
        later["realtime_ns"] = WALL + 10**12
        path = self.write("joined", [*r.small(self.head(1, START), r.small_events()),
                                     *r.small(later, r.small_events())])
        self.check_line(self.report(path, status=USAGE), "two boots")
        self.check_line(self.report("--since=+1ms", path, status=USAGE), "two boots")
        report = self.report("-j", f"--since={wall(START + 10**12)}", path, status=DONE).objects[0]
        self.assertEqual(report["host"]["boot_id"], other)
        report = self.report("-j", f"--until={wall(START + 10**11)}", path, status=DONE).objects[0]
        self.assertNotEqual(report["host"]["boot_id"], other)

    def test_an_end_that_is_missing(self):
        """A segment without a trailer, where the next one follows in the same file."""
        path = self.write("joined", [
            *r.small(self.head(1, START), r.small_events())[:-1],
            *r.small(self.head(2, START + 5000), [])])
        self.check_line(self.report(path, status=INCOMPLETE), "a segment has no trailer")


class Refusals(CutCase):
    def refused(self, *arguments, pattern):
        result = self.check(run(*arguments, cwd=self.directory), USAGE)
        self.assertEqual(result.out, "")
        self.assertRegex(result.err.partition("\n")[0], pattern)

    def test_bad_times(self):
        path, _ = self.guest()
        for command in (["report"], ["cut"], ["migration"], ["whatif", "--with=zhang-1"],
                        ["compare", path], ["export", "--flat=x"], ["verify", "--recording"]):
            for option in ("--since", "--until"):
                for text in ("", "yesterday", "+", "1.5s", "2026-13-01"):
                    self.refused(*command, path, f"{option}={text}",
                                 pattern=f"'{text}' is no time such as".replace("+", r"\+"))

    def test_order(self):
        path, _ = self.guest()
        for first, last in (("+2s", "+1s"), ("+2s", "+2s"), ("2026-01-02", "2026-01-01"),
                            ("1h", "2h")):
            self.refused("report", path, "--since", first, "--until", last,
                         pattern="--until is not behind --since")
        self.refused("report", path, "--since", "+1h", "--until", wall(START + 10**9),
                     pattern="--until is not behind --since")

    def test_elsewhere(self):
        path, lines = self.guest()
        ended = json.loads(lines[-1])["ended_ns"]
        for command in ("report", "cut"):
            self.refused(command, path, "--since", wall(ended + 1),
                         pattern="nothing of it is in that span: it ends earlier")
            self.refused(command, path, "--until", wall(START),
                         pattern="nothing of it is in that span: it begins later")

    def test_not_of_a_recording(self):
        self.refused("verify", "--vm=a", "--duration=1s", "--since=+1s",
                     pattern="--since and --until go with a --recording")
        self.refused("migrations", "--since=+1s", ".", pattern="journals have no beginning")

    def test_cut(self):
        self.refused("cut", pattern="which recording")
        self.refused("cut", "a", "b", pattern="one recording at a time")
        self.refused("cut", "nosuch", pattern="nosuch: No such file")
