# SPDX-License-Identifier: GPL-2.0
"""`report` of whole recordings: the numbers, counted by hand from recording.small_events()."""

import json
import os
import unittest

import recording as r
from case import DONE, INCOMPLETE, ROOT, SANITIZED, USAGE, Case, run

try:
    import jsonschema
except ImportError:
    jsonschema = None

SCHEMA = os.path.join(ROOT, "docs", "report.schema.json")
RECORDING_SCHEMA = os.path.join(ROOT, "docs", "recording.schema.json")


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def needs(schema):
    if not jsonschema:
        return unittest.skip("python3-jsonschema is not installed")
    return unittest.skipUnless(os.path.exists(schema), f"{os.path.basename(schema)} is not there")


def faults(value, schema):
    """What the schema has against it, the first three faults in few words."""
    errors = list(jsonschema.Draft7Validator(schema).iter_errors(value))[:3]
    deepest = [jsonschema.exceptions.best_match([error]) for error in errors]
    return [f"{list(error.absolute_path)}: {error.message[-120:]}" for error in deepest]


def nulls(value):
    """The keys whose values are null, however deep."""
    if isinstance(value, list):
        return set().union(*map(nulls, value))
    if not isinstance(value, dict):
        return set()
    return {key for key, item in value.items() if item is None}.union(*map(nulls, value.values()))


class Report(Case):
    def small(self):
        return self.write("small.jsonl", r.small())

    def test_json(self):
        result = self.report("--json", self.small(), status=DONE)
        self.assertEqual(result.err, "")
        (report,) = result.objects
        self.assertEqual(report["schema"], "kvmclock-trace/report")
        self.assertEqual(report["events"], 18)
        self.assertEqual(report["lost"], 0)
        self.assertIs(report["complete"], True)
        self.assertIsNone(report["incomplete_why"])
        self.assertEqual(report["host"], r.header()["host"])
        self.assertEqual(report["hooks"], r.header()["hooks"])
        self.assertEqual(report["started_ns"], 1_000_000_000)
        self.assertEqual(report["ended_ns"], 3_500_000_000)
        web, db = report["vms"]
        self.assertEqual((web["number"], web["name"], web["pid"]), (1, "web", 4700))
        self.assertIsNone(web["uuid"])
        self.assertEqual(web["name_source"], "option")
        self.assertEqual([web[key] for key in ("orchestrator", "namespace", "id")], [None] * 3)
        self.assertEqual(web["updates"]["total"], 3)
        self.assertEqual(web["updates"]["cause"]["vcpu-request"], 2)
        self.assertEqual(web["updates"]["cause"]["set-clock"], 1)
        self.assertEqual(web["updates"]["effect"]["resnapshot"], 3)
        self.assertEqual(web["unnecessary"], 2)
        self.assertEqual(web["set_clocks"], 1)
        self.assertEqual(web["requests"], 2)
        self.assertEqual(web["requests_derived"], 1)
        self.assertEqual(web["requests_by_origin"]["tsc-write"], 1)
        self.assertEqual(web["requests_by_origin"]["unknown"], 1)
        self.assertEqual(web["pvti_updates"], 3)
        self.assertEqual(web["tsc_writes"], 1)
        self.assertEqual(web["drift_ns"], {"total": -396, "max_forward": 4, "max_backward": 0,
                                           "set_clock": -400})
        self.assertIs(web["gone"], False)
        self.assertEqual([v["id"] for v in web["vcpus"]], [0, 1])
        self.assertEqual([v["pvti_updates"] for v in web["vcpus"]], [2, 1])
        self.assertEqual([v["updates_by_effect"]["resnapshot"] for v in web["vcpus"]], [1, 1])
        # db took its KVM_CREATE_VM's update over: it is nobody's no more
        self.assertEqual((db["name"], db["pid"], db["created"]), ("db", 4800, True))
        self.assertEqual(db["uuid"], "6fe0e5e1-9b0c-4b6f-8a3d-0f3a1f5f9d10")
        self.assertEqual(db["updates"]["cause"]["vm-create"], 1)
        self.assertEqual(db["updates"]["effect"]["inactive"], 1)
        self.assertEqual(db["requests"], 0)
        self.assertEqual(db["requests_cleared"], 1)
        self.assertIs(db["gone"], True)
        self.assertEqual(report["unattributed"]["updates"]["total"], 0)

    def test_of_the_first_release(self):
        """A recording that has the address of each VM, and lacks what was added, reads the same."""
        before = [r.line(r.as_before(json.loads(line))) for line in r.small()]
        path = self.write("before.jsonl", before)
        self.assertEqual(sum(b'"kvm":"0x' in line for line in before), 2)
        (old,) = self.report("--json", path, status=DONE).objects
        (new,) = self.report("--json", self.small(), status=DONE).objects
        for vm in new["vms"]:
            vm["name_source"] = None  # where the name came from was not told
        # the address of each VM is no field of this release
        self.assertEqual(old.pop("passed_over"), {"events": 0, "fields": 2, "words": 0})
        self.assertEqual(new.pop("passed_over"), {"events": 0, "fields": 0, "words": 0})
        self.assertEqual(old, new)
        passed = "PASSED OVER, of another release: 0 events, 2 fields, 0 words\n"
        self.assertEqual(self.report(path, status=DONE).out,
                         self.report(self.small(), status=DONE).out + passed)

    @needs(RECORDING_SCHEMA)
    def test_our_recordings_are_what_the_schema_describes(self):
        schema = load(RECORDING_SCHEMA)
        for line in r.small():
            with self.subTest(line[:30]):
                self.assertEqual(faults(json.loads(line), schema), [])

    @needs(SCHEMA)
    def test_schema(self):
        schema = load(SCHEMA)
        cut = self.write("cut.jsonl", r.small()[:-1])
        bare = self.write("bare.jsonl", [r.line(r.header()), r.line(r.trailer(0))])
        many = self.write("many.jsonl", r.small(
            events=[r.request(1 + i // 7, i % 7) for i in range(700)] +
                   [r.update(None, None, "unknown", "unknown")],
            tail=r.trailer(701, {"ring-full": r.u64((1 << 64) - 1)})))
        for path, status in ((self.small(), DONE), (cut, INCOMPLETE), (bare, DONE),
                             (many, INCOMPLETE)):
            with self.subTest(path):
                (report,) = self.report("-j", path, status=status).objects
                self.assertEqual(faults(report, schema), [])

    def test_text(self):
        result = self.report(self.small(), status=DONE)
        self.assertEqual(result.err, "")
        rows = {line.split()[0]: line.split() for line in result.out.splitlines() if line}
        self.assertEqual(rows["web"], ["web", "qemu", "4700", "2", "active", "2", "3", "1", "2",
                                       "3", "+4", "+4", "0", "-400"])
        self.assertEqual(rows["db"], ["db", "qemu", "4800", "1", "active", "0", "1", "0", "0",
                                      "0", "0", "0", "0", "0"])
        self.assertIn("traced for 2.500 s; 18 events, 0 lost", result.out)
        self.assertNotIn("vCPU 0", result.out)
        self.assertNotIn("INCOMPLETE", result.out)
        result = self.report("-v", self.small(), status=DONE)
        # What KVM_SET_CLOCK asked for is no drift of a vCPU either.
        self.assertEqual([line.split()[1:] for line in result.out.splitlines()
                          if line.startswith("  vCPU")],
                         [["0", "1", "1", "1", "2", "+4", "+4", "0", "-400"],
                          ["1", "1", "1", "1", "1", "0", "0", "0", "0"],
                          ["0", "0", "0", "0", "0", "0", "0", "0", "0"]])

    def test_what_no_hook_shows(self):
        """It is unknown: null, or '?'; never 0 or false."""
        origins = "request_site request_system_time request_clocksource request_resume request_xen"
        for ways, unknown in (
                ("tsc_write", {"tsc_writes"}),
                ("request", {"requests", "requests_cleared", "pending", "unknown"}),
                ("values_before", {"hyperv"}), ("request_site", {"hyperv"}),
                ("request_xen", {"xen"}), ("request_resume", set()),
                (origins, {"system-time", "clocksource", "resume", "hyperv", "xen"}),
                ("request request_site", {"requests", "requests_cleared", "pending", "unknown",
                                          "vcpu-create", "tsc-write", "tsc-offset", "hyperv"}),
                ("pvti update vm vm_gone set_clock tsc_track clock_read tsc_read", set())):
            for way in ("none", "derived"):
                head = r.header(hooks=r.hooks(**dict.fromkeys(ways.split(), way)))
                path = self.write("lacking", r.small(head=head))
                found = self.report("-j", path, status=DONE)
                with self.subTest(ways=ways, way=way):
                    report = found.objects[0]
                    self.assertEqual(faults(report, load(SCHEMA)), [])
                    # What names a VM is no hook's to show, nor why a masterclock is on; stacks
                    # were not asked for.
                    names = ("id", "uuid", "orchestrator", "namespace", "incomplete_why",
                             "masterclock_off", "stacks")
                    vm = {**report["vms"][0], **dict.fromkeys(names, "")}
                    nobody = {**report["unattributed"], "stacks": ""}
                    self.assertEqual(nulls(vm) | nulls(nobody), unknown)
                    text = self.report("-v", path, status=DONE).out
                    self.assertEqual(" ? " in text, "requests" in unknown, text)
                    self.assertEqual("\n?: there was no hook" in text, "requests" in unknown)

    def test_standard_input(self):
        data = b"".join(r.small())
        from_file = self.report("--json", self.small(), status=DONE)
        from_stdin = self.report("--json", "-", stdin=data, status=DONE)
        self.assertEqual(from_file.out, from_stdin.out)
        result = self.report("-", stdin=b"", status=USAGE)
        self.check_line(result, r"-: empty")

    NAMES = {"name_source": "option", "orchestrator": "kubevirt", "namespace": "shop",
             "id": "0b9d2a6e-7c41-4a53-9a4e-5f0f5c1a2b3c"}

    def test_names(self):
        path = self.write("k8s.jsonl", r.small(events=[
            r.vm(1, **self.NAMES), r.vm(2, pid=4800, **{**self.NAMES, "namespace": "bank"})]))
        (report,) = self.report("--json", path, status=DONE).objects
        shop, bank = report["vms"]
        self.assertEqual(shop["name"], "web")
        self.assertEqual({key: shop[key] for key in self.NAMES}, self.NAMES)
        self.assertEqual(bank["namespace"], "bank")
        text = self.report(path, status=DONE).out
        self.assertRegex(text, r"(?m)^shop/web +qemu +4700 ")
        self.assertRegex(text, r"(?m)^bank/web +qemu +4800 ")
        for name, pids in (("web", [4700, 4800]), ("shop/web", [4700]), ("bank_web", [4800]),
                           (self.NAMES["id"], [4700, 4800]), ("shop", []), ("shop/", [])):
            with self.subTest(name):
                (report,) = self.report("-j", "-V", name, path, status=DONE).objects
                self.assertEqual([vm["pid"] for vm in report["vms"]], pids)

    def test_names_of_older_and_newer_releases(self):
        older = {key: value for key, value in r.vm(1).items() if key not in self.NAMES}
        path = self.write("other.jsonl", r.small(events=[
            older, r.vm(2, pid=4800, name_source="dream", orchestrator="new")]))
        (report,) = self.report("-j", path, status=DONE).objects
        older, newer = report["vms"]
        self.assertEqual({older[key] for key in self.NAMES}, {None})
        self.assertEqual((newer["name"], newer["name_source"]), ("web", None))
        self.assertIsNone(newer["orchestrator"])

    def test_filters(self):
        for options in (["--vm", "db"], ["--pid", "4800"],
                        ["--vm", "6FE0E5E1-9B0C-4B6F-8A3D-0F3A1F5F9D10"],
                        ["--vm", "db", "--pid", "4800"]):
            with self.subTest(options):
                (report,) = self.report("-j", *options, self.small(), status=DONE).objects
                self.assertEqual([vm["name"] for vm in report["vms"]], ["db"])
                self.assertEqual(report["events"], 3)
        for options in (["--vm", "nosuch"], ["--pid", "1"], ["--vm", "web", "--pid", "4800"],
                        ["--vm", ""]):
            with self.subTest(options):
                (report,) = self.report("-j", *options, self.small(), status=DONE).objects
                self.assertEqual(report["vms"], [])

    def test_several_files(self):
        good, cut = self.small(), self.write("cut.jsonl", r.small()[:-1])
        bad = self.write("bad.jsonl", b"nonsense\n")
        for files, status, shown in (([good, good], DONE, 2), ([good, cut], INCOMPLETE, 2),
                                     ([cut, good], INCOMPLETE, 2), ([good, bad], USAGE, 1),
                                     ([bad, good], USAGE, 1), ([cut, bad], USAGE, 1),
                                     ([bad, cut], USAGE, 1), ([bad, bad], USAGE, 0)):
            with self.subTest([os.path.basename(f) for f in files]):
                result = self.report("-j", *files, status=status)
                self.assertEqual(len(result.objects), shown)

    def test_filter_starts_anew_with_each_file(self):
        # VM 1 is "web" in one and "other" in the other
        other = self.write("other.jsonl", r.small(events=[r.vm(1, name="other")]))
        first, second = self.report("-j", "--vm", "web", self.small(), other, status=DONE).objects
        self.assertEqual([vm["name"] for vm in first["vms"]], ["web"])
        self.assertEqual(second["vms"], [])

    def test_losses(self):
        events, room = "events were lost", "VMs had no room"
        for losses, why in (({"ring-full": 3}, events), ({"missed": 1}, events),
                            ({"vms-full": (1 << 64) - 1}, room),
                            ({"vcpus-full": 1}, "vCPUs had no room"),
                            ({"ring-full": 1 << 63, "missed": 1 << 63}, events)):
            with self.subTest(losses):
                path = self.write("lost.jsonl", r.small(tail=r.trailer(
                    18, {word: r.u64(count) for word, count in losses.items()})))
                result = self.report("-j", path, status=INCOMPLETE)
                (report,) = result.objects
                self.assertIs(report["complete"], False)
                self.assertRegex(report["incomplete_why"], why)
                self.assertEqual(report["lost"] != 0, why == events)
                self.check_line(result, why)
                result = self.report(path, status=INCOMPLETE)
                self.assertIn("LOST:", result.out)

    def test_missed(self):
        """Which evidence, why, and what would help: by the way that it was had."""
        head = r.header(hooks=[
            {"evidence": name, "way": way, "target": "x", "note": None}
            for name, way in (("update", "tracepoint"), ("pvti", "trace-event"),
                              ("set-clock", "kprobe"), ("vm-gone", "fentry"))])
        missed = [{"evidence": "pvti", "calls": 3}, {"evidence": "set-clock", "calls": None},
                  {"evidence": "vm-gone", "calls": 1}]
        path = self.write("missed.jsonl", r.small(
            head=head, tail=r.trailer(18, {"missed": 4}, missed=missed)))
        (report,) = self.report("-j", path, status=INCOMPLETE).objects
        self.assertEqual((report["losses"]["missed"], report["missed"]), (4, missed))
        text = self.report(path, status=INCOMPLETE).out
        self.assertIn("LOST: 4 missed (3 of pvti, 1 of vm-gone); the numbers above", text)
        self.assertRegex(text, "MISSED: 3 calls for pvti, by trace-event: .*bpf\\(2\\)")
        self.assertRegex(text, "MISSED: 1 calls for vm-gone, by fentry: .*preempted")
        self.assertNotIn("for set-clock", text)

    def test_events_that_the_trailer_denies(self):
        for events in (0, 17, 19, 1 << 40):
            with self.subTest(events):
                path = self.write("count.jsonl", r.small(tail=r.trailer(events)))
                result = self.report("-j", path, status=INCOMPLETE)
                self.check_line(result, f"{events} events were recorded, 18 are in the file")

    def test_unknown_keys_are_ignored(self):
        # what a later program of the same format version may add
        more = {"later": [1, {"x": None}], "later2": "y"}
        path = self.write("later.jsonl", r.small(
            head=r.header(**more), events=[{**e, **more} for e in r.small_events()],
            tail=r.trailer(18, **more)))
        (report,) = self.report("-j", path, status=DONE).objects
        (same,) = self.report("-j", self.small(), status=DONE).objects
        self.assertEqual(report.pop("passed_over"), {"events": 0, "fields": 40, "words": 0})
        self.assertEqual(same.pop("passed_over"), {"events": 0, "fields": 0, "words": 0})
        self.assertEqual(report, same)

    def test_sanitized_program_is_sanitized(self):
        # else all that the other tests do not see would not be seen
        with open(SANITIZED, "rb") as file:
            content = file.read()
        self.assertIn(b"__asan_init", content)
        self.assertIn(b"__ubsan_handle", content)
        self.check(run("--version"), DONE)
