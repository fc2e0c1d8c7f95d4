# SPDX-License-Identifier: GPL-2.0
"""The queries of contrib/duckdb, run by DuckDB over recordings whose answers are known."""

import glob
import json
import os
import re
import subprocess
import unittest

import recording as r
from case import DONE, OUTPUT, ROOT, USAGE, Case, run

HERE = os.path.dirname(os.path.abspath(__file__))
QUERIES = os.path.join(ROOT, "contrib", "duckdb")
MODULES = os.path.join(OUTPUT, "fleet", "node_modules")
UUID = "6fe0e5e1-9b0c-4b6f-8a3d-0f3a1f5f9d10"
DAY_NS = 86400 * 1_000_000_000
SECOND = 1_000_000_000
# 14 November 2023, 22:13:20 UTC; of host-2, two days later.
BEGAN = 1_700_000_000 * SECOND


def head(name, days=0, kernel="6.12.0", **changes):
    host = {**r.header()["host"], "name": name, "kernel": kernel}
    return r.header(host=host, realtime_ns=BEGAN + days * DAY_NS, **changes)


def resnapshot(number, index, ns, **more):
    return {**r.update(number, index, "vcpu-request", "resnapshot", ns), **more}


def number(value):
    return int(value) if isinstance(value, str) and re.fullmatch(r"-?\d+", value) else value


def jump(number, index, drift, ns, clock_set=False):
    return r.published(number, index, r.pvti(), r.pvti(), drift, clock_set=clock_set, ns=ns)


def first_host():
    """A VM of a UUID whose clock is set twice, and one without."""
    return [r.vm(1, uuid=UUID), r.vm(2, name="db"),
            r.update(None, None, "vm-create", "inactive", 2 * SECOND),
            {**r.set_clock(1, ns=3 * SECOND), "nr_pending": 4},
            r.update(1, None, "set-clock", "resnapshot", 3 * SECOND),
            resnapshot(1, 0, 4 * SECOND), resnapshot(1, 1, 5 * SECOND),
            jump(1, 0, -2_000_000, 5 * SECOND), jump(1, 1, 30, 5 * SECOND),
            jump(1, 0, 7_000_000_000, 5 * SECOND, clock_set=True),
            {**r.set_clock(1, ns=6 * SECOND), "nr_pending": None},
            r.update(1, None, "set-clock", "resnapshot", 6 * SECOND),
            resnapshot(1, 0, 7 * SECOND, cause_derived=True),
            r.update(2, 0, "vcpu-request", "suppressed", 7 * SECOND),
            jump(2, 0, 500, 8 * SECOND), jump(2, 0, -400, 8 * SECOND), jump(2, 0, 0, 8 * SECOND),
            # It is past midnight.
            jump(2, 0, 5, 8000 * SECOND)]


def second_host():
    """The same guest, and a VM with the number of another; events are lost."""
    return [r.vm(1, name="other"), r.vm(2, uuid=UUID),
            resnapshot(2, 0, 2 * SECOND), r.update(2, 1, "unknown", "resnapshot", 3 * SECOND),
            r.update(1, 0, "vcpu-request", "unknown", 3 * SECOND),
            {**r.set_clock(2, ns=4 * SECOND), "nr_pending": 0}]


class Queries(Case):
    def setUp(self):
        super().setUp()
        if not os.path.isdir(MODULES):
            self.skipTest("DuckDB is not installed: make fleet")
        self.write("1", r.small(head("host-1"), first_host()))
        lossy = second_host()
        self.write("2", r.small(head("host-2", 2, "6.6.0"), lossy,
                                r.trailer(len(lossy), {"ring-full": 3})))
        self.write("3", r.small(head("host-3", 2, "6.6.0"), [r.vm(1)])[:-1])
        self.write("4", b"nonsense\n")
        self.write("5", r.small(head("host-3", 3, "6.6.0"), [{"event": "dream", "vm": None}]))
        self.rows = self.path("rows.jsonl")
        self.check(run("export", "--flat", self.rows, "1", "2", "3", "4", "5",
                       cwd=self.directory), USAGE)

    def objects(self, query, rows=None):
        """What it gives; a number of 64 bits comes as a string."""
        if not query.endswith(".sql"):
            query = self.write("query.sql", query.encode())
        done = subprocess.run(
            ["node", os.path.join(HERE, "query.mjs"), rows or self.rows,
             os.path.join(QUERIES, "flat.sql"), os.path.join(QUERIES, query)],
            capture_output=True, text=True, env={**os.environ, "KCT_NODE_MODULES": MODULES})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return [json.loads(line) for line in done.stdout.splitlines()]

    def ask(self, query, rows=None):
        return [tuple(value if name == "recording" else number(value)
                      for name, value in row.items()) for row in self.objects(query, rows)]

    def test_all_are_here(self):
        tested = {"flat", "unnecessary", "jumps", "causes", "pending", "incomplete", "kernels"}
        self.assertEqual({os.path.basename(path)[:-4] for path in glob.glob(QUERIES + "/*.sql")},
                         tested)

    def test_clickhouse(self):
        """No test can run these: at least they are the same, and so are their columns."""
        other = QUERIES.replace("duckdb", "clickhouse")
        self.assertEqual(sorted(os.listdir(other)), sorted(os.listdir(QUERIES)))
        columns = []
        for directory, form in ((QUERIES, r"(\w+): '[A-Z]+'"), (other, r"[\t ](\w+) (?:Nullable|String,)")):
            with open(os.path.join(directory, "flat.sql"), encoding="utf-8") as file:
                columns.append(re.findall(form, file.read()))
        self.assertGreater(len(columns[0]), 100)
        self.assertEqual(*columns)

    def test_columns(self):
        """Every column of every event is there, and holds what the recording has."""
        events = [*r.small_events(), r.ioctl(1, 0, "get-clock", clock=str(1 << 63), realtime=1,
                                             host_tsc=2, flags=12)]
        events = [r.with_stack(event, ["f", "g"]) if event["event"] in ("request", "update")
                  else event for event in events]
        self.check(run("export", "--flat", self.path("all"),
                       self.write("all.jsonl", r.small(events=events))), DONE)
        with open(self.path("all"), encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        found = self.objects("SELECT * EXCLUDE (key) FROM flat;", self.path("all"))
        told = {name for row in rows[1:] for name in row}
        self.assertEqual(told - set(found[0]), set())
        self.assertEqual(set(found[0]) - told - set(rows[0]), {"segment_trigger_what"})
        for have, row in zip(found, rows, strict=True):
            self.assertEqual({name: number(have[name]) for name in told},
                             {name: number(row.get(name)) for name in told})

    def test_unnecessary(self):
        self.assertEqual(self.ask("unnecessary.sql"), [
            # vm_name, vm_uuid, hosts, updates, unnecessary, undecided, complete
            ("web", UUID, 2, 7, 4, 1, False),
            ("other", None, 1, 1, 0, 1, False),
            ("db", None, 1, 1, 0, 0, True)])

    def test_jumps(self):
        at = BEGAN - SECOND
        self.assertEqual(self.ask("jumps.sql"), [
            # day, host, vm_name, vm_uuid, vcpu, drift_ns, realtime_ns
            ("2023-11-14", "host-1", "web", UUID, 0, -2_000_000, at + 5 * SECOND),
            ("2023-11-14", "host-1", "db", None, 0, 500, at + 8 * SECOND),
            ("2023-11-14", "host-1", "db", None, 0, -400, at + 8 * SECOND),
            ("2023-11-15", "host-1", "db", None, 0, 5, at + 8000 * SECOND)])

    def test_causes(self):
        self.assertEqual(self.ask("causes.sql"), [
            # host, cause, effect, updates, derived, complete
            ("host-1", "vcpu-request", "resnapshot", 3, 1, True),
            ("host-1", "set-clock", "resnapshot", 2, 0, True),
            ("host-1", "vcpu-request", "suppressed", 1, 0, True),
            ("host-1", "vm-create", "inactive", 1, 0, True),
            ("host-2", "unknown", "resnapshot", 1, 0, False),
            ("host-2", "vcpu-request", "resnapshot", 1, 0, False),
            ("host-2", "vcpu-request", "unknown", 1, 0, False)])

    def test_pending(self):
        self.assertEqual(self.ask("pending.sql"), [
            # utc, host, vm_name, vm_uuid, ioctl, nr_vcpus, nr_pending, unnecessary, complete
            ("2023-11-14 22:13:22", "host-1", "web", UUID, "set-clock", 2, 4, 2, True),
            ("2023-11-14 22:13:25", "host-1", "web", UUID, "set-clock", 2, None, 1, True),
            ("2023-11-16 22:13:23", "host-2", "web", UUID, "set-clock", 2, 0, 0, False)])

    def test_incomplete(self):
        lost, cut, none, other = self.ask("incomplete.sql")
        # recording, host, complete, why, ring_full, missed, unwritten, vms_full, vcpus_full, passed
        self.assertEqual((lost[:3], lost[4:]), (("2", "host-2", False), (3, 0, 0, 0, 0, 0)))
        self.assertIn("3 events", lost[3])
        nothing = (None,) * 5 + (0,)
        self.assertEqual(cut, ("3", "host-3", False, "cut off: it has no trailer", *nothing))
        self.assertEqual(none, ("4", None, False, "it could not be read", *nothing))
        self.assertEqual(other, ("5", "host-3", True, None, 0, 0, 0, 0, 0, 1))

    def test_kernels(self):
        self.assertEqual(self.ask("kernels.sql"), [
            # kernel, hosts, recordings, served, unnecessary, suppressed, complete
            ("6.12.0", 1, 1, 4, 3, 1, True),
            ("6.6.0", 2, 3, 2, 1, 0, False),
            (None, 0, 1, 0, 0, 0, False)])

    def test_rows_that_are_missing(self):
        """Rows of a recording that did not come make it incomplete, too."""
        with open(self.rows, encoding="utf-8") as file:
            rows = [line for line in file if json.loads(line)["recording"] == "1"]
        for kept in (rows[:-1], rows[:5] + rows[6:]):
            with open(self.path("some"), "w", encoding="utf-8") as file:
                file.writelines(kept)
            ((name, host, complete, why, *_),) = self.ask("incomplete.sql", self.path("some"))
            self.assertEqual((name, host, complete, why),
                             ("1", "host-1", False, "rows of it are missing"))
