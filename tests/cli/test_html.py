# SPDX-License-Identifier: GPL-2.0
"""--html: the file, whatever browser opens it. tests/picture/ has what is drawn."""

import base64
import hashlib
import html
import json
import os
import re
import stat

import recording as r
from case import DONE, INCOMPLETE, ROOT, USAGE, Case, run
from migrations import Host, Migration

EXAMPLE = os.path.join(ROOT, "examples", "migrate.jsonl")


def parts(page):
    """The bytes of each style and script."""
    return re.findall(rb"<(style|script)([^>]*)>(.*?)</\1>", page, re.DOTALL)


class Html(Case):
    def page(self, command, *paths, status=DONE):
        out = self.path("page.html")
        result = self.check(run(command, "--html", out, *paths), status)
        with open(out, "rb") as file:
            return result, file.read()

    def data(self, page, name):
        (text,) = [body for _, attributes, body in parts(page) if f'"{name}"'.encode() in attributes]
        return json.loads(text)

    def test_holds_the_json_and_the_text(self):
        for command in ("report", "migration"):
            with self.subTest(command):
                result, page = self.page(command, EXAMPLE)
                plain = self.check(run(command, EXAMPLE), DONE)
                self.assertEqual(result.out, plain.out)
                self.assertEqual(self.data(page, "answer"),
                                 self.check(run(command, "--json", EXAMPLE), DONE).objects[0])
                text = self.check(run(command, *(["-v"] if command == "report" else []), EXAMPLE),
                                  DONE).out
                shown = re.search("<pre[^>]*>(.*?)</pre>", page.decode(), re.DOTALL)[1]
                self.assertEqual(html.unescape(shown), text)

    def test_policy(self):
        """Nothing but the style and the script that are in it, by their hashes."""
        for command in ("report", "migration"):
            _, page = self.page(command, EXAMPLE)
            policy = re.search(rb'Content-Security-Policy" content="([^"]*)"', page)[1].decode()
            self.assertIn("default-src 'none'", policy)
            hashes = {base64.b64encode(hashlib.sha256(body).digest()).decode()
                      for _, attributes, body in parts(page) if b"json" not in attributes}
            self.assertEqual(set(re.findall("'sha256-([^']*)'", policy)), hashes)
            self.assertNotRegex(page, rb'(src|href)="')
            self.assertNotRegex(page, rb"url\((?!#)")

    def test_hostile_name(self):
        name = "</script><script>alert(1)</script><!--<b>&\"'"
        m = Migration(name=name)
        path = self.write("both.jsonl", Host().recording(*m.source, *m.target))
        for command in ("report", "migration"):
            _, page = self.page(command, path)
            self.assertEqual(len(parts(page)), 4)
            self.assertNotIn(b"<b>", page)
            self.assertIn(name, json.dumps(self.data(page, "answer"), ensure_ascii=False)
                          .replace('\\"', '"'))

    def test_long_name(self):
        """No recording can have a VM's name of 64 KiB: the line is refused, and the page made."""
        events = [r.vm(1), r.vm(2, name="a" * 66000)]
        path = self.write("long.jsonl", r.small(events=events))
        _, page = self.page("report", path, status=INCOMPLETE)
        self.assertEqual([vm["number"] for vm in self.data(page, "answer")["vms"]], [1])

    def test_bytes_that_are_no_text(self):
        lines = r.small()
        lines[1] = lines[1].replace(b'"web"', b'"\xff\xfe"')
        _, page = self.page("report", self.write("bytes.jsonl", lines), status=INCOMPLETE)
        page.decode("utf-8")

    def test_replaces(self):
        """A file that is there is replaced when the page is whole; it is its owner's only."""
        path = self.write("page.html", b"before")
        missing = self.path("missing.jsonl")
        self.check(run("report", "--html", path, missing), USAGE)
        with open(path, "rb") as file:
            self.assertEqual(file.read(), b"before")
        self.page("report", EXAMPLE)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual(sorted(os.listdir(self.directory)), ["page.html"])

    def test_nowhere(self):
        for command in ("report", "migration"):
            result = self.check(run(command, "--html", self.path("no/page.html"), EXAMPLE), USAGE)
            self.check_line(result, "No such file")
            result = self.check(run(command, "--html", "/dev/full", EXAMPLE), INCOMPLETE)
            self.check_line(result, "No space left")

    def test_pipe(self):
        with open(EXAMPLE, "rb") as file:
            content = file.read()
        out = self.path("page.html")
        self.check(run("report", "--html", out, "-", stdin=content), DONE)
        result = self.check(run("migration", "--html", out, "-", stdin=content), USAGE)
        self.check_line(result, "reads a recording twice")

    def test_one_recording(self):
        result = self.check(run("report", "--html", self.path("page.html"), EXAMPLE, EXAMPLE), USAGE)
        self.assertIn("--html takes one recording", result.err)

    def test_cells_add_up(self):
        """However they are put together: 31,000 vCPUs have one update each, and one cell at most."""
        count = 31_000
        events = [r.vm(1)] + [r.update(1, i, "vcpu-request", "resnapshot", 1_000_001_000 + i * 3)
                              for i in range(count)]
        _, page = self.page("report", self.write("many.jsonl", r.small(events=events)))
        drawn = self.data(page, "events")
        at = drawn["columns"].index("unnecessary")
        self.assertEqual(sum(cell[at] for cell in drawn["cells"]), count)
        self.assertLessEqual(len(drawn["cells"]), 30_000)
        self.assertEqual((drawn["vcpus_together"], drawn["not_drawn"]), (True, 0))

    def test_times_of_cells(self):
        """Where they fit, each is at its nanosecond."""
        events = [r.vm(1)] + [r.update(1, 0, "vcpu-request", "resnapshot", 1_000_001_000 + i)
                              for i in range(100)]
        _, page = self.page("report", self.write("few.jsonl", r.small(events=events)))
        drawn = self.data(page, "events")
        self.assertEqual(drawn["stretch_ns"], 1)
        self.assertEqual([cell[2] for cell in drawn["cells"] if cell[1] == 0],
                         list(range(1000, 1100)))
