# SPDX-License-Identifier: GPL-2.0
"""
A kernel that may preempt the programs on tracepoints, as 7.0 and later do. Here: one that does not
tell, as the thread that would find out cannot be renamed. Then perf's trace events are the way.
"""

import os
import re
import shutil

import kct
import test_refusals
import test_values
from test_refusals import with_mounts

SYS_PRCTL, PR_SET_NAME = 157, 15
PREEMPTED = ("pvti", "tsc-write")  # not under the VM's lock
PER_CPU = ("5", "6", "10")  # maps: hash, array, hash by time of use
NO_TRACEFS = "mount -t tmpfs none /sys/kernel/tracing && mount -t tmpfs none /sys/kernel/debug"


def unknown():
    """For preexec_fn."""
    return test_refusals.forbid(SYS_PRCTL, PR_SET_NAME)


class Counts(kct.LiveTest):
    def end(self, *command, status=(kct.EXIT_OK,)):
        done = kct.subprocess.run(list(map(str, command)), capture_output=True, text=True,
                                  timeout=kct.PATIENCE, preexec_fn=unknown())
        self.assertIn(done.returncode, status, done.stderr + done.stdout[:2000])
        return done.stdout

    def ways(self, *prefix, program=kct.PROGRAM):
        out = self.end(*prefix, program, "doctor", "--json",
                       status=(kct.EXIT_OK, kct.EXIT_INCOMPLETE))
        return {row["evidence"]: row for row in kct.parse(out)["evidence"]}

    def test_way(self):
        """Only what can be preempted is obtained another way; no tracefs need be mounted."""
        plain = {row["evidence"]: row["way"]
                 for row in kct.parse(kct.run("doctor", "--json").stdout)["evidence"]}
        for prefix in ((), with_mounts(NO_TRACEFS)):
            if prefix:
                self.needs_mounts()
            rows = self.ways(*prefix)
            self.assertEqual({name: row["way"] for name, row in rows.items()},
                             {**plain, **dict.fromkeys(PREEMPTED, "trace-event")})
            for name in PREEMPTED:
                refused = [one["why"] for one in rows[name]["refused"]
                           if one["way"] == "tracepoint"]
                self.assertRegex(refused[0], "may preempt its program here")

    def test_without_tracefs(self):
        """It takes CAP_SYS_ADMIN to have one: then by tracepoint, and what that costs is said."""
        self.needs_mounts()
        if not shutil.which("setpriv"):
            self.skipTest("no setpriv here")
        program = self.path("kvmclock-trace")
        shutil.copyfile(kct.PROGRAM, program)
        os.chmod(program, 0o755)
        os.chmod(self.directory, 0o755)
        rows = self.ways(*with_mounts(NO_TRACEFS), *test_refusals.only("bpf", "perfmon"),
                         program=program)
        for name in PREEMPTED:
            self.assertEqual(rows[name]["way"], "tracepoint")
            self.assertRegex(rows[name]["not_shown"], "while it is preempted")

    def test_nothing_is_shared(self):
        """
        Programs that preempt each other on a CPU share what there is for each CPU: only an update
        has such, under its VM's lock.
        """
        record = self.start("record", "-o", self.path("recording"), "--", "cat").echo()
        kinds = []
        for number in os.listdir(f"/proc/{record.pid}/fdinfo"):
            with open(f"/proc/{record.pid}/fdinfo/{number}", encoding="ascii") as info:
                kinds += re.findall(r"^map_type:\s*(\d+)$", info.read(), re.MULTILINE)
        self.assertEqual([kinds.count(kind) for kind in PER_CPU], [0, 1, 0])
        self.assertGreater(len(kinds), 5)

    def test_counts(self):
        """As many as perf sees, who is kept from none."""
        self.needs_mounts()
        path = self.path("recording")
        perf = self.kept(kct.PerfStat(self.directory))
        out = self.end(*with_mounts(NO_TRACEFS, kct.PROGRAM, "record", "-o", path, "--json", "--"),
                       *kct.workload_command("storm", "--jobs", 2, "--count", 500))
        counted = perf.finish()
        report = kct.parse(out.splitlines()[-1])
        self.assertEqual(report["lost"], 0, report["losses"])
        totals = kct.totals(report)
        self.assertEqual(totals, {name: counted[name] for name in totals})
        self.assertGreater(totals[kct.PVTI], 1000)
        ways = {hook["evidence"]: hook["way"] for hook in report["hooks"]}
        self.assertEqual([ways[name] for name in PREEMPTED], ["trace-event"] * 2)


class Values(test_values.AgainstPerf):
    """The same values as by the tracepoints themselves, taken from perf's record of them."""

    def record(self, name, *command, options=()):
        path = self.path(name)
        done = kct.run("record", "-o", path, "--json", *options, "--", *command,
                       check=kct.EXIT_OK, preexec_fn=unknown())
        *before, summary = done.stdout.splitlines()
        return kct.parse(summary), kct.Recording.of(path), before
