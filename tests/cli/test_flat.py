# SPDX-License-Identifier: GPL-2.0
"""export --flat: a row for each event, under the recording's own names, and none that hides a loss."""

import gzip
import json
import os

import recording as r
from case import DONE, INCOMPLETE, ROOT, USAGE, Case, run

OBJECTS = {
    "state": r.masterclock(), "before": r.masterclock(), "after": r.masterclock(),
    "conditions": dict.fromkeys(("nr_matched", "tsc_matched", "tsc_backwards", "old_kvmclock",
                                 "tsc_protected")),
    "pvti": r.pvti(), "old": r.pvti(), "new": r.pvti(),
}
BEHIND_ADDED = {"vm": {"conditions": None}, "update": {"conditions": None},
                "vcpu": {"tsc_generation": 0}, "tsc-track": {"tsc_khz": 0}}
BOOT_ID = "3f0c6a52-54d3-4f0a-9b43-2f6f6ad0c0de"
UUID = "6fe0e5e1-9b0c-4b6f-8a3d-0f3a1f5f9d10"


def flat(event):
    """Its fields: OBJECT_MEMBER for each member of an object, all null if that is."""
    fields = {}
    for name, value in {**BEHIND_ADDED.get(event["event"], {}), **event}.items():
        if name not in OBJECTS:
            fields[name] = value
            continue
        for member in OBJECTS[name]:
            fields[f"{name}_{member}"] = value[member] if value else None
    return fields


def named(names):
    """What a schema's object is flat; `names` are its definitions."""
    with open(os.path.join(ROOT, "docs", "recording.schema.json"), encoding="utf-8") as file:
        definitions = json.load(file)["definitions"]

    def walk(schema, prefix):
        for name, value in schema["properties"].items():
            for one in value.get("oneOf", [value]):
                one = definitions[one["$ref"].rsplit("/", 1)[1]] if "$ref" in one else one
                if "properties" in one:
                    yield from walk(one, f"{prefix}{name}_")
                elif one.get("type") != "null":
                    yield prefix + name
    return set(walk(definitions[names], ""))


class Flat(Case):
    def export(self, *arguments, status=DONE, **more):
        path = self.path("flat")
        result = self.check(run("export", "--flat", path, *arguments, **more), status)
        with open(path, encoding="utf-8") as file:
            return [json.loads(line) for line in file], result

    def events(self, rows):
        return [row for row in rows if row["event"] not in ("header", "trailer")]

    def test_events(self):
        """Each row, whole: what is known of its VM then, and the header's clock."""
        path = self.write("small.jsonl", r.small())
        rows, result = self.export(path)
        self.assertEqual(result.err, "")
        names = {1: ("web", None), 2: ("db", UUID), None: (None, None)}
        self.assertEqual(self.events(rows), [
            {"recording": path, "host": "host-1", "boot_id": BOOT_ID,
             "realtime_ns": 1_700_000_000_000_000_000 + event["ns"] - 1_000_000_000,
             "vm_name": names[event["vm"]][0], "vm_uuid": names[event["vm"]][1], **flat(event)}
            for event in r.small_events()])

    def test_names(self):
        """They are those of docs/recording.schema.json, and few others."""
        rows, _ = self.export(self.write("all.jsonl", r.small(events=[
            *(r.with_stack(event, ["f", "g"]) if event["event"] in ("request", "update") else event
              for event in r.small_events()), r.ioctl(1, 0, "get-tsc", tsc=5)])))
        common = {"recording", "host", "boot_id", "realtime_ns", "vm_name", "vm_uuid"}
        kinds = set()
        for row in self.events(rows):
            kinds.add(row["event"])
            self.assertEqual(set(row), named(f"line-{row['event']}") | common)
        self.assertEqual(len(kinds), 10)

    def test_header(self):
        head = r.header(hooks=[{"evidence": "tsc-write", "way": "kprobe", "target": "f",
                                "note": None}], realtime_error_ns=None)
        rows, _ = self.export(self.write("small.jsonl", r.small(head)))
        self.assertEqual(rows[0], {
            "recording": self.path("small.jsonl"), "host": "host-1", "boot_id": BOOT_ID,
            "event": "header", "format": "kvmclock-trace", "version": 1, "tool": "0.1.0",
            "host_kernel": "6.12.0", "host_kvm": "module", "host_vendor": "intel",
            "host_clocksource": "tsc", "host_tsc_khz": 2100000,
            "started_ns": 1_000_000_000, "realtime_ns": 1_700_000_000_000_000_000,
            "realtime_error_ns": None, "kvmclock_base_ns": 900_000_000, "command": None,
            "hooks_tsc_write_way": "kprobe", "hooks_tsc_write_target": "f",
            "hooks_tsc_write_note": None})

    def trailer(self, rows, **expected):
        """The last row; it is the only one that is a trailer."""
        self.assertEqual([row["event"] for row in rows].count("trailer"), 1)
        for name, value in expected.items():
            self.assertEqual(rows[-1][name], value, name)
        return rows[-1]

    def test_trailer(self):
        rows, _ = self.export(self.write("small.jsonl", r.small()))
        self.assertEqual(self.trailer(rows), {
            "recording": self.path("small.jsonl"), "host": "host-1", "boot_id": BOOT_ID,
            "event": "trailer", "ended_ns": 3_500_000_000,
            "realtime_ns": 1_700_000_002_500_000_000, "realtime_error_ns": 260_000,
            "kvmclock_base_ns": 3_400_000_000, "events": 18, "losses_ring_full": 0,
            "losses_vms_full": 0, "losses_vcpus_full": 0, "losses_missed": 0,
            "losses_unwritten": 0, "reason": "signal", "status": None, "complete": True,
            "incomplete_why": None, "passed_over_events": 0, "passed_over_fields": 0,
            "passed_over_words": 0})

    def test_losses(self):
        tail = r.trailer(18, {"ring-full": 7, "missed": 2}, missed=[
            {"evidence": "tsc-write", "calls": 2}, {"evidence": "pvti", "calls": None}])
        rows, result = self.export(self.write("lost.jsonl", r.small(tail=tail)), status=INCOMPLETE)
        self.trailer(rows, complete=False, losses_ring_full=7, losses_missed=2,
                     missed_tsc_write_calls=2, missed_pvti_calls=None)
        self.assertRegex(rows[-1]["incomplete_why"], "9 events")
        self.check_line(result, "9 events")

    def test_cut_off(self):
        """How it ended nobody knows, nor what was lost."""
        rows, _ = self.export(self.write("cut.jsonl", r.small()[:-3]), status=INCOMPLETE)
        last = self.trailer(rows, complete=False, incomplete_why="cut off: it has no trailer",
                            events=16)
        self.assertFalse({"losses_ring_full", "ended_ns", "realtime_ns"} & set(last))
        rows, _ = self.export(self.write("no.jsonl", r.small()[:1]), status=INCOMPLETE)
        self.assertEqual([row["event"] for row in rows], ["header", "trailer"])

    def test_damaged(self):
        lines = r.small()
        lines[6] = b'{"event":\n'
        rows, _ = self.export(self.write("bad.jsonl", lines), status=INCOMPLETE)
        self.trailer(rows, complete=False, events=5,
                     incomplete_why="read up to line 6: not a JSON object")

    def test_passed_over(self):
        """What only another release knows is in no row, but counted."""
        events = [*r.small_events(), {"event": "dream", "ns": 5, "vm": 1},
                  {**r.request(1, 0), "origin": "dream", "more": 1}]
        rows, _ = self.export(self.write("other.jsonl", r.small(events=events)))
        self.trailer(rows, complete=True, events=19, passed_over_events=1, passed_over_fields=1,
                     passed_over_words=1)
        self.assertEqual(rows[-2]["origin"], "unknown")

    def test_several(self):
        """Plain and compressed; of one that is none there is a row, too."""
        other = r.header(host={**r.header()["host"], "name": "host-2"})
        paths = [self.write("1.jsonl", r.small()),
                 self.write("2.gz", gzip.compress(b"".join(r.small(other)))),
                 self.write("3", b"nonsense\n"), self.path("missing"),
                 self.write("cut", r.small()[:3])]
        rows, result = self.export(*paths, status=USAGE)
        told = {path: [row for row in rows if row["recording"] == path] for path in paths}
        self.assertEqual([len(told[path]) for path in paths], [20, 20, 1, 1, 4])
        self.assertEqual({row["host"] for row in told[paths[1]]}, {"host-2"})
        for path in paths[2:4]:
            self.assertEqual(told[path], [{
                "recording": path, "host": None, "boot_id": None, "event": "trailer", "events": 0,
                "complete": False, "incomplete_why": "it could not be read",
                "passed_over_events": 0, "passed_over_fields": 0, "passed_over_words": 0}])
        self.assertRegex(result.err, "not a recording")

    def test_none_to_read(self):
        path = self.write("flat", b"before")
        self.check(run("export", "--flat", path, self.path("missing")), USAGE)
        with open(path, "rb") as file:
            self.assertEqual(file.read(), b"before")

    def segment(self, name, sequence, events, run_ns=1_000_000_000, realtime=0, tail=None):
        head = r.header(started_ns=1_000_000_000 * sequence, segment={
            "run_ns": run_ns, "sequence": sequence, "trigger": None, "gap": None},
            realtime_ns=1_700_000_000_000_000_000 + realtime)
        self.write(f"store/{name}", gzip.compress(b"".join(r.small(head, events, tail))))

    def test_segments(self):
        """A directory is one recording: what a later segment begins with is no event, and the wall
        clock is as it was in each, where it was set in between."""
        os.mkdir(self.path("store"))
        self.segment("1.jsonl.gz", 1, [r.vm(1), r.tsc_write(1, 0, ns=1_000_000_500)])
        self.segment("2.jsonl.gz", 2, [r.vm(1), r.tsc_write(1, 0, ns=2_000_000_500)], realtime=77)
        rows, _ = self.export(self.path("store"))
        self.assertEqual([row["event"] for row in rows],
                         ["header", "vm", "tsc-write", "tsc-write", "trailer"])
        self.assertEqual([row["realtime_ns"] - 1_700_000_000_000_000_000 for row in rows[2:4]],
                         [500, 500 + 77])
        self.assertEqual([row["vm_name"] for row in rows[1:4]], ["web"] * 3)
        self.assertEqual((rows[0]["segment_run_ns"], rows[0]["segment_sequence"]),
                         (1_000_000_000, 1))
        self.trailer(rows, events=3, complete=True)

    def test_losses_of_segments(self):
        """They add up."""
        os.mkdir(self.path("store"))
        for sequence, lost, calls in ((1, 3, 10), (2, 4, 20)):
            tail = r.trailer(1, {"ring-full": lost, "missed": calls},
                             missed=[{"evidence": "pvti", "calls": calls}])
            self.segment(f"{sequence}.jsonl.gz", sequence, [r.vm(1)], tail=tail)
        rows, _ = self.export(self.path("store"), status=INCOMPLETE)
        self.trailer(rows, complete=False, losses_ring_full=7, losses_missed=30,
                     missed_pvti_calls=30)

    def test_two_runs(self):
        """A VM has one number, whatever the second run of the recorder calls it."""
        os.mkdir(self.path("store"))
        self.segment("1.jsonl.gz", 1, [r.vm(1, token=10), r.vm(2, token=11, name="db")])
        self.segment("2.jsonl.gz", 2, [r.vm(1, token=11, name="db"), r.tsc_write(1, 0)], run_ns=5)
        rows, _ = self.export(self.path("store"), status=INCOMPLETE)
        self.assertEqual([(row["event"], row["vm"], row["vm_name"]) for row in self.events(rows)],
                         [("vm", 1, "web"), ("vm", 2, "db"), ("tsc-write", 2, "db")])
        self.assertRegex(self.trailer(rows, complete=False)["incomplete_why"], "started anew")

    def test_two_boots(self):
        """Rows were made before it was refused; the last one says so."""
        os.mkdir(self.path("store"))
        self.segment("1.jsonl.gz", 1, [r.vm(1)])
        other = r.header(host={**r.header()["host"], "boot_id": "other"}, segment={
            "run_ns": 1, "sequence": 2, "trigger": None, "gap": None})
        self.write("store/2.jsonl", r.small(other))
        rows, _ = self.export(self.path("store"), self.write("good", r.small()), status=USAGE)
        mine = [row for row in rows if row["recording"] == self.path("store")]
        self.trailer(mine, complete=False, incomplete_why="it could not be read", events=1)

    def test_filter(self):
        rows, _ = self.export(self.write("small.jsonl", r.small()), "--vm", "db")
        self.assertEqual([row["event"] for row in rows],
                         ["header", "vm", "request", "vm-gone", "trailer"])
        self.assertEqual({row["vm_uuid"] for row in self.events(rows)}, {UUID})
        self.trailer(rows, events=3)

    def test_hostile(self):
        """Any path and name, and numbers past the signed 64 bits: rows of JSON."""
        name = "a\"\n\u202e"
        os.mkdir(self.path("\n\""))
        path = self.write("\n\"/\xff", r.small(events=[
            r.vm(1, name=name), {**r.tsc_track(1, 0), "generation": str(1 << 63)}]))
        rows, _ = self.export(path)
        self.assertEqual(rows[2]["vm_name"], "a\"\\u000a\\u202e")
        self.assertEqual(rows[2]["generation"], str(1 << 63))
        self.assertNotIn("\n", rows[2]["recording"])
        long = "x/" + "./" * 1900 + "y"
        os.mkdir(self.path("x"))
        self.write("x/y", r.small())
        rows, _ = self.export(long, cwd=self.directory)
        self.assertEqual({row["recording"] for row in rows}, {long})

    def test_stdout(self):
        path = self.write("small.jsonl", r.small())
        result = self.check(run("export", "--flat", "/dev/stdout", path), DONE)
        self.assertEqual(len(result.objects), 20)

    def test_options(self):
        path = self.write("small.jsonl", r.small())
        self.check(run("export", "--flat", self.path("a"), "--perfetto", self.path("b"), path),
                   USAGE)
        self.assertFalse(os.path.exists(self.path("a")) or os.path.exists(self.path("b")))
        self.check(run("export", "--flat", "/dev/full", path), INCOMPLETE)
