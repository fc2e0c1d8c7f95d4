# SPDX-License-Identifier: GPL-2.0
"""Migrations of QEMU's that really were: of 1, 4 and 64 vCPUs, and from one host to another.

tests/picture/real has their recordings, made in the lab by tests/live/test_pictures.py and
tests/lab/two-hosts. What they show is kept as pictures, for people to look at.
"""

import os

from case import ROOT
from page import TEXT, WHISKERS, Migrated

REAL = os.path.join(ROOT, "tests", "picture", "real")


class Real(Migrated):
    def check_page(self, name, *paths):
        """Every number is where the JSON has it; the page holds for whoever cannot see it, too."""
        answer = self.make("migration", *paths)
        self.check_instants(answer, ["tsc_saved_first", "clock_read", "clock_set", "ran"])
        self.check_brackets(answer)
        self.check_levels(answer)
        self.keep(name)
        told = self.evaluate(TEXT).replace("\u2212", "-")
        for vcpu in answer["vcpus"]:
            self.assertRegex(told, rf"(?m)^{vcpu['id']}\t.*[+-]?\d")
        self.assertEqual(self.browser("violations"), [])
        return answer

    def check_vcpus(self, nr_vcpus):
        answer = self.check_page(f"real-{nr_vcpus}",
                                 os.path.join(REAL, f"qemu-{nr_vcpus}.jsonl.gz"))
        self.assertEqual(len(answer["vcpus"]), nr_vcpus)
        self.assertEqual(answer["source"]["vmm"], "qemu")

    def test_1(self):
        self.check_vcpus(1)

    def test_4(self):
        self.check_vcpus(4)

    def test_64(self):
        self.check_vcpus(64)

    def test_two_hosts(self):
        answer = self.check_page("real-two-hosts",
                                 *(os.path.join(REAL, f"{side}.jsonl.gz")
                                   for side in ("source", "target")))
        self.assertFalse(answer["same_host"])
        self.assertTrue(self.evaluate(WHISKERS))
