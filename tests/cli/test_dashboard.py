# SPDX-License-Identifier: GPL-2.0
"""The dashboard for Grafana, as far as it can be looked at without a server; tests/live/ has one."""

import json
import os
import re

from case import ROOT, Case

PATH = os.path.join(ROOT, "contrib", "grafana", "kvmclock-trace.json")
SOURCES = os.path.join(ROOT, "src", "monitor")
WIDTH = 24  # of Grafana's grid


class Dashboard(Case):
    def setUp(self):
        super().setUp()
        with open(PATH, encoding="utf-8") as file:
            self.board = json.load(file)

    def test_places(self):
        """Each panel has an id and a place of its own."""
        taken, ids = set(), set()
        for panel in self.board["panels"]:
            at = panel["gridPos"]
            self.assertLessEqual(at["x"] + at["w"], WIDTH, panel["title"])
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"])
                     for y in range(at["y"], at["y"] + at["h"])}
            self.assertFalse(cells & taken, panel["title"])
            self.assertNotIn(panel["id"], ids)
            taken |= cells
            ids.add(panel["id"])

    def test_data_source(self):
        """The one that the user chooses; the hosts too, in each expression."""
        self.assertEqual([v["name"] for v in self.board["templating"]["list"]],
                         ["datasource", "instance"])
        for panel in self.board["panels"]:
            for target in panel.get("targets", ()):
                self.assertEqual(target["datasource"]["uid"], "${datasource}")
                self.assertIn('{instance=~"$instance"', target["expr"])

    def test_names(self):
        """Each metric that is asked for is one that the monitor writes."""
        written = set()
        for name in os.listdir(SOURCES):
            with open(os.path.join(SOURCES, name), encoding="utf-8") as file:
                written |= set(re.findall(r'"((?:kvmclock|process)_\w+)"', file.read()))
        shown = set()
        for panel in self.board["panels"]:
            for target in panel.get("targets", ()):
                shown |= set(re.findall(r"(?:kvmclock|process)_\w+", target["expr"]))
        shown = {re.sub("_(total|bucket|count|sum|info)$", "", name) for name in shown}
        self.assertEqual(shown - written, set())
        self.assertGreater(len(shown), 25)
