# SPDX-License-Identifier: GPL-2.0
"""Every field of every line with every kind of value: taken exactly where the format allows it.

The format is written down here once more, apart from the program: TYPES has what each field takes.
Many recordings go into one call; each must be told about on its own.
"""

import copy
import re

import recording as r
from case import Case, run

MISSING = object()

EFFECTS = {"unknown", "enabled", "disabled", "resnapshot", "suppressed", "inactive"}
CAUSES = {"unknown", "vm-create", "set-clock", "set-clock-realtime", "set-clock-guest",
          "vcpu-request", "hyperv"}
IOCTLS = {"unknown", "create-vcpu", "run", "get-tsc", "set-tsc", "get-tsc-offset",
          "set-tsc-offset", "get-clock", "set-clock", "paused", "get-clock-guest",
          "set-clock-guest"}
ORIGINS = {"unknown", "vcpu-create", "tsc-write", "tsc-offset", "system-time", "clocksource",
           "resume", "hyperv", "xen"}


def integer(low, high):
    return lambda value: type(value) is int and low <= value <= high


def u64(value):
    if type(value) is str:
        return bool(re.fullmatch("[1-9][0-9]*", value)) and 1 << 63 <= int(value) < 1 << 64
    return integer(0, (1 << 63) - 1)(value)


def boolean(value):
    return type(value) is bool


def text(size):
    return lambda value: type(value) is str and len(value.encode()) < size and "\0" not in value


def word(value):
    """Of whichever release: one that this one does not know is passed over."""
    return type(value) is str and "\0" not in value


def words(names):
    return lambda value: type(value) is str and value in names


def optional(kind):
    return lambda value: value is None or kind(value)


def never(_):
    return False  # an object: none of the values below is one that has all its members


u8, s8 = integer(0, 255), integer(-128, 127)
u32, s64 = integer(0, (1 << 32) - 1), integer(-(1 << 63), (1 << 63) - 1)
number = optional(integer(0, (1 << 32) - 2))  # null where it is not known
COMMON = {"ns": u64, "vm": optional(integer(1, (1 << 32) - 1)), "vcpu": number, "tid": u32}
PVTI = {"tsc_timestamp": u64, "system_time": u64, "tsc_to_system_mul": u32, "tsc_shift": s8,
        "flags": u8}
CLOCK = {"masterclock": word, "master_kernel_ns": u64,
         "master_cycle_now": u64, "kvmclock_offset": s64, "nr_vcpus": u32}


def inside(key, table):
    return {f"{key}.{name}": kind for name, kind in table.items()}


TYPES = {
    "vm": {"token": u64, "pid": number, "creator": u32, "created": u32,
           "create_effect": word, "comm": text(16), "state": never, "name": text(128),
           "vmm": text(24), "uuid": text(40), "name_source": text(40),
           "orchestrator": text(40), "namespace": text(64), "id": text(64),
           **inside("state", CLOCK)},
    "vcpu": {"pending": boolean, "tsc_offset": s64, "tsc_khz": u32, "pvti": optional(never),
             **inside("pvti", PVTI)},
    "update": {"cause": word, "effect": word, "cause_derived": boolean,
               "offset_matched": optional(boolean), "host_clock": number, "before": never,
               "after": never, **inside("before", CLOCK), **inside("after", CLOCK)},
    "request": {"op": word, "origin": word, "derived": boolean},
    "pvti": {"old": optional(never), "new": never, "drift_ns": optional(s64), "rebased": boolean,
             "clock_set": boolean, "negative_delta": boolean, **inside("old", PVTI),
             **inside("new", PVTI)},
    "tsc-write": {"old_offset": s64, "new_offset": s64, "ioctl": word,
                  "tsc": optional(u64)},
    "tsc-track": {"generation": u64, "nr_matched": u32, "nr_vcpus": u32, "host_clock": u32,
                  "use_master_clock": boolean, "pending": optional(boolean)},
    "set-clock": {"clock": optional(u64), "realtime": optional(u64), "flags": optional(u32),
                  "nr_vcpus": u32, "nr_pending": number, "nr_pending_after": number,
                  "ioctl": word, "pvti": optional(never), **inside("pvti", PVTI)},
    "ioctl": {"ioctl": word, "tsc": optional(u64), "tsc_offset": optional(s64),
              "clock": optional(u64), "realtime": optional(u64), "host_tsc": optional(u64),
              "flags": optional(u32), "pvti": optional(never), **inside("pvti", PVTI),
              "nr_pending": number},
    "vm-gone": {},
}
EXAMPLES = [
    r.vm(1), r.vcpu(1, 0, line_of=r.pvti()), r.update(1, 0, "vcpu-request", "resnapshot"),
    r.request(1, 0), r.published(1, 0, r.pvti(), r.pvti(), 0), r.tsc_write(1, 0),
    r.tsc_track(1, 0), r.set_clock_guest(1, 0, r.pvti()),
    r.ioctl(1, 0, "get-clock-guest", pvti=r.pvti()),
    r.gone(1),
]
HEADER = {
    "format": words({"kvmclock-trace"}), "version": integer(1, 1), "tool": text(32),
    "host": never, "started_ns": u64, "realtime_ns": u64, "realtime_error_ns": optional(u64),
    "kvmclock_base_ns": u64, "command": optional(text(256)),
    "hooks": lambda value: value == [] and type(value) is list,
    "host.name": optional(text(385)), "host.boot_id": optional(text(40)),
    "host.kernel": optional(text(65)), "host.kvm": optional(text(16)),
    "host.vendor": optional(text(16)), "host.clocksource": optional(text(32)),
    "host.tsc_khz": optional(u32),
}
TRAILER = {
    "ended_ns": u64, "realtime_ns": u64, "realtime_error_ns": optional(u64),
    "kvmclock_base_ns": u64, "events": u64, "losses": never, "reason": text(16),
    "missed": lambda value: value == [] and type(value) is list,
    "status": optional(integer(0, 65535)), **inside("losses", dict.fromkeys(r.LOSSES, u64)),
}

VALUES = [
    MISSING, None, True, False, [], {}, [1], {"a": 1}, 1.5, 1.0, -0.0, 1e300,
    0, 1, -1, 127, 128, -128, -129, 255, 256, 65535, 65536, (1 << 31) - 1, 1 << 31, (1 << 32) - 2,
    (1 << 32) - 1, 1 << 32, (1 << 63) - 1, -(1 << 63), 1 << 63, -(1 << 63) - 1, 1 << 64, 10 ** 100,
    "", "0", "1", "-1", "x", "null", "true", "made", "cleared", "unknown", "active", "xen",
    "hyperv", "kvmclock-trace", "Unknown", "9223372036854775807", "9223372036854775808",
    "18446744073709551615", "18446744073709551616", "09223372036854775808",
    "+9223372036854775808", " 9223372036854775808", "9223372036854775808 ",
    "9223372036854775808x", "-9223372036854775808", "0x8000000000000000", "0xffffffffffffffff",
    "0x0000000000000000", "0xFFFFFFFFFFFFFFFF", "0x0x000000000000ff", "0x\t00000000000000f",
    "0x+00000000000000f", "0x-00000000000000f", "0x 00000000000000f", "0xfffffffffffffff",
    "0xfffffffffffffffff", "0x000000000000000g", "a" * 15, "a" * 16, "a" * 23, "a" * 24, "a" * 39,
    "a" * 40, "\u00e4" * 20, "a" * 127, "a" * 128, "a" * 255, "a" * 256, "a" * 384, "a" * 385, "a\0b", "\0", "\u00e4",
]


def put(line, path, value):
    changed = copy.deepcopy(line)
    *way, last = path.split(".")
    at = changed
    for key in way:
        at = at[key]
    if value is MISSING:
        del at[last]
    else:
        at[last] = value
    return changed


class Values(Case):
    def check_all(self, recordings, judge):
        """`recordings`: (what, lines, is it right?); `judge` gets the last, report and words."""
        names = [f"{i}" for i in range(len(recordings))]
        for name, (_, lines, _) in zip(names, recordings):
            self.write(name, lines)
        result = self.check(run("report", "-j", *names, cwd=self.directory), 0, 2, 4)
        shown, said = iter(result.objects), {}
        for text_line in result.err.splitlines():
            match = re.fullmatch(r"kvmclock-trace: (\d+): (.*)", text_line)
            self.assertTrue(match, text_line)
            self.assertNotIn(match[1], said, "two lines about one file")
            said[match[1]] = match[2]
        wrong = []
        for name, (what, _, right) in zip(names, recordings):
            words_said = said.get(name)
            unusable = words_said is not None and "read up to line" not in words_said and \
                re.match("line 1: ", words_said)
            report = None if unusable else next(shown)
            problem = judge(right, report, words_said)
            if problem:
                wrong.append(f"{what}: {problem}; it said {words_said!r}")
        self.assertEqual(list(shown), [])
        self.assertEqual(wrong, [])

    @staticmethod
    def judge_event(right, report, words_said):
        passed = report["passed_over"]["events"] if report else 0
        if right and (words_said or not report["complete"] or report["events"] + passed != 1):
            return "refused"
        if not right and (not words_said or report["complete"] or report["events"] != 0 or
                          not words_said.startswith("read up to line 1: ")):
            return "taken"
        return None

    def event_cases(self, example):
        types = {**COMMON, **TYPES[example["event"]]}
        for path, kind in types.items():
            for value in VALUES:
                right = path in r.ADDED.get(example["event"], ()) if value is MISSING else \
                    kind(value)
                lines = [r.line(r.header()), r.line(put(example, path, value)),
                         r.line(r.trailer(1))]
                yield f"{example['event']}.{path} {value!r}", lines, right

    def test_words(self):
        """Each that is known is taken for itself; another one is counted."""
        cases = {"cause": CAUSES, "effect": EFFECTS, "origin": ORIGINS, "op": {"made", "cleared"},
                 "ioctl": IOCTLS, "before.masterclock": {"active", "inactive", "unknown"}}
        for path, known in cases.items():
            for example in EXAMPLES:
                if path.split(".")[0] not in example:
                    continue
                with self.subTest(f"{example['event']} {path}"):
                    for value, others in [(value, 0) for value in known] + [("Unknown", 1)]:
                        self.write("word", [r.line(r.header()),
                                            r.line(put(example, path, value)),
                                            r.line(r.trailer(1))])
                        (report,) = self.report("-j", self.path("word"), status=0).objects
                        passed = report["passed_over"]
                        of_event = others if path == "op" else 0
                        self.assertEqual((passed["words"], passed["events"]),
                                         (others - of_event, of_event))
                        self.assertEqual(report["events"], 1 - of_event)

    def test_event_fields(self):
        for example in EXAMPLES:
            with self.subTest(example["event"]):
                self.check_all(list(self.event_cases(example)), self.judge_event)

    def test_types_are_of_all_fields(self):
        # else a new field would not be tried
        self.assertEqual({e["event"] for e in EXAMPLES}, set(TYPES))
        for example in EXAMPLES:
            flat = set()
            for key, value in example.items():
                flat.add(key)
                if isinstance(value, dict):
                    flat |= {f"{key}.{name}" for name in value}
            self.assertEqual(flat - {"event"}, set(COMMON) | set(TYPES[example["event"]]))

    @staticmethod
    def judge_header(right, report, words_said):
        if right and (words_said or not report["complete"]):
            return "refused"
        return None if right or (words_said and not report) else "taken"

    def test_header_fields(self):
        cases = []
        for path, kind in HEADER.items():
            for value in VALUES:
                right = value is not MISSING and kind(value)
                lines = [r.line(put(r.header(), path, value)), r.line(r.trailer(0))]
                cases.append((f"header.{path} {value!r}", lines, right))
        self.check_all(cases, self.judge_header)

    def test_hooks(self):
        good = r.header()["hooks"][0]
        kinds = {"evidence": text(24), "way": text(24), "target": optional(text(64)),
                 "note": optional(text(256))}
        cases = [("32 hooks", [good] * 32, True), ("33 hooks", [good] * 33, False)]
        cases += [(f"hook {value!r}", [good, value], False) for value in VALUES
                  if value is not MISSING]
        cases += [(f"{key} {value!r}", [put(good, key, value)],
                   value is not MISSING and kind(value))
                  for key, kind in kinds.items() for value in VALUES]
        self.check_all([(what, [r.line(r.header(hooks=hooks)), r.line(r.trailer(0))], right)
                        for what, hooks, right in cases], self.judge_header)

    @staticmethod
    def judge_trailer(right, report, words_said):
        # A right value may still say that events are missing.
        refused = words_said is not None and words_said.startswith("read up to line 2: ")
        if right == refused:
            return "refused" if right else "taken"
        return None if report["events"] == 1 else "the event is gone"

    def test_missed(self):
        good = {"evidence": "pvti", "calls": 1}
        kinds = {"evidence": text(24), "calls": optional(u64)}
        cases = [("32 missed", [good] * 32, True), ("33 missed", [good] * 33, False)]
        cases += [(f"missed {value!r}", [good, value], False) for value in VALUES
                  if value is not MISSING]
        cases += [(f"{key} {value!r}", [put(good, key, value)],
                   value is not MISSING and kind(value))
                  for key, kind in kinds.items() for value in VALUES]
        # In recordings of the first release there is nothing of it.
        lines = [(what, r.trailer(1, missed=missed), right) for what, missed, right in cases]
        lines.append(("none", put(r.trailer(1), "missed", MISSING), True))
        self.check_all([(what, [r.line(r.header()), r.line(r.gone(1)), r.line(line)], right)
                        for what, line, right in lines], self.judge_trailer)

    def test_trailer_fields(self):
        cases = []
        for path, kind in TRAILER.items():
            for value in VALUES:
                right = path in r.ADDED["trailer"] if value is MISSING else kind(value)
                lines = [r.line(r.header()), r.line(r.gone(1)),
                         r.line(put(r.trailer(1), path, value))]
                cases.append((f"trailer.{path} {value!r}", lines, right))
        self.check_all(cases, self.judge_trailer)
