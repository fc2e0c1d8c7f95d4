# SPDX-License-Identifier: GPL-2.0
"""`drift`: the calculator against whole numbers in Python."""

import os
import random
import re
import sys

from case import DONE, ROOT, USAGE, Case, run

sys.path.append(os.path.join(ROOT, "tests", "lib"))

import schema  # noqa: E402

U64 = 1 << 64
# The PVTIs of a migration as they were posted: the kvm-clock jumped by 4 ns.
OLD, NEW = (32041800585, 3639151, 3186238974, -1), (213016088950, 67131895453, 3186238974, -1)
THREAD = """\
After the migration, the old and the new one of vCPU 0 are:

old_clock->tsc_timestamp = 32041800585
old_clock->system_time = 3639151
old_clock->tsc_to_system_mul = 3186238974
old_clock->tsc_shift = -1

new_clock->tsc_timestamp = 213016088950
new_clock->system_time = 67131895453
new_clock->tsc_to_system_mul = 3186238974
new_clock->tsc_shift = -1
"""


def signed(value):
    value %= U64
    return value - U64 if value >> 63 else value


def scale(cycles, mul, shift):
    cycles = (cycles << shift) % U64 if shift >= 0 else cycles >> -shift
    return (cycles * mul >> 32) % U64


def predicted(old, tsc):
    """What the old PVTI gives at this TSC; before its timestamp it counts backwards."""
    timestamp, system_time, mul, shift = old
    cycles = signed(tsc - timestamp)
    if cycles < 0:
        return (system_time - scale(-cycles, mul, shift)) % U64
    return (system_time + scale(cycles, mul, shift)) % U64


def drift_of(old, new):
    return signed(new[1] - predicted(old, new[0]))


def text(pvti):
    return ",".join(map(str, pvti))


def lines(old, new):
    fields = ("tsc_timestamp", "system_time", "tsc_to_system_mul", "tsc_shift")
    return "".join(f"{which}_clock->{field} = {value}\n"
                   for which, pvti in (("old", old), ("new", new))
                   for field, value in zip(fields, pvti))


class Drift(Case):
    def drift(self, *arguments, stdin="", status=DONE):
        return self.check(run("drift", *arguments, stdin=stdin.encode()), status)

    def of(self, old, new, *more):
        return self.drift("--old", text(old), "--new", text(new), *more)

    def test_the_threads_vector(self):
        self.assertEqual(drift_of(OLD, NEW), 4)
        quoted = "".join("> " + line for line in THREAD.splitlines(keepends=True))
        for result in (self.of(OLD, NEW), self.drift("-o", text(OLD), "-n", text(NEW)),
                       self.drift(stdin=THREAD), self.drift(stdin=quoted),
                       self.drift(stdin=quoted.replace("> ", ">> > ")),
                       self.drift(stdin=THREAD.replace("old_", "\t old_")),
                       self.drift(stdin="".join(sorted(THREAD.splitlines(keepends=True)))),
                       self.drift(stdin=THREAD.rstrip("\n"))):
            self.assertEqual((result.out, result.err), ("+4 ns\n", ""))
        # and back again
        self.assertEqual(self.of(NEW, OLD).out, f"{drift_of(NEW, OLD):+d} ns\n")

    def test_verbose(self):
        out = self.of(OLD, NEW, "-v").out
        cycles = 213016088950 - 32041800585
        ns = (cycles >> 1) * 3186238974 >> 32
        self.assertIn(f"{cycles}\n", out)
        self.assertIn(f"({cycles} >> 1) * 3186238974 >> 32 = {ns}\n", out)
        self.assertIn(f"3639151 + that = {3639151 + ns}\n", out)
        self.assertRegex(out, r"(?m)^the new PVTI there: +67131895453$")
        self.assertEqual(out.splitlines()[-1],
                         "+4 ns (new minus old; + is a jump forward of the kvm-clock)")
        self.assertEqual(3639151 + ns + 4, 67131895453)
        self.assertEqual(self.drift("-v", stdin=THREAD).out, out)
        self.assertIn(" << 3) ", self.of((0, 0, 1, 3), (1, 0, 1, 3), "-v").out)

    def test_json(self):
        for result in (self.of(OLD, NEW, "--json"), self.of(OLD, NEW, "-j", "-v"),
                       self.drift("--json", stdin=THREAD)):
            self.assertEqual(result.objects, [{
                "schema": "kvmclock-trace/drift", "version": 1, "drift_ns": 4,
                "predicted_system_time": 67131895449}])
            self.assertEqual(schema.faults("drift", result.out), [])

    def test_points(self):
        """The thread's equation: T1 = P2 - P1, T2 = P4 - P3 by the scale; + is forward."""
        _, _, mul, shift = OLD
        for p1, p2, p3, p4 in ((0, 0, 0, 0), (1000, 3000, 0, 0), (0, 0, 5, 2_600_000_005),
                               (7, 1_000_007, 1 << 40, (1 << 40) + 1), (0, 1 << 62, 0, 9)):
            t1, t2 = p2 - p1, scale(p4 - p3, mul, shift)
            points = ("--old", text(OLD), "--points", text((p1, p2, p3, p4)))
            self.assertEqual(self.drift(*points).out, f"{t1 - t2:+d} ns\n")
            result = self.drift(*points, "--json")
            self.assertEqual(result.objects, [{"schema": "kvmclock-trace/drift", "version": 1,
                                               "t1_ns": t1, "t2_ns": t2,
                                               "predicted_ns": t1 - t2}])
            self.assertEqual(schema.faults("drift", result.out), [])
        # The clock that went on longer is ahead.
        ahead = self.drift("--old", text(OLD), "--points", "0,1000,0,0", "-v").out
        self.assertTrue(ahead.endswith("+1000 ns (T1 - T2; + is a jump forward of the kvm-clock)\n"))

    def test_bad_points(self):
        for points in ("", "1,2,3", "1,2,3,4,5", "2,1,3,4", "1,2,4,3", "a,2,3,4", "-1,2,3,4"):
            self.drift("--old", text(OLD), "--points", points, status=USAGE)
        self.drift("--points", "1,2,3,4", status=USAGE)
        self.drift("--old", text(OLD), "--new", text(NEW), "--points", "1,2,3,4", status=USAGE)

    def vectors(self):
        edges = (0, 1, (1 << 32) - 1, 1 << 32, (1 << 63) - 1, 1 << 63, U64 - 1)
        muls = (0, 1, 1 << 31, (1 << 32) - 1)
        for old_tsc in edges:
            for new_tsc in edges:
                yield (old_tsc, 1000, 1 << 31, 1), (new_tsc, 1000, 1 << 31, 1)
        for shift in (-63, -32, -1, 0, 1, 31, 32, 63):
            for mul in muls:
                yield (5, U64 - 1, mul, shift), (U64 - 5, 0, 1, 0)
                yield (7, 1 << 63, mul, shift), (1 << 40, (1 << 63) - 1, mul, shift)
        numbers = random.Random(20260117)
        for _ in range(60):
            yield tuple((numbers.getrandbits(numbers.choice((20, 40, 63, 64))),
                         numbers.getrandbits(numbers.choice((20, 40, 64))),
                         numbers.getrandbits(32), numbers.randint(-63, 63)) for _ in range(2))

    def test_edges(self):
        """Each vector; the sums are modulo 2^64, as in the guest."""
        for old, new in self.vectors():
            with self.subTest(old=old, new=new):
                self.assertEqual(self.of(old, new).out, f"{drift_of(old, new):+d} ns\n")

    def test_edges_in_json(self):
        for old, new in list(self.vectors())[::7]:
            with self.subTest(old=old, new=new):
                result = self.drift("--json", stdin=lines(old, new))
                (got,) = result.objects
                self.assertEqual(got["drift_ns"], drift_of(old, new))
                self.assertEqual(int(got["predicted_system_time"]) % U64, predicted(old, new[0]))

    def test_large_numbers_in_json(self):
        """docs/schema.md: from 2^63 on they are strings."""
        result = self.of((0, U64 - 1, 1, 0), (0, 0, 1, 0), "--json")
        self.assertEqual(schema.faults("drift", result.out), [])
        self.assertEqual(result.objects[0]["predicted_system_time"], str(U64 - 1))

    def refused(self, *arguments, stdin="", pattern):
        result = self.drift(*arguments, stdin=stdin, status=USAGE)
        self.assertEqual(result.out, "")
        first, _, rest = result.err.partition("\n")
        self.assertRegex(first, r"\Akvmclock-trace( drift)?: ")
        self.assertRegex(first, pattern)
        self.assertRegex(rest, r"\A(Try `[^`]*'\sor\s`[^`]*'\sfor\smore\s+information\.\n)?\Z")

    def test_bad_options(self):
        good = text(OLD)
        for bad in ("", ",", "1", "1,2,3", "1,2,3,", "1,2,3,4,5", "1,2,3,4,", ",1,2,3,4", "1,,3,4",
                    "x,2,3,4", "1,2,3,x", "0x1,2,3,4", "1.5,2,3,4", "1;2;3;4", "1 ,2,3,4",
                    "-1,2,3,4", "1,-2,3,4", "1,2,-3,4", f"{U64},2,3,4", f"1,{U64},3,4",
                    f"1,2,{1 << 32},4", "1,2,3,64", "1,2,3,-64", "1,2,3,128", f"1,2,3,{U64 - 1}",
                    "9" * 200 + ",2,3,4"):
            with self.subTest(bad):
                self.refused("--old", bad, "--new", good, pattern="is not TSC,SYSTEM,MUL,SHIFT")
                self.refused("--old", good, f"--new={bad}", pattern="is not TSC,SYSTEM,MUL,SHIFT")
        self.refused("--old", good, pattern="the new PVTI is not complete")
        self.refused("--new", good, pattern="the old PVTI is not complete")
        self.refused("--old", good, stdin=THREAD, pattern="the new PVTI is not complete")
        self.refused("1,2,3,4", pattern="no arguments")
        self.refused("--old", pattern="requires an argument")
        self.refused("--nosuch", pattern="unrecognized option")

    def test_bad_lines(self):
        self.refused(pattern="the old PVTI is not complete")
        self.refused(stdin="nothing of the kind\n" * 3, pattern="the old PVTI is not complete")
        every = THREAD.splitlines(keepends=True)
        for at, line in enumerate(every):
            if "clock->" in line:
                which = line[:3]
                self.refused(stdin="".join(every[:at] + every[at + 1:]),
                             pattern=f"the {which} PVTI is not complete")
        for line in ("old_clock->tsc_timestamp = -1", "new_clock->system_time = -5",
                     "old_clock->tsc_shift = 64", "old_clock->tsc_shift = -64",
                     "old_clock->tsc_shift = 1-1", "new_clock->tsc_to_system_mul = 4294967296",
                     "new_clock->tsc_to_system_mul = -1", "old_clock->tsc_timestamp = 1-",
                     f"new_clock->system_time = {U64}", "new_clock->system_time = " + "9" * 40,
                     "> old_clock->tsc_timestamp = --"):
            with self.subTest(line):
                self.refused(stdin=THREAD + line + "\n",
                             pattern=re.escape(line.lstrip("> ")) + "' has an impossible value")

    def test_lines_with_more_than_a_number(self):
        """A number that goes on otherwise is not taken for its beginning."""
        for value in ("0x7757d0f89", "3.5", "12abc"):
            with self.subTest(value):
                self.refused(stdin=THREAD + f"old_clock->system_time = {value}\n",
                             pattern="has an impossible value")
        # But it may be the C that was posted.
        as_code = re.sub(r"(= -?\d+)", r"\1;", THREAD)
        self.assertEqual(self.drift(stdin=as_code).out, "+4 ns\n")

    def test_other_lines_are_passed_over(self):
        more = ("On Monday, somebody wrote:\nold_clock->version = 7\nold_clock->flags = 1\n"
                "mid_clock->tsc_timestamp = x\nold_clock = 5\n" + "x" * 5000 + "\n")
        self.assertEqual(self.drift(stdin=more + THREAD + more).out, "+4 ns\n")
