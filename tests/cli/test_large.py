# SPDX-License-Identifier: GPL-2.0
"""Large recordings: neither memory nor time grows out of bounds, whoever made them.

These run the plain build, as sanitizers take memory of their own; what they cover is small in the
other tests.
"""

import os
import sys

import recording as r
from case import DONE, INCOMPLETE, PROGRAM, USAGE, Case, run

GIB = 1 << 30
# The program, its libraries and a line are less than this.
SMALL_KIB = 32 << 10
MAX_HELD = 1 << 20  # KCT_MAX_HELD: VMs and vCPUs together
KIB_OF_VMS = MAX_HELD  # 1 KiB for each, as docs/benchmarks.md says

# A process counts as its own peak what the one that forked it held then. So a fresh Python, which
# holds little, stands between this one and the program, and tells the peak.
MEASURE = """
import os, sys
pid = os.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
_, status, usage = os.wait4(pid, 0)
with open(sys.argv[1], "w") as file:
    file.write(str(usage.ru_maxrss))
os._exit(os.waitstatus_to_exitcode(status) & 255)
"""


def repeated(block, size):
    for _ in range(size // len(block)):
        yield block


def numbered(template, numbers):
    """A line of `template` for each number, where it has 123456789; in blocks."""
    line = r.line(template)
    assert line.count(b"123456789") == 1
    before, after = line.split(b"123456789")
    block = []
    for number in numbers:
        block.append(b"%b%d%b" % (before, number, after))
        if len(block) == 5000:
            yield b"".join(block)
            block.clear()
    yield b"".join(block)


class Large(Case):  # threat-02
    def large(self, *arguments, status, peak_kib, chunks=b"", timeout=240, command="report"):
        measure = [sys.executable, "-S", "-E", "-c", MEASURE, self.path("peak"), PROGRAM]
        result = self.check(run(command, *arguments, program=measure, stdin=chunks,
                                timeout=timeout), status)
        with open(self.path("peak"), encoding="utf-8") as file:
            self.assertLess(int(file.read()), peak_kib)
        os.unlink(self.path("peak"))
        return result

    def test_a_gibibyte_of_zeros(self):
        path = self.path("zeros")
        with open(path, "wb") as file:
            file.truncate(GIB)
        result = self.large(path, status=USAGE, peak_kib=SMALL_KIB, timeout=10)
        self.check_line(result, "line 1: a line of more than 65536 bytes")
        with open(path, "r+b") as file:
            file.write(r.small()[0])
        result = self.large(path, status=INCOMPLETE, peak_kib=SMALL_KIB, timeout=10)
        self.check_line(result, "read up to line 1: a line of more than 65536 bytes")

    def test_a_gibibyte_of_one_line(self):
        for begin, status in ((b"", USAGE), (r.small()[0], INCOMPLETE)):
            for block in (b"x" * (1 << 20), b"[" * (1 << 20), b'{"event":"vm-gone",' * 50000):
                def chunks(first=begin, then=block):
                    yield first
                    yield from repeated(then, GIB)

                result = self.large("-", status=status, peak_kib=SMALL_KIB, chunks=chunks())
                self.check_line(result, "a line of more than 65536 bytes")
                self.assertLess(result.fed, 16 << 20)  # it did not read on

    def test_a_gibibyte_of_events(self):
        events = r.small_events()
        block = b"".join(map(r.line, events)) * 200
        blocks = GIB // len(block) + 1
        count = blocks * 200

        def chunks():
            yield r.line(r.header())
            for _ in range(blocks):
                yield block
            yield r.line(r.trailer(count * len(events)))

        result = self.large("-j", "-", status=DONE, peak_kib=SMALL_KIB, chunks=chunks())
        self.assertGreaterEqual(result.fed, GIB)
        (report,) = result.objects
        web, db = report["vms"]
        self.assertEqual(report["events"], 18 * count)
        self.assertEqual(web["requests"], 2 * count)
        self.assertEqual(web["unnecessary"], 2 * count)
        self.assertEqual(web["drift_ns"]["total"], -396 * count)
        # only the first introduction of a VM counts, so the others' first updates stay nobody's
        self.assertEqual(db["updates"]["total"], 1)
        self.assertEqual(report["unattributed"]["updates"]["total"], count - 1)

    def test_rows_of_vms_that_come_and_go(self):
        def chunks():
            yield r.line(r.header())
            for first in range(1, 300001, 1000):
                yield b"".join(b"".join(numbered(template, range(first, first + 1000)))
                               for template in (r.vm(123456789, token=1), r.gone(123456789)))
            yield r.line(r.trailer(600000))

        self.large("--flat", "/dev/null", "-", status=DONE, peak_kib=SMALL_KIB, chunks=chunks(),
                   command="export")

    def many(self, template, numbers, status, peak_kib, options=(), more=b""):
        def chunks():
            yield r.line(r.header())
            yield from numbered(template, numbers)
            yield more
            yield r.line(r.trailer(len(numbers) + more.count(b"\n")))

        return self.large(*options, "-", status=status, peak_kib=peak_kib, chunks=chunks())

    def test_a_million_vcpus(self):
        result = self.many(r.tsc_write(1, 123456789), range(1000000), DONE, 300 << 10)
        self.assertRegex(result.out, r"(?m)^vm#1 .* 1000000 unknown ")

    def test_a_million_vms(self):
        result = self.many(r.gone(123456789), range(1, 1000001), DONE, KIB_OF_VMS)
        self.assertEqual(result.out.count("vm#"), 1000000)

    def test_orders(self):
        # a tree that is not balanced would need days for the first two
        count = 200000
        mixed = [i * 7919 % count for i in range(count)]
        self.assertEqual(len(set(mixed)), count)
        for numbers in (range(count), range(count)[::-1], mixed):
            result = self.many(r.tsc_write(1, 123456789), numbers, DONE, 100 << 10)
            self.assertRegex(result.out, rf"(?m)^vm#1 .* {count} unknown ")

    def test_json_takes_little_more_memory(self):
        result = self.many(r.tsc_write(1, 123456789), range(150000), DONE, 60 << 10, ["-j"])
        self.assertEqual(len(result.objects[0]["vms"][0]["vcpus"]), 150000)
        result = self.many(r.gone(123456789), range(1, 50001), DONE, 60 << 10, ["-j"])
        self.assertEqual(len(result.objects[0]["vms"]), 50000)

    def test_bound(self):
        # one VM with its vCPUs fills it
        numbers, template = range(MAX_HELD - 1), r.tsc_write(1, 123456789)
        again = r.line(r.tsc_write(1, 5)) + r.line(r.gone(1))
        self.many(template, numbers, DONE, 300 << 10, more=again)
        for one_more in (r.tsc_write(1, MAX_HELD), r.gone(2)):
            result = self.many(template, numbers, INCOMPLETE, 300 << 10,
                               more=r.line(one_more) + again)
            self.check_line(result, f"read up to line {MAX_HELD}: more than 1048576 VMs and vCPUs")
            self.assertIn("INCOMPLETE: ", result.out)

    def test_bound_of_vms(self):
        result = self.many(r.gone(123456789), range(1, MAX_HELD + 5000), INCOMPLETE, KIB_OF_VMS)
        self.check_line(result, "more than 1048576 VMs and vCPUs")

    def test_filtered_vms_take_no_room(self):
        result = self.many(r.vm(123456789, token=1), range(1, 50001), DONE, SMALL_KIB,
                           ["-j", "--vm", "db"])
        self.assertEqual(result.objects[0]["vms"], [])
