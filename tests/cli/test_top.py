# SPDX-License-Identifier: GPL-2.0
"""`top` in a real terminal: replays, since they need no VM. What it shows is held against `report`
on a recording that ends at that instant, and never against itself."""

import fcntl
import gzip
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
import unittest

import chains
import recording as r
from case import DONE, ENVIRONMENT, INCOMPLETE, ROOT, SANITIZED, USAGE, Case, run

sys.path.append(os.path.join(ROOT, "tests", "lib"))
import texts  # noqa: E402
import tmux  # noqa: E402
from top import expected, table  # noqa: E402

START = 1_000_000_000  # of every recording here
def cut(lines, ns):
    """What had been delivered by then."""
    latest, left = 0, [lines[0]]
    for line in lines[1:-1]:
        latest = max(latest, json.loads(line)["ns"])
        if latest > ns:
            break
        left.append(line)
    return left + [r.line(r.trailer(len(left) - 1, ended_ns=ns))]


def needs_tmux(test):
    return unittest.skipUnless(shutil.which("tmux"), "no tmux here")(test)


def busy():
    """Four guests that jump, one of which is gone, and one whose masterclock is off."""
    one = chains.guest_of("per-vcpu", 1, name="alpha")
    two = chains.guest_of("suppressed", 2, name="beta", ns=2_100_000_000)
    three = chains.guest_of("per-vcpu", 3, name="gamma", vcpus=(0, 1), ns=2_200_000_000)
    three.error = -250
    for index in (0, 1, 0):
        three.ns += 100_000_000
        three.request(index)
        three.serve(index)
        three.publish(index)
    three.gone()
    four = chains.Guest(4, name="delta", ns=2_300_000_000)
    four.create_vcpu(0)
    return chains.recording(one, two, three, four)


class Top(Case):
    def start(self, *arguments, program=SANITIZED, **more):
        directory = self.path(f"terminal{len(os.listdir(self.directory))}")
        os.mkdir(directory)
        more = {**{key: ENVIRONMENT[key] for key in ("ASAN_OPTIONS", "UBSAN_OPTIONS")}, **more}
        terminal = tmux.Terminal(directory, program, "top", *arguments, **more)
        self.addCleanup(terminal.close)
        return terminal

    def check_end(self, terminal, *statuses):
        status = terminal.ended()
        self.assertNotIn("Sanitizer", terminal.errors())
        self.assertNotIn("runtime error", terminal.errors())
        self.assertIn(status, statuses, terminal.errors())

    def quit(self, terminal):
        terminal.keys("q")
        self.check_end(terminal, DONE)

    def reported(self, lines, ns):
        path = self.write("cut", cut(lines, ns))
        return self.report("--json", path, status=DONE).objects[0]

    def check_table(self, terminal, report, order=None):
        """Each VM's row says what the report of the same events does."""
        rows = {row["VM"]: row for row in table(terminal.lines())}
        vms = report["vms"]
        self.assertEqual(set(rows), {vm["name"] for vm in vms})
        for vm in vms:
            row, says = rows[vm["name"]], expected(vm)
            self.assertEqual({head: row[head] for head in says}, says, vm["name"])
            self.assertEqual(row["CLOCK"], "gone" if vm["gone"] else vm["masterclock"])
        if order:
            self.assertEqual([row["VM"] for row in table(terminal.lines())], order)


@needs_tmux
class Screen(Top):
    def test_instants(self):
        """At any instant it shows what `report` says of a recording that ends there."""
        lines = busy()
        path = self.write("recording", lines)
        times = [json.loads(line)["ns"] for line in lines[1:-1]]
        for ns in (START, times[10], times[len(times) // 2], times[-3], times[-1]):
            with self.subTest(ns):
                terminal = self.start("-r", path, "--at", f"{ns - START}ns", width=250, height=40)
                terminal.wait("paused")
                report = self.reported(lines, ns)
                if report["vms"]:
                    self.check_table(terminal, report)
                total = sum(vm["updates"]["total"] for vm in report["vms"])
                total += report["unattributed"]["updates"]["total"]
                terminal.wait(rf" {total} updates")
                self.quit(terminal)

    def test_steps(self):
        """On and back by events, and by jumps: where the recording has them."""
        lines = busy()
        terminal = self.start("-r", self.write("recording", lines), "--at", "0s", width=250,
                              height=40)
        terminal.wait(r"0\.000000 of")
        events = [json.loads(line) for line in lines[1:-1]]
        jumps = [event for event in events if event["event"] == "pvti" and event["drift_ns"]]
        self.assertGreater(len(jumps), 3)
        for jump in (*jumps[:3], jumps[1]):
            terminal.keys("p" if jump is jumps[1] and jump["ns"] < jumps[2]["ns"] and
                          terminal.text().find(f"{(jumps[2]['ns'] - START) / 1e9:.6f} of") >= 0
                          else "n")
            terminal.wait(re.escape(f"{(jump['ns'] - START) / 1e9:.6f} of"))
            terminal.wait(re.escape(f"drift {jump['drift_ns']:+d} ns"))
        self.check_table(terminal, self.reported(lines, jumps[1]["ns"]))
        after = events[events.index(jumps[1]) + 1]
        terminal.keys(".")
        terminal.wait(re.escape(f"{(after['ns'] - START) / 1e9:.6f} of"))
        self.check_table(terminal, self.reported(lines, after["ns"]))
        terminal.keys(",")
        terminal.wait(re.escape(f"{(jumps[1]['ns'] - START) / 1e9:.6f} of"))
        self.check_table(terminal, self.reported(lines, jumps[1]["ns"]))
        terminal.keys("e")
        terminal.wait(r"2\.500000 of 2\.500 s")
        self.check_table(terminal, self.reported(lines, START + 2_500_000_000))
        terminal.keys("n")
        terminal.wait("no clock jumps behind this")
        terminal.keys("b")
        terminal.wait(r"0\.000000 of")
        terminal.keys("p")
        terminal.wait("no clock jumps before this")
        self.quit(terminal)

    def test_play(self):
        terminal = self.start("-r", self.write("recording", busy()), "--at", "0s")
        terminal.wait("replay x1, paused, 0.000000 of")
        terminal.keys("[")
        terminal.wait("replay x1/2, paused")
        terminal.keys("]", "]", "]")
        terminal.wait("replay x10, paused")
        terminal.keys("Space")
        terminal.wait(r"paused, 2\.500000 of 2\.500")
        terminal.wait("gamma .*gone")
        # From its end it plays again; so slowly that it does not get there.
        terminal.keys("[", "[", "[", "[")
        terminal.wait(r"x1/10, paused")
        terminal.keys("[", "[", "[", "Space")
        terminal.wait(r"replay x1/\d+, 0\.\d+ of 2\.500")
        terminal.keys("Space")
        terminal.wait(r"paused, 0\.\d+ of")
        self.quit(terminal)

    def test_jumps(self):
        """Below the table: the largest jump and the last, when and why, of the row at the cursor.
        """
        lines = busy()
        events = [json.loads(line) for line in lines[1:-1]]
        jumps = [event for event in events
                 if event["event"] == "pvti" and event["vm"] == 3 and event["drift_ns"]]
        largest = max((jump for jump in jumps if not jump["clock_set"]),
                      key=lambda jump: abs(jump["drift_ns"]))
        end = START + 2_500_000_000
        terminal = self.start("-r", self.write("recording", lines), "--at", "10s")
        terminal.wait("paused")
        terminal.keys("/")
        terminal.type("gamma")
        terminal.keys("Enter")
        for which, jump in (("largest", largest), ("last", jumps[-1])):
            ago = f"{(end - jump['ns']) / 1e9:.1f}s ago"
            terminal.wait(re.escape(f"{which} jump: {jump['drift_ns']:+d} ns, vCPU "
                                    f"{jump['vcpu']}, {ago}: "))
        terminal.wait(r"last jump: .*: update by vcpu-request \(derived\)$")
        self.quit(terminal)

    def test_keys(self):
        terminal = self.start("-r", self.write("recording", busy()), "--at", "10s", width=250,
                              height=40)
        terminal.wait("paused")
        names = [row["VM"] for row in table(terminal.lines())]
        self.assertEqual(sorted(names), ["alpha", "beta", "delta", "gamma"])
        # Sort: to the name, and the other way round.
        terminal.keys("<", "<", "<", "<", "<", "<")
        terminal.wait("sorted by VM$")
        self.assertEqual([row["VM"] for row in table(terminal.lines())], sorted(names))
        terminal.keys("r")
        terminal.wait("sorted by VM, reversed$")
        self.assertEqual([row["VM"] for row in table(terminal.lines())], sorted(names)[::-1])
        terminal.keys("r")
        terminal.wait("sorted by VM$")
        terminal.keys("Home", "Right")
        terminal.wait(r"^alpha .*\n  vCPU 0 .*\n  vCPU 1 ")
        terminal.keys("Down", "Left")
        terminal.wait("^  vCPU", absent=True)
        terminal.keys("a")
        terminal.wait(r"^delta .*\n  vCPU 0 ")
        terminal.keys("a")
        terminal.wait("^  vCPU", absent=True)
        # The filter, as it is typed; and none.
        terminal.keys("/")
        terminal.type("ALPH")
        terminal.wait("^beta", absent=True)
        terminal.keys("BSpace", "BSpace", "BSpace", "BSpace")
        terminal.type("ta")
        terminal.wait("^alpha", absent=True)
        terminal.keys("Enter")
        terminal.wait("filter: ta")
        self.assertEqual({row["VM"] for row in table(terminal.lines())}, {"beta", "delta"})
        terminal.keys("/")
        terminal.wait("show only")
        terminal.keys("Escape")
        terminal.wait("^alpha")
        terminal.keys("x")
        terminal.wait("^gamma", absent=True)
        terminal.keys("x")
        terminal.wait("^gamma")
        terminal.keys("?")
        terminal.wait("zero mark")
        terminal.keys("q")
        terminal.wait("^alpha")
        self.quit(terminal)

    def test_events(self):
        """A VM's last events are lines of `trace`, and no other VM's."""
        lines = busy()
        terminal = self.start("-r", self.write("recording", lines), "--at", "10s", width=200,
                              height=60)
        terminal.wait("paused")
        terminal.keys("/")
        terminal.type("beta")
        terminal.keys("Enter", "Enter")
        shown = terminal.wait("beta: its last") and terminal.lines()
        events = [json.loads(line) for line in lines[1:-1]]
        mine = [event for event in events if event["vm"] == 2]
        self.assertIn(f"its last {len(mine)} events of the last {len(events)} of this host",
                      shown[0])
        told = [line.split() for line in shown[2:] if line.strip() and not line.startswith("q:")]
        expected = mine[-len(told):]
        self.assertEqual([(words[0], words[3]) for words in told],
                         [(f"{(event['ns'] - START) / 1e9:.9f}", event["event"])
                          for event in expected])
        terminal.keys("q")
        terminal.wait("filter: beta")
        self.quit(terminal)

    def test_zero(self):
        """Behind the mark only what came since is counted."""
        lines = busy()
        terminal = self.start("-r", self.write("recording", lines), "--at", "1300ms", width=250,
                              height=40)
        terminal.wait("paused")
        terminal.keys("z")
        terminal.wait("since the mark")
        terminal.wait(" 0 updates")
        terminal.keys("e")
        terminal.wait(r"2\.500000 of")
        before = self.reported(lines, START + 1_300_000_000)
        after = self.reported(lines, START + 2_500_000_000)
        counts = {vm["name"]: vm["updates"]["total"] for vm in before["vms"]}
        rows = {row["VM"]: row for row in table(terminal.lines())}
        for vm in after["vms"]:
            self.assertEqual(rows[vm["name"]]["UPDATES"],
                             str(vm["updates"]["total"] - counts.get(vm["name"], 0)), vm["name"])
        self.assertEqual(rows["alpha"]["LARGEST"], "-")
        self.assertNotEqual(rows["gamma"]["LARGEST"], "-")
        self.quit(terminal)

    def test_places(self):
        """Paused, rows keep their places whatever a step does to their numbers."""
        terminal = self.start("-r", self.write("recording", busy()), "--at", "10s", width=250,
                              height=40)
        terminal.wait("paused")
        order = [row["VM"] for row in table(terminal.lines())]
        seen = set()
        for _ in range(4):
            terminal.step("p")
        for _ in range(3):
            terminal.step("n")
            rows = table(terminal.lines())
            names = [row["VM"] for row in rows]
            self.assertEqual(names, [name for name in order if name in names])
            seen.add(tuple(row["UPDATES"] for row in rows))
        self.assertGreater(len(seen), 1)
        self.quit(terminal)


@needs_tmux
class Sizes(Top):
    def test_resize(self):
        terminal = self.start("-r", self.write("recording", busy()), "--at", "10s")
        terminal.wait("^alpha")
        for width, height in ((200, 60), (80, 24), (250, 60), (80, 24), (20, 5), (1, 1),
                              (80, 24)):
            terminal.resize(width, height)
            if width >= 80:
                terminal.wait(rf"\A(.*\n){{{height - 1}}}\?:help")
                heads = terminal.wait("^VM .*UPDATES.*$")[0]
                self.assertLessEqual(len(heads), width)
                self.assertEqual("REQS" in heads, width >= 200, heads)
                self.assertIn("LAST 60 s", heads)
                terminal.wait("^alpha .*active ")
                terminal.wait("^last jump: ")
        self.quit(terminal)

    def test_many(self):
        """A thousand VMs: more than any screen has lines."""
        vms = [r.vm(number, name=f"vm{number:04}", pid=number) for number in range(1, 1001)]
        updates = [r.update(number, None, "set-clock", "resnapshot", ns=1_000_000_300 + number)
                   for number in range(998, 1001) for _ in range(number)]
        terminal = self.start("-r", self.write("recording", r.small(events=vms + updates)), "--at",
                              "10s")
        terminal.wait("1000 VMs .*2997 updates")
        terminal.keys(">")
        terminal.wait(r"^VM .*\nvm1000 .* 1000 +0 .*\nvm0999 ")
        terminal.keys("NPage")
        terminal.wait("^vm0011 ")
        terminal.keys("End")
        terminal.wait(r"^vm0996 .*\nvm0997 .*\n\nvm0997 ")
        self.assertEqual(len(table(terminal.lines())), 13)
        terminal.keys("Home", "r")
        terminal.wait(r"^VM .*\nvm0001 .*\nvm0002 ")
        terminal.resize(200, 60)
        terminal.wait("^vm0045 ")
        terminal.keys("/")
        terminal.type("vm0500")
        terminal.wait(r"^VM .*\nvm0500 ")
        self.quit_filter(terminal)

    def quit_filter(self, terminal):
        terminal.keys("Enter")
        terminal.wait("filter: vm0500")
        self.quit(terminal)

    def test_directory(self):
        """A directory of a flight recorder's, compressed as it leaves them."""
        os.mkdir(self.path("segments"))
        lines = busy()
        with gzip.open(self.path("segments/host-1.jsonl.gz"), "wb") as file:
            file.writelines(lines)
        terminal = self.start("-r", self.path("segments"), "--at", "10s", width=250, height=40)
        terminal.wait("paused")
        self.check_table(terminal, self.reported(lines, START + 2_500_000_000))
        self.quit(terminal)

    def test_losses(self):
        """Told at all times, and by the exit status."""
        events = r.small_events()
        lines = r.small(events=events, tail=r.trailer(len(events), {"ring-full": 7}))
        terminal = self.start("-r", self.write("recording", lines), "--at", "0s")
        terminal.wait("^LOST: 7 events were lost")
        terminal.keys("q")
        self.check_end(terminal, INCOMPLETE)
        self.assertIn("7 events were lost", terminal.errors())
        terminal = self.start("-r", self.write("cut", lines[:-3]), "--at", "0s")
        terminal.wait("^LOST: cut off")
        terminal.keys("q")
        self.check_end(terminal, INCOMPLETE)


@needs_tmux
class Texts(Top):
    def hostile(self, **more):
        events = []
        for number, (name, content) in enumerate(sorted(texts.HOSTILE.items()), 1):
            text = content.decode("utf-8", errors="surrogateescape")
            vm = r.vm(number, name="", pid=number)
            vm["name"] = "".join(f"\\x{ord(c) - 0xdc00:02x}" if 0xdc80 <= ord(c) < 0xdd00 else c
                                 for c in text)[:120]
            events.append(vm)
        return self.start("-r", self.write("recording", r.small(events=events)), "--at", "10s",
                          height=60, **more)

    def test_hostile(self):
        """What others wrote is text: it acts on nothing. (threat-04)"""
        terminal = self.hostile()
        terminal.wait(f"{len(texts.HOSTILE)} VMs")
        for _ in range(len(texts.HOSTILE)):
            terminal.keys("Enter")
            terminal.wait("^ +SECONDS")
            self.assertEqual(texts.faults(terminal.text()), [])
            terminal.keys("q")
            terminal.wait("^VM ")
            self.assertEqual(texts.faults(terminal.text()), [])
            self.assertNotIn("owned", terminal.flag("pane_title"))
            terminal.keys("Down")
        self.quit(terminal)

    def test_ascii(self):
        """Where the locale's letters are ASCII, nothing else is shown; and names still differ."""
        terminal = self.hostile(LC_ALL="C")
        terminal.wait(f"{len(texts.HOSTILE)} VMs")
        self.assertTrue(terminal.text().isascii())
        terminal.wait(" _$")
        terminal.wait(r"\\u4e3b")
        self.quit(terminal)

    def test_letters(self):
        events = [r.vm(1, name="küche"), r.vm(2, name="主机"),
                  r.update(1, None, "set-clock", "resnapshot")]
        path = self.write("recording", r.small(events=events))
        terminal = self.start("-r", path, "--at", "10s")
        terminal.wait("^küche .*█")
        terminal.wait("^主机 ")
        terminal.keys("/")
        terminal.type("KÜ".lower())
        terminal.wait("^主机", absent=True)
        terminal.keys("Enter")
        self.quit(terminal)

    def test_colours(self):
        """Some where there are any; none with NO_COLOR."""
        path = self.write("recording", busy())
        coloured = re.compile(r"\x1b\[[0-9;]*3[0-7]m")
        for no, expected in (("", True), ("1", False)):
            terminal = self.start("-r", path, "--at", "10s", NO_COLOR=no)
            terminal.wait("^alpha")
            self.assertEqual(bool(coloured.search(terminal.text("-e"))), expected, no)
            self.quit(terminal)


@needs_tmux
class Ends(Top):
    def test_ends(self):
        """Whatever ends it, the terminal is as it was."""
        path = self.write("recording", busy())
        for number, statuses in ((signal.SIGTERM, (DONE,)), (signal.SIGHUP, (DONE,)),
                                 (signal.SIGINT, (DONE,)),
                                 (signal.SIGSEGV, (128 + signal.SIGSEGV,)),
                                 (signal.SIGABRT, (128 + signal.SIGABRT,)),
                                 (signal.SIGBUS, (128 + signal.SIGBUS,))):
            with self.subTest(number):
                terminal = self.start("-r", path, "--at", "10s")
                terminal.wait("^alpha")
                self.assertEqual(terminal.flag("alternate_on"), "1")
                os.kill(terminal.pid, number)
                self.check_end(terminal, *statuses)

    def test_keyboard(self):
        path = self.write("recording", busy())
        for key in ("C-c", "q"):
            terminal = self.start("-r", path, "--at", "10s")
            terminal.wait("^alpha")
            terminal.keys(key)
            self.check_end(terminal, DONE)

    def test_in_a_page(self):
        """Also while something is typed, or another page is shown."""
        path = self.write("recording", busy())
        for keys in (("/", "a"), ("?",), ("Enter",)):
            terminal = self.start("-r", path, "--at", "10s")
            terminal.wait("^alpha")
            terminal.keys(*keys)
            os.kill(terminal.pid, signal.SIGTERM)
            self.check_end(terminal, DONE)

    def test_message(self):
        """What is said on the terminal meanwhile is there when it has ended."""
        terminal = self.start("-r", self.write("cut", busy()[:-3]), "--at", "0s",
                              keeps_errors=False)
        terminal.wait("^LOST: cut off")
        terminal.keys("q")
        self.check_end(terminal, INCOMPLETE)
        terminal.wait("kvmclock-trace: .*cut off")



class NoTerminal(Top):
    def test_refused(self):
        path = self.write("recording", busy())
        for arguments in (("-r", path), ()):
            result = self.check(run("top", *arguments), USAGE)
            self.check_line(result, "standard output is not a terminal; --batch prints tables")

    def test_terminal_that_is_not_known(self):
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        path = self.write("recording", busy())
        for name in ("nosuch", "dumb", ""):
            done = subprocess.run([SANITIZED, "top", "-r", path], stdin=theirs, stdout=theirs,
                                  stderr=subprocess.PIPE, env={**ENVIRONMENT, "TERM": name})
            self.assertEqual(done.returncode, USAGE, done.stderr)
            self.assertRegex(done.stderr.decode(), r"\A[^\n]*this terminal \(TERM\) is not known, "
                                                   r"or cannot move its cursor[^\n]*\n\Z")
        os.close(theirs)

    def test_stuck_terminal(self):
        """One that takes nothing keeps nobody from ending it; its settings are restored.
        (threat-08)"""
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 400, 400, 0, 0))
        before = termios.tcgetattr(theirs)
        guests = [chains.guest_of("per-vcpu", number, name="x" * 100)
                  for number in range(1, 200)]
        path = self.write("recording", chains.recording(*guests))
        process = subprocess.Popen([SANITIZED, "top", "-r", path, "--at", "10s"], stdin=theirs,
                                   stdout=theirs, stderr=subprocess.PIPE,
                                   env={**ENVIRONMENT, "TERM": "xterm"})
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        end = time.monotonic() + tmux.PATIENCE
        while not self.is_writing(process.pid):
            self.assertLess(time.monotonic(), end, "it never waited for its terminal")
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(tmux.PATIENCE), INCOMPLETE)
        after = termios.tcgetattr(theirs)
        os.close(theirs)
        self.assertEqual(before, after)

    @staticmethod
    def is_writing(pid):
        """Does it wait in write(2) to the terminal?"""
        try:
            with open(f"/proc/{pid}/syscall", encoding="ascii") as file:
                return file.read().split()[:2] == ["1", "0x1"]
        except (OSError, IndexError):
            return False


class Batch(Top):
    def test_table(self):
        """The table is that of `report`, on the same recording."""
        path = self.write("recording", busy())
        for options in ((), ("-v",)):
            shown = self.check(run("top", "-b", *options, "-r", path), DONE).out
            reported = self.report(*options, path, status=DONE).out
            first, *rest = shown.splitlines()
            self.assertRegex(first, r"\A2023-11-14T22:13:22\.500000000Z, 2\.500 s: \d+ events, "
                                    r"0 lost\Z")
            self.assertIn("\n".join(rest).strip(), reported)

    def test_instant(self):
        lines = busy()
        path = self.write("recording", lines)
        for ms in (0, 1050, 1250, 1400, 2500):
            shown = self.check(run("top", "-b", "-r", path, "--at", f"{ms}ms"), DONE).out
            ended = self.write("cut", cut(lines, START + ms * 1_000_000))
            reported = self.report(ended, status=DONE).out
            self.assertIn("\n".join(shown.splitlines()[1:]).strip(), reported)

    def test_interval(self):
        path = self.write("recording", busy())
        shown = self.check(run("top", "-b", "-r", path, "1"), DONE).out
        self.assertEqual(re.findall(r"(?m)Z, (.*) s:", shown), ["1.000", "2.000", "2.500"])
        shown = self.check(run("top", "-b", "-r", path, "1", "2"), DONE).out
        self.assertEqual(re.findall(r"(?m)Z, (.*) s:", shown), ["1.000", "2.000"])

    def test_filter(self):
        path = self.write("recording", busy())
        shown = self.check(run("top", "-b", "-r", path, "-V", "beta"), DONE).out
        self.assertIn("\nbeta ", shown)
        self.assertNotIn("alpha", shown)

    def test_refused(self):
        for arguments in (("--at", "1s"), ("-v",), ("1", "2"), ("-b", "1", "2", "3"), ("-b", "0"),
                          ("1ms",)):
            self.check(run("top", *arguments), USAGE)
        result = self.check(run("top", "-b", "-r", self.path("nosuch")), USAGE)
        self.check_line(result, "nosuch: No such file")
