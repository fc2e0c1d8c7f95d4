# SPDX-License-Identifier: GPL-2.0
"""The journals of several hosts: which source belongs to which target, and with what figures."""

import json
import os
import time

import migrations as m
import recording as r
import schema
from case import DONE, INCOMPLETE, USAGE, Case, run


def entry(kind, host, events, ns, why=None, losses=None, verdict=None, **changes):
    lines = [json.loads(line) for line in host.recording(*events, losses=losses)]
    vm = next(event for event in lines if event["event"] == "vm")
    value = {"entry": kind, "version": 1, "why": why or {"source": "gone"}.get(kind, "set-clock"),
             "host": host.host["name"], "vm": vm["vm"], "name": vm["name"], "pid": vm["pid"],
             "name_source": "option", "namespace": None, "id": None, "uuid": vm["uuid"] or None,
             "orchestrator": None, "vmm": "qemu", "ns": ns, "realtime_ns": host.realtime(ns),
             "realtime_error_ns": host.error}
    if kind == "target":
        value["verdict"] = verdict or "suppressed"
    value.update(recording=None, header=lines[0], events=lines[1:-1], trailer=lines[-1])
    return {**value, **changes}


def source(host, migration, **more):
    last = max(event["ns"] for event in migration.source if event["event"] == "pvti")
    return entry("source", host, migration.source, last, **more)


def target(host, migration, **more):
    return entry("target", host, migration.target, migration.p4, **more)


class Migrations(Case):
    def setUp(self):
        super().setUp()
        self.a, self.b = m.Host(), m.Host("host-2", m.OTHER_BOOT)

    def journal(self, host, *entries, name="migrations.jsonl"):
        directory = self.path(host)
        os.makedirs(directory, exist_ok=True)
        self.write(f"{host}/{name}", [r.line(value) for value in entries])
        return directory

    def migrations(self, *arguments, status=DONE):
        result = self.check(run("migrations", "--json", *arguments), status)
        for line in result.out.splitlines():
            self.assertEqual(schema.faults("migrations", line), [])
        return result.objects

    def test_two_hosts(self):
        """The figures of `migration` over recordings of both, and of the equation."""
        for more in ({}, {"errors": (3, -2)}, {"realtime": True}, {"offsets": True}):
            move = m.Migration(uuid=m.UUID, **more)
            a = self.journal("a", source(self.a, move))
            b = self.journal("b", target(self.b, move))
            recordings = [self.write(name, lines) for name, lines in
                          zip("st", move.two_hosts(self.a, self.b))]
            (other,) = self.check(run("migration", "--json", *recordings), DONE).objects
            for directories in ((a, b), (b, a)):
                (one,) = self.migrations(*directories)
                self.assertEqual((one["from"], one["to"], one["why"]), ("host-1", "host-2", None))
                # A journal has no recording to replay.
                self.assertIsNone(one["migration"]["savings_ns"])
                for key in set(other) - {"source", "target", "savings_ns"}:
                    self.assertEqual(one["migration"][key], other[key], key)
                for got, expected in zip(one["migration"]["vcpus"], move.expected()):
                    self.assertEqual({key: got[key] for key in expected}, expected)

    def test_there_and_back(self):
        """Each target has the source that was the last before it."""
        first = m.Migration(uuid=m.UUID, downtime=1 * m.S)
        second = m.Migration(uuid=m.UUID, at=10 * m.S, downtime=1 * m.S, clock=20 * m.S)
        a = self.journal("a", source(self.a, first), target(self.a, second))
        b = self.journal("b", target(self.b, first), source(self.b, second))
        found = self.migrations(a, b)
        self.assertEqual([(one["from"], one["to"]) for one in found],
                         [("host-1", "host-2"), ("host-2", "host-1")])
        self.assertEqual([one["set_realtime_ns"] for one in found],
                         [self.b.realtime(first.p4), self.a.realtime(second.p4)])

    def test_other_guests(self):
        """By UUID in any case of letters, never by a name where one has a UUID."""
        move = m.Migration(uuid=m.UUID)
        a = self.journal("a", source(self.a, move))
        for uuid, paired in ((m.UUID.upper(), True), (m.OTHER_BOOT, False), (None, False)):
            b = self.journal("b", target(self.b, move, uuid=uuid))
            (one,) = self.migrations(a, b)
            self.assertEqual(one["from"], "host-1" if paired else None)
            self.assertEqual(one["migration"] is None, not paired)
            self.assertEqual(one["why"], None if paired else
                             "no source of it is in these journals")

    def test_what_does_not_fit(self):
        """Two guests of one UUID: the clocks tell, and the row says so."""
        move, other = m.Migration(uuid=m.UUID), m.Migration(uuid=m.UUID, clock=100_000 * m.S)
        (one,) = self.migrations(self.journal("a", source(self.a, move)),
                                 self.journal("b", target(self.b, other)))
        self.assertIsNone(one["migration"])
        self.assertRegex(one["why"], "two guests")

    def test_started_and_moved(self):
        """Within what the wall clocks may be wrong by, a guest's start has no source: where it went
        to later does not fit."""
        self.a.error = self.b.error = None
        start, move, end = (m.Migration(uuid=m.UUID, at=at * m.S, downtime=1 * m.S)
                            for at in (0, 5, 10))
        a = self.journal("a", target(self.a, start), source(self.a, move))
        b = self.journal("b", target(self.b, move), source(self.b, end))
        found = self.migrations(a, b)
        self.assertEqual([(one["from"], one["to"]) for one in found],
                         [(None, "host-1"), ("host-1", "host-2")])

    def test_resumed(self):
        move = m.Migration(uuid=m.UUID, numbers=(1, 1))
        for event in move.target:
            if event["event"] == "vm":
                event["token"] = 76
        journal = self.journal("a", source(self.a, move, why="set-again"), target(self.a, move))
        (one,) = self.migrations(journal)
        self.assertIs(one["resumed"], False)  # another token: another VM
        for value in (move.source, move.target):
            for event in value:
                if event["event"] == "vm":
                    event["token"] = 77
        journal = self.journal("a", source(self.a, move, why="set-again"), target(self.a, move))
        (one,) = self.migrations(journal)
        self.assertIs(one["resumed"], True)
        self.assertIn("(resumed)", self.check(run("migrations", journal), DONE).out)

    def test_incomplete(self):
        move = m.Migration(uuid=m.UUID)
        a = self.journal("a", source(self.a, move))
        b = self.journal("b", target(self.b, move, losses={"ring-full": 4}))
        (one,) = self.migrations(a, b, status=INCOMPLETE)
        self.assertEqual(one["why"], "4 events were lost")
        self.assertIsNone(one["migration"]["predicted_ns"])
        dream = {"event": "dream", "ns": 1, "vm": 2, "vcpu": None, "tid": 1}
        value = target(self.b, move)
        value["events"].append(dream)
        value["trailer"]["events"] += 1
        (one,) = self.migrations(a, self.journal("b", value), status=INCOMPLETE)
        self.assertRegex(one["why"], "another release")

    def test_filters(self):
        first = m.Migration(uuid=m.UUID, name="web")
        second = m.Migration(uuid=m.OTHER_BOOT, name="db", at=40 * m.S)
        a = self.journal("a", source(self.a, first), source(self.a, second))
        b = self.journal("b", target(self.b, first), target(self.b, second))
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(1_700_000_000 + 40))
        for options, names in (([], ["web", "db"]), (["--since", at], ["db"]),
                               (["--until", at], ["web"]), (["--until", at + "Z"], ["web"]),
                               (["--since", "2100-01-01"], []), (["--since", "1h"], []),
                               (["--until", "2h"], ["web", "db"]), (["--vm", "db"], ["db"]),
                               (["-V", m.UUID.upper()], ["web"]), (["-V", "nosuch"], [])):
            with self.subTest(options):
                self.assertEqual([one["name"] for one in self.migrations(*options, a, b)], names)
        for bad in ("yesterday", "2026-13-01", "", "12"):
            self.check(run("migrations", "--since", bad, a), USAGE)

    def test_bad_journals(self):
        self.check_line(self.check(run("migrations", self.path("nosuch")), USAGE), "migrations|no")
        os.makedirs(self.path("empty"))
        self.check_line(self.check(run("migrations", self.path("empty")), USAGE),
                        "there is no journal of migrations")
        move = m.Migration(uuid=m.UUID)
        a, b = self.journal("a", source(self.a, move)), self.journal("b", target(self.b, move))
        whole = b"".join(r.line(target(self.b, move)) for _ in range(2))
        for text, count, rows in ((b"x\n", 1, 0), (b"\0\n{}\n", 2, 0), (whole[:-1], 1, 1),
                                  (whole[:-20] + b"\n", 1, 1), (whole[:90], 1, 0),
                                  (whole.replace(b'"format"', b'"formats"'), 2, 0)):
            self.write("b/migrations.jsonl", text)
            result = self.check(run("migrations", "--json", a, b), INCOMPLETE)
            self.check_line(result, f"{count} lines of the journals could not be read")
            self.assertEqual(len(result.objects), rows)

    def test_put_aside(self):
        move = m.Migration(uuid=m.UUID)
        a = self.journal("a", source(self.a, move), name="migrations.1.jsonl")
        self.journal("a")
        (one,) = self.migrations(a, self.journal("b", target(self.b, move)))
        self.assertEqual(one["from"], "host-1")

    def test_for_people(self):
        move = m.Migration(uuid=m.UUID, errors=(3, -2))
        out = self.check(run("migrations", self.journal("a", source(self.a, move)),
                             self.journal("b", target(self.b, move))), DONE).out
        expected = next(iter(move.expected()))
        row = out.splitlines()[1].split()
        self.assertEqual(row[1:4], ["web", "host-1", "host-2"])
        self.assertEqual(row[5:7], [f"{expected['predicted_ns']:+}", f"{expected['observed_ns']:+}"])
        self.assertEqual(row[-1], "suppressed")


class Fleet(Case):
    """Of 1,000 hosts; the plain program, since memory is what counts."""

    def fleet(self, hosts, each):
        a, b = m.Host(), m.Host("host-2", m.OTHER_BOOT)
        move = m.Migration(vcpus=2)
        ends = [json.dumps(value, separators=(",", ":")) for value in
                (source(a, move), target(b, move))]
        directories = []
        for host in range(hosts):
            uuids = [f"{host:08x}-{i:04x}-4b6f-8a3d-0f3a1f5f9d10" for i in range(each)]
            os.makedirs(self.path(f"h{host}"))
            self.write(f"h{host}/migrations.jsonl",
                       [(end.replace('"uuid":null', f'"uuid":"{uuid}"') + "\n").encode()
                        for uuid in uuids for end in ends])
            directories.append(self.path(f"h{host}"))
        return directories

    def measure(self, directories):
        from case import PROGRAM
        before = time.monotonic()
        pid = os.fork()
        if not pid:
            os.dup2(os.open(self.path("out"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
            os.execv(PROGRAM, [PROGRAM, "migrations", "--json", *directories])
        _, status, usage = os.wait4(pid, 0)
        self.assertEqual(status, 0)
        with open(self.path("out"), encoding="utf-8") as file:
            return sum(1 for line in file), time.monotonic() - before, usage.ru_maxrss

    def test_10000_migrations(self):
        few, _, small = self.measure(self.fleet(100, 10))
        for host in range(100):
            os.unlink(self.path(f"h{host}/migrations.jsonl"))
            os.rmdir(self.path(f"h{host}"))
        many, took, large = self.measure(self.fleet(1000, 10))
        self.assertEqual((few, many), (1000, 10_000))
        self.assertLess(took, 60)
        # 80 bytes an entry, and its list doubles; in KiB
        self.assertLess(large - small, 6 << 10, f"{small} KiB, then {large} KiB, in {took:.1f} s")
