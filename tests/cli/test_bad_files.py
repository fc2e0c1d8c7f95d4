# SPDX-License-Identifier: GPL-2.0
"""`report` of what is not a recording, or not a whole one."""

import random
import unicodedata

import recording as r
from case import DONE, INCOMPLETE, USAGE, Case, run

MAX_LINE = 65536


def raw(text):
    return text if isinstance(text, bytes) else text.encode()


class BadFiles(Case):
    def unusable(self, path, pattern):
        result = self.report(path, status=USAGE)
        self.check_line(result, pattern)
        self.assertEqual(result.out, "")

    def test_no_file(self):
        self.unusable(self.path("none"), "none: No such file or directory")
        self.unusable("", ": No such file or directory")
        self.unusable(self.path("x" * 5000), "File name too long")

    def test_directory(self):
        self.unusable(self.directory, "no recording is in it")

    def test_empty(self):
        self.unusable(self.write("empty", b""), "empty: empty")
        self.unusable("/dev/null", "/dev/null: empty")

    def test_garbage(self):
        seed = random.Random(1)
        for i in range(20):
            data = bytes(seed.choices(range(256), k=seed.choice((1, 10, 1000, 100000))))
            with self.subTest(i):
                self.unusable(self.write("garbage", data), "not a recording|line of more than")
        for name, data in (("newline", b"\n"), ("newlines", b"\n" * 1000), ("nul", b"\0"),
                           ("nuls", b"\0\n\0\n"), ("brace", b"{"), ("object", b"{}\n"),
                           ("array", b"[]\n"), ("string", b'"header"\n'), ("number", b"1\n"),
                           ("null", b"null\n"), ("bom", b"\xef\xbb\xbf" + r.small()[0]),
                           ("utf16", "".join(map(bytes.decode, r.small())).encode("utf-16")),
                           ("program", b"\x7fELF" + bytes(1000)), ("space", b" "),
                           ("header without its end", r.small()[0].rstrip())):
            with self.subTest(name):
                self.unusable(self.write("garbage", data),
                              "not a recording|a line without|line of more than")

    def test_not_its_first_line(self):
        lines = r.small()
        self.unusable(self.write("a", lines[1:]), "line 1: does not begin with a header")
        self.unusable(self.write("b", [b"\n"] + lines), "line 1: not a recording")
        self.unusable(self.write("c", [lines[-1]]), "line 1: does not begin with a header")
        self.unusable(self.write("d", [b'{"event":"nosuch"}\n']), "does not begin with a header")

    def test_version(self):
        for version in (0, 2, -1, 1 << 40):
            path = self.write("v", r.small(head=r.header(version=version)))
            self.unusable(path, f"line 1: format version {version}, this reads 1")
        self.unusable(self.write("f", r.small(head=r.header(format="perf"))),
                      "line 1: not a recording of kvmclock-trace")


class BadLines(Case):
    """One line too many, or one that is wrong, behind a header and one event."""

    def refused(self, lines, pattern, events=1, line=None):
        """Read up to there: status 4, one line that says why, and the events before it counted."""
        begin = [r.line(r.header()), r.line(r.gone(7))]
        path = self.write("bad", begin + [raw(text) for text in lines])
        result = self.report("-j", path, status=INCOMPLETE, timeout=60)
        self.check_line(result, pattern)
        if line:
            self.assertIn(f"read up to line {line - 1}: ", result.err)
        (report,) = result.objects
        self.assertIs(report["complete"], False)
        self.assertEqual(report["events"], events)
        self.assertIn(report["incomplete_why"], result.err)
        shown = self.report(path, status=INCOMPLETE)
        self.assertIn("INCOMPLETE: " + report["incomplete_why"], shown.out)

    def test_json(self):
        good = r.line(r.gone(8)).rstrip().decode()
        for name, text in (
                ("nothing", ""), ("a space", " "), ("half", good[:30]), ("two", good + good),
                ("trailing", good + "x"), ("comma", good + ","), ("array", "[" + good + "]"),
                ("single quotes", good.replace('"', "'")),
                ("NaN", good.replace("1000000900", "NaN")),
                ("Infinity", good.replace("1000000900", "Infinity")),
                ("leading zero", good.replace("1000000900", "01")),
                ("plus", good.replace("1000000900", "+1")),
                ("hexadecimal", good.replace("1000000900", "0x1")),
                ("huge number", good.replace("1000000900", "1" * 1000)),
                ("huge exponent", good.replace("1000000900", "1e999999999")),
                ("comment", good + " // x"), ("control", good.replace(",", ",\x01"))):
            with self.subTest(name):
                self.refused([text + "\n"], "not a JSON object", line=3)

    def test_carriage_returns_are_space(self):
        path = self.write("dos", [line[:-1] + b"\r\n" for line in r.small()])
        self.report(path, status=DONE)

    def test_bytes(self):  # threat-01
        good = r.line(r.vm(8))
        for name, data in (("invalid UTF-8", b"\xff"), ("cut UTF-8", b"\xc3"),
                           ("overlong", b"\xc0\xaf"), ("surrogate", b"\xed\xa0\x80"),
                           ("past Unicode", b"\xf4\x90\x80\x80"), ("NUL", b"\0"),
                           ("control", b"\x1b[2J"), ("tab", b"\t"),
                           ("NUL escaped", rb"\u0000"), ("half a pair", rb"\ud800"),
                           ("wrong pair", rb"\ud800A"), ("bad escape", rb"\x41"),
                           ("short escape", rb"\u12")):
            with self.subTest(name):
                self.refused([good.replace(b'"web"', b'"we' + data + b'b"')],
                             "not a JSON object|proper name", line=3)
        self.refused([b"\0" * 1000 + b"\n"], "not a JSON object", line=3)

    def test_duplicate_keys(self):
        good = r.line(r.gone(8))
        for twice in (b'"ns":1,', b'"event":"vm-gone",', b'"vm":8,', b'"tid":0,'):
            with self.subTest(twice):
                self.refused([good.replace(b"{", b"{" + twice)], "not a JSON object", line=3)
        nested = r.line(r.vm(8)).replace(b'"nr_vcpus":2', b'"nr_vcpus":2,"nr_vcpus":2')
        self.refused([nested], "not a JSON object", line=3)

    def test_nesting(self):
        for name, text in (("arrays", "[" * 60000), ("closed arrays", "[" * 30000 + "]" * 30000),
                           ("objects", '{"a":' * 12000),
                           ("in a field", r.line(r.gone(8)).decode().rstrip()[:-1] + ',"x":' +
                            "[" * 30000 + "]" * 30000 + "}")):
            with self.subTest(name):
                self.refused([text + "\n"], "not a JSON object", line=3)
        self.refused(["[" * 100000 + "\n"], "more than 65536 bytes", line=3)
        first = self.write("first", b"[" * 100000)
        self.check_line(self.report(first, status=USAGE), "more than 65536 bytes")

    def test_long_lines(self):
        good = r.line(r.gone(8))
        for size, pattern in ((MAX_LINE + 1, "more than 65536 bytes"),
                              (1 << 20, "more than 65536 bytes")):
            with self.subTest(size):
                padded = good[:-2] + b" " * (size - len(good) + 1) + b"}\n"
                self.assertEqual(len(padded), size + 1)
                self.refused([padded], pattern, line=3)
        padded = good[:-2] + b" " * (MAX_LINE - len(good) + 1) + b"}\n"
        path = self.write("longest", r.small()[:1] + [padded, r.line(r.trailer(1))])
        self.report(path, status=DONE)

    def test_lines_out_of_place(self):
        header, trailer = r.line(r.header()), r.line(r.trailer(1))
        self.refused([header], "read up to line 2: a second header")
        self.refused([trailer, header], "read up to line 3: a second header")
        self.refused([trailer, trailer], "read up to line 3: a line behind the trailer")
        self.refused([trailer, r.line(r.gone(8))], "read up to line 3: a line behind the trailer")
        self.refused([trailer, b"\n"], "read up to line 3: not a JSON object")
        self.refused([trailer, b"\0"], "something is behind the trailer")
        self.refused([trailer, b"x"], "something is behind the trailer")
        self.refused([trailer, r.line(r.gone(8)).rstrip()], "something is behind the trailer")

    def test_lines_without_a_word(self):
        for text in ("{}", '{"event":1}', '{"event":null}', '{"event":["vm"]}', '{"ns":1}',
                     '{"Event":"vm"}'):
            with self.subTest(text):
                self.refused([text + "\n"], 'a line without "event"', line=3)

    def test_the_file_itself_is_not_shown(self):
        # what is refused may be anything: none of it reaches the terminal
        evil = "\x1b]0;owned\x07"
        for text in (evil, '{"event":"%s"}' % "\\u001b]0;owned\\u0007",
                     r.line({**r.gone(8), "ns": "\x1b[2J"}).decode()):
            result = run("report", "-", stdin=b"".join(r.small()[:-1]) + raw(text) + b"\n")
            self.check(result, INCOMPLETE)
            self.assertNotIn("\x1b", result.out + result.err)


class Texts(Case):
    def test_texts_are_fit_to_print(self):  # threat-04
        bad = {"\x1b[2J": r"\u001b[2J", "\x07": r"\u0007", "\x7f": r"\u007f",
               "\x9b31m": r"\u009b31m", "\n": r"\u000a", "\r": r"\u000d",
               "\u2028": r"\u2028", "\u202e": r"\u202e", "\u2066": r"\u2066",
               "\u05d0": r"\u05d0", "\u200b": r"\u200b", "e\u0301": r"e\u0301",
               "\u0430": r"\u0430", "\uff41": r"\uff41", "\u00a0": r"\u00a0",
               "  ": r"\u0020\u0020", "\U000e0041": r"\U000e0041"}
        for text, form in bad.items():
            name = f"a{text}b"
            head = r.header(command=name)
            head["host"] = dict.fromkeys(("name", "kernel", "kvm", "vendor", "clocksource",
                                          "boot_id"), name)
            head["host"]["tsc_khz"] = 1
            head["tool"] = name
            head["hooks"] = [dict.fromkeys(("evidence", "way", "target", "note"), name)]
            path = self.write("evil", r.small(
                head=head, events=[r.vm(1, name=name, uuid=name, vmm=name, comm=name[:8])]))
            with self.subTest(repr(text)):
                for options in ([], ["-v"], ["-j"]):
                    result = self.report(*options, path, status=DONE)
                    self.assertNotRegex(result.out, "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00a0\u0301"
                                                    "\u05d0\u200b\u2028-\u202e\u2066-\u2069]")
                (report,) = result.objects
                vm = report["vms"][0]
                self.assertEqual([vm["name"], vm["vmm"], vm["uuid"], report["host"]["name"]],
                                 [f"a{form}b"] * 4)

    def test_other_texts_are_left_alone(self):
        for name in ("h\u00f6st \u4e3b\u673a \U0001f427 \"\\/%s%n", "\u043f\u043e\u0447\u0442\u0430",
                     r"we\u200bb \\ \xff"):
            path = self.write("fine", r.small(events=[r.vm(1, name=name)]))
            (report,) = self.report("-j", path, status=DONE).objects
            self.assertEqual(report["vms"][0]["name"], name)
            self.assertIn(name[:4], self.report(path, status=DONE).out)

    def test_columns(self):
        """They stand where they are, whatever a name is made of; what is cut says so."""
        for name, column in (("web", "web"), ("\u4e3b\u673a" * 6, "\u4e3b\u673a" * 6),
                             ("\u4e3b\u673a" * 9, "\u4e3b\u673a" * 5 + "\u4e3b\u2026"),
                             ("\u00e4" * 40, "\u00e4" * 23 + "\u2026"),
                             ("\U0001f427" * 20, "\U0001f427" * 11 + "\u2026"),
                             ("\u202e" * 9, r"\u202e" * 3 + r"\u202" + "\u2026")):
            path = self.write("wide", r.small(events=[r.vm(1, name=name)]))
            row = self.report(path, status=DONE).out.splitlines()[3]
            width = sum(1 + (unicodedata.east_asian_width(c) == "W") for c in column)
            self.assertTrue(row.startswith(column + " " * (25 - width) + "qemu "), row)

    def test_same_number_twice(self):
        path = self.write("twice", r.small(events=[r.vm(1, name="first"), r.tsc_write(1, 0),
                                                   r.vm(1, name="second", pid=1, created=1)]))
        (report,) = self.report("-j", path, status=DONE).objects
        (vm,) = report["vms"]
        self.assertEqual((vm["name"], vm["pid"], vm["tsc_writes"]), ("first", 4700, 1))
        self.assertEqual(vm["updates"]["total"], 0)

    def test_extreme_drifts(self):
        # sums wrap, and UBSan has nothing to say
        most, least = (1 << 63) - 1, -(1 << 63)
        events = [r.published(1, i % 3, r.pvti(), r.pvti(), ns)
                  for i, ns in enumerate([most, most, least, least, least, most, -1])]
        path = self.write("drift", r.small(events=events))
        (report,) = self.report("-j", path, status=DONE).objects
        drift = report["vms"][0]["drift_ns"]
        total = (3 * most + 3 * least - 1 + (1 << 63)) % (1 << 64) - (1 << 63)
        self.assertEqual(drift, {"total": total, "max_forward": most, "max_backward": least,
                                 "set_clock": 0})
        self.report("-v", path, status=DONE)

    def test_time_may_be_anything(self):
        for started, ended in ((0, (1 << 64) - 1), ((1 << 64) - 1, 0), (5, 4)):
            path = self.write("time", r.small(head=r.header(started_ns=r.u64(started)),
                                              tail=r.trailer(18, ended_ns=r.u64(ended))))
            self.report(path, status=DONE)
            self.report("-j", path, status=DONE)


class Truncation(Case):
    def test_every_length(self):
        data = b"".join(r.small())
        names = [f"{size:05}" for size in range(len(data) + 1)]
        for size, name in enumerate(names):
            self.write(name, data[:size])
        first = data.index(b"\n") + 1
        # within the header there is nothing to report
        result = self.check(run("report", "-j", *names[:first], cwd=self.directory), USAGE)
        self.assertEqual(result.out, "")
        said = result.err.splitlines()
        self.assertEqual(said[0], "kvmclock-trace: 00000: empty")
        self.assertEqual(said[1:], [f"kvmclock-trace: {name}: not a recording"
                                    for name in names[1:first]])
        # behind it, all whole lines are in the report
        result = self.check(run("report", "-j", *names[first:], cwd=self.directory), INCOMPLETE)
        reports, said = result.objects, result.err.splitlines()
        self.assertEqual(len(reports), len(names) - first)
        self.assertEqual(len(said), len(reports) - 1)
        self.assertIs(reports[-1]["complete"], True)
        for size in range(first, len(data)):
            report, lines = reports[size - first], data[:size].count(b"\n")
            cut = "cut off: it has no trailer" if data[size - 1:size] == b"\n" else \
                f"cut off in line {lines + 1}"
            self.assertEqual(report["events"], lines - 1)
            self.assertIs(report["complete"], False)
            self.assertEqual(report["incomplete_why"], cut)
            self.assertEqual(said[size - first], f"kvmclock-trace: {names[size]}: {cut}")

    def test_shown_to_people(self):
        lines = r.small()
        for count in range(1, len(lines)):
            for cut in (b"", lines[count][:-1]):
                path = self.write("cut", lines[:count] + [cut])
                result = self.report(path, status=INCOMPLETE)
                self.assertRegex(result.out, r"\nINCOMPLETE: cut off.*\n\Z")
                self.check_line(result, "cut off")
