# SPDX-License-Identifier: GPL-2.0
"""The pages of --html in a browser: what is drawn against the JSON of the command."""

import json
import os
import re

import recording as r
from case import DONE, INCOMPLETE, OUTPUT, ROOT, run
from migrations import MS, OTHER_BOOT, US, Host, Migration
from page import LEVELS, SAID, SCALE, TEXT, WHISKERS, Migrated, Page

EXAMPLE = os.path.join(ROOT, "examples", "migrate.jsonl")


class MigrationPage(Migrated):
    def migration(self, other=None, **plan):
        """Two recordings of a migration that was made up, or one of both."""
        m = Migration(**plan)
        host = Host()
        if other is None:
            return (self.write("both.jsonl", host.recording(*m.source, *m.target)),)
        return (self.write("source.jsonl", host.recording(*m.source)),
                self.write("target.jsonl", other.recording(*m.target)))

    def test_in_scale(self):
        paths = self.migration(vcpus=4, t1=100 * US, t2=2600 * US, downtime=20 * MS, saves=True,
                               errors=(-1, 1, -2, 3))
        answer = self.make("migration", *paths)
        self.assertAlmostEqual(answer["vcpus"][0]["observed_ns"], -2_500_000, delta=10)
        self.check_brackets(answer)
        self.check_levels(answer)
        names = ["tsc_saved_first", "clock_read", "tsc_written_first", "clock_set", "ran"]
        self.check_instants(answer, names)
        for view, shown in (("stop", names[:2]), ("start", names[2:4]), ("run", names[3:]),
                            ("all", names)):
            self.browser("click", selector=f"[data-view={view}]")
            self.browser("press", keys=[])
            self.check_instants(answer, shown)
            self.check_levels(answer)
        self.keep("migration-4")

    def test_jumps_of_both_sizes(self):
        """A jump of milliseconds is told from none in one scale, one of 1 ns in the other."""
        paths = self.migration(vcpus=2, t1=100 * US, t2=2600 * US, errors=(0, 1))
        answer = self.make("migration", *paths)
        ys = [{at - vcpu["predicted_ns"]: y for index, at, y in self.evaluate(LEVELS)[1]["dots"]
               for vcpu in answer["vcpus"] if index == vcpu["id"]}][0]
        self.assertGreater(len(ys), 1)
        low, high = sorted(ys)[:2]
        self.assertGreater(ys[low] - ys[high], 10 * (high - low))
        whole = self.evaluate(LEVELS)[0]
        ns = (float(whole["high"]) - float(whole["low"])) / float(whole["tall"])
        self.assertGreater(2_500_000 / ns, 50)

    def test_example(self):
        answer = self.make("migration", EXAMPLE)
        self.check_instants(answer, ["clock_set"])
        self.check_brackets(answer)
        self.check_levels(answer)

    def test_two_hosts(self):
        other = Host("host-2", OTHER_BOOT, ahead=3 * MS, error=500 * US)
        answer = self.make("migration", *self.migration(other, downtime=20 * MS, saves=True))
        _, pixel = self.times()
        whiskers = self.evaluate(WHISKERS)
        self.assertEqual([name for name, _ in whiskers], ["tsc_written_first", "clock_set", "ran"])
        for _, width in whiskers:
            self.assertAlmostEqual(width * pixel, 2 * answer["between_error_ns"], delta=2 * pixel)
        self.assertIn("may be off by", self.evaluate(TEXT))
        self.check_instants(answer, ["clock_read", "clock_set"])
        self.keep("migration-two-hosts")

    def test_two_hosts_unsynchronised(self):
        other = Host("host-2", OTHER_BOOT, error=None)
        answer = self.make("migration", *self.migration(other, downtime=20 * MS))
        self.assertIsNone(answer["between_error_ns"])
        self.assertIn("off by anything", self.evaluate(TEXT))

    def test_many_vcpus(self):
        answer = self.make("migration", *self.migration(vcpus=64, downtime=20 * MS), width=1000)
        self.check_levels(answer)
        self.assertEqual(self.browser("violations"), [])
        self.keep("migration-64")

    def test_keyboard_alone(self):
        """Tab reaches the timeline; its arrows reach every event, and `+` zooms to nanoseconds."""
        self.make("migration", *self.migration(vcpus=2, saves=True, downtime=20 * MS))
        here = "() => document.activeElement.id"
        for _ in range(40):
            if self.evaluate(here) == "timeline":
                break
            self.browser("press", keys=["Tab"])
        self.assertEqual(self.evaluate(here), "timeline")
        lines = self.evaluate("() => events.map(e => e.line)")
        met = set()
        self.browser("press", keys=["ArrowUp"] * 6)
        for _ in range(4):
            self.browser("press", keys=["ArrowLeft"] * 40)
            for _ in range(40):
                met.add(self.evaluate(SAID).split("\n")[-1])
                self.browser("press", keys=["ArrowRight"])
            self.browser("press", keys=["ArrowDown"])
        self.assertEqual(set(lines) - met, set())
        before = self.evaluate(SCALE)
        self.browser("press", keys=["+"] * 24)
        after = self.evaluate(SCALE)
        self.assertGreater(before["to"] - before["from"], MS)
        self.assertLess(after["to"] - after["from"], 100)
        self.browser("press", keys=["1", "Tab"])
        self.assertNotEqual(self.evaluate(here), "timeline")

    def test_mouse(self):
        self.make("migration", EXAMPLE)
        before = self.evaluate(SCALE)
        self.browser("wheel", x=600, y=500, by=-100)
        self.browser("press", keys=[])
        after = self.evaluate(SCALE)
        self.assertLess(after["to"] - after["from"], before["to"] - before["from"])

    def test_lines_are_those_of_trace(self):
        self.make("migration", EXAMPLE)
        lines = self.evaluate("() => events.map(e => e.line)")
        self.assertTrue(any(re.fullmatch(
            r" +\d+\.\d{9} +10197 kvmclock-trace +set-clock to 19713251 ns, flags 0, .*", line)
            for line in lines), lines)
        with open(EXAMPLE, encoding="utf-8") as file:
            told = [json.loads(line) for line in file]
        self.assertEqual(len(lines), sum(1 for line in told if line.get("vm")))

    def test_tables_hold_the_numbers(self):
        answer = self.make("migration", *self.migration(vcpus=3, saves=True, errors=(1, -2, 3)))
        text = re.sub(r"[\u202f\s]+", "", self.evaluate(TEXT)).replace("\u2212", "-")
        for vcpu in answer["vcpus"]:
            for name, value in vcpu.items():
                if name.endswith("_ns") and value is not None:
                    self.assertIn(f"{value:+d}ns" if value else "0ns", text, name)
        for instant in answer["timeline"].values():
            self.assertIn(str(instant["boot_ns"]), text)

    def test_accessible(self):
        for dark in (False, True):
            with self.subTest(dark=dark):
                self.make("migration", EXAMPLE, dark=dark)
                self.assertEqual(self.browser("violations"), [])

    def test_doubt(self):
        m = Migration()
        path = self.write("lossy.jsonl", Host().recording(*m.source, *m.target,
                                                          losses={"ring-full": 3}))
        self.make("migration", path, status=INCOMPLETE)
        self.assertIn("Incomplete: ", self.evaluate(TEXT))
        self.assertEqual([level["dots"] for level in self.evaluate(LEVELS)], [[], []])
        self.assertNotIn("0 ns", self.evaluate("() => document.querySelector('.cards').innerText"))

    def test_thinned(self):
        m = Migration(downtime=20 * MS)
        late = [r.request(2, 0, ns=m.p4 + 1000 * MS + i) for i in range(7000)]
        path = self.write("many.jsonl", Host().recording(*m.source, *m.target, *late))
        self.make("migration", path)
        said = self.evaluate("() => document.querySelector('#thinned').textContent")
        self.assertRegex(said.replace("\u202f", ""), r"6000 of 70\d\d events long after it")

    def test_without_script(self):
        self.make("migration", EXAMPLE)
        self.browser("open", path=self.page, scripts=False)
        self.assertIn("OBSERVED: the target's first stable PVTI",
                      self.browser("evaluate", code="document.body.innerText"))

    def test_print(self):
        self.make("migration", EXAMPLE)
        self.browser("pdf", path=self.path("page.pdf"))
        with open(self.path("page.pdf"), "rb") as file:
            self.assertEqual(file.read(5), b"%PDF-")
        self.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
        self.assertEqual(self.evaluate("() => document.querySelectorAll('h3').length"), 4)


HOSTILE = ("<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", "\"'`${1}",
           "\u202egnp.exe", "a" * 120, "<!--", "&amp;&#60;b&#62;")


class Hostile(Page):
    """Names that others chose are drawn as text, in either page."""

    def check_page(self, name):
        self.assertEqual(self.evaluate("() => document.querySelectorAll('img').length"), 0)
        self.assertEqual(self.evaluate("() => document.scripts.length"), 3)
        title = self.evaluate("() => document.querySelector('h1').textContent")
        shown = name.replace("\u202e", "\\u202e")
        return shown, title

    def test_migration(self):
        for name in HOSTILE:
            with self.subTest(name):
                m = Migration(name=name, vcpus=1)
                path = self.write("both.jsonl", Host().recording(*m.source, *m.target))
                self.make("migration", path)
                shown, title = self.check_page(name)
                self.assertEqual(title, f"Migration of {shown}")
                self.assertEqual(self.browser("noted"), [])

    def test_report(self):
        events = [r.vm(i + 1, name=name) for i, name in enumerate(HOSTILE)]
        head = r.header(host={**r.header()["host"], "name": HOSTILE[0]})
        self.make("report", self.write("hostile.jsonl", r.small(head, events)))
        shown, title = self.check_page(HOSTILE[0])
        self.assertEqual(title, f"Masterclock updates on {shown}")
        text = self.evaluate(TEXT)
        for name in HOSTILE[1:]:
            self.assertIn(name.replace("\u202e", "\\u202e"), text)


class ReportPage(Page):
    def lanes(self):
        return self.evaluate("""() => [...document.querySelectorAll("#timeline [data-lane]")].map(s =>
            ({lane: s.dataset.lane, from: +s.dataset.from, to: +s.dataset.to,
              width: +s.getAttribute("width"), marks: [...s.querySelectorAll("path")].map(m =>
                [m.getAttribute("class"), +m.dataset.t,
                 +m.getAttribute("transform").match(/translate\\(([-0-9.]+)/)[1]])}))""")

    def test_in_scale(self):
        events = [r.vm(1), r.vcpu(1, 0), r.update(1, 0, "vcpu-request", "resnapshot", 1_500_000_000),
                  r.published(1, 0, r.pvti(), r.pvti(213016088950, 67131895453), 4,
                              ns=2_500_000_000)]
        self.make("report", self.write("small.jsonl", r.small(events=events)))
        (lane,) = self.lanes()
        marks = {mark.split()[1]: (t, x) for mark, t, x in lane["marks"]}
        self.assertEqual(marks["update"][0], 500_000_000)
        self.assertEqual(marks["jump"][0], 1_500_000_000)
        for t, x in marks.values():
            at = lane["from"] + x / lane["width"] * (lane["to"] - lane["from"])
            self.assertAlmostEqual(at, t, delta=(lane["to"] - lane["from"]) / lane["width"])
        self.assertIn("+4", self.evaluate("() => document.querySelector('.cards').innerText"))

    def test_unfolds(self):
        self.make("report", EXAMPLE)
        self.assertEqual([lane["lane"] for lane in self.lanes()], ["1", "2"])
        self.evaluate("() => document.querySelector('#timeline').focus()")
        self.browser("press", keys=["ArrowRight", "Enter"])
        self.assertEqual([lane["lane"] for lane in self.lanes()],
                         ["1", "1/0", "1/1", "1/2", "1/3", "2"])
        self.browser("press", keys=["Enter"])
        self.assertEqual(len(self.lanes()), 2)
        self.browser("click", selector="#timeline button[data-vm='2']")
        self.assertEqual(len(self.lanes()), 6)

    def test_accessible(self):
        for dark in (False, True):
            with self.subTest(dark=dark):
                self.make("report", EXAMPLE, dark=dark)
                self.assertEqual(self.browser("violations"), [])
                self.keep("report" + "-dark" * dark)

    def test_storm(self):
        """A million events: a file that opens, says what is thinned out, and counts them all."""
        update = r.line(r.update(1, 7, "vcpu-request", "resnapshot", ns=8888888888)).decode()
        head, tail = update.split("8888888888")
        count = 1_000_000

        def lines():
            yield r.line(r.header())
            yield r.line(r.vm(1))
            for i in range(count):
                yield f"{head}{1_000_001_000 + i * 1000}{tail}".encode()
            yield r.line(r.trailer(count + 1))

        page = self.path("page.html")
        path = self.write("storm.jsonl", lines())
        plain = os.path.join(OUTPUT, "kvmclock-trace")
        answer = self.check(run("report", "--json", "--html", page, path, program=(plain,)), DONE)
        self.assertLess(os.path.getsize(page), 8 << 20)
        self.page = page
        self.browser("open", path=page)
        text = self.evaluate(TEXT).replace("\u202f", "")
        self.assertIn("Thinned out", text)
        self.assertIn("1000001 events", text)
        self.assertEqual(answer.objects[0]["vms"][0]["unnecessary"], count)
        self.assertEqual(self.evaluate("() => cells.reduce((n, c) => n + c.updates, 0)"), count)
