# SPDX-License-Identifier: GPL-2.0
"""`migration` on the workload's migrations, whose skews are known and whose steps have times.

What a written TSC does differs: where it is in force T2 is P3 to P4, elsewhere the guest's TSC goes
on from P1. The witness finds out which; the figures have to hold for both.
"""

import os
import signal

import kct
import migration
import schema

VCPU_FIGURES = ("t1_ns", "t2_ns", "predicted_ns", "observed_ns", "unexplained_ns")
LIKE_VCPU_0 = ("t1_ns", "t2_ns", "predicted_ns")

# Of a time: a TSC in the lab may be off by so much, as the kernel measures its rate in a hurry.
TSC_RATE = 0.01


class Case(kct.LiveTest):
    def migrate(self, *args, options=(), scenario="migrate"):
        """A workload's migration: (what `migration` says, the Witness)."""
        _, recording, work = self.record_workload("recording", scenario, *args, options=options)
        witness = migration.Witness(recording, *recording.match(work))
        printed = migration.run(self.path("recording")).stdout
        self.check_schema(printed)
        return kct.parse(printed), witness

    def check_schema(self, printed):
        if os.path.exists(os.path.join(schema.DOCS, "migration.schema.json")):
            self.assertEqual(schema.faults("migration", printed), [])

    # ---- drift ----

    def check_sum(self, vcpu):
        """Observed is predicted, and what is told of the difference."""
        explained = [vcpu[name] for name in ("by_updates_ns", "by_rate_ns", "unexplained_ns")]
        self.assertEqual(vcpu["observed_ns"] - vcpu["predicted_ns"], sum(explained))
        self.assertLessEqual(abs(vcpu["unexplained_ns"]), migration.ROUNDING)
        self.assertEqual(vcpu["by_rate_ns"], 0)  # it is the same host
        if not vcpu["unnecessary"]:
            self.assertEqual(vcpu["by_updates_ns"], 0)

    def check_observed(self, vcpu, witness):
        """By our own arithmetic: the first stable PVTI since the clock was set against the last
        one of the source."""
        drifts = migration.observed(witness.recording, witness.source, witness.target)
        self.assertEqual(vcpu["observed_ns"], drifts[vcpu["id"]])

    def check_skews(self, vcpu, witness, advance_ns):
        """T1 and T2 against the times of the steps."""
        pvti = witness.recording.select("pvti", vm=witness.source, vcpu=vcpu["id"])[-1]["new"]
        self.assertIn(vcpu["t1_ns"], witness.t1(vcpu["id"]))
        self.assertIn(vcpu["t2_ns"], witness.t2(vcpu["id"], pvti))
        self.assertEqual(vcpu["predicted_ns"], vcpu["t1_ns"] - vcpu["t2_ns"] + advance_ns)

    # ---- all of it ----

    def check_timeline(self, told, witness, by_offset=False):
        at = told["timeline"]
        saved = witness.first_and_last(witness.saved)
        written = witness.first_and_last(witness.written)
        windows = {
            "tsc_saved_first": saved[0], "tsc_saved_last": saved[1],
            "clock_read": witness.clock_read(),
            "tsc_written_first": written[0], "tsc_written_last": written[1],
            "clock_set": witness.clock_set(),
            "ran": migration.window(witness.after["run"]),
        }  # fmt: skip
        for name, window in windows.items():
            with self.subTest(name):
                if by_offset and at[name] is None:
                    self.assertIn(name, ("tsc_saved_first", "tsc_saved_last"))
                    continue
                slack = migration.ANCHORS if at[name]["derived"] else 0
                self.assertIn(at[name]["boot_ns"], window.widened(slack))

    def check_blackout(self, told, witness):
        at = told["timeline"]
        blackout = at["clock_set"]["boot_ns"] - at["clock_read"]["boot_ns"]
        self.assertEqual(told["blackout_ns"], blackout)
        self.assertIn(blackout, witness.blackout().widened(migration.ANCHORS))
        self.assertIn(told["clock_advance_ns"], self.advance(witness))
        self.assertEqual(told["clock_lost_ns"], blackout - told["clock_advance_ns"])
        began = at["tsc_saved_first"] or at["clock_read"]
        self.assertEqual(told["downtime_ns"], at["ran"]["boot_ns"] - began["boot_ns"])

    def check_accounted(self, told, witness):
        """Nothing is lost, as far as the steps tell when the clock was read and set."""
        bounds = witness.blackout()
        slack = bounds.end - bounds.begin + 2 * migration.ANCHORS
        self.assertLess(abs(told["clock_lost_ns"]), slack + migration.SLEW * bounds.end)

    def advance(self, witness):
        """Of the wall clock only what the recording began with is known."""
        bounds = witness.clock_advance()
        return bounds.widened(migration.ANCHORS) if any(bounds) else bounds

    def check_vm(self, told, witness):
        self.assertTrue(told["same_host"] and told["complete"])
        self.assertEqual(told["between_error_ns"], 0)
        self.assertEqual((told["source"]["vm"], told["target"]["vm"]),
                         (witness.source, witness.target))
        self.assertEqual([vcpu["id"] for vcpu in told["vcpus"]], sorted(witness.saved))
        self.assertEqual((told["unpaired_vcpus"], told["other_frequency"]), (0, False))
        for name in LIKE_VCPU_0:
            self.assertEqual(told[name], told["vcpus"][0][name])
        furthest = max((vcpu["unexplained_ns"] for vcpu in told["vcpus"]), key=abs)
        self.assertEqual(abs(told["unexplained_ns"]), abs(furthest))

    def check_sequence(self, told, witness, target):
        """What the VMM did on the target, in its order: (ioctl, realtime) of each. What it read
        there is not seen everywhere."""
        steps = [step for step in told["vmm_sequence"] if step["side"] == "target"]
        steps = [step for step in steps if step["ioctl"] not in ("paused", "get-clock")]
        told_of = [(step["ioctl"], step["realtime"]) for step in steps]
        self.assertEqual(told_of, target)
        for step in steps:
            expected = 1 if step["ioctl"] == "set-clock" else witness.nr_vcpus
            self.assertEqual(step["count"], expected, step)
            self.assertLessEqual(step["first_boot_ns"], step["last_boot_ns"])

    def check_by_tsc(self, told, witness, pattern="classic", target=None, realtime=False):
        """A migration that writes TSCs."""
        self.check_vm(told, witness)
        self.check_timeline(told, witness)
        self.check_blackout(told, witness)
        self.assertEqual(told["vmm_pattern"], pattern)
        steps = [("set-tsc", False), ("set-clock", realtime)]
        self.check_sequence(told, witness, target or steps)
        for vcpu in told["vcpus"]:
            with self.subTest(vcpu=vcpu["id"]):
                self.check_sum(vcpu)
                self.check_observed(vcpu, witness)
                self.check_skews(vcpu, witness, told["clock_advance_ns"])
        is_kept = witness.is_in_force() and not witness.is_as_created()
        self.assertEqual(told["tsc_not_in_force"], not is_kept)

    def check_by_offset(self, told, witness, pattern, realtime, clock_first=False):
        """One that carries offsets over: no TSC was written, so there is no T1 and no T2."""
        self.check_vm(told, witness)
        self.check_timeline(told, witness, by_offset=True)
        self.check_blackout(told, witness)
        self.assertEqual(told["vmm_pattern"], pattern)
        steps = [("set-tsc-offset", False), ("set-clock", realtime)]
        self.check_sequence(told, witness, steps[::-1] if clock_first else steps)
        self.assertFalse(told["tsc_not_in_force"])
        for vcpu in told["vcpus"]:
            with self.subTest(vcpu=vcpu["id"]):
                self.assertIsNone(vcpu["t1_ns"])
                self.assertIsNone(vcpu["t2_ns"])
                self.check_sum(vcpu)
                self.check_observed(vcpu, witness)


class Skews(Case):
    """Which way the clock goes. The target takes its time to be made, so that where the TSC goes
    on meanwhile every migration without --realtime is one backward."""

    OLD = ["--duration", "1500ms"]  # no kernel drops what is written to this guest's TSC

    def check_skew(self, *args, forward):
        told, witness = self.migrate("--vcpus", 2, *args, *self.OLD)
        self.check_by_tsc(told, witness)
        self.assertFalse(witness.is_as_created())
        if not witness.is_in_force():
            forward = False
        for vcpu in told["vcpus"]:
            self.assertEqual(vcpu["observed_ns"] > 0, forward, vcpu)

    def test_none(self):
        self.check_by_tsc(*self.migrate("--vcpus", 2))

    def test_save(self):
        self.check_skew("--skew-save", "100ms", forward=True)

    def test_restore(self):
        self.check_skew("--skew-restore", "100ms", forward=False)

    def test_both_forward(self):
        skews = ["--skew-save", "100ms", "--skew-restore", "2ms"]
        self.check_skew(*skews, "--downtime", "50ms", forward=True)

    def test_both_backward(self):
        skews = ["--skew-save", "2ms", "--skew-restore", "100ms"]
        self.check_skew(*skews, "--downtime", "50ms", forward=False)

    def test_vcpus(self):
        for vcpus in (1, 4, 16):
            with self.subTest(vcpus=vcpus):
                self.check_by_tsc(*self.migrate("--vcpus", vcpus, "--skew-save", "1ms"))

    def test_long(self):
        """As long as in the thread. Meanwhile nobody's clock is read."""
        skews = ["--skew-save", "5ms", "--skew-restore", "2ms"]
        told, witness = self.migrate("--vcpus", 2, *skews, "--downtime", "10s")
        self.check_by_tsc(told, witness)
        self.assertGreater(told["clock_lost_ns"], 10_000_000_000)
        self.assertGreater(told["downtime_ns"], told["blackout_ns"])


class Ways(Case):
    """Other VMMs than QEMU."""

    def test_realtime(self):
        told, witness = self.migrate("--vcpus", 2, "--realtime", "--downtime", "100ms")
        self.check_by_tsc(told, witness, "realtime", realtime=True)
        self.assertGreater(told["clock_advance_ns"], 100_000_000)
        self.check_accounted(told, witness)

    def test_clock_first(self):
        """P4 comes before P3: where the TSC written is in force, T2 is negative."""
        told, witness = self.migrate("--vcpus", 2, "--clock-first", "--skew-restore", "5ms")
        steps = [("set-clock", False), ("set-tsc", False)]
        self.check_by_tsc(told, witness, "clock-first", target=steps)

    def test_tsc_offset(self):
        told, witness = self.migrate("--vcpus", 2, "--tsc-offset", "--downtime", "100ms")
        self.check_by_offset(told, witness, "offset", False)

    def test_tsc_offset_realtime(self):
        """Nothing jumps by more than the TSC and the wall clock are apart."""
        args = ["--tsc-offset", "--realtime", "--downtime", "100ms"]
        told, witness = self.migrate("--vcpus", 2, *args)
        self.check_by_offset(told, witness, "offset-realtime", True)
        self.check_accounted(told, witness)
        for vcpu in told["vcpus"]:
            self.assertLess(abs(vcpu["observed_ns"]), TSC_RATE * told["blackout_ns"])

    def check_documented(self, *options):
        args = ["--vcpus", 3, "--duration", "1500ms", "--downtime", "100ms"]
        told, witness = self.migrate(*args, options=options, scenario="migrate-documented")
        self.check_by_offset(told, witness, "documented", True, clock_first=True)
        self.check_accounted(told, witness)
        for vcpu in told["vcpus"]:
            self.assertLess(abs(vcpu["observed_ns"]), TSC_RATE * told["blackout_ns"])
        return told, witness

    def test_documented(self):
        """vcpu.rst: ofs_dst[i] = ofs_src[i] - (guest_src - guest_dest) * freq + (tsc_src -
        tsc_dest), so that kvm-clock 0 is at the guest TSC where it was."""
        _, witness = self.check_documented()
        source, target = witness.before["get-clock"], witness.after["get-clock"]
        khz = witness.before["get-tsc-khz"]["tsc_khz"]
        cycles = (source["clock"] - target["clock"]) * khz // 1_000_000
        moved = source["host_tsc"] - target["host_tsc"] - cycles
        for saved in witness.before["get-tsc-offset"]["vcpus"]:
            write = witness.writes(witness.target, saved["vcpu"])[-1]
            self.assertEqual(write["ioctl"], "set-tsc-offset")
            expected = (saved["tsc_offset"] + moved) % kct.U64
            self.assertIn((write["new_offset"] - expected) % kct.U64, (0, 1, kct.U64 - 1))

    def test_documented_by_tracepoint(self):
        """What it writes tells the procedure, where nobody sees what it reads."""
        self.check_documented("--attach", "tracepoint")

    def test_two_at_once(self):
        """All of one name: who went where has to be said."""
        args = ["--vms", 2, "--vcpus", 2, "--skew-save", "5ms", "--downtime", "100ms"]
        _, recording, work = self.record_workload("recording", "migrate", *args)
        path = self.path("recording")
        done = migration.run(path, check=kct.EXIT_USAGE)
        self.assertEqual(done.stdout, "")
        self.assertRegex(done.stderr, r"\Akvmclock-trace: \d pairs of VMs .*--pair SRC=DST\)\n\Z")
        for pair in self.pairs(recording.match(work)):
            witness = migration.Witness(recording, *pair)
            self.assertIn(witness.pair(), done.stderr)
            self.check_by_tsc(migration.told(path, pair=witness.pair()), witness)

    def pairs(self, vms):
        """(source, target) of each job, whose thread made both."""
        by_thread = {}
        for number, vm in vms:
            by_thread.setdefault(vm["tid"], []).append((number, vm))
        return by_thread.values()

    def test_swapped(self):
        """And one VM as both."""
        _, witness = self.migrate("--vcpus", 1)
        for pair, words in ((f"{witness.target}={witness.source}", "is no target"),
                            (f"{witness.source}={witness.source}", "both source and target")):
            done = migration.run(self.path("recording"), pair=pair, check=kct.EXIT_USAGE)
            self.assertIn(words, done.stderr)


class Methods(Case):
    """By each attach method that there is: function hooks see what the VMM reads."""

    def is_possible(self, method):
        """Else it says that it is not, which is all that can be asked of it there."""
        done = kct.run("record", "--attach", method, "-d", "1ms", "-o", self.path("empty"))
        if done.returncode != kct.EXIT_OK:
            self.assertEqual(done.returncode, kct.EXIT_HOST)
            self.assertIn(f"is not available by {method}", done.stderr)
        return done.returncode == kct.EXIT_OK

    def check(self, method, hooked):
        if not self.is_possible(method):
            return
        skews = ["--skew-save", "100ms", "--skew-restore", "2ms"]
        told, witness = self.migrate("--vcpus", 2, *skews, options=["--attach", method])
        self.check_by_tsc(told, witness)
        how = "observed" if hooked else "derived"
        self.assertEqual((told["tsc_saved"], told["clock_saved"]), (how, how))
        source = [step for step in told["vmm_sequence"] if step["side"] == "source"]
        self.assertEqual([(step["ioctl"], step["count"], step["derived"]) for step in source],
                         [("get-tsc", 2, not hooked), ("get-clock", 1, not hooked)])

    def test_fentry(self):
        self.check("fentry", True)

    def test_kprobe(self):
        self.check("kprobe", True)

    def test_tracepoint(self):
        self.check("tracepoint", False)


class Ioctls(Case):
    """record --ioctls: what the VMM reads, where no function tells."""

    OPTIONS = ["--attach", "tracepoint", "--ioctls"]

    def check_values(self, witness):
        recording, number = witness.recording, witness.source
        for vcpu, saved in witness.saved.items():
            (event,) = recording.select("ioctl", vm=number, vcpu=vcpu, ioctl="get-tsc")
            self.assertEqual(event["tsc"], saved["tsc"])
            self.assertIn(event["ns"], migration.window(saved))
        (event,) = recording.select("ioctl", vm=number, ioctl="get-clock")
        clock = witness.before["get-clock"]
        for name in ("clock", "flags", "realtime", "host_tsc"):
            self.assertEqual(event[name], clock.get(name, 0))
        self.assertIn(event["ns"], witness.clock_read())
        paused = recording.select("ioctl", vm=witness.target, ioctl="paused")
        self.assertEqual([event["vcpu"] for event in paused], sorted(witness.saved))

    def test_values(self):
        told, witness = self.migrate("--vcpus", 4, "--skew-save", "5ms", options=self.OPTIONS)
        self.check_by_tsc(told, witness)
        self.check_values(witness)
        self.assertEqual((told["tsc_saved"], told["clock_saved"]), ("observed", "observed"))
        self.assertFalse(any(step["derived"] for step in told["vmm_sequence"]))

    def test_offsets(self):
        """Those are read, too."""
        told, witness = self.migrate("--vcpus", 2, "--tsc-offset", "--realtime",
                                     options=self.OPTIONS)
        self.check_by_offset(told, witness, "offset-realtime", True)
        for saved in witness.before["get-tsc-offset"]["vcpus"]:
            (event,) = witness.recording.select("ioctl", vm=witness.source, vcpu=saved["vcpu"],
                                                ioctl="get-tsc-offset")
            self.assertEqual(event["tsc_offset"] % kct.U64, saved["tsc_offset"])

    def test_cost(self):
        """It is measured, and told: on stderr, and in the recording."""
        done = kct.run("record", *self.OPTIONS, "-o", self.path("recording"), "--", "true",
                       check=kct.EXIT_OK)
        cost = r"every system call on this host takes about \d+ ns longer meanwhile " \
               r"\(measured: \d+ ns without, \d+ ns with it\)"
        self.assertRegex(done.stderr, rf"\Akvmclock-trace: {cost}\n\Z")
        hooks = kct.Recording.of(self.path("recording")).header["hooks"]
        notes = [hook["note"] for hook in hooks if hook["way"] == "syscall"]
        self.assertRegex(notes[0], cost)

    def start_later(self, *args):
        """A workload that waits for a line; its process is there before."""
        script = 'read line; exec "$@"'
        command = kct.workload_command(*args)
        return self.start("-c", script, "sh", *command, program="sh")

    def test_only_the_one_named(self):
        watched, other = (self.start_later("migrate", "--vcpus", 2) for _ in range(2))
        path = self.path("recording")
        options = ["--attach", "tracepoint", f"--ioctls={watched.pid}"]
        record = self.start_record("-o", path, *options)
        for process in (watched, other):
            process.popen.stdin.write(b"go\n")
            process.finish(check=kct.EXIT_OK)
        record.finish(check=kct.EXIT_OK)
        recording = kct.Recording.of(path)
        self.assertEqual(len(recording.vm_numbers(other.pid)), 2)
        self.assertEqual({event["vm"] for event in recording.select("ioctl")},
                         set(recording.vm_numbers(watched.pid)))
        for process, how in ((watched, "observed"), (other, "derived")):
            source, target = recording.vm_numbers(process.pid)
            told = migration.told(path, pair=f"{source}={target}")
            self.assertEqual((told["tsc_saved"], told["clock_saved"]), (how, how))

    def end(self, number, status):
        record = self.start("record", "-o", self.path("recording"), "--attach", "tracepoint",
                            f"--ioctls={os.getpid()}").wait_polling()
        ids = kct.bpf_ids(record.pid)
        self.assertEqual(kct.bpf_left(ids), ids)
        record.signal(number)
        self.assertEqual(record.popen.wait(kct.PATIENCE), status)
        kct.until(lambda: not any(kct.bpf_left(ids).values()), f"the end of {ids}")

    def test_interrupted(self):
        self.end(signal.SIGINT, kct.EXIT_OK)

    def test_killed(self):
        self.end(signal.SIGKILL, -signal.SIGKILL)
