# SPDX-License-Identifier: GPL-2.0
"""`top` on this host, in a terminal: what it shows is what `stat` counts beside it."""

import os
import shutil
import signal
import unittest

import kct
import tmux
import top


@unittest.skipUnless(shutil.which("tmux"), "no tmux here")
class Top(kct.LiveTest):
    def start_top(self, *arguments):
        directory = self.path("terminal")
        os.mkdir(directory)
        terminal = tmux.Terminal(directory, kct.PROGRAM, "top", *arguments, width=250, height=50)
        self.addCleanup(terminal.close)
        terminal.wait("^live .*for")
        return terminal

    def rows(self, terminal, pid):
        return [row for row in top.table(terminal.lines()) if row["PID"] == str(pid)]

    def check_rows(self, terminal, vms, pid):
        """Each VM's row says what `stat` does, when all that happened has come to the screen."""
        says = sorted(tuple(top.expected(vm).items()) for vm in vms)

        def shown():
            heads = [head for head, _ in says[0]]
            return sorted(tuple((head, row[head]) for head in heads)
                          for row in self.rows(terminal, pid))

        with self.subTest("rows"):
            try:
                kct.until(lambda: shown() == says, "the rows that stat has")
            except AssertionError:
                self.assertEqual(shown(), says)

    def test_beside_stat(self):
        stat = self.start("stat", "--json").wait_polling()
        terminal = self.start_top()
        hold, _ = self.start_hold("migrate", "--vcpus", 4)
        terminal.keys("/")
        terminal.type(str(hold.pid))
        terminal.keys("Enter")
        counted = kct.parse(stat.finish(signal.SIGINT, check=kct.EXIT_OK))
        vms = [vm for vm in counted["vms"] if vm["pid"] == hold.pid]
        self.assertGreater(len(vms), 1)
        self.check_rows(terminal, vms, hold.pid)
        self.check_jumps(terminal, vms, hold.pid)
        # All of it was in the last minute: so much is in what is written.
        terminal.keys("w")
        terminal.wait("^write the last minute to: top-.*jsonl$")
        terminal.keys("Enter")
        terminal.wait("^[0-9]+ events of .* s are in top-")
        (name,) = [name for name in os.listdir(terminal.directory) if name.startswith("top-")]
        done = kct.run("report", "--json", terminal.path(name), check=kct.EXIT_OK)
        written = [vm for vm in kct.parse(done.stdout)["vms"] if vm["pid"] == hold.pid]
        for key in ("updates", "unnecessary", "requests", "pvti_updates", "drift_ns"):
            self.assertEqual([vm[key] for vm in written], [vm[key] for vm in vms], key)
        hold.finish(check=kct.EXIT_OK)
        terminal.wait(r"(.* gone .*\n){2}")
        terminal.keys("q")
        self.assertEqual(terminal.ended(), kct.EXIT_OK, terminal.errors())

    def check_jumps(self, terminal, vms, pid):
        """The largest jump is the larger of both that `stat` has."""
        says = []
        for vm in vms:
            jumps = [vcpu["drift_ns"][key] for vcpu in vm["vcpus"]
                     for key in ("max_forward", "max_backward")]
            says.append(max(map(abs, jumps)))
        shown = [row["LARGEST"] for row in self.rows(terminal, pid)]
        small = [f"{size}ns" for size in says if 0 < size < 10000]
        for text in small:
            self.assertIn(text, [cell.lstrip("+-") for cell in shown])
        self.assertEqual(shown.count("-"), says.count(0))

    def test_freeze(self):
        """While it is frozen its rows stay as they are; then they show what came meanwhile."""
        hold, _ = self.start_hold("steady", "--vcpus", 2, "--duration", "10ms")
        terminal = self.start_top("--pid", hold.pid, "200ms")
        kct.until(lambda: self.rows(terminal, hold.pid), "its row")
        terminal.keys("Space")
        terminal.wait("^FROZEN, live at")
        hold.finish(check=kct.EXIT_OK)
        self.assertNotEqual(self.rows(terminal, hold.pid)[0]["CLOCK"], "gone")
        terminal.keys("Space")
        terminal.wait("^live")
        kct.until(lambda: self.rows(terminal, hold.pid)[0]["CLOCK"] == "gone", "its end")
        terminal.keys("C-c")
        self.assertEqual(terminal.ended(), kct.EXIT_OK, terminal.errors())

    def test_batch(self):
        """Its tables have the numbers of `report` on a recording beside it."""
        process = self.start("top", "--batch", "100ms").wait_polling()
        report, _, work = self.record_workload("recording", "migrate", "--vcpus", 2)
        shown = process.finish(signal.SIGINT, check=kct.EXIT_OK)
        last = shown.rstrip().split("\n\n")[-1].splitlines()
        rows = [line.split() for line in last if f" {work['pid']} " in line]
        vms = [vm for vm in report["vms"] if vm["pid"] == work["pid"]]
        # VM VMM PID vCPUs CLOCK REQUESTS UPDATES SET UNNEC PVTI
        self.assertEqual([(int(row[5]), int(row[6]), int(row[8]), int(row[9])) for row in rows],
                         [(vm["requests"], vm["updates"]["total"], vm["unnecessary"],
                           vm["pvti_updates"]) for vm in vms])
