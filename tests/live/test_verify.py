# SPDX-License-Identifier: GPL-2.0
"""`verify` of what this very kernel does; its recordings, kept whole and tampered with."""

import json
import os
import re
import signal
import subprocess

import forge
import kct
import schema

KERNEL = tuple(int(word) for word in os.uname().release.split("-")[0].split(".")[:2])
# c52ffadc65e2: a vCPU that joins a VM whose TSCs match makes no request any more.
HOTPLUG = "nothing-to-suppress" if KERNEL >= (6, 7) else "per-vcpu"


def verify(*args, check):
    """The JSON object, which the schema has nothing against."""
    done = kct.run("verify", *args, "--json", check=check)
    faults = schema.faults("verify", done.stdout)
    assert not faults, faults
    return kct.parse(done.stdout)


def parent_of(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except OSError:
        return None


class Verify(kct.LiveTest):
    def test_migrate(self):
        got = verify("migrate", "--vcpus", 4, "--expect", "per-vcpu", check=kct.EXIT_OK)
        self.assertEqual((got["what"], got["verdict"], got["holds"]), ("migrate", "per-vcpu", True))
        source, target = got["vms"]
        # Each vCPU of the target makes one when it is restored; the clock is set once.
        evidence = target["evidence"]
        for figure in ("pending_at_set_clock", "judged", "served", "new_snapshots"):
            self.assertEqual(evidence[figure], 4, figure)
        self.assertIn(evidence["pending_after_set_clock"], (4, None))
        for figure in ("cleared", "unresolved", "kept_snapshots", "negative_deltas"):
            self.assertEqual(evidence[figure], 0, figure)
        self.assertEqual((evidence["set_clocks"], evidence["updates"]), (1, 5))
        self.assertEqual(source["verdict"], "nothing-to-suppress")
        self.assertEqual(source["evidence"]["set_clocks"], 0)

    def test_migrate_expected_otherwise(self):
        every = ("suppressed", "coalesced", "nothing-to-suppress", "unnecessary=0",
                 "pvti=identical")
        for expectations in (every[:1], every):
            options = [word for e in expectations for word in ("--expect", e)]
            got = verify("migrate", "--vcpus", 4, *options, check=kct.EXIT_FAILED)
            self.assertEqual((got["verdict"], got["holds"]), ("per-vcpu", False))
            self.assertEqual([e["holds"] for e in got["expected"]], [False] * len(expectations))

    def test_migrate_of_many(self):
        got = verify("migrate", "--vcpus", 3, "--vms", 2, "--expect", "unnecessary=6",
                     "--expect", "drift<=10us", check=kct.EXIT_OK)
        self.assertEqual(sorted(vm["verdict"] for vm in got["vms"]),
                         ["nothing-to-suppress"] * 2 + ["per-vcpu"] * 2)

    def test_hotplug(self):
        got = verify("hotplug", "--expect", HOTPLUG, check=kct.EXIT_OK)
        self.assertEqual(got["verdict"], HOTPLUG)

    def test_tap(self):
        done = kct.run("verify", "migrate", "--vcpus", 2, "--kselftest", "--expect", "per-vcpu",
                       "--expect", "suppressed", check=kct.EXIT_FAILED)
        self.assertEqual(done.stdout.splitlines(), [
            "TAP version 13", "1..2", "ok 1 migrate: per-vcpu", "# the verdict is per-vcpu",
            "not ok 2 migrate: suppressed", "# the verdict is per-vcpu"])
        self.assertEqual(done.stderr, "")

    def test_beside_others(self):
        """VMs that are not the scenario's do not count."""
        storm = self.start("workload", "storm", "--vcpus", 2, "--count", 10**9)
        self.wait_for_vm(storm.pid)
        got = verify("migrate", "--vcpus", 4, "--expect", "per-vcpu", check=kct.EXIT_OK)
        storm.kill()
        self.assertEqual(len(got["vms"]), 2)
        self.assertNotIn(storm.pid, [vm["pid"] for vm in got["vms"]])
        self.assertEqual(got["evidence"]["judged"], 4)

    def wait_for_vm(self, pid, child=False):
        """That process's VM, or its child's, runs."""
        def runs():
            vms = kct.parse(kct.run("list", "--json", check=kct.EXIT_OK).stdout)["vms"]
            return [vm for vm in vms if vm["masterclock"] == "active" and
                    (parent_of(vm["pid"]) if child else vm["pid"]) == pid]

        kct.until(runs, "the VM")

    def check_kept(self, got, path):
        """A recording of the run reads to the same verdict."""
        again = verify("--recording", path, check=kct.EXIT_OK)
        for field in ("verdict", "why", "evidence", "vms"):
            self.assertEqual(again[field], got[field])
        self.assertEqual(again["what"], path)
        report = kct.parse(kct.run("report", "--json", path, check=kct.EXIT_OK).stdout)
        self.assertTrue(report["complete"])
        self.assertEqual([vm["number"] for vm in report["vms"]],
                         [vm["number"] for vm in got["vms"]])
        for figure in ("requests", "set_clocks", "negative_deltas"):
            self.assertEqual(sum(vm[figure] for vm in report["vms"]), got["evidence"][figure])
        with open(path, encoding="utf-8") as file:
            for line in file.readlines()[:200]:
                self.assertEqual(schema.faults("recording", line), [])

    def test_keeps_a_recording(self):
        path = self.path("kept.jsonl")
        self.check_kept(verify("migrate", "-o", path, check=kct.EXIT_OK), path)
        done = kct.run("compare", path, path, "--json", check=kct.EXIT_OK)
        self.assertEqual(schema.faults("compare", done.stdout), [])
        for name, figure in kct.parse(done.stdout)["figures"].items():
            self.assertEqual(figure["change"], 0, name)
        # A run of the same scenario, recorded otherwise, may be compared with it.
        _, recording, _ = self.record("other.jsonl", *kct.workload_command("migrate", "--vcpus", 4))
        self.assertTrue(recording.events)
        done = kct.run("compare", path, self.path("other.jsonl"), "--json", "--force",
                       check=kct.EXIT_OK)
        figures = kct.parse(done.stdout)["figures"]
        for name in ("judged", "new_snapshots", "kept_snapshots", "set_clocks"):
            self.assertEqual(figures[name]["change"], 0, name)

    def guest(self, name, *args):
        """A workload in the background under another name, which is its VM's then."""
        program = self.path(name)
        os.symlink(kct.PROGRAM, program)
        process = self.start("workload", *args, program=program)
        self.wait_for_vm(process.pid)
        return process

    def test_running_vm(self):
        """--vm and --pid for a while."""
        process = self.guest("guest", "steady", "--vcpus", 2, "--duration", "50ms", "--hold")
        path = self.path("guest.jsonl")
        for option, value in (("--vm", "guest"), ("--pid", process.pid)):
            with self.subTest(option):
                got = verify(option, value, "--duration", "100ms", "-o", path, "--expect",
                             "nothing-to-suppress", check=kct.EXIT_OK)
                (vm,) = got["vms"]
                self.assertEqual((vm["name"], vm["pid"]), ("guest", process.pid))
                self.assertEqual(got["what"], "guest" if option == "--vm" else "the VM")
                self.check_kept(got, path)
        process.kill()
        got = verify("--vm", "no-such-guest", "--duration", "20ms", check=kct.EXIT_INCOMPLETE)
        self.assertEqual((got["verdict"], got["why"], got["vms"]),
                         ("inconclusive", "no VM was seen", []))

    def test_busy_vm(self):
        """Its clock is set all the time, and nobody waits: nothing else is ever concluded."""
        self.guest("storm", "storm", "--vcpus", 2, "--count", 10**9)
        for _ in range(3):
            done = kct.run("verify", "--vm", "storm", "--duration", "50ms", "--json")
            got = kct.parse(done.stdout)
            self.assertGreater(got["evidence"]["set_clocks"], 10)
            self.assertEqual(got["evidence"]["judged"], 0)
            if done.returncode == kct.EXIT_INCOMPLETE:
                # A call or a publication that the beginning or the end cut in two.
                self.assertRegex(got["why"], "is missing")
                continue
            self.assertEqual(done.returncode, kct.EXIT_OK, done.stderr)
            self.assertEqual(got["verdict"], "nothing-to-suppress")

    def test_interrupted(self):
        """The guest had nothing to suppress, but who knows what it was yet to do."""
        process = self.start("verify", "steady", "--duration", "1000s", "--json", "--expect",
                             "nothing-to-suppress").wait_polling()
        self.wait_for_vm(process.pid, child=True)
        got = kct.parse(process.finish(signal.SIGINT, check=kct.EXIT_INCOMPLETE))
        self.assertEqual((got["verdict"], got["holds"]), ("inconclusive", None))
        self.assertEqual(got["why"], "the workload did not come to its end")

    def test_repeat(self):
        """Each run traces, and is kept; the recordings come to the same."""
        path = self.path("kept")
        words = ["--expect", "per-vcpu", "--expect", "unnecessary=4", "--json"]
        done = kct.run("verify", "migrate", "--vcpus", 4, "--repeat", 3, "-o", path, *words,
                       check=kct.EXIT_OK)
        self.assertEqual(schema.faults("verify-runs", done.stdout), [])
        got = kct.parse(done.stdout)
        self.assertEqual((got["what"], got["verdicts"]["per-vcpu"]), ("migrate", 3))
        self.assertEqual(got["spread"]["new_snapshots"], {"min": 4, "median": 4, "max": 4})
        self.assertEqual(got["spread"]["set_clocks"], {"min": 1, "median": 1, "max": 1})
        kept = [word for i in (1, 2, 3) for word in ("--recording", f"{path}.{i}")]
        again = kct.parse(kct.run("verify", *kept, *words, check=kct.EXIT_OK).stdout)
        for field in ("runs", "spread", "verdicts", "holds", "expected"):
            self.assertEqual(again[field], got[field])

    def test_repeat_interrupted(self):
        """By a signal to it alone; the workload goes, too."""
        path = self.path("kept")
        process = self.start("verify", "steady", "--duration", "1s", "--repeat", 1000, "--json",
                             "-o", path).wait_polling()
        kct.until(lambda: os.path.exists(path + ".3"), "the third run")
        got = kct.parse(process.finish(signal.SIGTERM, check=kct.EXIT_INCOMPLETE))
        self.assertEqual((got["stopped"], got["asked"]), ("interrupted", 1000))
        self.assertGreaterEqual(len(got["runs"]), 2)
        self.assertLess(len(got["runs"]), 1000)
        self.assertEqual({one["verdict"] for one in got["runs"]}, {"nothing-to-suppress"})

    def test_all(self):
        """Each scenario but that which changes the host, and each against its expectation."""
        done = kct.run("verify", "all", "--json", check=kct.EXIT_FAILED)
        self.assertEqual(schema.faults("verify-all", done.stdout), [])
        got = kct.parse(done.stdout)
        self.assertFalse(got["holds"])
        results = {one["scenario"]: one["result"] for one in got["scenarios"]}
        self.assertNotIn("clocksource", results)
        for scenario, result in results.items():
            if result is None:
                continue
            with self.subTest(scenario):
                self.assertEqual(schema.faults("verify-runs", json.dumps(result)), [])
                (expected,) = result["expected"]
                relation, bound = re.fullmatch(r"unnecessary(<?=)(\d+)",
                                               expected["expected"]).groups()
                (run,) = result["runs"]
                self.assertNotEqual(run["verdict"], "inconclusive", run["why"])
                snapshots = run["figures"]["new_snapshots"]
                self.assertEqual(expected["holds"], snapshots <= int(bound) if relation == "<="
                                 else snapshots == int(bound))
        # On a kernel without the patches: as by itself.
        self.assertEqual(results["migrate"]["verdict"], "per-vcpu")
        self.assertEqual(results["migrate"]["runs"][0]["figures"]["new_snapshots"], 4)
        self.assertEqual(results["hotplug"]["verdict"], HOTPLUG)
        self.assertEqual(results["steady"]["verdict"], "nothing-to-suppress")

    def test_losses(self):
        """No room for the second VM: nothing is concluded."""
        got = verify("migrate", "--max-vms", 1, "--expect", "suppressed",
                     check=kct.EXIT_INCOMPLETE)
        self.assertEqual(got["verdict"], "inconclusive")

    def test_failing_workload(self):
        for options in (["migrate", "--vcpus", 0], ["migrate", "--vcpus", 10**6]):
            done = kct.run("verify", *options, check=kct.EXIT_USAGE)
            self.assertEqual(done.stdout, "")
            self.assertTrue(done.stderr.startswith("kvmclock-trace"), done.stderr)

    def test_unwritable(self):
        done = kct.run("verify", "migrate", "-o", self.path("no/such"), check=kct.EXIT_USAGE)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        kct.run("verify", "migrate", "-o", "/dev/full", check=kct.EXIT_INCOMPLETE)


class Forgeries(kct.LiveTest):  # threat-03
    """A real recording of this host, of which something is missing."""

    def verdict(self, lines):
        done = subprocess.run([kct.PROGRAM, "verify", "--json", "--recording", "-"],
                              input=b"".join(lines), capture_output=True, check=False)
        return done.returncode, json.loads(done.stdout)["verdict"]

    def check_each(self, forgeries, verdicts):
        wrong = []
        for what, lines in forgeries:
            status, verdict = self.verdict(lines)
            expected = kct.EXIT_INCOMPLETE if verdict == "inconclusive" else kct.EXIT_OK
            if verdict not in verdicts or status != expected:
                wrong.append(f"{what}: {verdict}, status {status}")
        self.assertEqual(wrong, [])

    def real(self, name):
        self.record(name, *kct.workload_command("migrate", "--vcpus", 4))
        with open(self.path(name), "rb") as file:
            lines = file.readlines()
        self.assertEqual(self.verdict(lines), (kct.EXIT_OK, "per-vcpu"))
        return lines

    def test_forged(self):
        lines = self.real("one.jsonl")
        may = ("per-vcpu", "inconclusive")
        for forgeries in (forge.dropped, forge.swapped, forge.doubled):
            self.check_each(forgeries(lines), may)
        for forgeries in (forge.dropped_and_told, forge.lossy, forge.cut):
            self.check_each(forgeries(lines), ("inconclusive",))

    def test_of_two_runs(self):
        one, other = self.real("one.jsonl"), self.real("other.jsonl")
        for pair in ((one, other), (other, one)):
            self.check_each(forge.joined(*pair), ("inconclusive",))
