# SPDX-License-Identifier: GPL-2.0
"""The man page and each command's --help: the same commands, with the same options and values."""

import os
import re
import subprocess

import recording as r
from case import PROGRAM, Case, DONE, ROOT, USAGE, run

PAGE = os.path.join(ROOT, "man", "kvmclock-trace.8")
EVERYWHERE = {"--help", "--usage"}


def page_sections():
    """The page's lines by section, without mdoc's escapes."""
    sections, lines = {}, []
    with open(PAGE, encoding="utf-8") as file:
        for line in file.read().splitlines():
            if line.startswith(".Sh "):
                lines = sections[line[4:]] = []
            lines.append(line)
    return sections


def item_options(line):
    """Of an .It line: {--long or -short: its value, in brackets if it may be left out, or None}."""
    found = {}
    for part in line[len(".It "):].split(" , "):
        match = re.fullmatch(r"Fl (\S+)(?: Ns (Op )?= Ns Ar (.*))?", part)
        if match:
            value = match[3] and match[3].replace(" Ns = Ns Ar ", "=")
            found["-" + match[1].replace("\\&", "")] = f"[{value}]" if match[2] else value
    values = {value for value in found.values() if value}
    # "-p, --pid=PID" has the value once
    return {name: value or (values.pop() if len(values) == 1 else None)
            for name, value in ((n, v or next(iter(values), None)) for n, v in found.items())}


def page_options(sections):
    """{command: {option: value}}"""
    options, commands, previous = {}, [], []
    lines = sections["OPTIONS"]
    for line, after in zip(lines, lines[1:]):
        if not line.startswith(".It Fl"):
            continue
        if after == ".Pq the same":
            commands = previous
        else:
            commands = re.fullmatch(r"\.Pq Cm (.*)", after)[1].split(" , ")
        previous = commands
        for command in commands:
            options.setdefault(command, {}).update(item_options(line))
    for command in ("workload", "monitor"):
        for line in sections[command.upper()]:
            if line.startswith(".It Fl"):
                options.setdefault(command, {}).update(item_options(line))
    return options


def help_options(command):
    """The same of a command's --help, by long name."""
    text = run(command, "--help").out
    options = {}
    # a description that is too long for its line begins on the next
    for line in re.findall(r"^ +(-.*)$", text, re.MULTILINE):
        names = re.split(r"  +", line)[0].split(", ")
        names = [name for name in names if not re.fullmatch(r"-\?", name)]
        values = [re.search(r"(\[)?=([^\]]*)", name) for name in names]
        value = next((f"[{v[2]}]" if v[1] else v[2] for v in values if v), None)
        for name in names:
            options[re.split(r"\[?=", name)[0]] = value
    return options


class Manual(Case):
    def setUp(self):
        super().setUp()
        self.sections = page_sections()
        shown = self.check(run("help"), DONE).out
        self.commands = re.findall(r"^  ([a-z]+) ", shown, re.MULTILINE)

    def test_commands(self):
        self.assertGreater(len(self.commands), 5)
        for name in ("SYNOPSIS", "DESCRIPTION"):
            with self.subTest(name):
                form = r"\.It Cm ([a-z]+)" if name == "DESCRIPTION" else r"\.Cm ([a-z]+)"
                found = [m[1] for m in map(re.compile(form).fullmatch, self.sections[name]) if m]
                self.assertEqual(sorted(found), sorted(self.commands + ["help"]))

    def test_privileges(self):
        """What each command needs is said of each."""
        items = [line for line in self.sections["PRIVILEGES"] if line.startswith(".It Cm ")]
        found = [word for line in items for word in re.findall(r"\b[a-z]+\b", line[len(".It Cm "):])
                 if word not in ("recording", "replay")]
        self.assertEqual(set(found), set(self.commands + ["help"]))

    def test_options(self):
        said = page_options(self.sections)
        scenario = {option: value for option, value in said["workload"].items()
                    if option not in ("--hold", "--json")}
        self.assertEqual(set(said) - set(self.commands), set())
        for command in self.commands:
            with self.subTest(command):
                expected = {**said.get(command, {})}
                if command == "verify":
                    # "The options of a SCENARIO are those in WORKLOAD."
                    expected = {**scenario, **expected}
                shown = {option: value for option, value in help_options(command).items()
                         if option not in EVERYWHERE}
                self.assertEqual(expected, shown)

    def test_scenarios(self):
        shown = re.findall(r"^  ([a-z-]+) ", self.check(run("workload", "--help"), DONE).out,
                           re.MULTILINE)
        said = [m[1] for m in map(re.compile(r"\.It Cm ([a-z-]+)").fullmatch,
                                  self.sections["WORKLOAD"]) if m]
        self.assertEqual(sorted(said), sorted(shown))
        self.assertIn("save-restore", shown)


class Completions(Case):
    """The words that the shells offer for a value are those that the program takes."""

    def setUp(self):
        super().setUp()
        with open(os.path.join(ROOT, "packaging", "completions", "make"), encoding="utf-8") as file:
            self.kinds = dict(re.findall(r"(?m)^([A-Z]+)\t+(.*)$", file.read()))

    def test_methods(self):
        words = self.kinds["METHOD"].split()
        said = re.search(r"Hook only by ([^;]*);", " ".join(run("doctor", "--help").out.split()))[1]
        self.assertEqual(words, re.findall("[a-z]+(?=,| or|$)", said))
        for word in words:
            self.assertNotEqual(run("doctor", "-j", f"--attach={word}").status, USAGE)

    def test_changes(self):
        path = self.write("small", r.small())
        words = self.kinds["CHANGE"].split()
        for word in words:
            result = run("whatif", f"--with={word}", path)
            self.assertNotEqual(result.status, USAGE, result.err)
        said = re.search(r"What is changed: (.*) of the VMM",
                         " ".join(run("whatif", "--help").out.split()))[1]
        self.assertEqual(words, re.findall("[a-z0-9-]+", said.replace(" of the kernel;", "")))

    def test_triggers(self):
        """monitor does not end by itself: they are held to what it says it takes."""
        result = self.check(run("monitor", "--record=.", "--trigger=no", cwd=self.directory), USAGE)
        said = re.search(r"set-clock, .*?vm-gone", " ".join(result.err.split()))[0]
        self.assertEqual(self.kinds["TRIGGER"].split(),
                         [re.sub("=[A-Z]+", "=", word) for word in said.split(", ")])

    def test_descriptions(self):
        """Each option that the shells offer has a line."""
        make = os.path.join(ROOT, "packaging", "completions", "make")
        made = subprocess.run([make, "fish", PROGRAM], stdout=subprocess.PIPE, check=True, text=True)
        options = re.findall("(?m)^complete .* -l .*$", made.stdout)
        self.assertGreater(len(options), 100)
        for line in options:
            self.assertRegex(line, r" -d '.*\w.*'$")

    def test_expectations(self):
        path = self.write("small", r.small())
        for word in self.kinds["WHAT"].split():
            value = {"drift<=": "1ns"}.get(word, "1") if word.endswith("=") else ""
            with self.subTest(word):
                result = run("verify", f"--expect={word}{value}", f"--recording={path}")
                self.assertNotEqual(result.status, USAGE, result.err)
        said = {line[4:] for line in page_sections()["VERDICTS"]
                if re.fullmatch(r"\.It [a-z-]+", line)}
        self.assertLessEqual(said - {"inconclusive"}, set(self.kinds["WHAT"].split()))
        self.assertGreater(len(said), 3)
