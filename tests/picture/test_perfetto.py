# SPDX-License-Identifier: GPL-2.0
"""export --perfetto, read by protoc: the recording's events, once each, with flows and counters."""

import collections
import json
import os
import re
import subprocess

import recording as r
from case import DONE, INCOMPLETE, ROOT, USAGE, Case, run
from migrations import MS, OTHER_BOOT, Host, Migration

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLE = os.path.join(ROOT, "examples", "migrate.jsonl")
BOOTTIME, REALTIME, TSC = 6, 1, 9


def parsed(text):
    """protoc's text format: {field: [values]}."""
    stack = [collections.defaultdict(list)]
    for line in text.splitlines():
        line = line.strip()
        if line.endswith("{"):
            stack.append(collections.defaultdict(list))
            stack[-2][line[:-2]].append(stack[-1])
        elif line == "}":
            stack.pop()
        else:
            name, value = line.split(": ", 1)
            stack[-1][name].append(json.loads(value) if re.match(r'["\d-]', value)
                                   and "\\" not in value else value)
    return stack[0]


class Trace:
    def __init__(self, path):
        with open(path, "rb") as file:
            text = subprocess.run(
                ["protoc", f"-I{HERE}", "--decode=Trace", os.path.join(HERE, "perfetto.proto")],
                stdin=file, stdout=subprocess.PIPE, check=True).stdout.decode()
        self.unknown = re.findall(r"(?m)^ *\d+: .*", text)
        self.packets = parsed(text)["packet"]
        self.tracks = {d["uuid"][0]: d for p in self.packets for d in p["track_descriptor"]}
        self.events = [(p, e) for p in self.packets for e in p["track_event"]]

    def instants(self):
        return [(p["timestamp"][0], e) for p, e in self.events if e["type"] == ["TYPE_INSTANT"]]

    def way(self, uuid):
        """The names from the host down."""
        track = self.tracks[uuid]
        above = self.way(track["parent_uuid"][0]) if track["parent_uuid"] else []
        return above + track["name"]

    def counters(self):
        """The last value of each, by its way."""
        last = {}
        for _, e in self.events:
            if e["type"] == ["TYPE_COUNTER"]:
                last[tuple(self.way(e["track_uuid"][0]))] = e["counter_value"][0]
        return last


class Perfetto(Case):
    def export(self, *paths, status=DONE, options=()):
        out = self.path("trace")
        self.check(run("export", "--perfetto", out, *options, *paths), status)
        trace = Trace(out)
        self.assertEqual(trace.unknown, [])
        return trace

    def check_events(self, trace, path):
        """Each event of the recording, with its numbers and words."""
        with open(path, encoding="utf-8") as file:
            told = [json.loads(line) for line in file][1:-1]
        found = collections.Counter()
        for ns, event in trace.instants():
            fields = {a["name"][0]: (a["uint_value"] + a["int_value"] + a["string_value"] +
                                     a["bool_value"])[0] for a in event["debug_annotations"]}
            self.assertEqual(fields["ns"], ns)
            found[(event["categories"][0], ns, fields.get("vm"), fields.get("vcpu"),
                   fields.get("cause"), fields.get("drift_ns"), fields.get("op"))] += 1
        expected = collections.Counter(
            (e["event"], e["ns"], e["vm"], e["vcpu"], e.get("cause"), e.get("drift_ns"), e.get("op"))
            for e in told)
        self.assertEqual(found, expected)

    def check_flows(self, trace):
        """Each begins with a request, goes through an update, and may end with a PVTI."""
        flows = collections.defaultdict(list)
        for ns, event in trace.instants():
            for flow in event["flow_ids"] + event["terminating_flow_ids"]:
                flows[flow].append((ns, event["categories"][0], event["track_uuid"][0]))
        for steps in flows.values():
            self.assertIn([kind for _, kind, _ in sorted(steps, key=lambda s: s[0])],
                          (["request", "update"], ["request", "update", "pvti"]))
            self.assertEqual(len({track for *_, track in steps}), 1)
        return flows

    def check_counters(self, trace, path):
        (report,) = self.check(run("report", "--json", path), DONE).objects
        last = trace.counters()
        host = f"host {report['host']['name']}"
        for vm in report["vms"]:
            name = vm["name"]
            if sum(other["name"] == name for other in report["vms"]) > 1:
                continue
            self.assertEqual(last.get((host, name, "unnecessary updates"), 0), vm["unnecessary"])
            self.assertEqual(last.get((host, name, "requests pending"), 0),
                             sum(bool(vcpu["pending"]) for vcpu in vm["vcpus"]))
            for vcpu in vm["vcpus"]:
                self.assertEqual(last.get((host, name, f"drift of vCPU {vcpu['id']}"), 0),
                                 vcpu["drift_ns"]["total"])

    def test_example(self):
        trace = self.export(EXAMPLE)
        self.check_events(trace, EXAMPLE)
        self.assertEqual(len(self.check_flows(trace)), 8)

    def test_small(self):
        path = self.write("small.jsonl", r.small())
        trace = self.export(path)
        self.check_events(trace, path)
        self.check_counters(trace, path)
        self.assertIn(["host host-1", "web", "vCPU 0"], [trace.way(t) for t in trace.tracks])

    def test_flow_needs_an_update(self):
        events = [r.vm(1), r.request(1, 0), r.request(1, 0, op="cleared", ns=1_000_000_260),
                  r.request(1, 1), r.update(1, 1, "vcpu-request", "resnapshot"), r.request(1, 2)]
        path = self.write("flows.jsonl", r.small(events=events))
        trace = self.export(path)
        self.check_events(trace, path)
        self.check_counters(trace, path)
        self.assertEqual([len(steps) for steps in self.check_flows(trace).values()], [2])

    def test_units(self):
        units = {t["name"][0]: (t["counter"][0]["unit"], t["counter"][0]["unit_name"])
                 for t in self.export(EXAMPLE).tracks.values() if t["counter"]}
        self.assertEqual(units["snapshot age"], (["UNIT_TIME_NS"], []))
        self.assertEqual(units["drift of vCPU 0"], (["UNIT_TIME_NS"], []))
        self.assertEqual(units["requests pending"], (["UNIT_COUNT"], ["requests"]))

    def test_clocks(self):
        """BOOTTIME and REALTIME as the header has them; the TSC as a masterclock has it."""
        m = Migration()
        path = self.write("both.jsonl", Host().recording(*m.source, *m.target))
        trace = self.export(path)
        clocks = [{c["clock_id"][0]: c["timestamp"][0] for c in s["clocks"]}
                  for p in trace.packets for s in p["clock_snapshot"]]
        with open(path, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        self.assertEqual(clocks[0], {BOOTTIME: lines[0]["started_ns"],
                                     REALTIME: lines[0]["realtime_ns"]})
        (anchor,) = [c for c in clocks if TSC in c]
        snapshots = {e["after"]["master_cycle_now"]: e["after"]["master_kernel_ns"]
                     for e in lines if e["event"] == "update"}
        base = snapshots[anchor[TSC]]
        self.assertEqual(anchor[BOOTTIME], base + 100 * MS)  # of these hosts
        self.assertEqual(anchor[REALTIME] - lines[0]["realtime_ns"],
                         anchor[BOOTTIME] - lines[0]["started_ns"])
        self.assertEqual({tuple(p["timestamp_clock_id"]) for p, _ in trace.events}, {(BOOTTIME,)})

    def test_two_machines(self):
        """The target's times by the wall clocks, which are 3 ms apart here."""
        m = Migration(downtime=20 * MS)
        paths = [self.write("source.jsonl", Host().recording(*m.source)),
                 self.write("target.jsonl", Host("host-2", OTHER_BOOT, ahead=3 * MS)
                            .recording(*m.target))]
        trace = self.export(*paths)
        machines = collections.defaultdict(list)
        for p, e in trace.events:
            if e["type"] == ["TYPE_INSTANT"]:
                machines[tuple(p["machine_id"])].append(p["timestamp"][0])
        self.assertEqual(sorted(machines[()]), sorted(e["ns"] for e in m.source))
        self.assertEqual(sorted(machines[(1,)]), sorted(e["ns"] + 3 * MS for e in m.target))
        self.assertEqual({tuple(trace.way(t)[:1]) for t in trace.tracks},
                         {("host host-1",), ("host host-2",)})

    def test_same_boot(self):
        m = Migration(downtime=20 * MS)
        paths = [self.write(name, Host().recording(*events))
                 for name, events in (("a", m.source), ("b", m.target))]
        trace = self.export(*paths)
        self.assertEqual(sorted(ns for ns, _ in trace.instants()),
                         sorted(e["ns"] for e in m.source + m.target))

    def test_filter(self):
        trace = self.export(self.write("small.jsonl", r.small()), options=("--vm", "db"))
        self.assertEqual({trace.way(t)[1] for t in trace.tracks if len(trace.way(t)) > 1}, {"db"})

    def test_cut_off(self):
        trace = self.export(self.write("cut.jsonl", r.small()[:-3]), status=INCOMPLETE)
        self.assertEqual(len(trace.instants()), len(r.small_events()) - 2)

    def test_refused(self):
        path = self.write("trace", b"before")
        self.check(run("export", "--perfetto", path, self.path("missing")), USAGE)
        with open(path, "rb") as file:
            self.assertEqual(file.read(), b"before")
        self.check(run("export", EXAMPLE), USAGE)
        self.check(run("export", "--perfetto", path, EXAMPLE, EXAMPLE, EXAMPLE), USAGE)
