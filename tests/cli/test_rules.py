# SPDX-License-Identifier: GPL-2.0
"""The rules for Prometheus: they fire, they stay silent, and what they ask for is there."""

import os
import re
import shutil
import subprocess

from case import ROOT, Case

RULES = os.path.join(ROOT, "contrib", "prometheus")
SOURCES = os.path.join(ROOT, "src", "monitor")


class Rules(Case):
    def setUp(self):
        super().setUp()
        if not shutil.which("promtool"):
            self.skipTest("promtool is not installed")

    def promtool(self, *args):
        done = subprocess.run(["promtool", *args], cwd=RULES, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_alerts(self):
        self.promtool("test", "rules", "kvmclock-rules.test.yml")

    def test_rules(self):
        self.promtool("check", "rules", "kvmclock-rules.yml")

    def test_names(self):
        """Each metric that a rule asks for is one that the monitor writes."""
        written = set()
        for name in os.listdir(SOURCES):
            with open(os.path.join(SOURCES, name), encoding="utf-8") as file:
                written |= set(re.findall(r'"(kvmclock_\w+)"', file.read()))
        with open(os.path.join(RULES, "kvmclock-rules.yml"), encoding="utf-8") as file:
            asked = set(re.findall(r"(?<![\w:])kvmclock_\w+", file.read()))
        self.assertGreater(len(asked), 6)
        for name in asked:
            self.assertIn(re.sub("_(total|bucket|count|sum|info)$", "", name), written)
