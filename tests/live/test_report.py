# SPDX-License-Identifier: GPL-2.0
"""The report: from a recording as it was live, the sum of its lines, as its schema says."""

import collections
import json
import os
import signal
import unittest

import kct

SCHEMA = os.path.join(kct.ROOT, "docs", "report.schema.json")


class Same(kct.LiveTest):
    def check(self, *workload, options=()):
        path = self.path("recording")
        command = kct.workload_command(*workload)
        done = kct.run("record", "-o", path, *options, "--", *command, check=kct.EXIT_OK)
        told, summary = done.stdout.split("\n", 1)
        self.assertTrue(told.startswith('{"scenario"'))
        again = kct.run("report", *options, path, check=kct.EXIT_OK)
        self.assertEqual(again.stdout, summary)
        with open(path, encoding="utf-8") as file:
            piped = kct.run("report", *options, "-", stdin=file, check=kct.EXIT_OK)
        self.assertEqual(piped.stdout, summary)
        return summary

    def test_json(self):
        self.check("migrate", "--vcpus", 4, options=["--json"])

    def test_text(self):
        self.check("migrate", "--vcpus", 4)

    def test_text_of_each_vcpu(self):
        summary = self.check("hotplug", "--vcpus", 1, "--add", 2, options=["-v"])
        for vcpu in range(3):
            self.assertIn(f"  vCPU {vcpu} ", summary)

    def test_churn(self):
        self.check("churn", "--vms", 200, "--jobs", 4, options=["--json"])

    def test_several(self):
        one, two = self.path("one"), self.path("two")
        first = self.record("one", "true")[0]
        second = self.record("two", "true")[0]
        done = kct.run("report", "--json", one, two, check=kct.EXIT_OK)
        self.assertEqual([kct.parse(line) for line in done.stdout.splitlines()], [first, second])


class Sum(kct.LiveTest):
    """Every number of a report added up once more, from the lines of the recording."""

    def vm_sum(self, recording, number, reported):
        events = [event for event in recording.events if event["vm"] == number]
        (vm,) = [event for event in events if event["event"] == "vm"]
        updates = [event for event in events if event["event"] == "update"]
        causes = collections.Counter(event["cause"] for event in updates)
        effects = collections.Counter(event["effect"] for event in updates)
        if vm["created"]:
            causes["vm-create"] += 1
            effects[vm["create_effect"]] += 1
        self.assertEqual(
            {cause: n for cause, n in reported["updates"]["cause"].items() if n}, causes
        )
        self.assertEqual(
            {effect: n for effect, n in reported["updates"]["effect"].items() if n}, effects
        )
        self.assertEqual(reported["updates"]["total"], sum(filter(None, causes.values())))
        self.assertEqual(
            reported["set_clocks"], sum(event["event"] == "set-clock" for event in events)
        )
        unnecessary = [
            update
            for update in updates
            if update["cause"] == "vcpu-request" and update["effect"] == "resnapshot"
        ]
        self.assertEqual(reported["unnecessary"], len(unnecessary))
        return events

    def vcpu_sum(self, events, reported):
        events = [event for event in events if event["vcpu"] == reported["id"]]
        of = collections.defaultdict(list)
        for event in events:
            of[event["event"]].append(event)
        made = [event for event in of["request"] if event["op"] == "made"]
        origins = collections.Counter(event["origin"] for event in made)
        self.assertEqual(
            {origin: n for origin, n in reported["requests_by_origin"].items() if n}, origins
        )
        self.assertEqual(reported["requests"], len(made))
        self.assertEqual(reported["requests_derived"], sum(event["derived"] for event in made))
        self.assertEqual(reported["requests_cleared"], len(of["request"]) - len(made))
        self.assertEqual(reported["pvti_updates"], len(of["pvti"]))
        self.assertEqual(
            reported["pvti_changed"], sum(event["old"] != event["new"] for event in of["pvti"])
        )
        self.assertEqual(reported["tsc_writes"], len(of["tsc-write"]))
        self.assertEqual(reported["updates"], len(of["update"]))
        effects = collections.Counter(event["effect"] for event in of["update"])
        self.assertEqual(
            {effect: n for effect, n in reported["updates_by_effect"].items() if n}, effects
        )

    def check(self, *workload):
        report, recording, work = self.record_workload("recording", *workload)
        self.assertEqual(report["events"], len(recording.events))
        self.assertEqual(recording.trailer["events"], len(recording.events))
        self.assertEqual(report["started_ns"], recording.header["started_ns"])
        self.assertEqual(report["ended_ns"], recording.trailer["ended_ns"])
        self.assertEqual(report["hooks"], recording.header["hooks"])
        self.assertEqual(report["host"], recording.header["host"])
        self.assertEqual(len(report["vms"]), len(recording.select("vm")))
        self.assertGreaterEqual(len(report["vms"]), len(work["vms"]))
        for vm in report["vms"]:
            events = self.vm_sum(recording, vm["number"], vm)
            for vcpu in vm["vcpus"]:
                self.vcpu_sum(events, vcpu)
            for key in ("requests", "pvti_updates", "pvti_changed", "tsc_writes"):
                self.assertEqual(vm[key], sum(vcpu[key] for vcpu in vm["vcpus"]), key)

    def test_migrate(self):
        self.check("migrate", "--vcpus", 4, "--vms", 2)

    def test_hotplug(self):
        self.check("hotplug", "--vcpus", 2, "--add", 3)

    def test_storm(self):
        self.check("storm", "--vcpus", 2, "--jobs", 2, "--count", 300)


class Schema(kct.LiveTest):
    """docs/report.schema.json holds for what the program really prints."""

    def setUp(self):
        super().setUp()
        if not os.path.exists(SCHEMA):
            raise unittest.SkipTest("docs/report.schema.json is not there")
        import jsonschema

        with open(SCHEMA, encoding="utf-8") as file:
            # As printed: without kct.parse(), which makes numbers of strings.
            schema = json.load(file)
        kind = jsonschema.validators.validator_for(schema)
        kind.check_schema(schema)
        self.validator = kind(schema)

    def check(self, text):
        for line in text.splitlines():
            report = json.loads(line)
            errors = [f"{error.json_path}: {error.message}"
                      for error in self.validator.iter_errors(report)]
            self.assertEqual(errors, [])
            self.assertEqual(report["schema"], "kvmclock-trace/report")
            # Every field is always there, and there is no other.
            for key in report:
                less = {name: value for name, value in report.items() if name != key}
                self.assertFalse(self.validator.is_valid(less), f"valid without {key}")
            self.assertFalse(self.validator.is_valid({**report, "another": 1}))
            for vm in report["vms"][:2]:
                for key in vm:
                    less = {name: value for name, value in vm.items() if name != key}
                    other = {**report, "vms": [less]}
                    self.assertFalse(self.validator.is_valid(other), f"valid without vms/{key}")

    def test_record_and_report(self):
        path = self.path("recording")
        command = kct.workload_command("migrate", "--vcpus", 2)
        done = kct.run("record", "-o", path, "--json", "--", *command, check=kct.EXIT_OK)
        self.check(done.stdout.splitlines()[-1])
        self.check(kct.run("report", "--json", path, check=kct.EXIT_OK).stdout)

    def test_nothing_happened(self):
        done = kct.run("record", "-o", self.path("recording"), "--json", "--", "true")
        self.check(done.stdout)

    def test_stat(self):
        stat = self.start("stat", "--json", "20ms")
        first = stat.lines.next()
        kct.workload("churn", "--vms", 20)
        self.check("\n".join([first, stat.finish(signal.SIGINT, check=kct.EXIT_OK)]))

    def test_incomplete(self):
        path = self.path("recording")
        command = kct.workload_command("migrate")
        kct.run("record", "-o", path, "--", *command, check=kct.EXIT_OK)
        with open(path, "rb+") as file:
            file.truncate(os.path.getsize(path) // 2)
        self.check(kct.run("report", "--json", path, check=kct.EXIT_INCOMPLETE).stdout)
