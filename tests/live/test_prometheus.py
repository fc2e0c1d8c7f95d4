# SPDX-License-Identifier: GPL-2.0
"""A real Prometheus that scrapes three monitors at once: its totals are perf's, the alerts fire or
are silent, and each expression of the dashboard gives what is there."""

import json
import os
import re
import shutil
import subprocess
import time

import kct
from prometheus import Prometheus, free_port, interpolate
from metrics import get

CONTRIB = os.path.join(kct.ROOT, "contrib")
NAME = r"(?<![\w:])(?:kvmclock|process)_\w+"


def ip(*words):
    return subprocess.run(["ip", *map(str, words)], capture_output=True, text=True)


def panels():
    with open(os.path.join(CONTRIB, "grafana", "kvmclock-trace.json"), encoding="utf-8") as file:
        board = json.load(file)
    return board, [panel for panel in board["panels"] if panel["type"] != "row"]


class Fleet(kct.LiveTest):
    def setUp(self):
        super().setUp()
        for program in ("prometheus", "ip", "nsenter"):
            if not shutil.which(program):
                self.skipTest(f"{program} is not installed")

    def network(self, number):
        """A network namespace with an address of TEST-NET-1, and that."""
        name, link = f"kct-{os.getpid()}-{number}", f"kct{os.getpid() % 100000}-{number}"
        here, there = f"192.0.2.{4 * number + 1}", f"192.0.2.{4 * number + 2}"
        self.addCleanup(ip, "netns", "del", name)
        self.addCleanup(ip, "link", "del", link)
        for words in (("netns", "add", name),
                      ("link", "add", link, "type", "veth", "peer", "name", "kct", "netns", name),
                      ("addr", "add", f"{here}/30", "dev", link), ("link", "set", link, "up"),
                      ("-n", name, "addr", "add", f"{there}/30", "dev", "kct"),
                      ("-n", name, "link", "set", "kct", "up")):
            done = ip(*words)
            if done.returncode:
                self.skipTest(f"ip {' '.join(words)}: {done.stderr.strip()}")
        return f"/run/netns/{name}", f"{there}:9743"

    def monitor(self, number, where, *wrapper):
        """One that records too, so that its header tells when it traces."""
        store = self.path(f"store-{number}")
        words = [*wrapper, kct.PROGRAM, "monitor", "--record", store, "--keep-free", "0",
                 "--metrics", where]
        self.start(*words[1:], program=words[0])
        kct.until(lambda: os.path.isdir(store) and any(
            name.endswith(".gz") and os.path.getsize(os.path.join(store, name))
            for name in os.listdir(store)), "the header of a segment")

    def monitors(self):
        """This host's, and two in networks of their own: their addresses."""
        where = [f"127.0.0.1:{free_port()}"]
        self.monitor(0, where[0])
        for number in (1, 2):
            space, address = self.network(number)
            self.monitor(number, address, "nsenter", f"--net={space}")
            where.append(address)
        return where

    def run_guests(self):
        """What perf counts of guests that come and go, and of two that stay, one of them without a
        masterclock."""
        perf = self.kept(kct.PerfStat(self.directory))
        for _ in range(2):
            kct.workload("migrate", "--vcpus", 4)
        held = [self.start_hold("steady", "--vcpus", 2), self.start_hold("odd-tsc", "--vcpus", 2)]
        return perf.finish(), held

    def total(self, name):
        """{instance: the sum of it}"""
        return {labels["instance"]: value
                for labels, value in self.server.query(f"sum by (instance) ({name})")}

    def test_three_monitors(self):
        where = self.monitors()
        self.server = self.kept(Prometheus(
            self.directory, where, [os.path.join(CONTRIB, "prometheus", "kvmclock-rules.yml")]))
        kct.until(lambda: self.total("kvmclock_updates_total") == dict.fromkeys(where, 0),
                  "a scrape of each")
        self.assertEqual(self.server.alerts("firing"), {})
        counted, _ = self.run_guests()
        published = dict.fromkeys(where, counted["kvm_pvclock_update"])
        kct.until(lambda: self.total("kvmclock_pvti_updates_total") == published,
                  f"{published} PVTIs")
        self.assertEqual(self.total("kvmclock_updates_total"),
                         dict.fromkeys(where, counted["kvm_update_master_clock"]))
        self.assertEqual(self.total("kvmclock_losses_total"), dict.fromkeys(where, 0))
        with self.subTest("alerts"):
            self.check_alerts()
        self.check_dashboard(where)

    def check_alerts(self):
        """Each of the three tells of unnecessary updates; a masterclock that is off has 10 minutes."""
        over = self.server.query(
            'sum by (instance) (kvmclock_clock_jump_seconds_bucket{asked="no",le="+Inf"}) > '
            'sum by (instance) (kvmclock_clock_jump_seconds_bucket{asked="no",le="1e-06"})')
        expected = {"KvmclockUnnecessaryUpdates"} | ({"KvmclockJump"} if over else set())
        kct.until(lambda: self.server.alerts("pending") == {"KvmclockMasterclockOff": 3} and
                  self.server.alerts("firing").get("KvmclockUnnecessaryUpdates") == 3, "alerts")
        self.assertEqual(set(self.server.alerts("firing")), expected)

    def check_dashboard(self, where):
        board, drawn = panels()
        (variable,) = [v for v in board["templating"]["list"] if v["type"] == "query"]
        self.assertEqual(sorted(self.server.values(variable["query"])), sorted(where))
        written = get((where[0].split(":")[0], int(where[0].split(":")[1])))[1]
        found = {}
        for panel in drawn:
            for target in panel["targets"]:
                with self.subTest(panel["title"]):
                    found[panel["title"]] = self.check_target(target, where, written)
        self.assertGreater(len(found), 25)
        self.check_values(found, written)

    def check_target(self, target, where, written):
        """It parses; it gives something if what it asks for is there; and all labels of its legend
        are there."""
        expression = interpolate(target["expr"], instance=where, __rate_interval="1m",
                                 __range="5m", __interval="15s")
        result = self.server.query(expression)
        for name in re.findall(NAME, expression):
            family = re.sub("_(total|bucket|count|sum|info)$", "", name)
            self.assertRegex(written, rf"(?m)^# TYPE {family} ")
            if not re.search(rf"(?m)^{name}[ {{]", written):
                # Of this, and no other, there may be none yet.
                self.assertEqual(name, "kvmclock_missed_calls_total")
                return result
        self.assertTrue(result, expression)
        if not target.get("instant"):
            drawn = self.server.query_range(expression, time.time())
            self.assertEqual([labels for labels, _ in drawn], [labels for labels, _ in result])
        for labels, value in result:
            self.assertEqual(value, value, expression)  # not a number
            for label in re.findall(r"{{(\w+)}}", target["legendFormat"]):
                self.assertIn(label, labels)
        return result

    def check_values(self, found, written):
        """What is on it, seen from three hosts at once."""
        def one(title):
            ((labels, value),) = found[title]
            self.assertEqual(labels, {})
            return value

        self.assertEqual(one("Hosts"), 3)
        # Without a function hook those that are gone are found out later.
        vms = int(re.search(r"(?m)^kvmclock_vms (\d+)$", written)[1])
        self.assertGreaterEqual(vms, 2)
        self.assertEqual(one("VMs"), 3 * vms)
        self.assertEqual(one("Masterclocks off"), 3)
        self.assertEqual(one("Lost"), 0)
        self.assertGreater(one("Unnecessary updates"), 0)
        self.assertEqual({(labels["reason"], labels["name"] != "", value)
                          for labels, value in found["Masterclocks that are off, and why"]},
                         {("tsc-unmatched", True, 1.0)})
        self.assertEqual(len(found["Masterclocks that are off, and why"]), 3)
        self.assertEqual({value for _, value in found["Versions"]}, {3.0})
        self.assertEqual({value for _, value in found["Ways of evidence"]}, {3.0})
        rates = {labels["cause"]: value for labels, value in found["Updates by cause"]}
        self.assertGreater(rates["vcpu-request"], 0)
        self.assertEqual(rates.get("hyperv", 0), 0)
