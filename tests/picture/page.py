# SPDX-License-Identifier: GPL-2.0
"""A page of --html in a browser, and what is drawn there against the JSON of the command."""

import json
import os

from browser import Browser
from case import DONE, OUTPUT, Case, run

PIXEL = 0.51

SCALE = """() => { const d = document.querySelector("#timeline svg").dataset;
    return {from: +d.from, to: +d.to, left: +d.left, plot: +d.plot}; }"""
INSTANTS = """() => Object.fromEntries([...document.querySelectorAll("#timeline [data-instant]")]
    .map(l => [l.dataset.instant, +l.getAttribute("x1")]))"""
BRACKETS = """() => Object.fromEntries([...document.querySelectorAll("#timeline [data-bracket]")]
    .map(l => [l.dataset.bracket, [+l.dataset.x1, +l.dataset.x2]]))"""
LEVELS = """() => [...document.querySelectorAll("#timeline [data-scale]")].map(g => ({...g.dataset,
    dots: [...g.querySelectorAll("circle")].map(c => [+c.dataset.vcpu, +c.dataset.level,
        +c.getAttribute("cy")])}))"""
WHISKERS = """() => [...document.querySelectorAll("#timeline [data-whisker]")].map(w =>
    [w.dataset.whisker, w.getBBox().width])"""
SAID = "() => document.querySelector('.said').textContent"
TEXT = "() => document.body.innerText"


class Page(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.browser = Browser(os.path.join(OUTPUT, "browser"))
        cls.addClassCleanup(cls.browser.close)

    def make(self, command, *paths, status=DONE, **view):
        """The page of a command, opened; and its JSON."""
        self.page = self.path("page.html")
        out = self.check(run(command, "--json", "--html", self.page, *paths), status).out
        self.browser("open", path=self.page, **view)
        return json.loads(out)

    def evaluate(self, code):
        return self.browser("evaluate", code=f"({code})()")

    def tearDown(self):
        if hasattr(self, "page"):
            self.assertEqual(self.browser("noted"), [])
        super().tearDown()

    def keep(self, name, selector=None):
        """A screenshot, for people to look at."""
        directory = os.path.join(OUTPUT, "pictures")
        os.makedirs(directory, exist_ok=True)
        self.browser("screenshot", path=os.path.join(directory, name + ".png"), selector=selector)


class Migrated(Page):
    """Checks of a migration's page."""

    def times(self):
        """Of drawn positions: ns since the beginning, and how many ns are a pixel."""
        scale = self.evaluate(SCALE)
        ns = (scale["to"] - scale["from"]) / scale["plot"]
        return (lambda x: scale["from"] + (x - scale["left"]) * ns), ns

    def check_instants(self, answer, names):
        time, pixel = self.times()
        drawn = self.evaluate(INSTANTS)
        line = answer["timeline"]
        origin = line["tsc_saved_first"] or line["clock_read"]
        key = "boot_ns" if answer["same_host"] else "realtime_ns"
        self.assertLessEqual(set(names), set(drawn))
        for name, x in drawn.items():
            self.assertAlmostEqual(time(x), line[name][key] - origin[key], delta=pixel * PIXEL)

    def check_brackets(self, answer):
        _, pixel = self.times()
        first = answer["vcpus"][0]
        expected = {"t1": first["t1_ns"], "t2": first["t2_ns"], "blackout": answer["blackout_ns"],
                    "downtime": answer["downtime_ns"]}
        drawn = self.evaluate(BRACKETS)
        self.assertEqual(set(drawn), {name for name, ns in expected.items() if ns is not None})
        for name, (x1, x2) in drawn.items():
            self.assertAlmostEqual((x2 - x1) * pixel, expected[name], delta=pixel * PIXEL)

    def check_levels(self, answer):
        """The first dot of a vCPU on the target is `observed`, in both scales."""
        whole, magnified = self.evaluate(LEVELS)
        self.assertEqual([whole["scale"], magnified["scale"]], ["clock", "magnified"])
        for level in (whole, magnified):
            low, high = float(level["low"]), float(level["high"])
            top, tall = float(level["top"]), float(level["tall"])
            for vcpu in answer["vcpus"]:
                base = vcpu["predicted_ns"] if level is magnified else 0
                dots = [(at, y) for index, at, y in level["dots"] if index == vcpu["id"]]
                self.assertIn(vcpu["observed_ns"], [at for at, _ in dots])
                for at, y in dots:
                    value = high - (y - top) / tall * (high - low)
                    self.assertAlmostEqual(value, at - base, delta=(high - low) / tall * PIXEL)
