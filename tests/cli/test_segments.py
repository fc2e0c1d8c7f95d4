# SPDX-License-Identifier: GPL-2.0
"""Recordings that are compressed, and those that a flight recorder left in a directory."""

import gzip
import os
import zlib

import recording as r
from case import DONE, INCOMPLETE, USAGE, Case, run

RUN = 1_000_000_000


def segment(sequence, run=RUN, trigger=None, gap=None, carried=None):
    return {"run_ns": run, "sequence": sequence, "trigger": trigger, "gap": gap,
            "carried": carried}


def head(sequence, boot=None, **more):
    header = r.header(segment=segment(sequence, **more), started_ns=RUN)
    if boot:
        header["host"] = {**header["host"], "boot_id": boot}
    return header


class Compressed(Case):
    def test_like_the_plain_one(self):
        plain = self.write("plain", r.small())
        for name, data in (("one member", gzip.compress(b"".join(r.small()))),
                           ("a member a line", b"".join(map(gzip.compress, r.small()))),
                           ("zeroes behind", gzip.compress(b"".join(r.small())) + bytes(512))):
            with self.subTest(name):
                path = self.write("compressed", data)
                for options in ([], ["-j"]):
                    expected = self.report(*options, plain, status=DONE).out
                    self.assertEqual(self.report(*options, path, status=DONE).out, expected)
                    self.assertEqual(self.report(*options, "-", stdin=data, status=DONE).out,
                                     expected)

    def flushed(self):
        """What is in the file after each line, if every line is flushed."""
        compressor, data, ends = zlib.compressobj(wbits=31), b"", []
        for line in r.small():
            data += compressor.compress(line) + compressor.flush(zlib.Z_SYNC_FLUSH)
            ends.append(len(data))
        return data + compressor.flush(), ends

    def test_cut_anywhere(self):
        """All lines that were flushed are there."""
        data, ends = self.flushed()
        names = [f"{size:05}" for size in range(ends[0], len(data))]
        for size, name in zip(range(ends[0], len(data)), names):
            self.write(name, data[:size])
        result = self.check(run("report", "-j", *names, cwd=self.directory), INCOMPLETE, DONE)
        self.assertEqual(len(result.objects), len(names))
        for size, report in zip(range(ends[0], len(data)), result.objects):
            whole = sum(end <= size for end in ends)
            self.assertGreaterEqual(report["events"], min(whole, len(ends) - 1) - 1)
            if whole < len(ends) - 1:
                self.assertIs(report["complete"], False)
                self.assertRegex(report["incomplete_why"], "cut off")

    def test_damaged(self):
        data, ends = self.flushed()
        for at in (ends[4], ends[10]):
            path = self.write("damaged", data[:at] + b"\x06" * 64 + data[at + 64:])
            result = self.report("-j", path, status=INCOMPLETE)
            self.assertEqual(result.objects[0]["events"], ends.index(at))
            self.check_line(result, "what was compressed is damaged here")

    def test_not_a_recording(self):
        for data, pattern in ((gzip.compress(b"nonsense\n"), "not a recording"),
                              (gzip.compress(b""), "empty"), (b"\x1f\x8b", "empty"),
                              (b"\x1f\x8b" + b"x" * 99, "damaged")):
            self.check_line(self.report(self.write("bad", data), status=USAGE), pattern)

    def test_bomb(self):
        """A line without end takes no more memory than any other."""
        data = gzip.compress(b"".join(r.small()[:1]) + bytes(64 << 20))
        result = self.report("-j", self.write("bomb", data), status=INCOMPLETE)
        self.check_line(result, "more than 65536 bytes")


class Directory(Case):
    def segments(self, *parts):
        """Each part is (name, lines)."""
        directory = self.path("segments")
        os.makedirs(directory, exist_ok=True)
        for name, lines in parts:
            data = b"".join(lines)
            self.write(f"segments/{name}",
                       gzip.compress(data) if name.endswith(".gz") else data)
        return directory

    def halves(self, first=None, second=None):
        """The small recording as two segments; the second begins with a census."""
        events = r.small_events()
        census = [{**r.vm(1), "created": 0}, r.vcpu(1, 0), r.vcpu(1, 1)]
        rest = census + events[9:]
        return [("host-01.jsonl.gz", r.small(first or head(1), events[:9])),
                ("host-02.jsonl", r.small(second or head(2), rest))]

    def test_like_one_recording(self):
        whole = self.report("-j", self.write("whole", r.small(r.header(started_ns=RUN))),
                            status=DONE).objects[0]
        parts = self.halves()
        directory = self.segments(*parts)
        self.write("segments/migrations.jsonl", b"no recording\n")
        self.write("segments/.hidden.jsonl", b"no recording\n")
        self.write("segments/other", b"no recording\n")
        joined = b"".join(b"".join(lines) for _, lines in parts)
        for arguments in ({"args": [directory]}, {"args": ["-"], "stdin": joined},
                          {"args": [self.write("joined", joined)]}):
            result = self.report("-j", *arguments.pop("args"), status=DONE, **arguments)
            self.assertEqual(result.objects, [whole])

    def test_each_alone(self):
        directory = self.segments(*self.halves())
        for name in os.listdir(directory):
            self.report("-j", os.path.join(directory, name), status=DONE)

    def test_losses_add_up(self):
        parts = [(name, lines[:-1] + [r.line(r.trailer(len(lines) - 2, {"ring-full": 3}))])
                 for name, lines in self.halves()]
        (report,) = self.report("-j", self.segments(*parts), status=INCOMPLETE).objects
        self.assertEqual((report["lost"], report["losses"]["ring-full"]), (6, 6))

    def test_losses_between_two(self):
        """Which may be of either: together they are counted once, and of each alone they are."""
        tails = [r.trailer(0, {"ring-full": 5, "missed": 4},
                           missed=[{"evidence": "pvti", "calls": 4}]),
                 r.trailer(0, {"ring-full": 2, "missed": 1},
                           missed=[{"evidence": "pvti", "calls": 1}])]
        told = r.trailer(0, {"ring-full": 3, "missed": 2}, missed=[{"evidence": "pvti",
                                                                    "calls": 2}])
        carried = {key: told[key] for key in ("losses", "missed")}

        def lost(sequence, *which):
            parts = self.halves(second=head(sequence, carried=carried))
            parts = [(name, lines[:-1] + [r.line({**tail, "events": len(lines) - 2})])
                     for (name, lines), tail in zip(parts, tails)]
            if "cut" in which:
                parts[0] = (parts[0][0], parts[0][1][:-1])
            path = self.segments(*parts)
            if "alone" in which:
                path = os.path.join(path, parts[1][0])
            (report,) = self.report("-j", path, status=INCOMPLETE).objects
            (missed,) = report["missed"]
            return report["losses"]["ring-full"], report["losses"]["missed"], missed["calls"]

        self.assertEqual(lost(2), (7, 5, 5))
        self.assertEqual(lost(2, "alone"), (5, 3, 3))
        self.assertEqual(lost(2, "cut"), (5, 3, 3))
        self.assertEqual(lost(3), (10, 7, 7))

    def test_missed_calls_add_up(self):
        """By evidence; what one run could not count is not known of both."""
        told = [[{"evidence": "pvti", "calls": 2}, {"evidence": "request", "calls": 4}],
                [{"evidence": "pvti", "calls": 3}, {"evidence": "request", "calls": None},
                 {"evidence": "update", "calls": 1}]]
        parts = [(name, lines[:-1] + [r.line(r.trailer(
            len(lines) - 2, {"missed": sum(one["calls"] or 0 for one in missed)}, missed=missed))])
                 for (name, lines), missed in zip(self.halves(), told)]
        (report,) = self.report("-j", self.segments(*parts), status=INCOMPLETE).objects
        self.assertEqual({row["evidence"]: row["calls"] for row in report["missed"]},
                         {"pvti": 5, "request": None, "update": 1})

    def test_what_is_missing_between(self):
        gap = {"from_ns": 1, "to_ns": 2, "events": 7, "why": "No space left on device"}
        for name, second, pattern in (
                ("a segment", head(3), "segments are missing between 1 and 3"),
                ("a gap", head(2, gap=gap), "7 events were not written: No space left on device"),
                ("a run", head(2, run=RUN + 5), "the recorder was started anew")):
            with self.subTest(name):
                result = self.report("-j", self.segments(*self.halves(second=second)),
                                     status=INCOMPLETE)
                self.assertRegex(result.objects[0]["incomplete_why"], pattern)
                self.assertEqual([vm["name"] for vm in result.objects[0]["vms"]], ["web", "db"])

    def test_a_crash_between(self):
        """The first segment has no end, and something that never became one is there, too."""
        (name, lines), second = self.halves(second=head(2, run=RUN + 5))
        directory = self.segments((name, lines[:-1]), second, ("host-00.jsonl", []),
                                  ("host-03.jsonl.gz", []))
        (report,) = self.report("-j", directory, status=INCOMPLETE).objects
        self.assertRegex(report["incomplete_why"], "cut off: it has no trailer")
        self.assertEqual([vm["name"] for vm in report["vms"]], ["web", "db"])

    def test_vms_of_two_runs(self):
        """Each run counts from 1: who is who, the token and the thread that made it tell."""
        first = [r.vm(1, token=10, creator=5), r.vm(2, token=11, creator=6, name="db")]
        second = [r.vm(1, token=11, creator=6, name="db"), r.tsc_write(1, 0),
                  r.vm(2, token=12, creator=7, name="new"), r.tsc_write(2, 0), r.tsc_write(2, 0)]
        directory = self.segments(("1.jsonl", r.small(head(1), first)),
                                  ("2.jsonl", r.small(head(2, run=5), second)))
        (report,) = self.report("-j", directory, status=INCOMPLETE).objects
        self.assertEqual([(vm["number"], vm["name"], vm["tsc_writes"]) for vm in report["vms"]],
                         [(1, "web", 0), (2, "db", 1), (3, "new", 2)])

    def test_two_boots(self):
        parts = self.halves(second=head(2, boot="00000000-0000-0000-0000-000000000000"))
        self.check_line(self.report(self.segments(*parts), status=USAGE),
                        "segments of two boots or hosts .*: give those of one")

    def test_nothing_in_it(self):
        self.check_line(self.report(self.segments(), status=USAGE), "no recording is in it")
        self.check_line(self.report(self.segments(("a.jsonl", [b"x\n"])), status=USAGE),
                        "not a recording")

    def test_verify_and_migration(self):
        """A verdict over segments is the one over the whole."""
        directory = self.segments(*self.halves())
        whole = self.write("whole", r.small(r.header(started_ns=RUN)))
        one = run("verify", "-j", "--recording", directory)
        other = run("verify", "-j", "--recording", whole)
        self.assertEqual(one.status, other.status)
        (a,), (b,) = one.objects, other.objects
        self.assertEqual({**a, "what": 0}, {**b, "what": 0})
        result = self.check(run("compare", "-j", directory, whole), one.status)
        self.assertEqual({figure["change"] for figure in result.objects[0]["figures"].values()},
                         {0})


class OtherReleases(Case):
    """What they know and this one does not is passed over, counted, and doubted where it matters."""

    def verdict(self, events, *options):
        path = self.write("other", r.small(r.header(started_ns=RUN), events))
        result = run("verify", "-j", "--recording", path, *options)
        self.check(result, DONE, INCOMPLETE)
        return result.objects[0]

    def quiet(self):
        return [r.vm(1), r.vcpu(1, 0), r.vm(2, name="db"), r.vcpu(2, 0)]

    def test_nothing_of_it(self):
        self.assertEqual(self.verdict(self.quiet())["verdict"], "nothing-to-suppress")

    def test_an_event(self):
        dream = {"event": "dream", "ns": RUN + 5, "vm": 1, "vcpu": 0, "tid": 1, "of": [1, {}]}
        verdict = self.verdict(self.quiet() + [dream])
        self.assertEqual(verdict["passed_over"], {"events": 1, "fields": 0, "words": 0})
        self.assertEqual([vm["verdict"] for vm in verdict["vms"]],
                         ["inconclusive", "nothing-to-suppress"])
        self.assertRegex(verdict["why"], "another release")
        self.assertEqual(self.verdict(self.quiet() + [dream], "--vm", "db")["verdict"],
                         "nothing-to-suppress")

    def test_an_event_of_no_vm(self):
        for nobody in ({"vm": None}, {}, {"vm": "x"}):
            verdict = self.verdict(self.quiet() + [{"event": "dream", **nobody}])
            self.assertEqual({vm["verdict"] for vm in verdict["vms"]}, {"inconclusive"})

    def test_a_field(self):
        events = [{**event, "more": 1} for event in self.quiet()]
        events[0]["state"] = {**events[0]["state"], "more": 1}
        verdict = self.verdict(events)
        self.assertEqual(verdict["verdict"], "nothing-to-suppress")
        self.assertEqual(verdict["passed_over"], {"events": 0, "fields": 5, "words": 0})

    def test_words(self):
        for event, sure in ((r.request(1, 0, origin="dream"), True),
                            (r.request(1, 0, op="dream"), False),
                            (r.update(1, None, "dream", "resnapshot"), False),
                            (r.update(1, None, "set-clock", "dream"), None),
                            ({**r.tsc_write(1, 0), "ioctl": "dream"}, True)):
            with self.subTest(event["event"]):
                verdict = self.verdict(self.quiet() + [event])
                passed = verdict["passed_over"]
                self.assertEqual(passed["events"] + passed["words"], 1)
                doubted = "another release" in (verdict["why"] or "") or \
                    "unknown cause" in (verdict["why"] or "")
                if sure is not None:
                    self.assertEqual(doubted, not sure, verdict["why"])

    def test_a_reason_for_losses(self):
        path = self.write("other", r.small(tail=r.trailer(18, {"dream": 5})))
        result = self.report("-j", path, status=INCOMPLETE)
        self.check_line(result, "5 events were lost for a reason that this release does not know")
        path = self.write("none", r.small(tail=r.trailer(18, {"dream": 0})))
        self.report("-j", path, status=DONE)

    def test_shown_to_people(self):
        path = self.write("other", r.small(events=[*r.small_events(), {"event": "dream"}]))
        self.assertIn("\nPASSED OVER, of another release: 1 events, 0 fields, 0 words\n",
                      self.report(path, status=DONE).out)
