# SPDX-License-Identifier: GPL-2.0
"""`migration`: figures of migrations that were made up, and recordings that hold none."""

import json
import os
import random
import re
import sys

import recording as r
from case import DONE, INCOMPLETE, PROGRAM, ROOT, USAGE, Case, run
from chains import MUL, SHIFT, Guest
from chains import recording as recording_of
from migrations import MS, OTHER_BOOT, S, US, UUID, Host, Migration, update

sys.path.append(os.path.join(ROOT, "tests", "lib"))

import forge  # noqa: E402
import schema  # noqa: E402

EXAMPLE = os.path.join(ROOT, "examples", "migrate.jsonl")
OTHER = Host("host-2", OTHER_BOOT, ahead=3 * MS, error=500 * US)
FIGURES = ("t1_ns", "t2_ns", "predicted_ns", "observed_ns", "by_updates_ns", "by_rate_ns",
           "unexplained_ns", "tsc_advance_ns")


class MigrationCase(Case):
    def run_it(self, recordings, *options, status=DONE):
        """`recordings`: the lines of one, or of two."""
        if isinstance(recordings, list):
            recordings = (recordings,)
        paths = [self.write(name, lines)
                 for name, lines in zip(("source.jsonl", "target.jsonl"), recordings)]
        return self.check(run("migration", *paths, *options), status)

    def figures(self, recordings, *options, status=DONE):
        """The JSON object; that the text agrees with it is checked on the way."""
        result = self.run_it(recordings, "--json", *options, status=status)
        self.assertEqual(schema.faults("migration", result.out), [])
        (found,) = result.objects
        text = self.run_it(recordings, *options, status=status)
        self.assertEqual(text.err, result.err)
        if status == DONE:
            self.assertEqual(text.err, "")
        self.check_text(text.out, found)
        return found

    def check_text(self, out, found):
        """What is said for people is what is said for machines."""
        def shown(value):
            return "?" if value is None else f"{value:+d}"

        for vcpu in found["vcpus"]:
            row = re.search(rf"(?m)^ +{vcpu['id']} +(\S.*)$", out)[1].split()
            self.assertEqual(row[:7], [shown(vcpu[name]) for name in FIGURES[:7]])
            if not vcpu["later"]:
                self.assertEqual(row[7:], ["?", "?"])
            else:
                later = vcpu["later"]["drift_ns"]
                asked = later["set_clock"]
                self.assertEqual([row[7], row[8].rstrip(",")],
                                 [str(vcpu["later"]["pvti_moved"]), str(later["total"] - asked)])
                self.assertEqual(f" and {asked:+d} that KVM_SET_CLOCK asked for" in out, asked != 0)
            if vcpu["why"]:
                self.assertIn(f"\n       {vcpu['why']}\n", out)
        for label, value in (("clock stood", found["blackout_ns"]),
                             ("accounted", found["clock_advance_ns"]),
                             ("lost", found["clock_lost_ns"]), ("downtime", found["downtime_ns"])):
            seconds = "?" if value is None else f"{value / S:+.9f} s"
            self.assertRegex(out, rf"(?m)^  {label} +{re.escape(seconds)} ")
        self.assertRegex(out, rf"\nVMM: {found['vmm_pattern'] or '[?]'}( \(.*\))?\n")
        if found["vmm_sequence"] is not None:
            steps = [(step["side"], step["ioctl"]) for step in found["vmm_sequence"]]
            self.assertEqual(steps, self.steps_of(out))
        for advice in found["advice"]:
            self.assertIn(f"\n  - {advice}.\n", out)
        self.assertEqual(out.count("\n  - "), len(found["advice"]))
        self.assertEqual("INCOMPLETE: " in out, not found["complete"])
        self.assertEqual("two hosts" in out, not found["same_host"])
        self.check_timeline(out, found["timeline"])

    @staticmethod
    def steps_of(out):
        """(side, ioctl) of each step that the text names."""
        sides = ((side, re.search(rf"(?m)^  {side}  (.*)$", out)[1]) for side in
                 ("source", "target"))
        return [(side, step.split()[0]) for side, steps in sides for step in steps.split(", ")
                if steps != "nothing was seen"]

    def check_timeline(self, out, timeline):
        rows = {"P1": "tsc_saved_first", "P2": "clock_read", "P3": "tsc_written_first",
                "P4": "clock_set", "the guest runs": "ran"}
        for label, name in rows.items():
            (row,) = re.findall(rf"(?m)^ +{label} .*$", out)
            instant = timeline[name]
            origin = timeline["tsc_saved_first"] or timeline["clock_read"]
            self.assertEqual(row.endswith("?"), not (instant and origin), row)
            self.assertEqual(row.endswith("(derived)"),
                             bool(instant and origin and instant["derived"]), row)
            if instant and origin:
                since = int(instant["realtime_ns"]) - int(origin["realtime_ns"])
                self.assertIn(f" {since / S:+.9f} s", row)

    def check_migration(self, migration, found):
        """Each figure is what the plan has it to be."""
        for vcpu, expected in zip(found["vcpus"], migration.expected(), strict=True):
            self.assertEqual({name: vcpu[name] for name in expected}, expected)
            self.assertIsNone(vcpu["why"])
            self.assertLess(abs(vcpu["unexplained_ns"]), 4)
        first = next(migration.expected())
        for name in ("t1_ns", "t2_ns", "predicted_ns"):
            self.assertEqual(found[name], first[name])
        for vcpu, (changed, jump) in zip(found["vcpus"], migration.later):
            self.assertEqual(vcpu["later"], {
                "pvti_moved": changed, "tsc_rewritten": False,
                "drift_ns": {"total": jump, "max_forward": max(jump, 0),
                             "max_backward": min(jump, 0), "set_clock": 0}})
        self.assertTrue(found["complete"])
        self.assertIsNone(found["incomplete_why"])
        self.assertEqual(found["clock_advance_ns"], migration.advance)

    def refused(self, recordings, pattern, *options, status=USAGE):
        for more in ((), ("--json",)):
            result = self.run_it(recordings, *options, *more, status=status)
            self.assertEqual(result.out, "")
            if status == USAGE:
                self.check_line(result, pattern)
            self.assertRegex(result.err.splitlines()[-1], pattern)


class Figures(MigrationCase):
    STORIES = {
        "backward": {},
        "forward": {"t1": 5 * MS},
        "a skew of seconds": {"t1": 2 * S, "t2": 3 * S},
        "no downtime to speak of": {"downtime": 2 * MS},
        "one vCPU": {"vcpus": 1},
        "eight vCPUs": {"vcpus": 8},
        "realtime": {"realtime": True},
        "offsets": {"offsets": True},
        "offsets and realtime": {"offsets": True, "realtime": True},
        "seen to be saved": {"saves": True},
        "snapshots": {"vcpus": 4, "errors": (7, 2, -5, 90)},
        "another rate": {"to": (MUL + MUL // 3000, SHIFT), "errors": (0, 1)},
        "another shift": {"to": (MUL // 2, SHIFT + 1), "errors": (3, -3)},
    }

    def test_one_recording(self):
        for name, plan in self.STORIES.items():
            with self.subTest(name):
                migration = Migration(**plan)
                found = self.figures(migration.one_host())
                self.check_migration(migration, found)
                self.assertTrue(found["same_host"])
                self.assertEqual(found["between_error_ns"], 0)
                self.assertLess(abs(found["blackout_ns"] - (migration.p4 - migration.p2)), 4)

    def test_two_recordings(self):
        for name, plan in self.STORIES.items():
            with self.subTest(name):
                migration = Migration(numbers=(3, 1), **plan)
                found = self.figures(migration.two_hosts(target=OTHER))
                self.check_migration(migration, found)
                self.assertFalse(found["same_host"])
                self.assertEqual(found["between_error_ns"], 750 * US)
                # by the wall clocks, of which one is ahead
                blackout = migration.p4 - migration.p2 + OTHER.ahead
                self.assertLess(abs(found["blackout_ns"] - blackout), 4)

    def test_all_fields(self):
        migration = Migration(uuid=UUID, name="db")
        source, target = migration.two_hosts(target=OTHER)
        found = self.figures((source, target))
        self.assertEqual((found["schema"], found["version"]), ("kvmclock-trace/migration", 1))
        for side, name, number, pid, lines in (("source", "source.jsonl", 1, 4700, source),
                                               ("target", "target.jsonl", 2, 4800, target)):
            self.assertEqual(found[side], {
                "path": self.path(name), "host": json.loads(lines[0])["host"], "vm": number,
                "name": "db", "name_source": "option", "namespace": None, "id": None,
                "uuid": UUID, "orchestrator": None, "vmm": "qemu", "pid": pid,
                "passed_over": {"events": 0, "fields": 0, "words": 0}})
        self.assertEqual((found["tsc_saved"], found["clock_saved"]), ("derived", "derived"))
        for name, ns, host, derived in (
                ("tsc_saved_first", migration.p1, Host(), True),
                ("tsc_saved_last", migration.p1 + 10 * US, Host(), True),
                ("clock_read", migration.p2, Host(), True),
                ("tsc_written_first", migration.p3, OTHER, False),
                ("tsc_written_last", migration.p3 + 10 * US, OTHER, False),
                ("clock_set", migration.p4, OTHER, False), ("ran", migration.ran, OTHER, False)):
            instant = found["timeline"][name]
            self.assertLess(abs(instant["boot_ns"] - ns), 4 if derived else 1, name)
            self.assertLess(abs(instant["realtime_ns"] - host.realtime(ns)), 4 if derived else 1)
            self.assertIs(instant["derived"], derived)
        self.assertEqual(found["vmm_pattern"], "classic")
        self.assertEqual(
            [(s["side"], s["ioctl"], s["count"], s["realtime"], s["derived"])
             for s in found["vmm_sequence"]],
            [("source", "get-tsc", 2, False, True), ("source", "get-clock", 1, False, True),
             ("target", "set-tsc", 2, False, False), ("target", "set-clock", 1, False, False)])
        written = found["vmm_sequence"][2]
        self.assertEqual((written["first_boot_ns"], written["last_boot_ns"]),
                         (migration.p3, migration.p3 + 10 * US))
        self.assertEqual(found["clock_lost_ns"], found["blackout_ns"])
        self.assertLess(abs(found["downtime_ns"] - (migration.ran + OTHER.ahead - migration.p1)),
                        4)
        self.assertEqual((found["other_frequency"], found["tsc_not_in_force"],
                          found["unpaired_vcpus"]), (False, False, 0))

    def test_clock_guest(self):
        """The line that was asked for is predicted, whatever T1 and T2 are."""
        for ahead in (0, 17):
            migration = Migration(saves=True, realtime=True, line=ahead)
            found = self.figures(migration.one_host())
            self.check_migration(migration, found)
            self.assertEqual([v["predicted_ns"] for v in found["vcpus"]], [ahead] * 2)
            self.assertEqual((found["t1_ns"], found["t2_ns"], found["predicted_ns"]),
                             (None, None, ahead))
            self.assertEqual(found["timeline"]["clock_set"]["boot_ns"], migration.p4)
            self.assertEqual(found["vmm_pattern"], "clock-guest")
            self.assertEqual([(s["ioctl"], s["realtime"]) for s in found["vmm_sequence"][2:]],
                             [("set-tsc", False), ("set-clock", True), ("set-clock-guest", False)])
            self.assertEqual(found["clock_advance_ns"], migration.advance)
        out = self.run_it(migration.one_host()).out
        self.assertRegex(out, r"(?m)^ +0 +\? +\? +\+17 ")
        self.assertIn("  PREDICTED: the line that KVM_SET_CLOCK_GUEST asked for", out)
        self.assertNotIn("T1 - T2", out)

    def test_seen_to_be_saved(self):
        found = self.figures(Migration(saves=True).one_host())
        self.assertEqual((found["tsc_saved"], found["clock_saved"]), ("observed", "observed"))
        self.assertEqual([found["timeline"][name]["derived"] for name in
                          ("tsc_saved_first", "tsc_saved_last", "clock_read")], [False] * 3)
        self.assertEqual([(s["ioctl"], s["count"], s["derived"])
                          for s in found["vmm_sequence"][:2]],
                         [("get-tsc", 2, False), ("get-clock", 1, False)])
        self.assertEqual(found["blackout_ns"], 10 * S + 200 * US)

    def test_text(self):
        migration = Migration(errors=(7,))
        out = self.run_it(migration.two_hosts(target=OTHER)).out
        for line in (f"from web (VM 1, qemu pid 4700) on host-1, kernel 6.12.0, in "
                     f"{self.path('source.jsonl')}",
                     f"to   web (VM 2, qemu pid 4800) on host-2, kernel 6.12.0, in "
                     f"{self.path('target.jsonl')}",
                     "  source  get-tsc x2 (derived), get-clock (derived)",
                     "  target  set-tsc x2, set-clock",
                     "  two hosts: P3 and what follows may be off by 0.000750 s against P1",
                     "DRIFT (ns; + is a jump forward)"):
            self.assertIn(line + "\n", out)
        unsynchronised = Host("host-2", OTHER_BOOT, error=None)
        out = self.run_it(migration.two_hosts(target=unsynchronised)).out
        self.assertIn("may be off by anything against P1\n", out)
        found = self.figures(migration.two_hosts(target=unsynchronised))
        self.assertIsNone(found["between_error_ns"])

    def test_advice(self):
        for plan, words in (({}, ("T1 - T2", "stood still")),
                            ({"downtime": MS // 2}, ("T1 - T2",)),
                            ({"realtime": True}, ("T1 - T2", "the TSCs were not")),
                            ({"offsets": True}, ("the clock does not", "stood still")),
                            ({"offsets": True, "realtime": True}, ()),
                            ({"errors": (1, 1), "offsets": True, "realtime": True},
                             ("took new snapshots",))):
            with self.subTest(plan):
                advice = self.figures(Migration(**plan).one_host())["advice"]
                self.assertEqual(len(advice), len(words), advice)
                for one, word in zip(advice, words):
                    self.assertIn(word, one)

    def test_advice_is_about_the_migration(self):
        """What was requested when all had run, as by a vCPU that was added, is not its matter."""
        migration = Migration()
        later = update(2, 0, migration.target[-1]["ns"] + S, "vcpu-request", "resnapshot",
                       migration.source[0]["state"])
        found = self.figures(Host().recording(*migration.source, *migration.target, later))
        self.assertEqual([v["unnecessary"] for v in found["vcpus"]], [0, 0])
        self.assertFalse([a for a in found["advice"] if "snapshots" in a])

    def test_set_later(self):
        """What a VMM asks for when all have run is told apart from drift."""
        migration = Migration(vcpus=1)
        ns, new = migration.target[-1]["ns"] + S, migration.target[-1]["new"]
        ahead = {**new, "system_time": new["system_time"] + 40 * MS}
        off = {**ahead, "system_time": ahead["system_time"] - 3}
        found = self.figures(Host().recording(
            *migration.source, *migration.target,
            r.published(2, 0, new, ahead, 40 * MS, clock_set=True, ns=ns),
            r.published(2, 0, ahead, off, -3, ns=ns + 1)))
        self.assertEqual(found["vcpus"][0]["later"]["drift_ns"],
                         {"total": 40 * MS - 3, "max_forward": 0, "max_backward": -3,
                          "set_clock": 40 * MS})

    def test_other_frequency(self):
        """Said where the guest's clock goes by another rate, in words as well."""
        said = "  The guest's TSC has another frequency on the target.\n"
        for khz, to, other in (((2100000, 2100000), (MUL, SHIFT), False),
                               ((2100000, 2100700), (MUL - MUL // 3000, SHIFT), True),
                               ((2100000, 2100700), (MUL, SHIFT), False)):
            lines = Migration(khz=khz, to=to, errors=(0, 0)).two_hosts(target=OTHER)
            self.assertIs(self.figures(lines)["other_frequency"], other)
            self.assertEqual(said in self.run_it(lines).out, other)

    def test_missing_vcpus(self):
        migration = Migration(vcpus=3)
        lines = [e for e in migration.target if e["vcpu"] != 1]
        found = self.figures((Host().recording(*migration.source), OTHER.recording(*lines)))
        self.assertEqual([v["id"] for v in found["vcpus"]], [0, 2])
        self.assertEqual(found["unpaired_vcpus"], 1)
        self.assertIn("  1 vCPUs are on one side only\n",
                      self.run_it((Host().recording(*migration.source),
                                   OTHER.recording(*lines))).out)

    def test_what_is_not_known(self):
        """No stable PVTI on the target: null, and why; no figure is made up."""
        migration = Migration()
        lines = [e for e in migration.target if e["event"] != "pvti"]
        found = self.figures(Host().recording(*migration.source, *lines))
        for vcpu in found["vcpus"]:
            self.assertEqual([vcpu[name] for name in FIGURES], [None] * 8)
            self.assertIn("no stable PVTI was published on the target", vcpu["why"])
        self.assertEqual([found[name] for name in
                          ("t1_ns", "t2_ns", "predicted_ns", "unexplained_ns", "downtime_ns")],
                         [None] * 5)
        self.assertIsNone(found["timeline"]["ran"])

    def test_example(self):
        """Of the migration that the workload made: the whole of it is explained."""
        result = self.check(run("migration", "--json", EXAMPLE), DONE)
        self.assertEqual(schema.faults("migration", result.out), [])
        (found,) = result.objects
        self.assertEqual((found["source"]["vm"], found["target"]["vm"]), (1, 2))
        self.assertLessEqual(abs(found["unexplained_ns"]), 3)

    def test_standard_input(self):
        migration = Migration()
        source, target = migration.two_hosts(target=OTHER)
        data = b"".join(source)
        result = self.check(run("migration", "-", self.write("target", target), "--json",
                                stdin=data), DONE)
        self.check_migration(migration, result.objects[0])
        self.assertEqual(result.objects[0]["source"]["path"], "-")
        result = self.check(run("migration", "--json", "-", stdin=b"".join(migration.one_host())),
                            DONE)
        self.check_migration(migration, result.objects[0])
        # It can be read once.
        self.check_line(self.check(run("migration", "-", "-", stdin=data), USAGE), "-: empty")


class Pairs(MigrationCase):
    def paired(self, recordings, pair, *options):
        found = self.figures(recordings, *options)
        self.assertEqual((found["source"]["vm"], found["target"]["vm"]), pair)

    def two(self, one, other):
        """One recording with two migrations of VMs 1 to 2 and 3 to 4."""
        return Host().recording(*Migration(**one).source, *Migration(**one).target,
                                *Migration(numbers=(3, 4), **other).source,
                                *Migration(numbers=(3, 4), **other).target)

    def test_by_uuid_before_name(self):
        """Two have the same name; one of them the same UUID on both sides."""
        migration = Migration(numbers=(1, 2), uuid=UUID)
        other = Migration(numbers=(3, 4))
        lines = Host().recording(*migration.source, *migration.target, *other.source,
                                 *other.target)
        self.paired(lines, (1, 2))
        upper = [{**e, "uuid": UUID.upper()} if e["event"] == "vm" else e
                 for e in migration.target]
        self.paired(Host().recording(*migration.source, *upper, *other.source), (1, 2))

    def test_by_name(self):
        lines = self.two({"name": "web"}, {"name": "db"})
        self.refused(lines, "2 pairs of VMs have the same UUID or name: 1=2, 3=4; which one")
        # In one recording a name is both sides'.
        for pair in ("web=web", "WEB=2", "1=web"):
            self.refused(lines, "2 VMs are '(web|WEB)': take the number of one", "--pair", pair)
        self.paired(lines, (1, 2), "--pair", "1=2")
        self.paired(lines, (3, 4), "--pair=3=4")

    def test_told(self):
        """Source and target are called otherwise: by name, UUID or number."""
        migration = Migration()
        migration.source[0].update(name="old", uuid=UUID)
        migration.target[0].update(name="new", uuid=UUID.replace("6", "7"))
        other = Migration(numbers=(8, 9), name="another")
        recordings = (Host().recording(*migration.source, *other.source),
                      OTHER.recording(*migration.target, other.target[0]))
        self.refused(recordings, "no VM of .*source.jsonl went over to one of its UUID or name in "
                                 ".*target.jsonl: are they swapped")
        for pair in ("old=new", "1=2", "OLD=2", "1=New", f"{UUID}=new",
                     f"{UUID.upper()}={UUID.replace('6', '7')}"):
            self.paired(recordings, (1, 2), "--pair", pair)

    def test_told_wrongly(self):
        recordings = Migration().two_hosts(target=OTHER)
        for pair, pattern in (("nosuch=web", "source.jsonl: no VM is 'nosuch'"),
                              ("web=nosuch", "target.jsonl: no VM is 'nosuch'"),
                              ("2=web", "source.jsonl: no VM is '2'"),
                              ("web=1", "target.jsonl: no VM is '1'"),
                              ("0=web", "no VM is '0'"), ("we=web", "no VM is 'we'"),
                              ("web=web2", "no VM is 'web2'"), ("web==web", "no VM is '=web'"),
                              ("4294967297=web", "no VM is '4294967297'"),
                              ("18446744073709551617=web", "no VM is '18446744073709551617'")):
            with self.subTest(pair):
                self.refused(recordings, pattern, "--pair", pair)
        both = Host().recording(*Migration().source, *Migration(numbers=(3, 4)).source)
        self.refused((both, recordings[1]), "source.jsonl: 2 VMs are 'web': take the number",
                     "--pair", "web=web")

    def test_other_uuids_are_other_guests(self):
        """Whatever they are called; and one without a UUID goes by its name."""
        migration = Migration(uuid=UUID)
        recordings = migration.two_hosts(target=OTHER)
        self.paired(recordings, (1, 2))
        migration.target[0]["uuid"] = UUID.replace("6", "7")
        self.refused(migration.two_hosts(target=OTHER),
                     "no VM of .*source.jsonl went over to one of its UUID or name")
        self.paired(migration.two_hosts(target=OTHER), (1, 2), "--pair", "web=web")
        migration.target[0]["uuid"] = ""
        self.paired(migration.two_hosts(target=OTHER), (1, 2))

    def test_names_that_are_numbers(self):
        """A number is that of a VM, if there is one; so there is always one that tells."""
        one, other = Migration(numbers=(1, 2), name="3"), Migration(numbers=(3, 4), name="9")
        lines = Host().recording(*one.source, *one.target, *other.source, *other.target)
        self.paired(lines, (3, 4), "--pair", "3=4")
        self.paired(lines, (1, 2), "--pair", "1=2")
        self.refused(lines, "source.jsonl: 2 VMs are '9': take the number", "--pair", "9=4")

    def test_many_candidates(self):
        """A list that is too long ends with a whole pair."""
        source, target = Migration(), Migration(numbers=(1, 4_000_000_000))
        targets = [e for i in range(60) for e in
                   ({**event, "vm": 4_000_000_000 + i} for event in target.target)]
        result = self.run_it((Host().recording(*source.source), OTHER.recording(*targets)),
                             status=USAGE)
        self.check_line(result, r"60 pairs of VMs have the same UUID or name: "
                                r"(1=40000000\d\d, ){5,}\.\.\.; which one")
        few = [e for e in targets if e["vm"] < 4_000_000_003]
        result = self.run_it((Host().recording(*source.source), OTHER.recording(*few)),
                             status=USAGE)
        self.check_line(result, "name: 1=4000000000, 1=4000000001, 1=4000000002; which one")
        self.paired((Host().recording(*source.source), OTHER.recording(*few)), (1, 4000000002),
                    "--pair", "1=4000000002")

    def test_two_recordings_of_one_boot(self):
        """Their times compare: a VM that ran on when another's clock was set did not go there."""
        migration = Migration()
        first, second = Host().recording(*migration.source), migration.one_host()
        self.paired((first, second), (1, 2))
        self.paired((second, second), (1, 2))
        found = self.figures((first, Host().recording(*migration.target)))
        self.check_migration(migration, found)
        self.assertTrue(found["same_host"])

    def test_one_vm_in_two_recordings(self):
        """The VM was paused in the second one, and its clock set when it went on."""
        migration = Migration(downtime=5 * S)
        again = [{**e, "vm": 1, **({"token": 1, "pid": 4700, "creator": 4700}
                                   if e["event"] == "vm" else {})} for e in migration.target]
        recordings = (Host().recording(*migration.source), Host().recording(*again))
        self.refused(recordings, "no VM of .*source.jsonl went over to one of its UUID or name")
        self.refused(recordings, "VM 1 cannot be both source and target", "--pair", "1=1")
        # On another host, or in another boot, it is another one.
        self.paired((recordings[0], OTHER.recording(*again)), (1, 1))
        self.paired((Host(boot_id=None).recording(*migration.source),
                     Host(boot_id=None).recording(*again)), (1, 1))
        # With another token, process or maker, too.
        for key, value in (("token", 7), ("pid", 9), ("creator", 9)):
            again[0][key] = value
            self.paired((recordings[0], Host().recording(*again)), (1, 1))
            again[0].update(token=1, pid=4700, creator=4700)

    def test_one_recording_of_an_unknown_boot(self):
        """It is one host's all the same."""
        migration = Migration()
        found = self.figures(migration.one_host(Host(boot_id=None)))
        self.check_migration(migration, found)
        self.assertTrue(found["same_host"])

    def test_not_introduced(self):
        """VMs without a name are no pair, nor are they the same one."""
        migration = Migration()
        source, target = migration.source[1:], migration.target[1:]
        for recordings in (Host().recording(*source, *target),
                           (Host().recording(*source), Host().recording(*target))):
            self.refused(recordings, "went over to ")
            self.paired(recordings, (1, 2), "--pair", "1=2")
            self.refused(recordings, "VM 1 cannot be both|no VM is '1'", "--pair", "1=1")

    def test_no_source_without_a_pvti(self):
        """A VM of the same name that has none yet is no candidate."""
        migration = Migration()
        self.paired(Host().recording(*migration.source, r.vm(5, S), r.vcpu(5, 0, S),
                                     *migration.target), (1, 2))

    def test_many_vms(self):
        """VMs that cannot be a source are not compared with every other one."""
        path = self.write("many", r.small(events=[r.gone(1 + i) for i in range(100000)]))
        result = self.check(run("migration", path, program=(PROGRAM,), timeout=60), USAGE)
        self.check_line(result, "no VM in it went over")

    def test_at_one_instant(self):
        """The source's last PVTI as the target's clock is set, and not later."""
        migration = Migration()
        last = r.published(1, 0, migration.line, migration.line, 0, ns=migration.p4)
        self.paired(Host().recording(*migration.source, last, *migration.target), (1, 2))
        last["ns"] += 1
        self.refused(Host().recording(*migration.source, last, *migration.target),
                     "no VM in it went over to another")

    def test_told_what_is_no_pair(self):
        lines = Migration().one_host()
        self.refused(lines, "VM 1 cannot be both source and target", "--pair", "1=1")
        self.refused(lines, "VM 1 is no target: its clock was never set", "--pair", "2=1")

    def test_two_candidates(self):
        """One source and two targets of its name; and a VM that came there before."""
        one, other = Migration(), Migration(numbers=(1, 3), downtime=20 * S)
        lines = Host().recording(*one.source, *one.target, *other.target)
        # the second target may have come of the first one, too
        self.refused(lines, "3 pairs of VMs have the same UUID or name: 1=2, 1=3, 2=3; which one")
        self.paired(lines, (1, 2), "--pair", "1=2")
        self.paired(lines, (1, 3), "--pair", "1=3")

    def test_nothing_shared(self):
        source, target = Migration(name="web"), Migration(name="db")
        self.refused((Host().recording(*source.source), OTHER.recording(*target.target)),
                     "no VM of .*source.jsonl went over to one of its UUID or name in "
                     ".*target.jsonl")
        self.refused(Host().recording(*source.source, *target.target),
                     "source.jsonl: no VM in it went over to another one of its UUID or name")
        self.refused(r.small(events=[]), "no VM in it went over")

    def test_swapped(self):
        source, target = Migration().two_hosts(target=OTHER)
        self.refused((target, source), "no VM of .*source.jsonl went over to one of its UUID or "
                                       "name in .*target.jsonl: are they swapped")
        self.refused((target, source), "VM 1 is no target.*are source and target swapped",
                     "--pair", "2=1")
        # A source whose clock was set, as when it was started.
        migration = Migration()
        started = [update(1, None, 1050 * MS, "set-clock", "enabled",
                          migration.source[0]["state"])]
        self.refused((target, Host().recording(*migration.source[:1], *started,
                                               *migration.source[1:])),
                     "published .* s after the target's was set: they are swapped")


class Refused(MigrationCase):
    def test_source_ran_on(self):
        """It was resumed after the migration had failed: its line is beyond the saved TSC."""
        migration = Migration(downtime=20 * S)
        line = r.pvti(migration.line["tsc_timestamp"] + 21_000_000_000,
                      migration.line["system_time"] + 10 * S, MUL, SHIFT)
        more = r.published(1, 0, migration.line, line, 0, ns=11150 * MS)
        for recordings in (Host().recording(*migration.source, more, *migration.target),
                           (Host().recording(*migration.source, more),
                            OTHER.recording(*migration.target))):
            self.refused(recordings, "the TSC of vCPU 0 on the target lies 9.[0-9]* s before the "
                                     "source's last PVTI")

    def test_overlap(self):
        """The source still ran when the target's clock was set."""
        migration = Migration()
        more = r.published(1, 0, migration.line, migration.line, 0, ns=migration.p4 + 2 * S)
        self.refused((Host().recording(*migration.source, more),
                      OTHER.recording(*migration.target)),
                     r"published 1.997000 s after the target's was set")
        # on one host nothing is a pair then, and told to be one it is refused as well
        lines = Host().recording(*migration.source, more, *migration.target)
        self.refused(lines, "no VM in it went over to another one")
        self.refused(lines, r"published 2.000000 s after the target's was set", "--pair", "1=2")

    def test_another_guest(self):
        """Pairs that are told, and are no guest's."""
        guest, other = Migration(), Migration(numbers=(3, 4), clock=20000 * S)
        lines = Host().recording(*guest.source, *guest.target, *other.source, *other.target)
        self.refused(lines, r"the clock that was set is \+20000 s from the source's at the TSC of "
                            "vCPU 0: two guests", "--pair", "1=4")
        self.refused(lines, "the clock that was set is -20000 s", "--pair", "3=2")
        self.check_migration(guest, self.figures(lines, "--pair", "1=2"))
        self.check_migration(other, self.figures(lines, "--pair", "3=4"))

    def test_a_younger_guest(self):
        migration = Migration()
        for event in migration.target:
            if event["event"] == "tsc-write":
                event["tsc"] = 1000
        self.refused(migration.one_host(), "the TSC of vCPU 0 on the target lies 0.[0-9]* s before")

    def test_an_older_guest(self):
        migration = Migration()
        for event in migration.target:
            if event["event"] == "tsc-write":
                event["tsc"] += 2_100_000_000 * 1000
        self.refused(migration.one_host(), "would have come to 990 s after the target's clock was "
                                           "set: two guests")

    def test_files(self):
        good = self.write("good", Migration().two_hosts()[0])
        bad, empty = self.write("bad", b"x\n"), self.write("empty", b"")
        for paths, pattern in (((bad,), "bad: line 1: not a recording"),
                               ((good, bad), "bad: line 1: not a recording"),
                               ((bad, good), "bad: line 1: not a recording"),
                               ((good, empty), "empty: empty"),
                               ((good, self.path("nosuch")), "nosuch: No such file"),
                               (("",), ": No such file"),
                               ((self.directory,), "no recording is in it")):
            result = self.check(run("migration", *paths), USAGE)
            self.check_line(result, pattern)
            self.assertEqual(result.out, "")
        self.check_line(self.check(run("migration", "-"), USAGE), "-: empty")

    def test_arguments(self):
        good = self.write("good", Migration().one_host())
        for arguments, pattern in (((), "which recording"), (("--json",), "which recording"),
                                   ((good, good, good), "a source and a target, not more"),
                                   ((good, "--pair"), "requires an argument"),
                                   ((good, "--pair="), "--pair takes SRC=DST, not ''"),
                                   ((good, "--pair=web"), "--pair takes SRC=DST, not 'web'"),
                                   ((good, "--pair==web"), "--pair takes SRC=DST, not '=web'"),
                                   ((good, "--pair=web="), "--pair takes SRC=DST, not 'web='"),
                                   ((good, "--pair", "="), "--pair takes SRC=DST, not '='"),
                                   ((good, "--nosuch"), "unrecognized option")):
            result = self.check(run("migration", *arguments), USAGE)
            self.assertEqual(result.out, "")
            first, _, rest = result.err.partition("\n")
            self.assertRegex(first, r"\Akvmclock-trace( migration)?: ")
            self.assertRegex(first, pattern)
            self.assertRegex(rest, r"\A(Try `[^`]*'\sor\s`[^`]*'\sfor\smore\s+information\.\n)?\Z")


class Unknown(MigrationCase):
    """What no hook shows is unknown, and nothing is advised because of it."""

    def test_no_tsc_writes(self):
        for way in ("none", "derived"):
            migration = Migration()
            target = [event for event in migration.target if event["event"] != "tsc-write"]
            hooks = r.hooks(tsc_write=way)
            found = self.figures((Host().recording(*migration.source),
                                  OTHER.recording(*target, hooks=hooks)))
            self.assertEqual([found[key] for key in ("vmm_pattern", "vmm_sequence",
                                                     "tsc_not_in_force")], [None] * 3)
            self.assertEqual([advice[:30] for advice in found["advice"]],
                             ["the guest's clock stood still "])
            self.assertEqual([vcpu["later"]["tsc_rewritten"] for vcpu in found["vcpus"]],
                             [None] * len(found["vcpus"]))
            # That rests on the clock and the PVTIs alone, and is rounded elsewhere.
            for vcpu, expected in zip(found["vcpus"], migration.expected(), strict=True):
                self.assertLessEqual(abs(vcpu["predicted_ns"] - expected["predicted_ns"]), 1)
            text = self.run_it((Host().recording(*migration.source),
                                OTHER.recording(*target, hooks=hooks)), status=DONE).out
            self.assertIn("\nVMM: ? (there was no hook that shows TSC writes on the target)\n", text)
            self.assertIn("\n  target ? TSC writes\n", text)
            self.assertIn(" (if its TSC was not written again)\n", text)

    def test_pause(self):
        """Without a hook on a vCPU's ioctls Firecracker's way looks like QEMU's."""
        for way, hint in (("kprobe", ""), ("derived", " (or firecracker: whether the guest was "
                                                      "told of the pause, no hook shows)")):
            migration = Migration()
            recordings = (Host().recording(*migration.source),
                          OTHER.recording(*migration.target, hooks=r.hooks(tsc_read=way)))
            self.assertEqual(self.figures(recordings)["vmm_pattern"], "classic")
            self.assertIn(f"\nVMM: classic{hint}\n", self.run_it(recordings, status=DONE).out)

    def test_boots(self):
        """Two recordings are of one host or of two, if both tell their boot."""
        migration = Migration()
        for boots, same in (((None, None), None), ((None, "b"), None), (("a", None), None),
                            (("a", "b"), False), (("a", "a"), True)):
            source, target = (Host(boot_id=boot).recording(*events) for boot, events
                              in zip(boots, (migration.source, migration.target)))
            self.assertIs(self.figures((source, target))["same_host"], same)
        self.assertIs(self.figures(migration.one_host(Host(boot_id=None)))["same_host"], True)

    def test_frequency(self):
        migration = Migration()
        for events in (migration.source, migration.target):
            for event in events:
                if event["event"] == "vcpu":
                    event["tsc_khz"] = 0
        self.assertIs(self.figures(migration.one_host())["other_frequency"], False)  # by its rate
        migration.target = [{**e, "new": {**e["new"], "tsc_to_system_mul": 5}}
                            if e["event"] == "pvti" else e for e in migration.target]
        lines = migration.one_host()
        found = json.loads(self.run_it(lines, "--json", status=DONE).out)
        self.assertIsNone(found["other_frequency"])


class Incomplete(MigrationCase):
    NULL = ("t1_ns", "t2_ns", "predicted_ns", "unexplained_ns", "clock_advance_ns", "blackout_ns",
            "clock_lost_ns", "downtime_ns")

    def doubted(self, recordings, pattern):
        found = self.figures(recordings, status=INCOMPLETE)
        self.assertIs(found["complete"], False)
        self.assertRegex(found["incomplete_why"], pattern)
        self.assertEqual([found[name] for name in self.NULL], [None] * len(self.NULL))
        for vcpu in found["vcpus"]:
            self.assertEqual([vcpu[name] for name in FIGURES], [None] * 8)
            self.assertEqual((vcpu["unnecessary"], vcpu["later"]), (None, None))
            self.assertIsNotNone(vcpu["why"])
        self.assertEqual([name for name, instant in found["timeline"].items()
                          if instant and instant["derived"]], [])
        self.assertEqual((found["tsc_saved"], found["clock_saved"], found["vmm_pattern"],
                          found["tsc_not_in_force"]), (None, None, None, None))
        self.assertNotIn(True, [step["derived"] for step in found["vmm_sequence"]])
        result = self.run_it(recordings, status=INCOMPLETE)
        self.assertIn(f"\nINCOMPLETE: {found['incomplete_why']}: what rests on it is not shown\n",
                      result.out)
        self.assertRegex(result.err, r"\A(kvmclock-trace: [^\n]*\n)+\Z")
        self.assertIn(found["incomplete_why"].removeprefix("source: ").removeprefix("target: "),
                      result.err.splitlines()[0])

    def test_lossy(self):
        migration = Migration(errors=(3, 4))
        whole = migration.one_host()
        for what, lossy in forge.lossy(whole):
            with self.subTest(what):
                self.doubted(lossy, r"\A[0-9]+ (events were lost|(VM|vCPU)s had no room.*)\Z")
        source, target = migration.two_hosts(target=OTHER)
        lossy = dict(forge.lossy(source))["1 missed"], dict(forge.lossy(target))["1 ring-full"]
        self.doubted((lossy[0], target), r"\Asource: 1 events were lost\Z")
        self.doubted((source, lossy[1]), r"\Atarget: 1 events were lost\Z")
        self.doubted(lossy, r"\Asource: 1 events were lost\Z")

    def test_cut(self):
        migration = Migration()
        source, target = migration.two_hosts(target=OTHER)
        self.doubted((source[:-1], target), "cut off: it has no trailer")
        self.doubted((source, target[:-1]), "cut off: it has no trailer")
        self.doubted(migration.one_host()[:-1], "cut off: it has no trailer")
        self.doubted((source, target[:-1] + [target[-1][:20]]), "cut off in line")
        self.doubted((source, dict(forge.dropped_and_told(target))["without 2: vcpu 2 0"]),
                     f"{len(target) - 2} events were recorded, {len(target) - 3} are in the file")

    def test_no_figures_at_all(self):
        """What is missing may be the VM, or its clock's setting: that is no wrong usage."""
        source, target = Migration().two_hosts(target=OTHER)
        for recordings, pattern, options in (
                ((source, target[:2]), "no VM of .* went over to one of its UUID or name", ()),
                ((source, target[:2]), "VM 2 is no target: its clock was never set",
                 ("--pair", "1=2")),
                ((source[:1], target), "source.jsonl: no VM is 'web'", ("--pair", "web=web")),
                ((source[:3], target), "VM 1 is no source", ("--pair", "1=2"))):
            self.refused(recordings, pattern, *options, status=INCOMPLETE)
            result = self.run_it(recordings, *options, status=INCOMPLETE)
            self.assertRegex(result.err, r"\A[^\n]*: cut off: it has no trailer\n[^\n]*\n\Z")

    def test_read_in_part(self):
        source, target = Migration().two_hosts(target=OTHER)
        self.doubted((source[:-1] + [b"x\n"], target), "read up to line")


class Hostile(MigrationCase):
    """Whatever numbers: no crash, no sanitizer's word, and the formats hold."""

    VALUES = (0, 1, (1 << 31) - 1, (1 << 32) - 1, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1,
              -1, -(1 << 63), None)

    def tampered(self, lines, numbers):
        """Some numbers of some events, or of the ends, are others."""
        lines = [json.loads(text) for text in lines]
        for _ in range(numbers.choice((1, 2, 5, 20))):
            at = numbers.choice(lines)
            while True:
                key = numbers.choice(sorted(at))
                if not isinstance(at[key], dict):
                    break
                at = at[key]
            if isinstance(at[key], int) and not isinstance(at[key], bool) and key not in (
                    "vm", "vcpu", "version", "events"):
                at[key] = r.u64(numbers.choice(self.VALUES) or 0)
        return [r.line(value) for value in lines]

    def test_any_numbers(self):
        numbers = random.Random(20260118)
        plans = list(Figures.STORIES.values())
        for i in range(150):
            migration = Migration(**numbers.choice(plans))
            recordings = (migration.one_host(),) if i % 2 else migration.two_hosts(target=OTHER)
            recordings = tuple(self.tampered(lines, numbers) for lines in recordings)
            with self.subTest(i):
                paths = [self.write(f"{n}.jsonl", lines) for n, lines in enumerate(recordings)]
                result = self.check(run("migration", "--json", "--pair=1=2", *paths), DONE, USAGE,
                                    INCOMPLETE)
                self.assertEqual(len(result.out.splitlines()), result.status != USAGE and
                                 "cannot" not in result.err and bool(result.out))
                if result.out:
                    self.assertEqual(schema.faults("migration", result.out), [])
                text = self.check(run("migration", "--pair=1=2", *paths), result.status)
                self.assertNotRegex(text.out + text.err, r"--\d|\+-|-\+|nan|inf\b")

    def test_wall_clocks_that_are_wrong_by_anything(self):
        migration = Migration()
        for error in (1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 1):
            source = Host(error=r.u64(error))
            found = self.figures(migration.two_hosts(source=source, target=OTHER))
            total = error + 500 * US
            self.assertEqual(found["between_error_ns"], total if total < 1 << 63 else None)
            self.check_migration(migration, found)

    def test_names(self):
        """Whatever a VM is called is printed as it is, if it can be told from others."""
        for name in ("a=b", "=", "%s%n", "\u00e4" * 60, "1"):
            migration = Migration(name=name)
            found = self.figures(migration.one_host())
            self.assertEqual(found["source"]["name"], name)
        found = self.figures(Migration(name=" ").one_host())
        self.assertEqual(found["source"]["name"], "\\u0020")

    def test_pair_by_a_name_that_is_escaped(self):
        """As it is, or as it is shown."""
        for given in ("we\u200bb", "we\\u200bb"):
            source, target = Migration(name="we\u200bb"), Migration(name="other")
            lines = (Host().recording(*source.source), OTHER.recording(*target.target))
            found = self.figures(lines, "--pair", given + "=other")
            self.assertEqual(found["source"]["name"], "we\\u200bb")

    def test_paths(self):
        """One that is not UTF-8 is escaped."""
        path = os.fsencode(self.path("a")) + b"\xff.jsonl"
        with open(path, "wb") as file:
            file.writelines(Migration().one_host())
        result = self.check(run("migration", "--json", path), DONE)
        self.assertEqual(schema.faults("migration", result.out), [])
        self.assertEqual(result.objects[0]["source"]["path"], self.path("a") + "\\xff.jsonl")
        text = self.check(run("migration", path), DONE)
        self.assertIn("a\\xff.jsonl\n", text.out)

    def test_no_vm_is_introduced(self):
        migration = Migration()
        found = self.figures((Host().recording(*migration.source[1:]),
                              OTHER.recording(*migration.target)), "--pair", "1=2")
        self.assertEqual([found["source"][key] for key in ("name", "uuid", "vmm", "pid")],
                         [None] * 4)

    def test_other_events(self):
        """A guest that was never migrated, next to one that was."""
        guest, migration = Guest(9, name="else").boot(2), Migration()
        lines = Host().recording(*guest.events, *migration.source, *migration.target)
        self.check_migration(migration, self.figures(lines))
        self.refused(recording_of(guest), "no VM in it went over")
